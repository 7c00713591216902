"""
Judges a child: its job, evaluations and allocations give an outcome with its cause.

`dead` and `complete` prove nothing: a stopped, drained or overdue allocation is `complete` like one that succeeded,
and failures of allocations that were replaced stay in every count. So each place of a group is judged by its newest
allocation, and the worst place decides.

Pure: no clock, no I/O. Read a job's status no later than its allocations, its evaluations no earlier than these.
Source: hashicorp/nomad, nomad/structs/alloc.go, nomad/structs/eval.go, nomad/state/state_store.go (getJobStatus),
scheduler/structs/const.go, client/allocrunner; every ending was observed on 2.0.5.
"""

from dispatchfile.verdict.completion import judge_blocked, judge_completion, with_last_seen, with_log_line
from dispatchfile.verdict.explanations import explain_placement_failure
from dispatchfile.verdict.placement import judge_placement
from dispatchfile.verdict.places import max_starts
from dispatchfile.verdict.records import ChildRecords, Judgement, Living, NeedsEvaluations
from dispatchfile.verdict.waiting import NO_EVAL_AFTER_S

__all__ = [
    "NO_EVAL_AFTER_S",
    "ChildRecords",
    "Judgement",
    "Living",
    "NeedsEvaluations",
    "explain_placement_failure",
    "judge_blocked",
    "judge_completion",
    "judge_placement",
    "max_starts",
    "with_last_seen",
    "with_log_line",
]
