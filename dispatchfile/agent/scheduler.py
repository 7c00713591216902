"""
What happens after a change: evaluations, placements in slots, reports of tasks, rescheduling.

Every command puts its change into the state as a real server would, step by step, so that indexes, descriptions
and the order of events agree. All of it is synchronous; what is due later goes through the clock that is handed
in. Source: hashicorp/nomad, scheduler/generic_sched.go, nomad/job_endpoint.go, nomad/node_endpoint.go.
"""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from heapq import heappop, heappush
from typing import Final, Protocol

from dispatchfile.agent.blocked import BlockedEvals
from dispatchfile.agent.clock import Clock
from dispatchfile.agent.collection import Collector
from dispatchfile.agent.plans import Plan, changed_allocs, draw_up
from dispatchfile.agent.reconcile import Later, Situation, Wanted, may_reschedule, reconcile
from dispatchfile.agent.records import Allocation, Drain, Evaluation, Job, Key, Node, Transition
from dispatchfile.agent.state import State, Step

_FOLLOWUP_WINDOW_NS: Final = 5 * 10**9


class Runners(Protocol):
    """The side that runs tasks."""

    def launch(self, alloc: Allocation) -> None:
        """Run the tasks of a new allocation; what becomes of them is told to `Scheduler.report`."""

    def halt(self, alloc_id: str, reason: str) -> None:
        """End the tasks of an allocation that is no longer wanted."""

    def forget(self, alloc_id: str) -> None:
        """The allocation is deleted: end what still runs, drop its folder."""


class Report(Protocol):
    """What a client says of one of its allocations."""

    @property
    def client_status(self) -> str: ...
    @property
    def client_description(self) -> str: ...
    @property
    def task_states(self) -> Mapping[str, Mapping[str, object]]: ...


@dataclass(frozen=True, slots=True)
class Written:
    """What a write answers: its index, and the evaluation it made, if any."""

    index: int
    evaluation: Evaluation | None = None


