"""Progress on a terminal that somebody looks at: a bar, counts and the time left, redrawn in place."""

from __future__ import annotations

from typing import TextIO, cast

from rich.console import Console, Group, OverflowMethod
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from dispatchfile.events import Outcome
from dispatchfile.reports.screens import TextStream, View, marked, outcomes_of, pace_of, states_of
from dispatchfile.reports.table import Copyable, fit, labelled
from dispatchfile.reports.text import Palette, span
from dispatchfile.reports.words import LogLevel

EVERY_S = 0.25
STYLES = {0: "green", 1: "yellow", 2: "bold red"}
SEPARATOR = "  "
SHOWN_WAITS = 3
COMMAND = "dispatchfile "  # is to be copied: where the terminal wraps it, it copies it whole


class LiveScreen:
    """Redraws at most a few times a second, and leaves nothing but its lines."""

    every_s = EVERY_S

    def __init__(self, stream: TextStream, *, palette: Palette, width: int | None = None) -> None:
        """width: in cells; None asks the terminal, again for each view."""
        self._palette = palette
        self._console = Console(
            file=cast("TextIO", stream),  # all that rich needs of it is write, flush and fileno
            force_terminal=True,
            width=width,
            color_system="auto" if palette.on else None,
            highlight=False,
            markup=False,
            emoji=False,
        )
        self._live: Live | None = None
        self._has_failures = False

    def line(self, level: LogLevel, text: str) -> None:
        self._has_failures |= level is LogLevel.ERROR
        for part in _fitted(marked(level, text, self._palette), self._console.width):
            self._console.print(Text.from_ansi(part), soft_wrap=True)

    def show(self, view: View) -> None:
        if self._live is None:
            self._live = Live(
                console=self._console, auto_refresh=False, transient=True, redirect_stdout=False, redirect_stderr=False
            )
            self._live.start()
        options = self._console.options
        self._live.update(_drawn(view, options.max_width, ascii_only=options.ascii_only), refresh=True)

    def close(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None
        if self._has_failures:
            self._has_failures = False
            self._console.print()  # between the first failures and the summary


def _fitted(line: str, width: int) -> list[str]:
    """Wrap the line at words. A command at its end stays one line; one within it keeps the whole line as it is."""
    what, separator, command = line.partition(f": {COMMAND}")
    if separator:
        return labelled(what, COMMAND + command, width)
    return fit([Copyable(line) if COMMAND in line else line], width)


def _drawn(view: View, width: int, *, ascii_only: bool) -> Group:
    """ascii_only: cut without an ellipsis; Rich draws the bar as the console's encoding allows."""
    overflow: OverflowMethod = "crop" if ascii_only else "ellipsis"
    title = view.title.encode("ascii", "backslashreplace").decode() if ascii_only else view.title
    bar = Table.grid(padding=(0, 1), expand=True)
    bar.add_column(no_wrap=True, overflow=overflow, max_width=max(1, min(32, width // 3)))
    bar.add_column(ratio=1)
    bar.add_column(no_wrap=True, overflow=overflow, justify="right")
    bar.add_row(
        title,
        ProgressBar(total=max(1, view.total), completed=view.ended if view.total else 1),
        f"{view.ended:,}/{view.total:,}  {span(view.elapsed_s)}",
    )
    counts = Text(overflow=overflow, no_wrap=True)
    for outcome, words in zip((o for o in Outcome if view.counts[o]), outcomes_of(view), strict=True):
        counts.append(words + SEPARATOR, style=STYLES[outcome.exit_class])
    counts.append(SEPARATOR.join(states_of(view)))
    pace = Text(SEPARATOR.join(pace_of(view)), style="dim", no_wrap=True, overflow=overflow)
    waits = [Text(wait, style="yellow", no_wrap=True, overflow=overflow) for wait in view.waits[:SHOWN_WAITS]]
    return Group(bar, counts, *waits, pace)
