"""Shows the logs of tasks line by line, each line behind the id of its item."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from dispatchfile.reports.text import Palette, visible, visible_lines

COLORS = ("36", "33", "32", "35", "34", "96", "93", "92", "95", "94")  # one after the other, so that neighbours differ


def log_label(item: str, source: str, stream: str = "", *, origin: str = "") -> str:
    """
    Return what stands before each line: the item, which of its tasks if it has several, and a mark for stderr.

    origin: the file and line that an item comes from whose id is only a hash.
    """
    return " ".join(
        filter(None, [item, f"({origin})" if origin else "", source, "(stderr)" if stream == "stderr" else ""])
    )


def log_lines(name: str, lines: Iterable[str], number: int, *, palette: Palette, safe: bool) -> Iterator[str]:
    """
    Yield each of the *lines* behind *name*, in the colour of the item's *number* where there are colours.

    safe: for a terminal, to which no control character of a task gets; else lines are as they were written.
    """
    shown = visible(name)
    head = f"\x1b[{COLORS[number % len(COLORS)]}m{shown} |\x1b[0m" if palette.on else f"{shown} |"
    for line in lines:
        yield f"{head} {visible_lines(line)[0] if safe else line}"
