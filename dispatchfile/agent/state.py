"""
The steps that change the agent's tables.

A step is one entry of the raft log that a real server would write: it has one index, wakes the queries that wait
for what it touched, and is one entry of the event stream. It also keeps what Nomad derives from the rest: job
statuses and summaries. Source: hashicorp/nomad, nomad/state/state_store.go.
"""

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Final, Literal

from dispatchfile.agent.records import (
    Allocation,
    JobStatus,
    Key,
    Namespace,
    Node,
    StoredEvaluation,
    StoredJob,
    StoredSummary,
    TaskGroupSummary,
)
from dispatchfile.agent.tables import Tables
from dispatchfile.agent.watches import Watches, WatchKey

Table = Literal["jobs", "job_summary", "evals", "allocs", "nodes", "namespaces"]
Changed = StoredJob | StoredEvaluation | Allocation

TRACKED_VERSIONS: Final = 6
EVENT_BUFFER_SIZE: Final = 100

_COUNTED: Final = {
    "pending": "starting",
    "running": "running",
    "failed": "failed",
    "complete": "complete",
    "lost": "lost",
}
_NEVER_DROPS: Final = frozenset({"failed", "complete"})


@dataclass(frozen=True, slots=True)
class StreamEntry:
    """A step as the event stream shows it. deleted: the keys of the jobs among *changed* that are gone."""

    index: int
    message: str
    changed: tuple[Changed, ...]
    deleted: frozenset[Key] = frozenset()


class StateStore(Tables):
    """The state of the agent. Read it freely; change it in a `step`."""

    def __init__(self, now_ns: Callable[[], int]) -> None:
        super().__init__()
        self.now_ns = now_ns
        self.index = 1
        self.table_index: defaultdict[Table, int] = defaultdict(int)
        self.watches = Watches()
        self.entries: deque[StreamEntry] = deque(maxlen=EVENT_BUFFER_SIZE)
        self.listeners: set[Callable[[StreamEntry], None]] = set()

    @contextmanager
    def step(self, message: str) -> Iterator["Step"]:
        """Begin a change of the state. *message* names the raft message, as the event stream does."""
        step = Step(self, message)
        yield step
        step.commit()

    def status_of(self, job: StoredJob) -> JobStatus:
        """Nomad's rule: live allocations are running, else open evaluations pending, else dead."""
        if not job.runs_by_itself:
            return "dead" if job.stop else "running"
        if any(not alloc.is_terminal for alloc in self.allocs_of(job.key)):
            return "running"
        evals = self.evals_of(job.key)
        if any(not evaluation.is_terminal for evaluation in evals):
            return "pending"
        return "dead" if evals or job.stop else "pending"


