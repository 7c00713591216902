"""Rows of what a manifest is given, and of which of its items are taken."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

from dispatchfile.journal import RunState
from tests.cli.option_table.agents import put_job_with_variable
from tests.cli.option_table.checks import Check, Row
from tests.cli.option_table.stage import FAILED, UNSENT, Stage

SECRET = """\
version: 1
name: nightly
dispatches:
  - {id: good, job: work, meta: {how: "{{ vars.how }}"}, sensitive: [meta.how]}
"""


def _requests(stage: Stage, *flags: str) -> list[Mapping[str, object]]:
    requests: list[Mapping[str, object]] = json.loads(stage.call("run", "--dry-run", "-o", "json", *flags).out)[
        "requests"
    ]
    return requests


def _var(stage: Stage) -> None:
    assert _requests(stage, "--var", "how=false")[1]["meta"] == {"how": "false"}


def _var_file(stage: Stage) -> None:
    Path("vars.json").write_text('{"how": "false"}')
    assert _requests(stage, "--var-file", "vars.json")[1]["meta"] == {"how": "false"}


def _outside(stage: Stage) -> None:
    """The manifest reads what lies above its folder."""
    Path("below").mkdir()
    Path("below/dispatchfile.yaml").write_text("version: 1\ndispatches: [{job: work, payload: ../dispatchfile.yaml}]\n")


def _validates(*flags: str, without: str, prepare: Callable[[Stage], None]) -> Check:
    """Without the flags there is a problem with the code *without*."""

    def check(stage: Stage) -> None:
        prepare(stage)
        manifest = "below/dispatchfile.yaml" if Path("below").exists() else "dispatchfile.yaml"
        assert (stage.call("validate", manifest).code, without in stage.call("validate", manifest).out) == (1, True)
        assert stage.call("validate", manifest, *flags).code == 0

    return check


def _lists_a_job_with_a_variable() -> None:
    """The job file of the manifest needs a value for its variable, and the item gets one meta key too few."""
    put_job_with_variable()
    manifest = Path("dispatchfile.yaml")
    manifest.write_text(f"jobs: [jobs/*.hcl]\n{manifest.read_text()}")


def _job_variable(*argv: str) -> Check:
    """A job file whose variable has no default can be read only with a value for it."""

    def check(stage: Stage) -> None:
        _lists_a_job_with_a_variable()
        without = stage.call(*argv)
        assert (without.code, 'Unset variable "shell"' in without.out + without.err) == (1, True)
        assert [
            stage.call(*argv, *flags).code
            for flags in (("--job-var", "shell=/bin/sh"), ("--job-var-file", "shell.hcl"))
        ] == [0, 0]

    return check


def _doctors(*flags: str, without: str, prepare: Callable[[Stage], None]) -> Check:
    def check(stage: Stage) -> None:
        prepare(stage)
        manifest = "below/dispatchfile.yaml" if Path("below").exists() else "dispatchfile.yaml"
        call = ("doctor", manifest, "--address", "http://127.0.0.1:9")
        assert without in stage.call(*call).out
        assert without not in stage.call(*call, *flags).out

    return check


def _needs_variable(_: Stage) -> None:
    Path("dispatchfile.yaml").write_text(SECRET)
    Path("vars.json").write_text('{"how": "true"}')


def _scoped(flag: str) -> Check:
    def check(stage: Stage) -> None:
        Path("dispatchfile.yaml").write_text(f"version: 1\ndispatches: [{{job: work, {flag}: here}}]\n")
        found = stage.call("validate", f"--{flag}", "there").out
        assert f"DF026 {flag} 'here' differs from the flag's 'there'" in found
        assert stage.call("validate").code == 0

    return check


def _secret_again(command: str, *flags: str) -> Check:
    """A sensitive value is made again of the variable; without it the run cannot go on."""

    def check(stage: Stage) -> None:
        Path("vars.json").write_text('{"how": "true"}')
        Path("dispatchfile.yaml").write_text(SECRET.replace("{{ vars.how }}", "true"))
        ends = {"good": UNSENT if command == "resume" else FAILED}
        state = RunState.INTERRUPTED if command == "resume" else RunState.FINISHED
        stage.keep("m1", state=state, ends=ends, changes={"hidden_variables": ("how",)})
        Path("dispatchfile.yaml").write_text(SECRET)
        call = (command, "m1", *(("--failed",) if command == "rerun" else ()), "-q", "-o", "json")
        assert stage.call(*call).code == 1
        assert stage.call(*call, *flags).outcomes == {"good": "succeeded/-"}

    return check


def _secret_outside(command: str) -> Check:
    def check(stage: Stage) -> None:
        manifest = Path("dispatchfile.yaml")
        manifest.write_text(
            SECRET.replace('{how: "{{ vars.how }}"}', '{how: "true"}, payload: x').replace("meta.how", "payload")
        )
        Path("x").write_text("secret")
        ends = {"good": UNSENT if command == "resume" else FAILED}
        state = RunState.INTERRUPTED if command == "resume" else RunState.FINISHED
        stage.keep("m1", state=state, ends=ends)
        Path("x").unlink()
        Path("x").symlink_to("/etc/hostname")
        call = (command, "m1", *(("--failed",) if command == "rerun" else ()), "-q", "-o", "json")
        assert stage.call(*call).code == 1
        assert stage.call(*call, "--allow-outside").outcomes == {"good": "succeeded/-"}

    return check


def _strict(*argv: str) -> Check:
    """A variable of a file that resembles none of the manifest's is an error; else it is a warning."""

    def check(stage: Stage) -> None:
        _needs_variable(stage)
        Path("vars.json").write_text('{"how": "true", "elsewhere": 1}')
        loose, strict = (stage.call(*argv, "--var-file", "vars.json", *flags) for flags in ((), ("--strict-vars",)))
        found = "the manifest has no variable 'elsewhere'"
        assert (found in strict.out + strict.err, strict.code) == (True, 1)
        assert "DF037 warning" in loose.out + loose.err or argv[0] != "validate"

    return check


