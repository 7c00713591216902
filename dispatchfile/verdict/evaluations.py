"""Reads evaluations: which ones wait, failed or were stopped."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from dispatchfile.events import Cause
from dispatchfile.nomad.models import Evaluation, PlacementFailure
from dispatchfile.verdict.explanations import explain_placement_failure
from dispatchfile.verdict.wording import one_line

OPEN = frozenset({"pending", "blocked"})


def find_open(evals: Sequence[Evaluation]) -> list[Evaluation]:
    """Evaluations that may still place something; one whose follow-up was not read yet is open as well."""
    known = {eval_.id for eval_ in evals}
    return [eval_ for eval_ in from_old_to_new(evals) if eval_.status in OPEN or _leads_on(eval_, known)]


def _leads_on(eval_: Evaluation, known: set[str]) -> bool:
    """A failed evaluation names what follows it: after too many attempts a blocked one, after lost workers the next."""
    followers = {eval_.next_eval, eval_.blocked_eval if eval_.status == "failed" else ""} - {""}
    return not followers <= known


def from_old_to_new(evals: Iterable[Evaluation]) -> list[Evaluation]:
    return sorted(evals, key=lambda eval_: (eval_.create_index, eval_.modify_index, eval_.id))


def is_deregistered(evals: Iterable[Evaluation]) -> bool:
    return any(eval_.triggered_by == "job-deregister" for eval_ in evals)


def find_last_failures(evals: Sequence[Evaluation]) -> Mapping[str, PlacementFailure]:
    """Why the last evaluation that failed to place something did; earlier ones keep theirs for ever."""
    return next((eval_.failed_groups for eval_ in reversed(from_old_to_new(evals)) if eval_.failed_groups), {})


def explain_unplaced(evals: Sequence[Evaluation]) -> tuple[Cause, str]:
    failures = find_last_failures(evals)
    failed = [eval_ for eval_ in from_old_to_new(evals) if eval_.status == "failed"]
    if failed and not failures:
        return Cause.EVAL_FAILED, _explain_failed_evaluation(failed[-1])
    return Cause.NO_CAPACITY, explain_placement_failure(failures)


def _explain_failed_evaluation(eval_: Evaluation) -> str:
    return f"its evaluation failed: {one_line(eval_.status_description) or 'Nomad gives no reason'}"
