"""`runs`: the history."""

from __future__ import annotations

from dispatchfile.cli.options import Display, OutputOfMany, StateDir
from dispatchfile.reports.formats import OutputFormat


def runs(*, state_dir: StateDir = None, output: OutputOfMany = OutputFormat.TEXT, display: Display) -> int:
    """
    List all runs, the newest first.

    Each is a file, named by -o json as its journal; that of a run that is over can be deleted. Exit code: 0, or 1 if a
    journal cannot be read.
    """
    from dispatchfile.cli.showing import show_runs  # noqa: PLC0415  --help needs none of it

    return show_runs(state_dir, output, display)
