"""`explain`: what the words of the tool's output mean."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from dispatchfile.cli.candidates import complete_names
from dispatchfile.cli.option_groups import Display
from dispatchfile.cli.options import OutputAtOnce
from dispatchfile.cli.terminal import write_result
from dispatchfile.errors import UsageError
from dispatchfile.reports.formats import OutputFormat


def explain(
    *,
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="[NAME]",
            autocompletion=complete_names,
            help="A code such as DF033, an outcome, a cause, a state or an exit code. [default: list all]",
            show_default=False,
        ),
    ] = None,
    output: OutputAtOnce = OutputFormat.TEXT,
    display: Display,
) -> int:
    """
    Explain an error code, an outcome, a cause or an exit code.

    Error codes come with a wrong and a right example. Needs no server. Exit code: 0, or 1 if there is no such name.
    """
    from dispatchfile.cli.session import palette_for
    from dispatchfile.cli.terminal import terminal_width
    from dispatchfile.reports.explained import render_entries, render_index
    from dispatchfile.reports.handbook import find_entries, near_names, read_handbook

    width = terminal_width()
    if name is None:
        write_result(render_index(read_handbook(), output, width=width))
        return 0
    entries = find_entries(name)
    if not entries:
        near = near_names(name)
        hint = f"did you mean {' or '.join(near)}?" if near else "`dispatchfile explain` lists all names"
        raise UsageError(f"no code, outcome, cause, state or exit code is called {name!r}: {hint}")
    write_result(render_entries(entries, output, width=width, palette=palette_for(display, sys.stdout)))
    return 0
