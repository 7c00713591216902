"""Tables of the page: items by job, node and tag, and the items that it shows without its script."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dispatchfile.reports.endings import cause_of
from dispatchfile.reports.figures import share_cells, shares_by
from dispatchfile.reports.html.itemdata import attempts_of, said_of, shown_duration, tone_of
from dispatchfile.reports.names import label
from dispatchfile.reports.text import count_of, one_line, span
from dispatchfile.results import ItemResult
from dispatchfile.results.figures import Figures, GroupFigures, by_interest

MOST_SHARES = 200
MOST_PLAIN_ROWS = 500


@dataclass(frozen=True, slots=True)
class ShareTable:
    """How the items of each job, node or tag ended. A row is a name and its numbers."""

    title: str
    head: str
    rows: Sequence[tuple[str, Sequence[str]]]
    left_out: str


@dataclass(frozen=True, slots=True)
class PlainRow:
    """An item as the page shows it without its script."""

    name: str
    outcome: str
    tone: str
    cause: str
    job: str
    node: str
    attempts: str
    duration: str
    message: str


def share_tables(figures: Figures) -> list[ShareTable]:
    """Return the tables that have rows."""
    return [_share_table(noun, shares) for noun, shares in shares_by(figures) if shares]


def _share_table(noun: str, shares: Sequence[GroupFigures]) -> ShareTable:
    left_out = len(shares) - MOST_SHARES
    rows = [(one_line(share.name), share_cells(share)) for share in shares[:MOST_SHARES]]
    more = f"and {count_of(left_out, noun)} with fewer items" if left_out > 0 else ""
    return ShareTable(f"By {noun}", noun.capitalize(), rows, more)


def plain_rows(items: Sequence[ItemResult]) -> list[PlainRow]:
    """Return at most 500 items in the run's order: what did not succeed comes before the slowest of the others."""
    shown = sorted(by_interest(items)[:MOST_PLAIN_ROWS])
    return [_plain_row(items[place]) for place in shown]


def _plain_row(item: ItemResult) -> PlainRow:
    return PlainRow(
        name=label(item),
        outcome=str(item.outcome or item.state).replace("_", " "),
        tone=tone_of(item),
        cause=cause_of(item.cause, item.exit_code) if item.cause else "",
        job=one_line(item.job),
        node=one_line(item.node),
        attempts=str(attempts_of(item) or ""),
        duration="" if (took := shown_duration(item)) is None else span(took),
        message=said_of(item),
    )