class Step:
    """A change of the state, visible immediately. Watchers and listeners are notified when it is committed."""

    def __init__(self, state: StateStore, message: str) -> None:
        self._state = state
        self._message = message
        self.index = state.index = state.index + 1
        self.now = state.now_ns()
        self._woken: set[WatchKey] = set()
        self._touched: dict[Key, None] = {}
        self._deleted: dict[Key, StoredJob] = {}
        self._evals: dict[str, None] = {}
        self._allocs: dict[str, None] = {}
        self._jobs: dict[Key, None] = {}

    def commit(self) -> None:
        state = self._state
        for key in self._touched:
            self._settle_status(key)
        state.watches.wake(self._woken)
        entry = StreamEntry(self.index, self._message, tuple(self._changes()), frozenset(self._deleted))
        if entry.changed:
            state.entries.append(entry)
            for listener in tuple(state.listeners):
                listener(entry)

    def _changes(self) -> Iterator[Changed]:
        state = self._state
        yield from (state.evals[eval_id] for eval_id in self._evals if eval_id in state.evals)
        yield from (state.allocs[alloc_id] for alloc_id in self._allocs if alloc_id in state.allocs)
        yield from (state.jobs[key] for key in self._jobs if key in state.jobs)
        yield from self._deleted.values()

    def _note(self, table: Table, *keys: WatchKey) -> None:
        self._state.table_index[table] = self.index
        self._woken.add((table,))
        self._woken.update(keys)

    # jobs

    def put_job(self, job: StoredJob, *, new_version: bool = False) -> StoredJob:
        """Store a job; its create index is kept, its status and its parent's summary follow at the commit."""
        known = self._state.jobs.get(job.key)
        is_new = known is None or new_version
        job = replace(
            job,
            create_index=known.create_index if known else self.index,
            job_modify_index=self.index if is_new else job.job_modify_index,
            modify_index=self.index,
        )
        if known is None:
            self._count_child(job, None, job.status)
        self._store_job(job)
        if is_new:
            versions = self._state.versions.get(job.key, ())
            self._state.versions[job.key] = (job, *versions)[:TRACKED_VERSIONS]
        self._put_summary(self._summary_for(job))
        self._touched[job.key] = None
        return job

    def _store_job(self, job: StoredJob) -> None:
        state = self._state
        state.insert_job(job)
        versions = state.versions.get(job.key, ())
        if versions and versions[0].version == job.version:
            state.versions[job.key] = (job, *versions[1:])
        self._jobs[job.key] = None
        self._note("jobs", ("jobs", *job.key))

    def _summary_for(self, job: StoredJob) -> StoredSummary:
        known = self._state.summaries.get(job.key)
        if known is None:
            groups = {group.name: TaskGroupSummary() for group in job.spec.groups}
            return StoredSummary(job.namespace, job.id, groups, {}, self.index, self.index)
        added = {group.name: TaskGroupSummary() for group in job.spec.groups if group.name not in known.groups}
        if not added:
            return known
        return replace(known, groups={**known.groups, **added}, modify_index=self.index)

    def _settle_status(self, key: Key) -> None:
        job = self._state.jobs.get(key)
        if job is None:
            return
        status = self._state.status_of(job)
        if status != job.status:
            self._store_job(replace(job, status=status, modify_index=self.index))
            self._count_child(job, job.status, status)

    def delete_jobs(self, jobs: Iterable[StoredJob], *, with_evals: bool) -> None:
        """Forget jobs with their allocations, summaries and tokens; a purge leaves their evaluations."""
        gone = list(jobs)
        for job in gone:
            if job.status != "dead":
                self._count_child(job, job.status, "dead")
            for alloc in self._state.remove_allocs(job.key):
                self._note_alloc(alloc)
            for evaluation in self._state.remove_evals(job.key) if with_evals else ():
                self._note_eval(evaluation)
            self._deleted[job.key] = job
            self._note("jobs", ("jobs", *job.key))
            self._note("job_summary", ("job_summary", *job.key))
        self._state.remove_jobs(gone)

    # summaries

    def _put_summary(self, summary: StoredSummary) -> None:
        key = (summary.namespace, summary.job_id)
        if self._state.summaries.get(key) is summary:
            return
        self._state.summaries[key] = summary
        self._note("job_summary", ("job_summary", *key))
        self._woken.add(("jobs", "below", *key))

    def _count_child(self, job: StoredJob, old: JobStatus | None, new: JobStatus) -> None:
        parent = self._state.summaries.get((job.namespace, job.parent_id))
        if not job.parent_id or parent is None:
            return
        children: dict[JobStatus, int] = dict(parent.children)
        if old is not None:
            children[old] = max(0, children.get(old, 0) - 1)
        children[new] = children.get(new, 0) + 1
        self._put_summary(replace(parent, children=children, modify_index=self.index))

    def _count_alloc(self, old: Allocation | None, new: Allocation) -> None:
        summary = self._state.summaries.get(new.key)
        counts = summary.groups.get(new.group) if summary else None
        if summary is None or counts is None or (old and old.client_status == new.client_status):
            return
        changes = {_COUNTED[new.client_status]: 1}
        if old is None:
            changes["queued"] = -1
        elif old.client_status not in _NEVER_DROPS:
            changes[_COUNTED[old.client_status]] = -1
        groups = {**summary.groups, new.group: _changed_counts(counts, changes)}
        self._put_summary(replace(summary, groups=groups, modify_index=self.index))

    def _count_queued(self, evaluation: StoredEvaluation) -> None:
        summary = self._state.summaries.get(evaluation.key)
        if summary is None:
            return
        groups = dict(summary.groups)
        for name, queued in (evaluation.queued or {}).items():
            if name in groups and groups[name].queued != queued:
                groups[name] = replace(groups[name], queued=queued)
        if groups != summary.groups:
            self._put_summary(replace(summary, groups=groups, modify_index=self.index))

    # evaluations and allocations

    def put_eval(self, evaluation: StoredEvaluation) -> StoredEvaluation:
        """
        Store an evaluation.

        One that is complete and left nothing unplaced cancels the job's blocked ones, as there is nothing
        more to wait for.
        """
        known = self._state.evals.get(evaluation.id)
        created = known.create_index if known else self.index
        if evaluation.status == "complete" and not evaluation.failed:
            self._cancel_blocked(evaluation)
        evaluation = replace(evaluation, create_index=created, modify_index=self.index)
        self._store_eval(evaluation)
        self._count_queued(evaluation)
        return evaluation

    def touch_eval(self, evaluation: StoredEvaluation) -> None:
        """A plan moves its evaluation's index, and nothing else of it."""
        self._store_eval(replace(evaluation, modify_index=self.index))

    def _store_eval(self, evaluation: StoredEvaluation) -> None:
        self._state.insert_eval(evaluation)
        self._evals[evaluation.id] = None
        self._touched[evaluation.key] = None
        self._note_eval(evaluation)

    def _note_eval(self, evaluation: StoredEvaluation) -> None:
        self._note("evals", ("evals", evaluation.id), ("evals", "job", *evaluation.key))

    def _cancel_blocked(self, done: StoredEvaluation) -> None:
        reason = f'evaluation "{done.id}" successful'
        for other in self._state.evals_of(done.key):
            if other.status == "blocked" and other.id != done.id:
                self._store_eval(
                    replace(
                        other,
                        status="canceled",
                        status_description=reason,
                        modify_index=self.index,
                        modify_time=self.now,
                    )
                )

    def put_alloc(self, alloc: Allocation, *, by_client: bool = False) -> Allocation:
        """Store an allocation; what its client reports does not move `AllocModifyIndex`."""
        known = self._state.allocs.get(alloc.id)
        alloc = replace(
            alloc,
            create_index=known.create_index if known else self.index,
            modify_index=self.index,
            alloc_modify_index=alloc.alloc_modify_index if by_client else self.index,
            modify_time=self.now,
        )
        self._state.insert_alloc(alloc)
        self._allocs[alloc.id] = None
        self._touched[alloc.key] = None
        self._count_alloc(known, alloc)
        self._note_alloc(alloc)
        return alloc

    def _note_alloc(self, alloc: Allocation) -> None:
        self._note("allocs", ("allocs", alloc.id), ("allocs", "job", *alloc.key), ("allocs", "eval", alloc.eval_id))

    # the rest

    def put_node(self, node: Node) -> Node:
        known = self._state.nodes.get(node.id)
        created = known.create_index if known else self.index
        node = replace(node, create_index=created, modify_index=self.index, status_updated=self.now)
        self._state.nodes[node.id] = node
        self._note("nodes", ("nodes", node.id))
        return node

    def put_namespace(self, namespace: Namespace) -> None:
        known = self._state.namespaces.get(namespace.name)
        created = known.create_index if known else self.index
        stored = replace(namespace, create_index=created, modify_index=self.index)
        self._state.namespaces[namespace.name] = stored
        self._note("namespaces", ("namespaces", namespace.name))

    def delete_namespace(self, name: str) -> None:
        self._state.namespaces.pop(name, None)
        self._note("namespaces", ("namespaces", name))


def _changed_counts(counts: TaskGroupSummary, changes: Mapping[str, int]) -> TaskGroupSummary:
    current = {
        "queued": counts.queued,
        "starting": counts.starting,
        "running": counts.running,
        "failed": counts.failed,
        "complete": counts.complete,
        "lost": counts.lost,
    }
    return TaskGroupSummary(**{name: max(0, count + changes.get(name, 0)) for name, count in current.items()})
