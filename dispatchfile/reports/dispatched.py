"""
Shows one dispatch as the Nomad CLI does: with the same words and the same columns.

Source: hashicorp/nomad, command/job_dispatch.go, command/monitor.go and command/job_status.go.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from urllib.parse import quote

from dispatchfile.errors import NomadError
from dispatchfile.events import State, Verdict
from dispatchfile.names import child_id_start
from dispatchfile.nomad.changes import (
    AllocChanged,
    AllocPlaced,
    Change,
    EvalChanged,
    EvalEnded,
    EvalMissing,
    EvalTriggered,
    EvalWatched,
)
from dispatchfile.nomad.models import Evaluation, JobStub, PlacementFailure
from dispatchfile.nomad.quoting import quoted
from dispatchfile.reports.endings import describe_ending
from dispatchfile.reports.table import lay_out
from dispatchfile.reports.text import PLAIN, Palette, one_line, visible

SHORT_ID, FULL_ID = 8, 36
HEADING, DETAIL = "==> ", "    "
DEFAULT_NAMESPACE = "default"
SCHEMA = "dispatchfile/dispatch/v1"


class Child(Protocol):
    """A child that Nomad has for the dispatch."""

    @property
    def id(self) -> str: ...

    @property
    def eval_id(self) -> str: ...

    @property
    def existing(self) -> bool: ...


class End(Protocol):
    """The result of the dispatch."""

    @property
    def job(self) -> str: ...

    @property
    def namespace(self) -> str: ...

    @property
    def verdict(self) -> Verdict: ...

    @property
    def child(self) -> Child | None: ...

    @property
    def exit_code(self) -> int: ...

    @property
    def run(self) -> str: ...


def local_time(at: float) -> str:
    """RFC 3339 in the zone of this machine, as Go writes it. *at*: seconds since the epoch."""
    return datetime.fromtimestamp(at).astimezone().isoformat(timespec="seconds").replace("+00:00", "Z")


@dataclass(frozen=True, slots=True)
class Wording:
    """The style of messages: with IDs in full or not, and with colors or not."""

    full_ids: bool = False
    palette: Palette = PLAIN

    def short(self, identifier: str) -> str:
        return quoted(identifier[: FULL_ID if self.full_ids else SHORT_ID])

    # The child

    def accepted(self, child: Child, token: str) -> list[str]:
        if child.existing:
            return [f"Job {quoted(child.id)} already dispatched with idempotency token {quoted(token)}."]
        lines = [f"Dispatched Job ID = {visible(child.id)}"]
        if child.eval_id:
            lines.append(f"Evaluation ID     = {self.short(child.eval_id).strip(chr(34))}")
        return lines

    def moved(self, child: Child, state: State, message: str, at: float) -> str:
        told = f": {one_line(message)}" if message else ""
        return f"{DETAIL}{local_time(at)}: Job {quoted(child.id)} {state}{told}"

    def ended(self, child: Child, verdict: Verdict, at: float) -> str:
        return f"{HEADING}{local_time(at)}: Job {quoted(child.id)} {one_line(describe_ending(verdict))}"

    # Its evaluation

    def changed(self, change: Change, at: float) -> list[str]:
        """Return the lines that a change is worth."""
        if isinstance(change, EvalMissing):
            return [f"{HEADING}No evaluation with id {quoted(change.eval_id)} found"]
        now = local_time(at)
        if isinstance(change, EvalWatched):
            return [f"{HEADING}{now}: Monitoring evaluation {self.short(change.eval_id)}"]
        if isinstance(change, EvalEnded):
            return self._eval_ended(change.evaluation, now)
        return [f"{DETAIL}{now}: {self._detail(change)}"]

    def _detail(self, change: EvalTriggered | AllocPlaced | AllocChanged | EvalChanged) -> str:
        match change:
            case EvalTriggered():
                return f"Evaluation triggered by job {quoted(change.job_id)}"
            case EvalChanged():
                return f"Evaluation status changed: {quoted(change.before)} -> {quoted(change.after)}"
            case AllocPlaced():
                verb = "modified" if change.modified else "created"
                place = f"node {self.short(change.node_id)}, group {quoted(change.group)}"
                return f"Allocation {self.short(change.alloc_id)} {verb}: {place}"
            case AllocChanged():
                why = f" ({visible(change.description)})" if change.description else ""
                step = f"{quoted(change.before)} -> {quoted(change.after)}"
                return f"Allocation {self.short(change.alloc_id)} status changed: {step}{why}"

    def _eval_ended(self, evaluation: Evaluation, now: str) -> list[str]:
        ended = (
            f"{HEADING}{now}: Evaluation {self.short(evaluation.id)} finished with status {quoted(evaluation.status)}"
        )
        if not evaluation.failed_groups:
            return [ended]
        lines = [f"{ended} but failed to place all allocations:"]
        for group, failure in sorted(evaluation.failed_groups.items()):
            count = failure.coalesced_failures + 1
            noun = "allocation" if count == 1 else "allocations"
            lines.append(f"{DETAIL}{now}: Task Group {quoted(group)} (failed to place {count} {noun}):")
            lines += [DETAIL + line for line in self._failure(failure)]
        if evaluation.blocked_eval:
            waiting = f"Evaluation {self.short(evaluation.blocked_eval)} waiting for additional capacity"
            lines.append(f"{DETAIL}{now}: {waiting} to place remainder")
        return lines

    def _failure(self, failure: PlacementFailure) -> list[str]:
        """Return a line for each reason, and an empty one where there is none. The CLI tells them in any order."""
        lines = [f"  * {reason}" for reason in _reasons(failure)]
        return [self.palette.bad(line) if "missing drivers" in line else line for line in lines] or [""]


def _reasons(failure: PlacementFailure) -> Iterator[str]:
    if not failure.nodes_evaluated:
        yield "No nodes were eligible for evaluation"
    for name, count in sorted(failure.nodes_available.items()):
        if not count:
            yield f"No nodes are available in datacenter {quoted(name)}"
    yield from _counted("Class {}: {} nodes excluded by filter", failure.class_filtered)
    yield from _counted("Constraint {}: {} nodes excluded by filter", failure.constraint_filtered)
    if failure.nodes_exhausted:
        yield f"Resources exhausted on {failure.nodes_exhausted} nodes"
    yield from _counted("Class {} exhausted on {} nodes", failure.class_exhausted)
    yield from _counted("Dimension {} exhausted on {} nodes", failure.dimension_exhausted)
    for name in failure.quota_exhausted:
        yield f"Quota limit hit {quoted(name)}"


def _counted(text: str, counts: Mapping[str, int]) -> Iterator[str]:
    return (text.format(quoted(name), count) for name, count in sorted(counts.items()))


# What went wrong


def failed_text(error: NomadError) -> str:
    """Why nothing, or perhaps nothing, was dispatched. Nomad's own words stand where the CLI has them."""
    return f"Failed to dispatch job: {_as_response(error)}"


