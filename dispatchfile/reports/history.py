"""The runs there are: a table for people, records for scripts."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from dispatchfile.events import Outcome
from dispatchfile.journal import StoredRun
from dispatchfile.reports.formats import OutputFormat
from dispatchfile.reports.table import lay_out
from dispatchfile.reports.text import one_line, span, visible
from dispatchfile.results import to_timestamp

RUNS_SCHEMA = "dispatchfile/runs/v1"
HEAD = ("RUN", "MANIFEST", "TARGET", "STATE", "STARTED", "TOOK", "ITEMS", "OUTCOMES")

History = Sequence[tuple[StoredRun, str]]  # runs and their states, the newest first


def render_history(history: History, form: OutputFormat, *, width: int | None = None) -> str:
    """A table, one JSON object, or a JSON object a line. width: of the terminal; None: any."""
    records = [run_json(stored, state) for stored, state in history]
    match form:
        case OutputFormat.TEXT:
            return "".join(f"{line}\n" for line in _table(history, width))
        case OutputFormat.JSON:
            return json.dumps({"schema": RUNS_SCHEMA, "runs": records}, indent=2) + "\n"
        case OutputFormat.NDJSON:
            return "".join(f"{json.dumps(record)}\n" for record in records)


def run_json(stored: StoredRun, state: str) -> dict[str, object]:
    """One run; what is not known is null."""
    header, status = stored.header, stored.status
    return {
        "run": header.id,
        "name": header.name,
        "manifest": header.manifest,
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


def _duration_s(stored: StoredRun) -> float | None:
    finished_at = stored.status.finished_at
    return None if finished_at is None else round(max(0.0, finished_at - stored.header.started_at), 3)


def _table(history: History, width: int | None) -> Iterator[str]:
    if not history:
        yield "no runs yet"
        return
    yield from lay_out([HEAD, *(_row(stored, state) for stored, state in history)], width=width)


def _row(stored: StoredRun, state: str) -> tuple[str, ...]:
    header, counts, took = stored.header, stored.status.counts, _duration_s(stored)
    outcomes = [f"{counts[outcome]:,} {outcome}" for outcome in Outcome if counts.get(outcome)]
    return (
        header.id,
        visible(header.shown_manifest),
        visible(header.target.address),
        state.replace("_", " "),
        started_text(header.started_at),
        "-" if took is None else span(took),
        f"{stored.items:,}",
        one_line(", ".join(outcomes)) or "-",
    )


def started_text(at: float) -> str:
    """`2026-11-22 12:29:00Z`."""
    return (to_timestamp(at) or "")[:19].replace("T", " ") + "Z"
