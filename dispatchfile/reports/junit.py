"""
A run as a test report: a suite of the manifest, a case for each item.

What a CI system shows as a failure is a task's own: it ran and did not succeed. What nobody can blame on the task
(lost, unplaced, refused, unknown …) is an error. What was never sent is skipped, and its reason says so.
"""

from __future__ import annotations

from dispatchfile.events import Outcome
from dispatchfile.reports.endings import cause_of
from dispatchfile.reports.junit_suite import Case, Ending, junit_document
from dispatchfile.reports.text import one_line
from dispatchfile.results import ItemResult, Summary

TAGS: dict[Outcome | None, str] = {
    Outcome.DISPATCHED: "",
    Outcome.PLACED: "",
    Outcome.SUCCEEDED: "",
    Outcome.SKIPPED: "skipped",
    Outcome.UNSENT: "skipped",
    Outcome.FAILED: "failure",
    Outcome.TIMED_OUT: "failure",
    Outcome.UNPLACED: "error",
    Outcome.LOST: "error",
    Outcome.STOPPED: "error",
    Outcome.REFUSED: "error",
    Outcome.UNKNOWN: "error",
    None: "error",
}


def junit_of_run(summary: Summary) -> str:
    """Return the whole report, as the readers of Jenkins, GitLab and GitHub take it."""
    properties = {
        "run": summary.run,
        "manifest": summary.manifest,
        "target": summary.target,
        "wait": summary.wait,
        "state": summary.state,
        "exit_code": str(summary.exit_code),
    }
    return junit_document(
        summary.name,
        [_case(item) for item in summary.items],
        started_at=summary.started_at,
        duration_s=summary.duration_s or 0.0,
        properties=properties,
    )


def _case(item: ItemResult) -> Case:
    return Case(item.job, item.id, item.duration_s or 0.0, _ending(item))


def _ending(item: ItemResult) -> Ending | None:
    tag = TAGS[item.outcome]
    if not tag:
        return None
    kind = cause_of(item.cause, item.exit_code) if item.cause else str(item.outcome or item.state)
    message = f"{item.outcome or 'no outcome yet'}: {one_line(item.message) or '-'}"
    return Ending(tag, kind, message, "\n".join(_details(item)))


def _details(item: ItemResult) -> list[str]:
    """Return what happened, the last line of the log, and where the item is in the manifest and in Nomad."""
    found = {
        "item": item.source,
        "place": str(item.position or ""),
        "child": item.child,
        "evaluation": item.eval_id,
        "node": item.node,
        "attempt": str(item.attempt or ""),
        "starts": str(item.starts or ""),
    }
    said = filter(None, (item.message, item.last_log_line))
    return [*said, *(f"{name}: {value}" for name, value in found.items() if value)]
