"""Commands and options that users of other tools type, and what this program has in their place."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path

from dispatchfile.cli.argv import BARE_WAIT
from dispatchfile.errors import UsageError
from dispatchfile.similar import did_you_mean

_END = "use --wait to wait until the items have ended"
_SETTLED = "nothing asks for a confirmation: use --dry-run to look first"
_NAMED = "name the manifest without an option, as in `dispatchfile run films.yaml`"
COMMANDS = {  # of Terraform, kubectl, Nomad and others
    "apply": "use `run` to send the items of a manifest",
    "start": "use `run` to send the items of a manifest",
    "exec": "use `run` to send the items of a manifest",
    **dict.fromkeys(("list", "ls", "ps", "history"), "use `runs` to list all runs"),
    **dict.fromkeys(("get", "show", "describe", "inspect"), "use `status` to see a run and its items"),
    **dict.fromkeys(("cancel", "kill", "destroy", "delete", "abort"), "use `stop` to stop the jobs of a run"),
    **dict.fromkeys(("check", "lint", "test"), "use `validate` to check a manifest"),
    **dict.fromkeys(("retry", "redo"), "use `rerun --failed` to send what failed once more"),
    "continue": "use `resume` to continue a run",
    "follow": "use `watch` to follow a run",
    "clean": "use `prune` to delete old runs",
    "version": "use `dispatchfile --version`",
    "help": "use `dispatchfile --help`",
}
_OPTIONS = {
    **dict.fromkeys(("--watch", "--follow", "--monitor"), f"{_END}, or `dispatchfile watch RUN` to follow a run"),
    **dict.fromkeys(("-f", "--file", "--filename"), _NAMED),
    **dict.fromkeys(("--parallel", "--parallelism", "--max-parallel", "--workers"), "use --concurrency"),
    **dict.fromkeys(("-j", "-p"), "use --concurrency for the number of requests at the same time"),
    **dict.fromkeys(("-y", "--yes", "--auto-approve", "--force"), _SETTLED),
    **dict.fromkeys(("--set", "--env", "-e", "--vars"), "use --var KEY=VALUE"),
    **dict.fromkeys(("--fail-fast", "--max-failures"), "use --stop-on 0 to start no more items after a failure"),
    **dict.fromkeys(("--retries", "--retry"), "write retry in the manifest"),
    **dict.fromkeys(("--json", "--format"), "use -o json"),
    **dict.fromkeys(("--debug", "--log-level", "--trace"), "use --verbose"),
    "-n": "use --namespace",
    "--silent": "use --quiet",
    "--resume": "use `dispatchfile resume RUN`",
    **dict.fromkeys(("--id", "--name"), "use --run-id"),
    **dict.fromkeys(("--host", "--nomad-addr", "--server", "--addr", "--url"), "use --address"),
    **dict.fromkeys(("--filter", "--target", "--select", "-l", "--selector"), "use --only"),
    "--exclude": "use --skip",
    "--async": "use --detach",
}
_OF_LOGS = {
    "-f": "to follow a run, use `dispatchfile watch RUN`",
    "--follow": "to follow a run, use `dispatchfile watch RUN`",
    "-n": "use --tail",
    "--lines": "use --tail",
}
_OF_WATCH = {"--watch": "use `dispatchfile watch RUN`", "-w": "use `dispatchfile watch RUN`"}
_OF_COMMANDS = {"logs": _OF_LOGS, "status": _OF_WATCH, "runs": _OF_WATCH}
_WAITS = frozenset({"completion", "placement", "detach"})
_NEARLY_WAITS = frozenset({"complete", "completed", "done", "finished", "yes", "true", "running", "placed", "all"})


def advice_on_command(name: str, known: Iterable[str]) -> str:
    """Return what to type in place of an unknown command; "" if nothing is like it."""
    return COMMANDS.get(name.casefold(), "") or did_you_mean(name, known)


def advice_on_option(command: str, option: str, known: Iterable[str]) -> str:
    """Return what to type in place of an unknown *option* of the *command*, of which *known* are the options."""
    options = frozenset(known)
    spelled = option.replace("_", "-")
    same = [each for each in options if each.casefold() == spelled.casefold()]
    if same:
        return f"did you mean {same[0]}?"
    advice = {**_OPTIONS, **_OF_COMMANDS.get(command, {})}.get(spelled, "")
    named = {word.strip("`,") for word in advice.split() if word.startswith("--")}
    if advice and (named <= options or "`dispatchfile" in advice):
        return advice
    return did_you_mean(option, sorted(each for each in options if each.startswith("--")))


def check_wait(argv: Sequence[str]) -> None:
    """
    Refuse a value of `--wait` that is a word of its own, since it would be taken for the manifest.

    Raises UsageError. `dispatch` has no such value: there the word is the job.
    """
    if argv[:1] == ["dispatch"]:
        return
    for option, word in pairwise(argv):
        if option == BARE_WAIT and word in _WAITS | _NEARLY_WAITS and not Path(word).exists():
            value = word if word in _WAITS else "placement" if word in {"running", "placed"} else "completion"
            raise UsageError(f"--wait {word}: write --wait={value}")
