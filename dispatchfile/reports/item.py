"""`status RUN ITEM`: all about one item, for people."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from dispatchfile.events import RESUMABLE_CAUSES, Outcome, Verdict
from dispatchfile.items import Item
from dispatchfile.nomad.models import Alloc, TaskState
from dispatchfile.reports.again import PROGRAM
from dispatchfile.reports.dispatched import ui_address
from dispatchfile.reports.endings import cause_of, describe_ending
from dispatchfile.reports.history import started_text
from dispatchfile.reports.requests import payload_lines, shown_meta
from dispatchfile.reports.table import Copyable, fit, labelled, wrap_below
from dispatchfile.reports.text import PLAIN, Palette, count_of, one_line, span, visible, visible_lines
from dispatchfile.results import LOCAL, WITHOUT_END, to_epoch_or_none
from dispatchfile.results.detail import AttemptDetail, InNomad, ItemDetail, LogTail
from dispatchfile.secrecy import MASKED

KEY_WIDTH = 12
NARROWEST = 24
NS = 1_000_000_000


def text_of_item(detail: ItemDetail, *, palette: Palette = PLAIN, width: int | None = None) -> str:
    """
    Return some lines, ended by a line feed.

    width: of the terminal in cells; None: lines are as long as they are. Commands and IDs are never broken.
    """
    lines = [
        *_head(detail, palette, width),
        "",
        palette.strong("Request"),
        *_request(detail.item, width),
    ]
    for attempt in detail.attempts:
        is_last = attempt is detail.attempts[-1]
        lines += ["", palette.strong(f"Attempt {attempt.number}"), *_attempt(attempt, width, is_last=is_last)]
        if is_last:
            lines += _in_nomad(detail, palette, width)
    lines += _log_lines(detail, palette, width)
    lines += _next(detail, palette, width)
    return "\n".join(fit(lines, width)) + "\n"


def _field(key: str, value: str, width: int | None, indent: str = "  ") -> Iterator[str]:
    """Yield `  key         value`, the value wrapped below itself."""
    head = f"{indent}{key.ljust(KEY_WIDTH)}  "
    if width is not None and width - len(head) < NARROWEST:
        yield f"{indent}{key}"
        yield from wrap_below(value, width, f"{indent}  ")
        return
    first, *others = wrap_below(value, width, " " * len(head))
    yield Copyable(f"{head}{first.lstrip()}".rstrip())
    yield from others


def _time(at: float | None, since: float | None = None) -> str:
    """Return `2026-11-22 12:29:00Z (after 12s)`."""
    if at is None:
        return ""
    after = "" if since is None else f" (after {span(max(0.0, at - since))})"
    return f"{started_text(at)}{after}"


# The item


def _head(detail: ItemDetail, palette: Palette, width: int | None) -> Iterator[str]:
    result = detail.result
    if result.outcome is None:
        what = palette.strong(result.state.replace("_", " "))
    else:
        paint = {0: palette.good, 1: palette.doubtful, 2: palette.bad}[result.outcome.exit_class]
        cause = "" if result.cause is None else f" ({cause_of(result.cause, result.exit_code)})"
        what = paint(f"{result.outcome}{cause}")
    yield f"item {palette.strong(visible(result.id))} of run {detail.run}: {what}"
    if result.message:
        yield from _field("message", one_line(result.message), width)
    place = detail.item.row or detail.item.position
    if place.file:
        yield from _field("source", visible(result.source or str(place)), width)
    if result.tags:
        yield from _field("tags", visible(", ".join(result.tags)), width)
    if detail.later is not None:
        how = str(detail.later.outcome) if detail.later.outcome else "sent, without an end on record"
        yield from _field("since", f"{how} in rerun {detail.later.run}", width)


def _request(item: Item, width: int | None) -> Iterator[str]:
    request = item.request
    fields = {
        "job": request.job,
        "namespace": request.namespace,
        "region": request.region,
        "priority": "" if request.priority is None else str(request.priority),
        "timeout": "" if item.deadline is None else span(item.deadline.total_seconds()),
    }
    for key, value in fields.items():
        if value:
            yield from _field(key, visible(value), width)
    for key, value in shown_meta(masked(item)).items():
        yield from _field("meta", f"{visible(key)} = {visible(value)}", width)
    if "payload" in item.sensitive:
        yield from _field("payload", MASKED, width)
    else:
        yield from payload_lines(item)


def masked(item: Item) -> Item:
    """Return the item with a mask for each sensitive value, which the journal does not have."""
    names = [name.removeprefix("meta.") for name in item.sensitive if name.startswith("meta.")]
    request = replace(item.request, meta={**item.request.meta, **dict.fromkeys(names, MASKED)})
    return replace(item, request=request)


# Attempts


def _attempt(attempt: AttemptDetail, width: int | None, *, is_last: bool) -> Iterator[str]:
    """is_last: its message is the item's, and is not repeated."""
    fields = {
        "outcome": "" if attempt.verdict is None else _ending(attempt.verdict, is_last=is_last),
        "child": attempt.child + (" (it already existed, found by its token)" if attempt.existing else ""),
        "prefix": "" if attempt.child else attempt.prefix,
        "sent": "" if attempt.child else "perhaps: " + attempt.doubt if attempt.may_be_sent else "no",
        "evaluation": attempt.eval_id,
        "token": attempt.token or "",
        "dispatched": _time(attempt.dispatched_at),
        "seen running": _time(attempt.seen_running_at, attempt.dispatched_at),
        "ended": _time(attempt.ended_at, attempt.dispatched_at),
        "retry": _time(attempt.retry_at),
    }
    verdict = attempt.verdict
    if verdict is not None:
        fields |= {
            "allocation": verdict.alloc_id,
            "place": "" if verdict.alloc_index is None else f"{verdict.group}[{verdict.alloc_index}]",
            "task": verdict.task,
            "node": verdict.node,
            "starts": str(verdict.starts) if verdict.starts else "",
        }
    for key, value in fields.items():
        if value:
            yield from _field(key, one_line(value).rstrip(": "), width)


