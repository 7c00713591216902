"""Renders the summary of a run for people: failed items and how to run them again, counts, time, requests."""

from __future__ import annotations

import json
from collections.abc import Iterator

from dispatchfile.events import ExtraStart, Outcome
from dispatchfile.reports.failures import endings_lines
from dispatchfile.reports.formats import OutputFormat
from dispatchfile.reports.table import fit, labelled
from dispatchfile.reports.text import PLAIN, Palette, count_of, one_line, span, visible
from dispatchfile.results import LOCAL, JobWait, Summary, item_json, summary_head_json

ITEMS_A_PIECE = 1_000
SHOWN_WAITS = 12  # jobs of which it is said why their items are queued
UNFINISHED = frozenset({"running", "interrupted"})
NOT_AWAITED = (Outcome.DISPATCHED, Outcome.PLACED)  # a good end of the run, and none of the job
PROGRAM = "dispatchfile"
SHOWN_EXTRA_STARTS = 10
EXTRA_STARTS = {
    ExtraStart.NODE_LOST: "its node was lost",
    ExtraStart.DISCONNECT: "its node was disconnected",
    ExtraStart.ALLOC_STOP: "its allocation was stopped in Nomad",
    ExtraStart.DRAIN: "its node was drained",
    ExtraStart.PREEMPTION: "it was preempted",
    ExtraStart.RESTART: "it was restarted in Nomad",
}


def summary_pieces(
    summary: Summary,
    form: OutputFormat,
    *,
    palette: Palette = PLAIN,
    width: int | None = None,
    verbose: bool = False,
) -> Iterator[str]:
    """
    Yield the summary as text, as one JSON object, or as that on one line, to end an NDJSON stream.

    It comes in pieces to be written one after the other: as a whole, 100,000 items take half a gigabyte.
    """
    match form:
        case OutputFormat.TEXT:
            yield text_of_summary(summary, palette=palette, width=width, verbose=verbose)
        case OutputFormat.JSON:
            yield from _json_pieces(summary, 2, ("\n  ", "\n    ", "\n  ]\n}\n"))
        case OutputFormat.NDJSON:
            yield from _json_pieces(summary, None, (" ", " ", "]}\n"))


def _json_pieces(summary: Summary, indent: int | None, layout: tuple[str, str, str]) -> Iterator[str]:
    """layout: what stands before a key, before an item, and after the last one. Items take a line each."""
    before_key, before_item, end = layout
    head = json.dumps(summary_head_json(summary), indent=indent)
    yield f'{head[:-1].rstrip()},{before_key}"items": ['
    for start in range(0, len(summary.items), ITEMS_A_PIECE):
        some = summary.items[start : start + ITEMS_A_PIECE]
        yield ("," if start else "") + ",".join(before_item + json.dumps(item_json(item)) for item in some)
    yield end


def text_of_summary(
    summary: Summary, *, palette: Palette = PLAIN, width: int | None = None, verbose: bool = False
) -> str:
    """
    Return some lines, ended by a line feed.

    width: of the terminal in cells; None lets lines grow as long as they are. verbose: also what it cost the server.
    """
    lines = [
        *endings_lines(summary, palette, width),
        counts_line(summary, palette),
        *_closing(summary, palette, width, verbose=verbose),
    ]
    return "\n".join(fit(lines, width)) + "\n"


def counts_line(summary: Summary, palette: Palette = PLAIN) -> str:
    """Return `997 succeeded, 3 failed of 1,000 items`, worst last."""
    paint = {0: palette.good, 1: palette.doubtful, 2: palette.bad}
    parts = [
        paint[outcome.exit_class](f"{number:,} {outcome}") for outcome in Outcome if (number := summary.counts[outcome])
    ]
    total = summary.counts["total"]
    if living := total - sum(summary.counts[outcome] for outcome in Outcome):
        parts.append(palette.doubtful(f"{living:,} without an outcome"))
    return f"{', '.join(parts) or 'nothing to do'} of {count_of(total, 'item')}"


