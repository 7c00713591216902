"""The program around its commands, and how it is called."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Sequence
from importlib import import_module
from typing import Annotated, cast

import typer
from typer.core import TyperGroup

from dispatchfile.cli.argv import wants_json_log
from dispatchfile.cli.habits import advice_on_command, advice_on_option, check_wait
from dispatchfile.cli.help_groups import GroupedCommand, GroupedCommands
from dispatchfile.cli.spread import spread
from dispatchfile.cli.terminal import terminal_width, write_result
from dispatchfile.errors import UsageError
from dispatchfile.secrecy import shown_name
from dispatchfile.version import VERSION

PROGRAM = "dispatchfile"
COMMANDS = (  # in the help's order; each is the function of a module that has its name
    "init",
    "validate",
    "plan",
    "run",
    "resume",
    "rerun",
    "status",
    "watch",
    "stop",
    "logs",
    "report",
    "runs",
    "prune",
    "dispatch",
    "doctor",
    "agent",
    "schema",
    "explain",
)
INTERRUPTED = 130
NARROWEST_OF_CLICK = 50  # cells of a help, however narrow the terminal is
COMPLETION = "_DISPATCHFILE_COMPLETE"  # the variable by which a shell asks for candidates

# Typer raises this for every wrong command line, but exports only one of its children, which has all that is used here.
_WrongCommandLine = cast("type[typer.BadParameter]", typer.BadParameter.__bases__[0])


def program_of(commands: Iterable[str], *, with_options: bool = True) -> typer.Typer:
    """Return the program with these *commands* alone, or with their names and descriptions alone."""
    app = typer.Typer(
        name=PROGRAM,
        cls=GroupedCommands,
        no_args_is_help=True,
        rich_markup_mode=None,  # a plain help takes half the time
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["--help", "-h"]},
    )
    app.callback()(_program)
    for name in commands:
        command = getattr(import_module(f"dispatchfile.cli.commands.{name}"), name)
        app.command(cls=GroupedCommand)(spread(command) if with_options else _described(command))
    return app


def _described(command: Callable[..., int]) -> Callable[[], int]:
    """Return a command of the same name and description that takes no options."""

    def shown() -> int:
        raise NotImplementedError(f"{command.__name__} is only listed")

    shown.__name__, shown.__doc__ = command.__name__, command.__doc__
    return shown


def run_command(argv: Sequence[str]) -> int:
    """
    Run the command that *argv* names; its exit code.

    Raises UsageError for a wrong command line, whose usage is then on standard error already.
    """
    if COMPLETION in os.environ and (answer := _complete()) is not None:
        return answer
    check_wait(argv)
    try:
        code = _command_of(argv).main(
            args=list(argv), prog_name=PROGRAM, standalone_mode=False, terminal_width=_width_of_help()
        )
    except _WrongCommandLine as exc:
        if not argv:
            print(exc.format_message(), file=sys.stderr)  # noqa: T201  the help
            return 1
        _show_usage(exc, argv)
        raise UsageError(_advised(exc, argv)) from exc
    except typer.Abort:
        return INTERRUPTED
    return code if isinstance(code, int) else 0


def _width_of_help() -> int | None:
    """Return the width of a terminal that is narrower than any help that Click makes of itself."""
    width = terminal_width()
    return width if width is not None and width < NARROWEST_OF_CLICK else None


def _advised(exc: typer.BadParameter, argv: Sequence[str]) -> str:
    """Return the message for a wrong command line, with what to type instead where that is known."""
    option = getattr(exc, "option_name", None)
    if option and exc.ctx is not None:
        known = [name for each in exc.ctx.command.params for name in each.opts]
        hint = advice_on_option(argv[0], option, known)
        return f"No such option: {shown_name(option)}" + (f": {hint}" if hint else "")
    if argv[0] not in COMMANDS and not argv[0].startswith("-"):
        hint = advice_on_command(argv[0], COMMANDS)
        return f"No such command {shown_name(argv[0])!r}" + (f": {hint}" if hint else "")
    return exc.format_message()


def _command_of(argv: Sequence[str]) -> TyperGroup:
    """
    Return the program with the command that *argv* names, else with the list of all.

    To read the options of all commands takes 100 ms, and without a command no option of theirs is used.
    """
    known = bool(argv) and argv[0] in COMMANDS
    program = program_of([argv[0]]) if known else program_of(COMMANDS, with_options=False)
    return cast("TyperGroup", typer.main.get_command(program))


def _complete() -> int | None:
    """Answer a shell that asks for completion; the exit code, or None for what Typer answers."""
    from dispatchfile.cli.completion import complete  # noqa: PLC0415  no other start needs it

    answer = complete(_command_of, PROGRAM, os.environ)
    if answer is None:
        return None
    text, code = answer
    write_result(text)
    return code


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"{PROGRAM} {VERSION}")
        raise typer.Exit


def _program(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """
    Dispatch a list of Nomad parameterized jobs from a manifest.

    The manifest is checked before anything is sent, each item is dispatched exactly once, and the run ends with one
    summary and one exit code.
    """


def _show_usage(exc: typer.BadParameter, argv: Sequence[str]) -> None:
    if exc.ctx is not None and not wants_json_log(argv):
        hint = f"Try '{exc.ctx.command_path} --help' for help."
        print(f"{exc.ctx.get_usage()}\n{hint}\n", file=sys.stderr)  # noqa: T201
