"""The history of runs: a table for people, records for scripts."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from dispatchfile.events import Outcome
from dispatchfile.journal import STANDARD_INPUT, StoredRun
from dispatchfile.reports.formats import OutputFormat
from dispatchfile.reports.text import ELLIPSIS, span, visible
from dispatchfile.results import to_timestamp

RUNS_SCHEMA = "dispatchfile/runs/v1"
NOTHING = "-"  # what is not known

# From wide to narrow: the first that fits is taken. Names and folders are shortened where that keeps a column.
LAYOUTS = (
    ("RUN", "NAME", "FOLDER", "STATE", "STARTED", "TOOK", "OK", "TARGET", "OUTCOMES"),
    ("RUN", "NAME", "FOLDER", "STATE", "STARTED", "TOOK", "OK", "TARGET"),
    ("RUN", "NAME", "FOLDER", "STATE", "STARTED", "TOOK", "OK"),
    ("RUN", "NAME", "FOLDER", "STATE", "STARTED", "OK"),
    ("RUN", "NAME", "FOLDER", "STATE", "DAY", "OK"),
)
NARROW_LAYOUTS = (
    ("RUN", "NAME", "FOLDER", "STATE", "OK"),
    ("RUN", "NAME", "STATE", "OK"),
    ("RUN", "STATE", "OK"),
    ("RUN", "STATE"),
)
TITLES = {"DAY": "STARTED"}  # without the year
COMFORTABLE = {"NAME": 12, "FOLDER": 14}  # cells that these columns get before another column is left out
NARROWEST = {"NAME": 8, "FOLDER": 8}
GAP = 2  # cells between two columns

Runs = Sequence[tuple[StoredRun, str]]  # runs and their states, the newest first


@dataclass(frozen=True, slots=True)
class Places:
    """The folders that others are shown relative to; empty: unknown."""

    current: str = ""
    home: str = ""


def render_history(
    runs: Runs,
    form: OutputFormat,
    *,
    width: int | None = None,
    places: Places = Places(),
    is_filtered: bool = False,
) -> str:
    """
    Return a table with the newest run last, or one JSON object, or a JSON object a line, both with the newest first.

    width: of the terminal; None: no limit.
    """
    records = [run_json(stored, state) for stored, state in runs]
    match form:
        case OutputFormat.TEXT:
            return runs_table(runs, width, places) or ("no such runs\n" if is_filtered else "no runs yet\n")
        case OutputFormat.JSON:
            return json.dumps({"schema": RUNS_SCHEMA, "runs": records}, indent=2) + "\n"
        case OutputFormat.NDJSON:
            return "".join(f"{json.dumps(record)}\n" for record in records)


def run_json(stored: StoredRun, state: str) -> dict[str, object]:
    """Return one run as a record; what is not known is null."""
    header, status = stored.header, stored.status
    return {
        "run": header.id,
        "name": header.name,
        "manifest": header.manifest,
        "folder": _folder_of(stored) or None,
        "target": header.target.address,
        "region": header.target.region or None,
        "namespaces": list(header.target.namespaces),
        "local": header.local,
        "wait": header.settings.wait.value,
        "rerun_of": header.rerun_of,
        "state": state,
        "exit_code": status.exit_code,
        "items": stored.items,
        "counts": {outcome.value: status.counts.get(outcome, 0) for outcome in Outcome} if status.counts else None,
        "started_at": to_timestamp(header.started_at),
        "finished_at": to_timestamp(status.finished_at),
        "duration_s": _duration_s(stored),
        "journal": str(stored.path),
    }


def runs_table(runs: Runs, width: int | None, places: Places) -> str:
    """Return a line a run, the newest last, with as many columns as fit; empty for no runs."""
    if not runs:
        return ""
    rows = [_cells(stored, state, places) for stored, state in reversed(runs)]
    heads = _layout(rows, width)
    table = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), show_edge=False)
    for head in heads:
        table.add_column(TITLES.get(head, head), justify="right" if head == "OK" else "left", no_wrap=True)
    for row in _fitted(rows, heads, width):
        table.add_row(*(Text(row[head]) for head in heads))
    return _lines_of(table, width)


def _layout(rows: Sequence[dict[str, str]], width: int | None) -> Sequence[str]:
    """Return the columns that fit into *width* cells."""
    if width is None:
        return LAYOUTS[0]
    wide = (heads for heads in LAYOUTS if _width_of(heads, rows, COMFORTABLE) <= width)
    narrow = (heads for heads in NARROW_LAYOUTS if _width_of(heads, rows, NARROWEST) <= width)
    return next(wide, None) or next(narrow, NARROW_LAYOUTS[-1])


def _width_of(heads: Sequence[str], rows: Sequence[dict[str, str]], most: Mapping[str, int]) -> int:
    widths = [min(_widest(head, rows), most.get(head, 1000)) for head in heads]
    return sum(widths) + GAP * (len(widths) - 1)


def _widest(head: str, rows: Sequence[dict[str, str]]) -> int:
    return max(cell_len(TITLES.get(head, head)), *(cell_len(row[head]) for row in rows))


def _fitted(rows: Sequence[dict[str, str]], heads: Sequence[str], width: int | None) -> Iterable[dict[str, str]]:
    """Shorten names and folders so that lines take *width* cells."""
    if width is None or "NAME" not in heads:
        return rows
    room = width - _width_of(heads, rows, {"NAME": 0, "FOLDER": 0})
    if "FOLDER" not in heads:
        return [row | {"NAME": _cut(row["NAME"], room)} for row in rows]
    name_width = min(_widest("NAME", rows), max(room // 2, room - _widest("FOLDER", rows)))
    return [
        row | {"NAME": _cut(row["NAME"], name_width), "FOLDER": shorten_path(row["FOLDER"], room - name_width)}
        for row in rows
    ]


def _cells(stored: StoredRun, state: str, places: Places) -> dict[str, str]:
    header, took = stored.header, _duration_s(stored)
    counts = {outcome: stored.status.counts.get(outcome, 0) for outcome in Outcome}
    done = sum(count for outcome, count in counts.items() if outcome.exit_class == 0)
    started = started_text(header.started_at)
    return {
        "RUN": header.id,
        "NAME": visible(header.name),
        "FOLDER": shown_folder(_folder_of(stored), places),
        "STATE": state.replace("_", " "),
        "STARTED": started[:16] + "Z",
        "DAY": started[5:16] + "Z",
        "TOOK": NOTHING if took is None else span(took),
        "OK": f"{done if stored.status.counts else NOTHING}/{stored.items}",
        "TARGET": visible(header.target.address),
        "OUTCOMES": ", ".join(f"{count:,} {outcome}" for outcome, count in counts.items() if count) or NOTHING,
    }


def shown_folder(folder: str, places: Places) -> str:
    """Return the *folder* as a person would type it: relative to the current one, or to `~`."""
    path = Path(folder)
    if not folder:
        return NOTHING
    if places.current and path.is_relative_to(places.current):
        return visible(str(path.relative_to(places.current)))
    if places.home and path.is_relative_to(places.home):
        return visible(str(Path("~", path.relative_to(places.home))))
    return visible(folder)


def shorten_path(path: str, width: int) -> str:
    """Return the last folders of *path* that fit into *width* cells, behind an ellipsis."""
    if cell_len(path) <= width:
        return path
    parts = path.split("/")
    for start in range(1, len(parts)):
        shortened = "/".join([ELLIPSIS, *parts[start:]])
        if cell_len(shortened) <= width:
            return shortened
    return _cut(parts[-1], width)


def _cut(text: str, width: int) -> str:
    shortened = Text(text)
    shortened.truncate(width, overflow="ellipsis")
    return shortened.plain


def _lines_of(table: Table, width: int | None) -> str:
    console = Console(width=width or 100_000, color_system=None, markup=False, emoji=False, highlight=False)
    with console.capture() as captured:
        console.print(table)
    return "".join(f"{line.rstrip()}\n" for line in captured.get().splitlines())


def _folder_of(stored: StoredRun) -> str:
    manifest = stored.header.manifest
    return "" if manifest in {"", STANDARD_INPUT} else str(Path(manifest).parent)


def _duration_s(stored: StoredRun) -> float | None:
    finished_at = stored.status.finished_at
    return None if finished_at is None else round(max(0.0, finished_at - stored.header.started_at), 3)


def started_text(at: float) -> str:
    """Return the time as `2026-11-22 12:29:00Z`."""
    return (to_timestamp(at) or "")[:19].replace("T", " ") + "Z"
