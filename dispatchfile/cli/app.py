"""The commands, and how they are called."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated, cast

import typer

from dispatchfile import __version__
from dispatchfile.cli.agent import agent
from dispatchfile.cli.argv import wants_json_log
from dispatchfile.cli.dispatch import dispatch
from dispatchfile.cli.doctor import doctor
from dispatchfile.cli.init import init
from dispatchfile.cli.logs import logs
from dispatchfile.cli.report import report
from dispatchfile.cli.rerun import rerun
from dispatchfile.cli.resume import resume
from dispatchfile.cli.run import run
from dispatchfile.cli.runs import runs
from dispatchfile.cli.schema import schema
from dispatchfile.cli.spread import spread
from dispatchfile.cli.status import status
from dispatchfile.cli.stop import stop
from dispatchfile.cli.validate import validate
from dispatchfile.cli.watch import watch
from dispatchfile.errors import UsageError

PROGRAM = "dispatchfile"
INTERRUPTED = 130

# Typer raises this for every wrong command line, but exports only one of its children, which has all that is used here.
_WrongCommandLine = cast("type[typer.BadParameter]", typer.BadParameter.__bases__[0])

app = typer.Typer(
    name=PROGRAM,
    no_args_is_help=True,
    rich_markup_mode=None,  # a plain help takes half the time
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["--help", "-h"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"{PROGRAM} {__version__}")
        raise typer.Exit


@app.callback()
def _program(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """
    Dispatch a list of Nomad parameterized jobs from a manifest: checked before anything is sent, each exactly once,
    watched to one summary and one exit code.
    """


for command in (
    init,
    validate,
    run,
    resume,
    rerun,
    status,
    watch,
    stop,
    logs,
    report,
    runs,
    dispatch,
    doctor,
    agent,
    schema,
):
    app.command()(spread(command))


def run_command(argv: Sequence[str]) -> int:
    """
    Run the command that *argv* names; its exit code.

    Raises UsageError for a wrong command line, whose usage is then on standard error already.
    """
    try:
        code = typer.main.get_command(app).main(args=list(argv), prog_name=PROGRAM, standalone_mode=False)
    except _WrongCommandLine as exc:
        if not argv:
            print(exc.format_message(), file=sys.stderr)  # noqa: T201  the help
            return 1
        _show_usage(exc, argv)
        raise UsageError(exc.format_message()) from exc
    except typer.Abort:
        return INTERRUPTED
    return code if isinstance(code, int) else 0


def _show_usage(exc: typer.BadParameter, argv: Sequence[str]) -> None:
    if exc.ctx is not None and not wants_json_log(argv):
        hint = f"Try '{exc.ctx.command_path} --help' for help."
        print(f"{exc.ctx.get_usage()}\n{hint}\n", file=sys.stderr)  # noqa: T201
