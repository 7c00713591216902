"""
The server's workers: evaluations in their order, what they place, and what waits.

Source: hashicorp/nomad, scheduler/generic_sched.go, nomad/worker.go and nomad/blocked_evals.go.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from heapq import heappop, heappush
from typing import Final, Protocol

from dispatchfile.agent.blocked import BlockedEvals
from dispatchfile.agent.clock import AgentClock
from dispatchfile.agent.evaluations import blocked_evaluation, evaluation_of, followup_evaluation
from dispatchfile.agent.plans import SchedulerPlan, changed_allocs, draw_up
from dispatchfile.agent.reconcile import Later, Situation, Wanted, reconcile
from dispatchfile.agent.records import Allocation, Node, StoredEvaluation, StoredJob
from dispatchfile.agent.state import StateStore, Step

_FOLLOWUP_WINDOW_NS: Final = 5 * 10**9


class Runners(Protocol):
    """The side that runs tasks."""

    def launch(self, alloc: Allocation) -> None:
        """Run the tasks of a new allocation; what becomes of them is told to `Scheduler.report`."""

    def halt(self, alloc_id: str, reason: str) -> None:
        """End the tasks of an allocation that is no longer wanted."""

    def forget(self, alloc_id: str) -> None:
        """The allocation is deleted: end what still runs, drop its folder."""


class Workers:
    """
    Process what is to be evaluated, one after the other.

    living: the IDs of the allocations that hold a slot. placed: called after each plan and whenever allocations end.
    """

    def __init__(
        self, state: StateStore, clock: AgentClock, node_id: str, runners: Runners, placed: Callable[[], None]
    ) -> None:
        self.living: set[str] = set()
        self._state = state
        self._clock = clock
        self._node_id = node_id
        self._runners = runners
        self._placed = placed
        self._queue: list[tuple[int, int, str]] = []
        self._is_working = False
        self._blocked_evals = BlockedEvals()

    @property
    def _node(self) -> Node:
        return self._state.nodes[self._node_id]

    def evaluate(
        self,
        step: Step,
        job: StoredJob,
        triggered_by: str,
        *,
        kind: str = "",
        job_modify_index: int = 0,
        node: Node | None = None,
    ) -> StoredEvaluation | None:
        """Store and queue an evaluation; there is none for a job whose children do the work."""
        if not job.runs_by_itself:
            return None
        new = evaluation_of(job, triggered_by, step.now, kind=kind, job_modify_index=job_modify_index, node=node)
        evaluation = step.put_eval(new)
        self._enqueue(evaluation)
        return evaluation

    def put_alloc(self, step: Step, alloc: Allocation, *, by_client: bool = False) -> Allocation:
        """Store an allocation, which holds a slot as long as it lives."""
        alloc = step.put_alloc(alloc, by_client=by_client)
        if alloc.is_terminal:
            self.living.discard(alloc.id)
        else:
            self.living.add(alloc.id)
        return alloc

    def allocations_ended(self) -> None:
        """Something may have room now, or no neighbour any more."""
        for eval_id in self._blocked_evals.take_for_neighbours():
            self._try_again(eval_id)
        self.fill_slots()

    def node_changed(self) -> None:
        """Try again whatever waits."""
        for eval_id in (*self._blocked_evals.take_for_change(), *self._blocked_evals.take_for_neighbours()):
            self._try_again(eval_id)
        self.fill_slots()

    def release(self, alloc_ids: Iterable[str]) -> None:
        """Deleted allocations hold nothing."""
        for alloc_id in alloc_ids:
            self.living.discard(alloc_id)
            self._runners.forget(alloc_id)
        self.fill_slots()

    def fill_slots(self) -> None:
        """Try again as many of those that wait for a slot as there are free ones."""
        slots, waiting = self._node.slots, self._blocked_evals.for_slots
        free = len(waiting) if slots is None else slots - len(self.living)
        while free > 0 and waiting:
            free -= self._try_again(self._blocked_evals.take_for_slot())

    def _try_again(self, eval_id: str) -> bool:
        evaluation = self._state.evals.get(eval_id)
        if evaluation is None or evaluation.status != "blocked":
            return False
        self._enqueue(evaluation)
        return True

    def _enqueue(self, evaluation: StoredEvaluation) -> None:
        heappush(self._queue, (-evaluation.priority, evaluation.create_index, evaluation.id))
        if not self._is_working:
            self._is_working = True
            self._clock.call_later(0, self._work)

    def _work(self) -> None:
        """Process one evaluation, then let others have their turn."""
        _, _, eval_id = heappop(self._queue)
        evaluation = self._state.evals.get(eval_id)
        if evaluation is not None and not evaluation.is_terminal:
            self._process(evaluation)
        self._is_working = bool(self._queue)
        if self._is_working:
            self._clock.call_later(0, self._work)

    def _process(self, evaluation: StoredEvaluation) -> None:
        snapshot = self._state.index
        job = self._state.jobs.get(evaluation.key)
        wanted, plan = self._decided(evaluation, job)
        blocked_eval = self._block(evaluation, plan, snapshot)
        later = wanted.later if not evaluation.wait_until else ()
        followups = self._put_followups(evaluation, job, later, snapshot)
        self._apply(evaluation, plan, changed_allocs(plan, followups, later))
        if evaluation.status == "blocked" and plan.failed and not plan.is_hopeless(evaluation.type):
            self._blocked_evals.add(self._state.evals[evaluation.id], plan.obstacles)
        else:
            done = replace(
                evaluation,
                status="complete",
                status_description="",
                snapshot_index=snapshot,
                failed=plan.failed,
                updates=wanted.updates,
                queued=plan.queued(job) if job is not None else None,
                blocked_eval=blocked_eval,
                next_eval=followups[0].id if followups else "",
                modify_time=self._clock.now_ns(),
            )
            with self._state.step("EvaluationUpdated") as step:
                step.put_eval(done)
        self._notify_runners(plan)

    def _decided(self, evaluation: StoredEvaluation, job: StoredJob | None) -> tuple[Wanted, SchedulerPlan]:
        """Decide what a job wants and what of it can be done; nothing for a purged job."""
        if job is None:
            return Wanted(), SchedulerPlan()
        situation = Situation(job, evaluation, self._node, self._clock.now_ns())
        allocs = self._state.allocs_of(job.key)
        wanted = reconcile(situation, allocs)
        return wanted, draw_up(situation, wanted, self.living, allocs)

    def _apply(self, evaluation: StoredEvaluation, plan: SchedulerPlan, changed: Mapping[str, Allocation]) -> None:
        if not changed and not plan.placed:
            return
        with self._state.step("PlanResult") as step:
            for alloc in (*changed.values(), *(new for _, new in plan.placed)):
                self.put_alloc(step, alloc)
            step.touch_eval(self._state.evals[evaluation.id])

    def _notify_runners(self, plan: SchedulerPlan) -> None:
        for stop in plan.stops:
            self._runners.halt(stop.alloc.id, stop.description)
        for _, alloc in plan.placed:
            self._runners.launch(alloc)
        self.fill_slots()
        self._placed()

    def _block(self, evaluation: StoredEvaluation, plan: SchedulerPlan, snapshot: int) -> str:
        """
        Make the evaluation that waits for what could not be placed.

        Returns its ID, for the one it stems from to name it; that of a sysbatch job does not.
        """
        if not plan.failed or evaluation.status == "blocked" or plan.is_hopeless(evaluation.type):
            return ""
        self._cancel_blocked(evaluation)
        with self._state.step("EvaluationUpdated") as step:
            blocked = step.put_eval(blocked_evaluation(evaluation, plan, self._node, snapshot, step.now))
        self._blocked_evals.add(blocked, plan.obstacles)
        return "" if evaluation.type == "sysbatch" else blocked.id

    def _cancel_blocked(self, evaluation: StoredEvaluation) -> None:
        """A job has at most one blocked evaluation: the newest."""
        older = [other for other in self._state.evals_of(evaluation.key) if other.status == "blocked"]
        if not older:
            return
        reason = f'existing blocked evaluation exists for job "{evaluation.job_id}"'
        with self._state.step("EvaluationUpdated") as step:
            for other in older:
                canceled = replace(other, status="canceled", status_description=reason, modify_time=step.now)
                step.put_eval(canceled)

    def _put_followups(
        self, evaluation: StoredEvaluation, job: StoredJob | None, later: Sequence[Later], snapshot: int
    ) -> list[StoredEvaluation]:
        """Store one evaluation for all that is due within five seconds, at the time of the first."""
        followups: list[StoredEvaluation] = []
        for due in sorted(one.due for one in later):
            if job is None or (followups and due - followups[-1].wait_until < _FOLLOWUP_WINDOW_NS):
                continue
            with self._state.step("EvaluationUpdated") as step:
                followups.append(step.put_eval(followup_evaluation(evaluation, job, due, snapshot, step.now)))
            self._enqueue_later(followups[-1])
        return followups

    def _enqueue_later(self, followup: StoredEvaluation) -> None:
        seconds = (followup.wait_until - self._clock.now_ns()) / 10**9
        self._clock.call_later(max(0.0, seconds), lambda: self._enqueue(followup))