def _strict_again(command: str) -> Check:
    def check(stage: Stage) -> None:
        Path("dispatchfile.yaml").write_text(SECRET.replace("{{ vars.how }}", "true"))
        ends = {"good": UNSENT if command == "resume" else FAILED}
        state = RunState.INTERRUPTED if command == "resume" else RunState.FINISHED
        stage.keep("m1", state=state, ends=ends, changes={"hidden_variables": ("how",)})
        Path("dispatchfile.yaml").write_text(SECRET)
        Path("vars.json").write_text('{"how": "true", "elsewhere": 1}')
        call = (command, "m1", *(("--failed",) if command == "rerun" else ()), "-q", "-o", "json")
        strict = stage.call(*call, "--var-file", "vars.json", "--strict-vars")
        assert (strict.code, "the manifest has no variable 'elsewhere'" in strict.err) == (1, True)
        assert stage.call(*call, "--var-file", "vars.json").outcomes == {"good": "succeeded/-"}

    return check


def _only(stage: Stage) -> None:
    assert [request["item"] for request in _requests(stage, "--only", "tag:odd")] == ["bad"]


def _skip(stage: Stage) -> None:
    assert [request["item"] for request in _requests(stage, "--skip", "tag:odd")] == ["good", "more", "last"]


def _run_outside(stage: Stage) -> None:
    _outside(stage)
    call = ("run", "below/dispatchfile.yaml", "--dry-run")
    assert (stage.call(*call).code, stage.call(*call, "--allow-outside").code) == (1, 0)


GIVEN = {
    "--var": ("--var", "how=true"),
    "--var-file": ("--var-file", "vars.json"),
    "--allow-outside": ("--allow-outside",),
}
PREPARED: Mapping[str, tuple[Callable[[Stage], None], str]] = {
    "--var": (_needs_variable, "DF033"),
    "--var-file": (_needs_variable, "DF033"),
    "--allow-outside": (_outside, "DF031"),
}
ROWS: Row = {
    ("run", "--var"): _var,
    ("run", "--var-file"): _var_file,
    ("run", "--allow-outside"): _run_outside,
    ("run", "--strict-vars"): _strict("run", "--dry-run"),
    ("validate", "--strict-vars"): _strict("validate"),
    ("doctor", "--strict-vars"): _strict("doctor", "dispatchfile.yaml", "--address", "http://127.0.0.1:9"),
    **{(command, "--strict-vars"): _strict_again(command) for command in ("resume", "rerun")},
    ("run", "--only"): _only,
    ("run", "--skip"): _skip,
    **{
        (argv[0], option): _job_variable(*argv)
        for argv in (("validate",), ("plan", "--offline"))
        for option in ("--job-var", "--job-var-file")
    },
    ("validate", "--namespace"): _scoped("namespace"),
    ("validate", "--region"): _scoped("region"),
    **{
        ("validate", option): _validates(*GIVEN[option], without=code, prepare=prepare)
        for option, (prepare, code) in PREPARED.items()
    },
    **{
        ("doctor", option): _doctors(*GIVEN[option], without=code, prepare=prepare)
        for option, (prepare, code) in {
            "--var": (_needs_variable, "may contain a sensitive value"),
            "--var-file": (_needs_variable, "may contain a sensitive value"),
            "--allow-outside": (_outside, "DF031"),
        }.items()
    },
    **{(command, "--allow-outside"): _secret_outside(command) for command in ("resume", "rerun")},
    **{
        (command, option): _secret_again(command, *GIVEN[option])
        for command in ("resume", "rerun")
        for option in ("--var", "--var-file")
    },
}