def _ending(verdict: Verdict, *, is_last: bool) -> str:
    return describe_ending(replace(verdict, message="" if is_last else verdict.message, last_log_line=""))


# In Nomad


def _in_nomad(detail: ItemDetail, palette: Palette, width: int | None) -> Iterator[str]:
    yield ""
    yield palette.strong("In Nomad")
    if detail.result.child and detail.target != LOCAL:
        yield from _field("UI", ui_address(detail.target, detail.result.child, detail.result.namespace), width)
    if detail.nomad is None:
        yield from _field("job", f"not read: {one_line(detail.unread)}", width)
        return
    yield from _job(detail.nomad, width)
    for alloc in detail.nomad.allocs:
        yield from _alloc(alloc, width)


def _job(found: InNomad, width: int | None) -> Iterator[str]:
    stopped = " (stopped)" if found.stopped else ""
    yield from _field("job", f"{found.job_status}{stopped}" if found.job_status else "gone from Nomad", width)
    if found.waits_for:
        yield from _field("queued", one_line(found.waits_for), width)
    for evaluation in found.evaluations:
        about = f"{evaluation.status}, triggered by {evaluation.triggered_by}"
        description = f": {evaluation.status_description}" if evaluation.status_description else ""
        yield from _field("evaluation", one_line(f"{evaluation.id} {about}{description}"), width)