class Scheduler:
    """
    The server's workers and the node's reports, on one machine.

    batch_seconds: how long the client's reports are gathered before they are stored together.
    collect_after: how many seconds after its end a dead job is forgotten.
    """

    def __init__(
        self,
        state: State,
        clock: Clock,
        node: Node,
        runners: Runners,
        *,
        batch_seconds: float = 0.05,
        collect_after: float = 4 * 3600,
    ) -> None:
        self._state = state
        self._clock = clock
        self._node_id = node.id
        self._runners = runners
        self._batch_seconds = batch_seconds
        self._collector = Collector(state, clock, collect_after, self._collect)
        self._queue: list[tuple[int, int, str]] = []
        self._is_working = False
        self._blocked_evals = BlockedEvals()
        self._living: set[str] = set()
        self._reports: dict[str, Report] = {}
        self._is_gathering = False
        with state.step("NodeRegistration") as step:
            step.put_node(node)

    @property
    def node(self) -> Node:
        return self._state.nodes[self._node_id]

    # what clients ask for

    def add_job(self, job: Job) -> Written:
        """Register a job or a dispatched child; one that runs by itself is evaluated."""
        known = self._state.jobs.get(job.key)
        if known is not None:
            job = replace(job, version=known.version + 1, status=known.status)
        with self._state.step("JobRegistered") as step:
            job = step.put_job(job, new_version=True)
            evaluation = self._put_evaluation(step, job, "job-register", job_modify_index=step.index)
        return Written(step.index, evaluation)

    def evaluate_job(self, job: Job) -> Written:
        """Look at a job again, as a repeated registration or `nomad job eval` asks."""
        with self._state.step("EvaluationUpdated") as step:
            evaluation = self._put_evaluation(step, job, "job-register", job_modify_index=job.modify_index)
        return Written(step.index, evaluation)

    def stop_job(self, job: Job, *, purge: bool) -> Written:
        """Stop a job, or forget it at once; only its evaluations stay then."""
        gone: list[str] = []
        with self._state.step("JobDeregistered") as step:
            if purge:
                self._close_evals(step, job)
                gone = self._delete(step, [job], with_evals=False)
            else:
                step.put_job(replace(job, stop=True, version=job.version + 1), new_version=True)
            evaluation = self._put_evaluation(step, job, "job-deregister", kind="service", job_modify_index=step.index)
        self._release(gone)
        return Written(step.index, evaluation)

    def launch_periodic(self, job: Job) -> Written:
        """Run a periodic job now; its schedule is not followed here."""
        now = self._clock.now_ns()
        child_id = f"{job.id}/periodic-{now // 10**9}"
        spec = replace(job.spec, periodic=False, document={**job.spec.document, "Periodic": None})
        child = replace(job, id=child_id, name=child_id, parent_id=job.id, spec=spec, submit_time=now, token="")
        return self.add_job(replace(child, status="pending"))

    def stop_alloc(self, alloc: Allocation, transition: Transition) -> Written:
        """Stop one allocation, to be replaced by another."""
        with self._state.step("AllocationUpdateDesiredStatus") as step:
            step.put_alloc(replace(alloc, transition=transition))
            index = alloc.job.modify_index
            evaluation = self._put_evaluation(step, alloc.job, "alloc-stop", job_modify_index=index)
        return Written(step.index, evaluation)

    def collect_garbage(self) -> None:
        """Forget all dead jobs at once, as `nomad system gc` does."""
        self._collector.collect_all()

    def purge(self, job: Job) -> None:
        """Forget a job, whatever its state, and its evaluations: a collection that comes early."""
        self._collect([job])

    # what happens to the node

    def change_node(self, node: Node) -> Written:
        """Other metadata, eligibility or slots; what waits is tried again."""
        with self._state.step("NodeUpdated") as step:
            step.put_node(node)
        self._try_all_again()
        return Written(step.index)

    def drain_node(self, drain: Drain | None, *, eligible: bool) -> Written:
        """Begin a drain, or with None end one; *eligible* is what the node is then."""
        with self._state.step("NodeDrain") as step:
            step.put_node(replace(self.node, drain=drain, eligible=eligible))
        if drain is None:
            self._try_all_again()
        elif drain.deadline_ns != 0:
            self._clock.call_later(max(0, drain.deadline_ns) / 10**9, lambda: self._force_drain(drain))
        self._end_drain()
        return Written(step.index)

    def _force_drain(self, drain: Drain) -> None:
        if self.node.drain is not drain:
            return
        transition = Transition(migrate=True, migrate_disable_placement=True)
        living = self._living_allocs()
        with self._state.step("AllocationUpdateDesiredStatus") as step:
            for alloc in living:
                step.put_alloc(replace(alloc, transition=transition))
            for job in {alloc.key: alloc.job for alloc in living}.values():
                self._put_evaluation(step, job, "node-drain")

    def _end_drain(self) -> None:
        """A drain is over when nothing runs any more; the node stays ineligible."""
        if self.node.drain is not None and not self._living:
            with self._state.step("NodeDrain") as step:
                step.put_node(replace(self.node, drain=None))

    def lose_node(self) -> Written:
        """The machine is gone: its allocations are lost, but those of sysbatch jobs, which nobody looks at."""
        lost = [alloc for alloc in self._living_allocs() if alloc.job.spec.type != "sysbatch"]
        with self._state.step("NodeUpdateStatus") as step:
            node = step.put_node(replace(self.node, status="down"))
            for job in {alloc.key: alloc.job for alloc in lost}.values():
                self._put_evaluation(step, job, "node-update", node=node)
        return Written(step.index)

    def restore_node(self) -> Written:
        """The machine is back; reports that were held back arrive, and what waits is tried again."""
        with self._state.step("NodeUpdateStatus") as step:
            step.put_node(replace(self.node, status="ready"))
        self._store_reports()
        self._try_all_again()
        return Written(step.index)

    def _living_allocs(self) -> list[Allocation]:
        return [self._state.allocs[alloc_id] for alloc_id in self._living]

    # what the tasks report

    def report(self, alloc_id: str, report: Report) -> None:
        """What the client says of an allocation; stored with what else comes within a moment."""
        self._reports[alloc_id] = report
        if not self._is_gathering:
            self._is_gathering = True
            self._clock.call_later(self._batch_seconds, self._store_reports)

    def _store_reports(self) -> None:
        """Store what was gathered as one step; a node that is down cannot tell anybody."""
        self._is_gathering = False
        if self.node.status == "down" or not self._reports:
            return
        reports, self._reports = self._reports, {}
        to_retry: dict[Key, Job] = {}
        with self._state.step("AllocationUpdated") as step:
            for alloc_id, report in reports.items():
                alloc = self._state.allocs.get(alloc_id)
                if alloc is not None and alloc.client_status != "lost":
                    to_retry.update(self._store_report(step, alloc, report))
            for job in to_retry.values():
                self._put_evaluation(step, job, "alloc-failure")
        for eval_id in self._blocked_evals.take_for_neighbours():
            self._try_again(eval_id)
        self._fill_slots()
        self._end_drain()

    def _store_report(self, step: Step, alloc: Allocation, report: Report) -> dict[Key, Job]:
        """Store a report; returns the job, if its failure calls for an attempt on the server's side."""
        changed = replace(
            alloc,
            client_status=report.client_status,
            client_description=report.client_description,
            task_states=dict(report.task_states) or None,
        )
        updated = self._put_alloc(step, changed, by_client=True)
        job = self._state.jobs.get(alloc.key)
        if job is None or job.stop or job.spec.type != "batch" or updated.followup_eval:
            return {}
        group = job.spec.group(alloc.group)
        newly_failed = updated.client_status == "failed" and not alloc.is_client_terminal
        if newly_failed and group is not None and may_reschedule(updated, group.reschedule):
            return {job.key: job}
        return {}

    # evaluations

    def _put_evaluation(
        self,
        step: Step,
        job: Job,
        triggered_by: str,
        *,
        kind: str = "",
        job_modify_index: int = 0,
        node: Node | None = None,
    ) -> Evaluation | None:
        """Store and queue an evaluation; there is none for a job whose children do the work."""
        if not job.runs_by_itself:
            return None
        evaluation = Evaluation(
            id=str(uuid.uuid4()),
            namespace=job.namespace,
            job_id=job.id,
            type=kind or job.spec.type,
            priority=job.priority,
            triggered_by=triggered_by,
            create_time=step.now,
            modify_time=step.now,
            job_modify_index=job_modify_index,
            node_id=node.id if node else "",
            node_modify_index=node.modify_index if node else 0,
        )
        evaluation = step.put_eval(evaluation)
        self._enqueue(evaluation)
        return evaluation

    def _close_evals(self, step: Step, job: Job) -> None:
        """What was still to be done for a purged job is done."""
        for evaluation in self._state.evals_of(job.key):
            if evaluation.status == "pending":
                reason = f"job {job.id} deleted"
                step.put_eval(replace(evaluation, status="complete", status_description=reason))

    def _enqueue(self, evaluation: Evaluation) -> None:
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

    def _process(self, evaluation: Evaluation) -> None:
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
        self._tell_runners(plan)

    def _decided(self, evaluation: Evaluation, job: Job | None) -> tuple[Wanted, Plan]:
        """What a job wants and what of it can be done; nothing for a purged one."""
        if job is None:
            return Wanted(), Plan()
        situation = Situation(job, evaluation, self.node, self._clock.now_ns())
        allocs = self._state.allocs_of(job.key)
        wanted = reconcile(situation, allocs)
        return wanted, draw_up(situation, wanted, self._living, allocs)

    def _apply(self, evaluation: Evaluation, plan: Plan, changed: Mapping[str, Allocation]) -> None:
        if not changed and not plan.placed:
            return
        with self._state.step("PlanResult") as step:
            for alloc in (*changed.values(), *(new for _, new in plan.placed)):
                self._put_alloc(step, alloc)
            step.touch_eval(self._state.evals[evaluation.id])

    def _put_alloc(self, step: Step, alloc: Allocation, *, by_client: bool = False) -> Allocation:
        alloc = step.put_alloc(alloc, by_client=by_client)
        if alloc.is_terminal:
            self._living.discard(alloc.id)
        else:
            self._living.add(alloc.id)
        return alloc

    def _tell_runners(self, plan: Plan) -> None:
        for stop in plan.stops:
            self._runners.halt(stop.alloc.id, stop.description)
        for _, alloc in plan.placed:
            self._runners.launch(alloc)
        self._fill_slots()
        self._end_drain()

    # waiting for room

    def _block(self, evaluation: Evaluation, plan: Plan, snapshot: int) -> str:
        """
        Make the evaluation that waits for what could not be placed.

        Returns its ID, for the one it stems from to name it; that of a sysbatch job does not.
        """
        if not plan.failed or evaluation.status == "blocked" or plan.is_hopeless(evaluation.type):
            return ""
        self._cancel_blocked(evaluation)
        with self._state.step("EvaluationUpdated") as step:
            blocked = step.put_eval(self._blocked(evaluation, plan, snapshot, step.now))
        self._blocked_evals.add(blocked, plan.obstacles)
        return "" if evaluation.type == "sysbatch" else blocked.id

    def _blocked(self, evaluation: Evaluation, plan: Plan, snapshot: int, now: int) -> Evaluation:
        eligibility = {self.node.computed_class: "class" not in plan.obstacles}
        return Evaluation(
            id=str(uuid.uuid4()),
            namespace=evaluation.namespace,
            job_id=evaluation.job_id,
            type=evaluation.type,
            priority=evaluation.priority,
            triggered_by="queued-allocs",
            status="blocked",
            status_description="created to place remaining allocations",
            create_time=now,
            modify_time=now,
            job_modify_index=evaluation.job_modify_index,
            snapshot_index=snapshot,
            previous_eval=evaluation.id,
            failed=plan.failed,
            class_eligibility=None if plan.obstacles & {"node", "pool"} else eligibility,
        )

    def _cancel_blocked(self, evaluation: Evaluation) -> None:
        """A job has at most one blocked evaluation: the newest."""
        older = [other for other in self._state.evals_of(evaluation.key) if other.status == "blocked"]
        if not older:
            return
        reason = f'existing blocked evaluation exists for job "{evaluation.job_id}"'
        with self._state.step("EvaluationUpdated") as step:
            for other in older:
                canceled = replace(other, status="canceled", status_description=reason, modify_time=step.now)
                step.put_eval(canceled)

    def _fill_slots(self) -> None:
        """Try again as many of those that wait for a slot as there are free ones."""
        slots, waiting = self.node.slots, self._blocked_evals.for_slots
        free = len(waiting) if slots is None else slots - len(self._living)
        while free > 0 and waiting:
            free -= self._try_again(self._blocked_evals.take_for_slot())

    def _try_all_again(self) -> None:
        for eval_id in (*self._blocked_evals.take_for_change(), *self._blocked_evals.take_for_neighbours()):
            self._try_again(eval_id)
        self._fill_slots()

    def _try_again(self, eval_id: str) -> bool:
        evaluation = self._state.evals.get(eval_id)
        if evaluation is None or evaluation.status != "blocked":
            return False
        self._enqueue(evaluation)
        return True

    # waiting for the next attempt

    def _put_followups(
        self, evaluation: Evaluation, job: Job | None, later: Sequence[Later], snapshot: int
    ) -> list[Evaluation]:
        """One evaluation for all that is due within five seconds, at the time of the first."""
        followups: list[Evaluation] = []
        for due in sorted(one.due for one in later):
            if job is None or (followups and due - followups[-1].wait_until < _FOLLOWUP_WINDOW_NS):
                continue
            with self._state.step("EvaluationUpdated") as step:
                followups.append(step.put_eval(_followup(evaluation, job, due, snapshot, step.now)))
            self._enqueue_later(followups[-1])
        return followups

    def _enqueue_later(self, followup: Evaluation) -> None:
        seconds = (followup.wait_until - self._clock.now_ns()) / 10**9
        self._clock.call_later(max(0.0, seconds), lambda: self._enqueue(followup))

    # forgetting

    def _collect(self, jobs: Sequence[Job]) -> None:
        if jobs:
            with self._state.step("JobBatchDeregistered") as step:
                gone = self._delete(step, jobs, with_evals=True)
            self._release(gone)

    def _delete(self, step: Step, jobs: Sequence[Job], *, with_evals: bool) -> list[str]:
        gone = [alloc.id for job in jobs for alloc in self._state.allocs_of(job.key)]
        step.delete_jobs(jobs, with_evals=with_evals)
        return gone

    def _release(self, alloc_ids: Iterable[str]) -> None:
        for alloc_id in alloc_ids:
            self._living.discard(alloc_id)
            self._reports.pop(alloc_id, None)
            self._runners.forget(alloc_id)
        self._fill_slots()


def _followup(evaluation: Evaluation, job: Job, due: int, snapshot: int, now: int) -> Evaluation:
    return Evaluation(
        id=str(uuid.uuid4()),
        namespace=job.namespace,
        job_id=job.id,
        type=job.spec.type,
        priority=evaluation.priority,
        triggered_by="alloc-reschedule",
        status_description="created for delayed rescheduling",
        create_time=now,
        modify_time=now,
        job_modify_index=job.modify_index,
        snapshot_index=snapshot,
        previous_eval=evaluation.id,
        wait_until=due,
    )
