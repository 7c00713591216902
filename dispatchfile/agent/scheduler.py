"""
Handles what clients, operators and tasks do: jobs come and go, the node changes, allocations end.

Every command puts its change into the state as a real server would, step by step, so that indexes, descriptions
and the order of events agree. All of it is synchronous; what is due later goes through the clock that is handed
in. Source: hashicorp/nomad, scheduler/generic_sched.go, nomad/job_endpoint.go, nomad/node_endpoint.go.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from dispatchfile.agent.clock import AgentClock
from dispatchfile.agent.collection import Collector
from dispatchfile.agent.reconcile import may_reschedule
from dispatchfile.agent.records import Allocation, Drain, Key, Node, StoredEvaluation, StoredJob, Transition
from dispatchfile.agent.state import StateStore, Step
from dispatchfile.agent.workers import Runners, Workers


class Report(Protocol):
    """The report of a client about one of its allocations."""

    @property
    def client_status(self) -> str: ...
    @property
    def client_description(self) -> str: ...
    @property
    def task_states(self) -> Mapping[str, Mapping[str, object]]: ...


@dataclass(frozen=True, slots=True)
class WriteResult:
    """The answer to a write: its index, and the evaluation that it created, if any."""

    index: int
    evaluation: StoredEvaluation | None = None


class Scheduler:
    """
    The server's side of one machine: commands, the node, and its reports.

    batch_seconds: how long the client's reports are gathered before they are stored together.
    collect_after: how many seconds after its end a dead job is forgotten.
    """

    def __init__(
        self,
        state: StateStore,
        clock: AgentClock,
        node: Node,
        runners: Runners,
        *,
        batch_seconds: float = 0.05,
        collect_after: float = 4 * 3600,
    ) -> None:
        self._state = state
        self._clock = clock
        self._node_id = node.id
        self._workers = Workers(state, clock, node.id, runners, self._end_drain)
        self._batch_seconds = batch_seconds
        self._collector = Collector(state, clock, collect_after, self._collect)
        self._reports: dict[str, Report] = {}
        self._is_gathering = False
        with state.step("NodeRegistration") as step:
            step.put_node(node)

    @property
    def node(self) -> Node:
        return self._state.nodes[self._node_id]

    # what clients ask for

    def add_job(self, job: StoredJob) -> WriteResult:
        """Register a job or a dispatched child; one that runs by itself is evaluated."""
        known = self._state.jobs.get(job.key)
        if known is not None:
            job = replace(job, version=known.version + 1, status=known.status)
        with self._state.step("JobRegistered") as step:
            job = step.put_job(job, new_version=True)
            evaluation = self._workers.evaluate(step, job, "job-register", job_modify_index=step.index)
        return WriteResult(step.index, evaluation)

    def evaluate_job(self, job: StoredJob) -> WriteResult:
        """Look at a job again, as a repeated registration or `nomad job eval` asks."""
        with self._state.step("EvaluationUpdated") as step:
            evaluation = self._workers.evaluate(step, job, "job-register", job_modify_index=job.modify_index)
        return WriteResult(step.index, evaluation)

    def stop_job(self, job: StoredJob, *, purge: bool) -> WriteResult:
        """Stop a job, or forget it at once; only its evaluations stay then."""
        gone: list[str] = []
        with self._state.step("JobDeregistered") as step:
            if purge:
                self._close_evals(step, job)
                gone = self._delete(step, [job], with_evals=False)
            else:
                step.put_job(replace(job, stop=True, version=job.version + 1), new_version=True)
            evaluation = self._workers.evaluate(
                step, job, "job-deregister", kind="service", job_modify_index=step.index
            )
        self._release(gone)
        return WriteResult(step.index, evaluation)

    def launch_periodic(self, job: StoredJob) -> WriteResult:
        """Run a periodic job now; its schedule is not followed here."""
        now = self._clock.now_ns()
        child_id = f"{job.id}/periodic-{now // 10**9}"
        spec = replace(job.spec, periodic=False, document={**job.spec.document, "Periodic": None})
        child = replace(job, id=child_id, name=child_id, parent_id=job.id, spec=spec, submit_time=now, token="")
        return self.add_job(replace(child, status="pending"))

    def stop_alloc(self, alloc: Allocation, transition: Transition) -> WriteResult:
        """Stop one allocation, to be replaced by another."""
        with self._state.step("AllocationUpdateDesiredStatus") as step:
            step.put_alloc(replace(alloc, transition=transition))
            index = alloc.job.modify_index
            evaluation = self._workers.evaluate(step, alloc.job, "alloc-stop", job_modify_index=index)
        return WriteResult(step.index, evaluation)

    def collect_garbage(self) -> None:
        """Forget all dead jobs at once, as `nomad system gc` does."""
        self._collector.collect_all()

    def purge(self, job: StoredJob) -> None:
        """Forget a job, whatever its state, and its evaluations: a collection that comes early."""
        self._collect([job])

    # what happens to the node

    def change_node(self, node: Node) -> WriteResult:
        """Other metadata, eligibility or slots; what waits is tried again."""
        with self._state.step("NodeUpdated") as step:
            step.put_node(node)
        self._workers.node_changed()
        return WriteResult(step.index)

    def drain_node(self, drain: Drain | None, *, eligible: bool) -> WriteResult:
        """Begin a drain, or with None end one; *eligible* is what the node is then."""
        with self._state.step("NodeDrain") as step:
            step.put_node(replace(self.node, drain=drain, eligible=eligible))
        if drain is None:
            self._workers.node_changed()
        elif drain.deadline_ns != 0:
            self._clock.call_later(max(0, drain.deadline_ns) / 10**9, lambda: self._force_drain(drain))
        self._end_drain()
        return WriteResult(step.index)

    def _force_drain(self, drain: Drain) -> None:
        if self.node.drain is not drain:
            return
        living = self._living_allocs()
        with self._state.step("AllocationUpdateDesiredStatus") as step:
            for alloc in living:
                disabled = True if alloc.job.spec.type == "batch" else None
                transition = Transition(migrate=True, migrate_disable_placement=disabled)
                step.put_alloc(replace(alloc, transition=transition))
            for job in {alloc.key: alloc.job for alloc in living}.values():
                self._workers.evaluate(step, job, "node-drain")

    def _end_drain(self) -> None:
        """A drain is over when nothing runs any more; the node stays ineligible."""
        if self.node.drain is not None and not self._workers.living:
            with self._state.step("NodeDrain") as step:
                step.put_node(replace(self.node, drain=None))

    def lose_node(self) -> WriteResult:
        """The machine is gone: its allocations are lost, but those of sysbatch jobs, which nobody looks at."""
        lost = [alloc for alloc in self._living_allocs() if alloc.job.spec.type != "sysbatch"]
        with self._state.step("NodeUpdateStatus") as step:
            node = step.put_node(replace(self.node, status="down"))
            for job in {alloc.key: alloc.job for alloc in lost}.values():
                self._workers.evaluate(step, job, "node-update", node=node)
        return WriteResult(step.index)

    def restore_node(self) -> WriteResult:
        """The machine is back; reports that were held back arrive, and what waits is tried again."""
        with self._state.step("NodeUpdateStatus") as step:
            step.put_node(replace(self.node, status="ready"))
        self._store_reports()
        self._workers.node_changed()
        return WriteResult(step.index)

    def _living_allocs(self) -> list[Allocation]:
        return [self._state.allocs[alloc_id] for alloc_id in self._workers.living]

    # what the tasks report

    def report(self, alloc_id: str, report: Report) -> None:
        """Store the client's report about an allocation, together with other reports of the same moment."""
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
        to_retry: dict[Key, StoredJob] = {}
        with self._state.step("AllocationUpdated") as step:
            for alloc_id, report in reports.items():
                alloc = self._state.allocs.get(alloc_id)
                if alloc is not None and alloc.client_status != "lost":
                    to_retry.update(self._store_report(step, alloc, report))
            for job in to_retry.values():
                self._workers.evaluate(step, job, "alloc-failure")
        self._workers.allocations_ended()
        self._end_drain()

    def _store_report(self, step: Step, alloc: Allocation, report: Report) -> dict[Key, StoredJob]:
        """Store a report; returns the job, if its failure calls for an attempt on the server's side."""
        changed = replace(
            alloc,
            client_status=report.client_status,
            client_description=report.client_description,
            task_states=dict(report.task_states) or None,
        )
        updated = self._workers.put_alloc(step, changed, by_client=True)
        job = self._state.jobs.get(alloc.key)
        if job is None or job.stop or job.spec.type != "batch" or updated.followup_eval:
            return {}
        group = job.spec.group(alloc.group)
        newly_failed = updated.client_status == "failed" and not alloc.is_client_terminal
        if newly_failed and group is not None and may_reschedule(updated, group.reschedule):
            return {job.key: job}
        return {}

    # evaluations

    def _close_evals(self, step: Step, job: StoredJob) -> None:
        """Close the evaluations of a purged job."""
        for evaluation in self._state.evals_of(job.key):
            if evaluation.status == "pending":
                reason = f"job {job.id} deleted"
                step.put_eval(replace(evaluation, status="complete", status_description=reason))

    # forgetting

    def _collect(self, jobs: Sequence[StoredJob]) -> None:
        if jobs:
            with self._state.step("JobBatchDeregistered") as step:
                gone = self._delete(step, jobs, with_evals=True)
            self._release(gone)

    def _delete(self, step: Step, jobs: Sequence[StoredJob], *, with_evals: bool) -> list[str]:
        gone = [alloc.id for job in jobs for alloc in self._state.allocs_of(job.key)]
        step.delete_jobs(jobs, with_evals=with_evals)
        return gone

    def _release(self, alloc_ids: Sequence[str]) -> None:
        for alloc_id in alloc_ids:
            self._reports.pop(alloc_id, None)
        self._workers.release(alloc_ids)
