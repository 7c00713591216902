"""Options that have no effect beside each other, and how that is refused."""

from __future__ import annotations

from dataclasses import dataclass

from dispatchfile.journal import RunState
from tests.cli.option_table.stage import FAILED, UNSENT, Stage


@dataclass(frozen=True, slots=True)
class Refused:
    """A command line, and the message that refuses it."""

    argv: tuple[str, ...]
    message: str


def prepare(stage: Stage) -> None:
    """Runs on a cluster and on an embedded agent: r1 and r3 are over with a failure, r2 and r4 were interrupted."""
    for over, cut, address in (("r1", "r2", "http://nomad.example:4646"), ("r3", "r4", "local")):
        stage.keep(over, address=address, state=RunState.FINISHED, ends={"bad": FAILED})
        stage.keep(cut, address=address, state=RunState.INTERRUPTED, ends={"bad": UNSENT})


DRY_RUN = "with --dry-run, which asks no server and sends nothing: remove one of them"
EXPORT = "with --export, which writes a manifest and sends nothing: remove one of them"
NO_LOGS = "without --wait, which reads the logs: add --wait, or leave it out"
RUN = ("run", "--dry-run")
OVER = ("resume", "r1")
RERUN = ("rerun", "r1", "--failed", "--export", "again.yaml")
DOCTOR = "without a manifest: name a manifest, or leave it out"

