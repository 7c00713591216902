"""Reads a run with the requests and attempts of all its items, for reports that show them."""

from __future__ import annotations

from collections.abc import Iterable

from dispatchfile.items import Item
from dispatchfile.journal import JournalReader
from dispatchfile.results import Summary
from dispatchfile.results.detail import RunDetail, RunOrigin
from dispatchfile.usecases.attempts import read_attempts
from dispatchfile.usecases.folding import uncollected

MOST_ITEMS_WITH_PAYLOADS = 20_000  # payloads are most of a journal


def read_run_detail(reader: JournalReader, summary: Summary, *, now: float) -> RunDetail:
    """Return the run of that *summary* as its journal has it. Raises JournalError."""
    header = reader.run().header
    origin = RunOrigin(
        version=header.tool_version,
        rerun_of=header.rerun_of or "",
        plan=header.plan,
        commit=header.commit,
        is_dispatch=header.is_dispatch,
    )

    def read_items() -> Iterable[Item]:
        return reader.items(payloads=len(summary.items) <= MOST_ITEMS_WITH_PAYLOADS)

    with uncollected():
        attempts = read_attempts(reader)
    return RunDetail(summary, now, origin, attempts, read_items)