def _closing(summary: Summary, palette: Palette, width: int | None, *, verbose: bool) -> Iterator[str]:
    how = "still running" if summary.state == "running" else summary.state.replace("_", " ")
    after = "" if summary.duration_s is None else f" after {span(summary.duration_s)}"
    yield f"run {palette.strong(summary.run)} ({one_line(summary.name)}) {how}{after}: exit code {summary.exit_code}"
    if summary.doubled:
        names = ", ".join(map(visible, summary.doubled))
        yield palette.bad(f"TWO CHILDREN exist for one attempt, which must never happen: {names}")
    if known := sum(item.existing for item in summary.items):
        yield f"{count_of(known, 'item')} already had a child before this run, found by the idempotency token"
    if adopted := sum(item.adopted for item in summary.items):
        yield f"{count_of(adopted, 'item')} already had a child of run {visible(summary.run)}, which this run adopted"
    yield from wait_lines(summary)
    yield from extra_starts_lines(summary)
    if summary.requests.throttled or (verbose and summary.requests.total):
        yield requests_line(summary)
    if summary.state == "interrupted":
        yield from ways_on(summary, palette, width)
    else:
        yield from watch_lines(summary, palette, width)


def wait_lines(summary: Summary) -> list[str]:
    """Return `3 items of job encode are queued: no node meets "${meta.x} = y" (1 filtered)`, a line a job."""
    are = ("was", "were") if summary.state == "interrupted" else ("is", "are")
    lines = [_describe_wait(wait, are) for wait in summary.waits[:SHOWN_WAITS]]
    left_out = len(summary.waits) - SHOWN_WAITS
    return [*lines, f"{count_of(left_out, 'other job')} queued (-o json says why)"] if left_out > 0 else lines


def _describe_wait(wait: JobWait, are: tuple[str, str]) -> str:
    one, many = are
    items = f"{count_of(wait.items, 'item')} of job {wait.job}"
    return one_line(f"{items} {one if wait.items == 1 else many} {wait.message}")


def extra_starts_lines(summary: Summary) -> Iterator[str]:
    """Yield a line for each item that was started more often than its `max_starts` allows, and why."""
    over = [item for item in summary.items if item.is_over_max_starts]
    for item in over[:SHOWN_EXTRA_STARTS]:
        reasons = " and ".join(EXTRA_STARTS[reason] for reason in item.extra_starts)
        why = f": {reasons}" if reasons else ""
        yield f"{visible(item.id)} was started {item.starts} times, max_starts is {item.max_starts}{why}"
    if len(over) > SHOWN_EXTRA_STARTS:
        more = count_of(len(over) - SHOWN_EXTRA_STARTS, "more item")
        yield f"{more} started more often than max_starts allows; -o json lists all"


def watch_lines(summary: Summary, palette: Palette = PLAIN, width: int | None = None) -> list[str]:
    """Say that jobs were left to themselves, and how to see their ends; nothing where all ends are known."""
    open_ends = sum(summary.counts[outcome] for outcome in NOT_AWAITED)
    if not open_ends or summary.detached or summary.target == LOCAL:
        return []
    what = f"{count_of(open_ends, 'item')} {'was' if open_ends == 1 else 'were'} not followed to the end"
    if not summary.has_journal:
        return [f"{what} (wait: {summary.wait}); the IDs of the jobs in Nomad contain {summary.run}"]
    command = palette.strong(f"{PROGRAM} watch {summary.run}")
    return labelled(f"{what} (wait: {summary.wait}); to follow them", command, width)


def ways_on(summary: Summary, palette: Palette = PLAIN, width: int | None = None) -> list[str]:
    """Return what can be done with an interrupted run."""
    if not summary.has_journal:
        return [f"the run kept no journal and cannot be resumed; the IDs of its jobs in Nomad contain {summary.run}"]
    lines = labelled("continue with", palette.strong(f"{PROGRAM} resume {summary.run}"), width)
    if summary.target != LOCAL and any(item.child and not item.outcome for item in summary.items):
        lines += labelled("stop its jobs with", palette.strong(f"{PROGRAM} stop {summary.run}"), width)
    return lines


def requests_line(summary: Summary) -> str:
    """Return `412 requests, peak 9 connections, 0 throttled`."""
    requests = summary.requests
    peak = count_of(requests.peak_connections, "connection")
    return f"{count_of(requests.total, 'request')}, peak {peak}, {requests.throttled:,} throttled"