def unlisted_text(job: str, error: NomadError) -> str:
    return f"Error querying job prefix {quoted(job)}: {_as_response(error)}"


def _as_response(error: NomadError) -> str:
    message = one_line(error.message)
    if error.status is None or message.startswith("HTTP "):
        return message
    return f"Unexpected response code: {error.status} ({message})"


def doubt_text(job: str, namespace: str, *, prefix: str, token: str, flags: Sequence[str]) -> str:
    """Return what to do if it is not known whether the job was dispatched."""
    command = look_command(job, namespace, prefix=prefix, flags=flags)
    again = "; the same command again makes no second job, thanks to its token" if token else ""
    return f"The job may have been dispatched. To look: {command}{again}"


def look_command(job: str, namespace: str, *, prefix: str = "", flags: Sequence[str] = ()) -> str:
    """Return the command that shows the children of *job*. flags: of the connection, as the user gave them."""
    where = [f"-namespace={namespace}"] if namespace not in ("", DEFAULT_NAMESPACE) else []
    what = child_id_start(job, f"{prefix}-") if prefix else job
    return shlex.join(["nomad", "job", "status", *flags, *where, what])


def several_jobs_text(
    headline: str, rows: Sequence[JobStub], *, with_namespaces: bool = False, truncated: bool = False
) -> str:
    """Return the table of jobs that may be meant."""
    head = ["ID", *(["Namespace"] if with_namespaces else []), "Type", "Priority", "Status", "Submit Date"]
    cells = [head, *(_job_cells(row, with_namespaces=with_namespaces) for row in rows)]
    lines = lay_out(cells, width=None, align_numbers=False)
    return "\n".join([headline, "", *lines, *(["(results may be truncated)"] if truncated else [])])


def _job_cells(row: JobStub, *, with_namespaces: bool) -> list[str]:
    kind = row.type + ("/periodic" if row.periodic else "") + ("/parameterized" if row.parameterized else "")
    status = f"{row.status} (stopped)" if row.stop else row.status
    submitted = local_time(row.submit_time_ns // 1_000_000_000) if row.submit_time_ns else ""
    cells = [row.id, *([row.namespace] if with_namespaces else []), kind, str(row.priority), status, submitted]
    return [visible(cell) or "<none>" for cell in cells]


# For scripts, and for the browser


def ui_address(address: str, child: str, namespace: str) -> str:
    """Return the address of the child in the Web UI."""
    return f"{address}/ui/jobs/{quote(child, safe='$&+:=@')}@{namespace or DEFAULT_NAMESPACE}"


def end_json(end: End) -> dict[str, object]:
    """Return the dispatch as one object; what is not known is null."""
    child, verdict = end.child, end.verdict
    return {
        "schema": SCHEMA,
        "job": end.job,
        "namespace": end.namespace or DEFAULT_NAMESPACE,
        "child": child.id if child else None,
        "eval_id": child.eval_id or None if child else None,
        "existing": child.existing if child else False,
        "outcome": str(verdict.outcome),
        "cause": str(verdict.cause) if verdict.cause else None,
        "message": verdict.message,
        "last_line": verdict.last_log_line or None,
        "task_exit_code": verdict.exit_code,
        "node": verdict.node or None,
        "starts": verdict.starts,
        "exit_code": end.exit_code,
        "run": end.run or None,
    }
