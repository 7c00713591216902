"""
A run as one HTML file: a template, a style and a script of this package, and the run's data.

Everything in it that comes from outside was made visible (no control or direction characters), is escaped by the
template or in the JSON of the data, and could load or run nothing: the file's Content-Security-Policy allows only the
style and the script of the package, by their digests.
"""

from __future__ import annotations

import base64
import functools
import hashlib
from collections.abc import Iterator, Mapping
from importlib import resources

from jinja2 import Environment, StrictUndefined, Template

from dispatchfile.reports.figures import SHARE_HEADS, duration_figures
from dispatchfile.reports.html.axis import axis_of
from dispatchfile.reports.html.charts import histogram_of, outcome_parts, states_over_time
from dispatchfile.reports.html.head import exit_code_words, facts_of, failures_of, state_words
from dispatchfile.reports.html.itemdata import ItemData, item_data, largest_file, size_of
from dispatchfile.reports.html.tables import plain_rows, share_tables
from dispatchfile.reports.html.timeline import UNSEEN, drawn, end_of, item_rows, node_rows, spans_of
from dispatchfile.reports.summary import counts_line
from dispatchfile.reports.text import count_of, visible
from dispatchfile.results import Summary, bad_endings
from dispatchfile.results.detail import RunDetail
from dispatchfile.results.figures import figures_of

NO_DATA = ItemData("", 0, 0)
BYTES_OF_NOTES = 2_000  # what the page says of items without room, and the head of the data
TONES = {0: "good", 1: "doubtful", 2: "bad"}


def html_of_run(detail: RunDetail) -> Iterator[str]:
    """Yield the file in pieces. The data of the items gets the room that the rest of the page leaves."""
    values = _values(detail)
    rest = size_of(_template().render(values | _data(NO_DATA)))
    room = largest_file(len(detail.summary.items)) - rest - BYTES_OF_NOTES
    return _template().generate(values | _data(item_data(detail, room)))


@functools.cache
def _template() -> Template:
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    return environment.from_string(_read("page.html.j2"))


def _read(name: str) -> str:
    return resources.files("dispatchfile.reports.html").joinpath(name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    """Return the digest as a Content-Security-Policy has it."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _values(detail: RunDetail) -> dict[str, object]:
    """Return what the template shows."""
    summary = detail.summary
    style, script = _read("page.css"), _read("page.js")
    groups = bad_endings(summary)
    failures, other_failures = failures_of(summary, groups)
    return {
        "style": style,
        "script": script,
        "style_digest": _digest(style),
        "script_digest": _digest(script),
        "name": visible(summary.name),
        "run": visible(summary.run),
        "state": state_words(summary),
        "tone": TONES.get(summary.exit_code, "doubtful"),
        "verdict": f"{summary.exit_code}: {exit_code_words(summary)}",
        "counts": counts_line(summary),
        "facts": facts_of(detail, groups),
        "parts": outcome_parts(summary),
        "failures": failures,
        "other_failures": other_failures,
        **_charts(detail),
        **_items(detail),
    }


def _charts(detail: RunDetail) -> Mapping[str, object]:
    summary, spans = detail.summary, spans_of(detail)
    figures = figures_of(summary.items)
    axis = axis_of(end_of(detail, spans))
    shown = drawn(summary.items)
    rows = [one for one in spans if one.place in shown]
    durations = figures.durations
    return {
        "ticks": axis.ticks,
        "item_rows": (item_lines := item_rows(rows, axis)),
        "has_notes": any(row.note for row in item_lines),
        "has_unseen": any(bar.tone.endswith(UNSEEN) for row in item_lines for bar in row.bars),
        "node_rows": node_rows(rows, axis),
        "drawn": _drawn_words(summary, len(shown)),
        "states": states_over_time(spans, len(summary.items), axis) if spans else None,
        "durations": [] if durations is None else duration_figures(durations),
        "timed": "" if durations is None else count_of(durations.count, "item"),
        "histogram": None if durations is None else histogram_of(summary.items, durations),
        "share_heads": SHARE_HEADS,
        "tables": share_tables(figures),
    }


def _drawn_words(summary: Summary, shown: int) -> str:
    total = len(summary.items)
    if shown == total:
        return ""
    return f"{shown:,} of {total:,} items: those that did not succeed (at most 200), and the 100 slowest of the others."


def _items(detail: RunDetail) -> dict[str, object]:
    rows, total = plain_rows(detail.summary.items), len(detail.summary.items)
    return {"rows": rows, "total": f"{total:,}", "left_out": f"{total - len(rows):,}" if total > len(rows) else ""}


def _data(data: ItemData) -> dict[str, object]:
    return {
        "data": data.json,
        "without_row": f"{data.without_row:,}" if data.without_row else "",
        "without_details": f"{data.without_details:,}" if data.without_details else "",
    }