def _alloc(alloc: Alloc, width: int | None) -> Iterator[str]:
    place = alloc.name.removeprefix(f"{alloc.job_id}.")
    yield from _field("allocation", one_line(f"{alloc.id} {place} {alloc.client_status}"), width)
    node = f"{alloc.node_name} {alloc.node_id}".strip()
    placed = alloc.create_time_ns / NS if alloc.create_time_ns else None
    for key, value in {"node": node, "placed": _time(placed)}.items():
        if value:
            yield from _field(key, one_line(value), width, "    ")
    for description in filter(None, {alloc.desired_description, alloc.client_description}):
        yield from _field("because", one_line(description), width, "    ")
    for name, state in alloc.task_states.items():
        yield from _field("task", f"{visible(name)}: {_task(state)}", width, "    ")


def _task(state: TaskState) -> str:
    """Return `dead, failed; started …, ended … (after 12s); 2 restarts`."""
    started, ended = to_epoch_or_none(state.started_at), to_epoch_or_none(state.finished_at)
    times = [
        *([f"started {_time(started)}"] if started else ["never started" if state.state == "dead" else "not started"]),
        *([f"ended {_time(ended, started)}"] if ended and started else []),
    ]
    restarts = [count_of(state.restarts, "restart")] if state.restarts else []
    what = [state.state + (", failed" if state.failed else "")]
    return "; ".join([*what, ", ".join(times), *restarts])


def _log_lines(detail: ItemDetail, palette: Palette, width: int | None) -> list[str]:
    logs = detail.nomad.logs if detail.nomad is not None else ()
    last = detail.result.last_log_line
    if not logs and not last:
        return []
    lines = ["", palette.strong("Last log lines")]
    lines += [line for log in logs for line in _log(log, width)]
    return lines if logs else [*lines, f"  {visible_lines(last)[0]}"]


def _log(log: LogTail, width: int | None) -> Iterator[str]:
    mark = " (stderr)" if log.stream == "stderr" else ""
    name = f"{visible(log.source)}{mark}".strip()
    if log.note:
        note = f"{f'{name}: ' if name else ''}{one_line(log.note)}"
        yield from wrap_below(note, width, "  ")
    yield from (f"  {f'{name} ' if name else ''}| {visible_lines(line)[0]}" for line in log.lines)


# What to do next


def _next(detail: ItemDetail, palette: Palette, width: int | None) -> Iterator[str]:
    steps = next_steps(detail)
    if steps:
        yield from ["", palette.strong("Next")]
    for step in steps:
        what, _, command = step.rpartition(f": {PROGRAM} ")
        first, *others = labelled(f"  {what}", f"{PROGRAM} {command}", width)
        yield first
        yield from (Copyable(f"  {line}") for line in others)


def next_steps(detail: ItemDetail) -> list[str]:
    """Return commands, each after what it does."""
    result, run, later = detail.result, detail.run, detail.later
    item = f"-- {result.id}" if result.id.startswith("-") else result.id
    steps = [f"all log lines: {PROGRAM} logs {run} {item}"] if result.child and detail.target != LOCAL else []
    if later is not None:
        return [*steps, f"its rerun: {PROGRAM} status {later.run} {item}"]
    return [*steps, *_step_of_run(detail, f"--only={result.id}" if item != result.id else f"--only {result.id}")]


def _step_of_run(detail: ItemDetail, only: str) -> list[str]:
    result, run = detail.result, detail.run
    can_resume = result.outcome in {None, Outcome.UNKNOWN} or result.cause in RESUMABLE_CAUSES
    if detail.run_state == "running":
        return [f"follow the run: {PROGRAM} watch {run}"]
    if detail.run_state == "interrupted":
        return [f"continue the run: {PROGRAM} resume {run}"] if can_resume else []
    if result.outcome in WITHOUT_END:
        return [f"see how it ends: {PROGRAM} watch {run}"]
    if result.outcome is Outcome.UNKNOWN:
        look = [] if detail.is_dispatch else [f"look for it again: {PROGRAM} resume {run}"]
        return [
            *look,
            f"run it again, if it did not run: {PROGRAM} rerun {run} --outcome unknown {only}",
        ]
    if result.outcome is not None and result.outcome.exit_class:
        return [f"run it again: {PROGRAM} rerun {run} {only}"]
    return []