REFUSED: tuple[Refused, ...] = (
    Refused((*RUN, "--report", "json=r.json"), f"--report has no effect {DRY_RUN}"),
    Refused((*RUN, "--logs", "all"), f"--logs has no effect {DRY_RUN}"),
    Refused((*RUN, "--skip-succeeded"), f"--skip-succeeded has no effect {DRY_RUN}"),
    Refused((*RUN, "--new"), f"--new has no effect {DRY_RUN}"),
    Refused((*RUN, "--no-journal"), f"--no-journal has no effect {DRY_RUN}"),
    Refused((*RUN, "--on-interrupt", "stop"), f"--on-interrupt has no effect {DRY_RUN}"),
    Refused((*RUN, "--state-dir", "elsewhere"), f"--state-dir has no effect {DRY_RUN}"),
    Refused((*RUN, "--local", "--slots", "1"), f"--slots has no effect {DRY_RUN}"),
    Refused((*RUN, "--token", "s3cret"), f"--token has no effect {DRY_RUN}"),
    Refused(
        ("plan", "--offline", "--skip-succeeded"),
        "--skip-succeeded needs the versions of the jobs, which only a server knows: remove it or --offline",
    ),
    Refused(
        ("plan", "--offline", "--token", "s3cret"),
        "--token has no effect with --offline, which asks no server: remove one of them",
    ),
    Refused(
        ("plan", "--changed", "a", "--against", "b"),
        "--against has no effect with --changed, which compares, too: remove one of them",
    ),
    Refused(
        ("plan", "-o", "json", "--all"), "--all has no effect with -o json, which has every item: remove one of them"
    ),
    Refused(
        ("plan", "--show", "a", "--all"), "--all has no effect with --show, which shows one item: remove one of them"
    ),
    *(
        Refused(("run", *flag), f"{flag[0]} has no effect on a manifest: it is for plan files: leave it out")
        for flag in (("--digest", "0"), ("--again",), ("--allow-unpinned",))
    ),
    Refused(("run", "--logs", "all"), f"--logs has no effect {NO_LOGS}"),
    *(
        Refused(
            (*command, "--logs", "all", flag),
            f"--logs has no effect with {flag}, which reads no logs: remove one of them",
        )
        for command in (("run",), ("resume", "r2"), ("rerun", "r1", "--failed"))
        for flag in ("--detach", "--no-wait")
    ),
    Refused(
        ("run", "--no-journal", "--new"),
        "--new has no effect with --no-journal, which does not look for unfinished runs: remove one of them",
    ),
    Refused(
        ("run", "--local", "--skip-succeeded"),
        "--skip-succeeded has no effect with --local: a new embedded agent knows nothing of earlier runs, so every "
        "item is sent: remove one of them",
    ),
    Refused(
        ("run", "--local", "--token", "s3cret"),
        "--token has no effect on a local run, which has an embedded agent of its own: leave it out",
    ),
    Refused(
        ("run", "--jobs", "jobs"),
        "--jobs has no effect without --local: add --local, or leave it out",
    ),
    Refused(
        ("resume", "r2", "--jobs", "jobs"),
        "--jobs has no effect on run r2, which went to http://nomad.example:4646 and not to an embedded agent: "
        "leave it out",
    ),
    Refused(
        ("rerun", "r1", "--failed", "--slots", "1"),
        "--slots has no effect on run r1, which went to http://nomad.example:4646 and not to an embedded agent: "
        "leave it out",
    ),
    *(
        Refused(
            (*command, "--address", "http://nomad.example:4646"),
            "--address has no effect on a local run, which has an embedded agent of its own: leave it out",
        )
        for command in (
            ("resume", "r4"),
            ("rerun", "r3", "--failed"),
            ("status", "r3", "--refresh"),
            ("watch", "r3"),
            ("stop", "r3"),
            ("logs", "r3"),
        )
    ),
    Refused(
        ("resume", "r2", "--namespace", "other"),
        "--namespace other: the items of run r2 are in namespace 'default': leave it out",
    ),
    Refused((*RERUN, "--report", "json=r.json"), f"--report has no effect {EXPORT}"),
    Refused((*RERUN, "--logs", "all"), f"--logs has no effect {EXPORT}"),
    Refused((*RERUN, "--new"), f"--new has no effect {EXPORT}"),
    Refused((*RERUN, "--token", "s3cret"), f"--token has no effect {EXPORT}"),
    Refused((*RERUN, "--slots", "1"), f"--slots has no effect {EXPORT}"),
    Refused((*RERUN, "-o", "json"), f"--output has no effect {EXPORT}"),
    Refused(
        ("init", "new", "--token", "s3cret"),
        "--token has no effect without --from-job: no server is asked: add --from-job, or leave it out",
    ),
    Refused(
        ("status", "r1", "--token", "s3cret"),
        "--token has no effect without --refresh: the journal alone is read: add --refresh, or leave it out",
    ),
    *(
        Refused(
            (*command, "--strict-vars"),
            "--strict-vars has no effect without --var-file: add --var-file, or leave it out",
        )
        for command in (("run",), ("plan",), ("validate",), ("doctor", "m.yaml"), ("resume", "r2"), ("rerun", "r1"))
    ),
    Refused(
        ("run", "--no-journal", "--state-dir", "elsewhere"),
        "--state-dir has no effect with --no-journal, which writes nothing there: remove one of them",
    ),
    Refused(
        ("run", "--local", "--on-interrupt", "stop"),
        "--on-interrupt has no effect with --local: the tasks of a local run end with it, however it ends: "
        "remove one of them",
    ),
    Refused(
        ("rerun", "r1", "--only", "bad", "--again"),
        "--again has no effect with --only alone, which repeats items that succeeded since, too: leave it out",
    ),
    *(
        Refused((*OVER, *flags), f"{flags[0]} has no effect on run r1, which has finished: leave it out")
        for flags in (("--rate", "1/s"), ("--logs", "all"), ("--resend-unknown",))
    ),
    *(
        Refused(
            (*OVER, flag),
            "--wait has no effect on run r1, which has finished: leave it out, or follow its jobs with "
            "`dispatchfile watch r1`",
        )
        for flag in ("--wait", "--detach", "--no-wait")
    ),
    Refused(("resume", "r3", "--slots", "1"), "--slots has no effect on run r3, which has finished: leave it out"),
    Refused(("doctor", "--var", "a=b"), f"--var has no effect {DOCTOR}"),
    Refused(("doctor", "--allow-outside"), f"--allow-outside has no effect {DOCTOR}"),
    Refused(("doctor", "--rate", "1/s"), f"--rate has no effect {DOCTOR}"),
    Refused(("doctor", "--detach"), f"--wait has no effect {DOCTOR}"),
)
