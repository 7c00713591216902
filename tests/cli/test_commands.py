"""The commands as they are typed: help, wrong command lines, exit codes."""

import json
import subprocess
import sys
from collections.abc import Iterator

import pytest
import typer

from dispatchfile import __version__
from dispatchfile.cli.app import app
from dispatchfile.cli.argv import LONG_NAMES
from dispatchfile.cli.commands.runs import StateChoice
from dispatchfile.cli.exits import run_to_exit_code
from dispatchfile.cli.help_groups import GROUPS, ORDER
from dispatchfile.journal import RunState

COMMANDS = typer.main.get_command(app).commands  # type: ignore[attr-defined]
BY_TYPER = {"install-completion", "show-completion"}


def _options() -> Iterator[tuple[str, str, str]]:
    for name, command in [("", typer.main.get_command(app)), *COMMANDS.items()]:
        for parameter in command.params:
            yield from ((name, option, parameter.help) for option in parameter.opts if option.startswith("--"))


def test_one_dash_is_enough_for_every_long_option() -> None:
    """The list of names beside the command line's rewriting is complete, and has no others."""
    assert {option.removeprefix("--") for _, option, _ in _options()} - BY_TYPER == LONG_NAMES - {"help"}


@pytest.mark.parametrize(("command", "option", "text"), list(_options()))
def test_every_option_has_help(command: str, option: str, text: str) -> None:
    """Each option of the program and of each command has a help text."""
    assert text


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_says_what_it_is_for(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The program's help has one uncut line for it, and its own help says more."""
    assert run_to_exit_code(["--help"]) == 0
    (line,) = (line for line in capsys.readouterr().out.splitlines() if line.split()[:1] == [command])
    assert line.endswith(".")
    assert not line.endswith("...")
    assert run_to_exit_code([command, "-help"]) == 0
    assert capsys.readouterr().out.startswith(f"Usage: dispatchfile {command} ")


def test_every_command_is_in_a_group_of_the_help() -> None:
    """Each command is in exactly one group."""
    assert sorted(name for names in GROUPS.values() for name in names) == sorted(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_is_in_a_known_group_of_the_help(command: str) -> None:
    """Options that commands share are in the same group everywhere."""
    groups = {parameter.name: parameter.rich_help_panel or "Options" for parameter in COMMANDS[command].params}
    assert set(groups.values()) <= set(ORDER)
    assert {name: group for name, group in groups.items() if SHARED.get(name, group) != group} == {}


SHARED = {
    "address": "Connection to Nomad",
    "token": "Connection to Nomad",
    "only": "Selection",
    "var": "Variables and files",
    "rate": "Settings (override those of the manifest)",
    "jobs": "Embedded agent",
    "output": "Output",
    "quiet": "Output",
}


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        pytest.param([], "Usage: dispatchfile", id="nothing"),
        pytest.param(["bogus"], "No such command 'bogus'", id="no such command"),
        pytest.param(["apply"], "No such command 'apply'", id="as in Terraform"),
        pytest.param(["apply", "-f", "x"], "No such command 'apply': use `run`", id="as in kubectl"),
        pytest.param(["list"], "No such command 'list': use `runs`", id="as in many others"),
        pytest.param(["version"], "No such command 'version': use `dispatchfile --version`", id="as in Nomad"),
        pytest.param(["help"], "No such command 'help': use `dispatchfile --help`", id="as in Go"),
        pytest.param(["run", "--bogus"], "No such option", id="no such option"),
        pytest.param(["run", "a", "b"], "unexpected extra argument", id="too many arguments"),
        pytest.param(["run", "--output", "xml"], "'xml' is not one of 'text', 'json', 'ndjson'", id="no such choice"),
        pytest.param(["run", "--slots", "0"], "0 is not in the range x>=1", id="out of range"),
        pytest.param(
            ["run", "--concurrency", "99"], "--concurrency: '99' is not a whole number from 1 to 64", id="a setting"
        ),
        pytest.param(["run", "--stop-on", "x"], "--stop-on: 'x' is neither a number", id="a setting with a dash"),
        pytest.param(["run", "--detach", "--no-wait"], "--wait, --detach and --no-wait contradict", id="contradiction"),
        pytest.param(["run", "--wait=never"], "--wait: 'never' is not one of", id="no such wait"),
        pytest.param(["run", "--wait", "placement"], "write --wait=placement", id="wait with a word"),
        pytest.param(["run", "--run-id", "A-1"], "--run-id A-1: use 1 to 20", id="a run ID"),
        pytest.param(["run", "--var", "key"], "--var: write it as KEY=VALUE", id="a variable without value"),
        pytest.param(["run", "--local", "--address=http://n"], "--address has no effect", id="local and elsewhere"),
        pytest.param(["run", "-address=n:4646"], "use http://n:4646", id="an address without scheme"),
        pytest.param(["run", "--report", "pdf=x"], "KIND is one of json, junit, markdown", id="no such report"),
        pytest.param(["run", "--report", "junit=/no/such/x"], "there is no folder /no/such", id="report's folder"),
        pytest.param(["run", "--report", "json=-"], "standard output is for the result", id="report to the result"),
        pytest.param(
            ["run", "--dry-run", "--report", "json=x"], "--report has no effect with --dry-run", id="report of nothing"
        ),
        pytest.param(["run", "--report", "junit=/"], "--report junit=/: is a folder", id="report is a folder"),
        pytest.param(["run", "--local", "--fault", "429"], "--fault: a fault is written KIND=AMOUNT", id="a fault"),
        pytest.param(["run", "--local", "--jobs", "no*"], "--jobs no*: there are no such job files", id="a glob"),
        pytest.param(["run", "--local"], "there are no job files in jobs", id="no jobs"),
        pytest.param(["validate", "-", "-"], "standard input can be read only once", id="standard input twice"),
        pytest.param(["runs", "--limit", "0"], "0 is not in the range x>=1", id="no runs"),
        pytest.param(["runs", "--state", "dead"], "'dead' is not one of 'running'", id="no such state"),
        pytest.param(["prune"], "give either --older-than or --keep", id="prune without a rule"),
        pytest.param(["prune", "--keep", "1", "--older-than", "1d"], "give either", id="prune with two rules"),
        pytest.param(["prune", "--older-than", "1x"], "--older-than: '1x' is not a duration", id="no age"),
        pytest.param(["prune", "--keep", "-1"], "-1 is not in the range x>=0", id="a negative number of runs"),
        pytest.param(["schema", "bogus"], "'bogus' is not one of", id="no such schema"),
        pytest.param(["agent", "--bind", "x:y"], "--bind x:y: write it as HOST:PORT", id="an address to listen on"),
        pytest.param(["agent", "--bind", "0.0.0.0:0"], "allow remote access (--allow-remote)", id="open to all"),
    ],
)
def test_a_wrong_command_line_is_1_and_says_what_is_wrong(
    argv: list[str], message: str, capsys: pytest.CaptureFixture[str], in_an_empty_folder: None
) -> None:
    """Never 2, which means that items did not succeed; and never on standard output."""
    assert run_to_exit_code(argv) == 1
    captured = capsys.readouterr()
    assert message in captured.err
    assert "internal error" not in captured.err
    assert captured.out == ""


@pytest.mark.parametrize("call", [["--version"], ["-version"], ["validate", "--version"]])
def test_the_version_is_printed(call: list[str]) -> None:
    """One line that a script can take apart; within a command it is no option."""
    ended = subprocess.run(
        [sys.executable, "-m", "dispatchfile", *call], capture_output=True, text=True, check=False, timeout=30
    )
    expected = (1, "") if call[0] == "validate" else (0, f"dispatchfile {__version__}\n")
    assert (ended.returncode, ended.stdout) == expected


def test_the_version_is_known_before_anything_is_imported() -> None:
    """Shell prompts and CI ask for it often; the interpreter's own start is nearly all it takes."""
    program = (
        "import sys; sys.argv = ['dispatchfile', '--version']\n"
        "try: from dispatchfile.__main__ import main; main()\n"
        "except SystemExit: print('typer' in sys.modules, 'json' in sys.modules)"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=30)
    assert ended.stdout.splitlines()[-1] == "False False"


@pytest.mark.parametrize("heavy", ["rich", "httpx", "jinja2", "ruamel.yaml", "jsonschema", "asyncio", "sqlite3"])
def test_help_imports_nothing_heavy(heavy: str, modules_of_help: frozenset[str]) -> None:
    """Commands import their work when they are called."""
    assert heavy not in modules_of_help


@pytest.fixture(scope="module")
def modules_of_help() -> frozenset[str]:
    program = (
        "import sys\nfrom dispatchfile.cli.exits import run_to_exit_code\nrun_to_exit_code(['run', '--help'])\n"
        "print('\\n' + ' '.join(sys.modules))"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=30)
    return frozenset(ended.stdout.splitlines()[-1].split())


def test_runs_can_be_narrowed_by_every_state() -> None:
    """`--state` accepts every state and nothing else."""
    assert set(StateChoice) == set(RunState)


@pytest.mark.parametrize("name", ["manifest", "summary", "event"])
def test_schemas_are_printed(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The output is JSON that a validator accepts."""
    assert run_to_exit_code(["schema", name]) == 0
    assert json.loads(capsys.readouterr().out)["$schema"].startswith("http://json-schema.org/draft-07/")


def test_completion_can_be_shown() -> None:
    """`--show-completion` prints the script of the given shell."""
    ended = subprocess.run(
        [sys.executable, "-m", "dispatchfile", "--show-completion", "bash"],
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
        env={"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1", "PATH": "/usr/bin:/bin"},
    )
    assert "_dispatchfile_completion" in ended.stdout
