"""The agent's tables with their indexes, kept in step with each other; who may change them when is `state`'s."""

from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Iterable, Iterator

from dispatchfile.agent.records import Allocation, Key, Namespace, Node, StoredEvaluation, StoredJob, StoredSummary


class Tables:
    """
    Jobs, summaries, evaluations, allocations, nodes and namespaces.

    Job IDs are kept sorted for each namespace, so a prefix list costs what it returns; tokens are found by
    themselves, where a real server walks all children of the parent.
    """

    def __init__(self) -> None:
        self.jobs: dict[Key, StoredJob] = {}
        self.versions: dict[Key, tuple[StoredJob, ...]] = {}
        self.summaries: dict[Key, StoredSummary] = {}
        self.evals: dict[str, StoredEvaluation] = {}
        self.allocs: dict[str, Allocation] = {}
        self.nodes: dict[str, Node] = {}
        self.namespaces: dict[str, Namespace] = {}
        self._job_ids: defaultdict[str, list[str]] = defaultdict(list)
        self._tokens: dict[tuple[str, str, str], str] = {}
        self._children: defaultdict[Key, dict[Key, None]] = defaultdict(dict)
        self._evals_of: defaultdict[Key, dict[str, None]] = defaultdict(dict)
        self._allocs_of: defaultdict[Key, dict[str, None]] = defaultdict(dict)
        self._allocs_by: defaultdict[str, dict[str, None]] = defaultdict(dict)

    def jobs_below(self, namespace: str | None, prefix: str, start: str = "") -> Iterator[StoredJob]:
        """Jobs whose ID begins with *prefix*, in order; None is every namespace, *start* the first ID of each."""
        for space in sorted(self._job_ids) if namespace is None else [namespace]:
            ids = self._job_ids.get(space, [])
            for place in range(bisect_left(ids, max(prefix, start)), len(ids)):
                if not ids[place].startswith(prefix):
                    break
                yield self.jobs[space, ids[place]]

    def dispatched_with(self, parent: Key, token: str) -> StoredJob | None:
        """The child that a token made, as long as there is one."""
        child = self._tokens.get((*parent, token))
        return None if child is None else self.jobs.get((parent[0], child))

    def children_of(self, parent: Key) -> list[StoredJob]:
        return [self.jobs[child] for child in self._children.get(parent, ())]

    def evals_of(self, job: Key) -> list[StoredEvaluation]:
        return [self.evals[eval_id] for eval_id in self._evals_of.get(job, ())]

    def allocs_of(self, job: Key) -> list[Allocation]:
        return [self.allocs[alloc_id] for alloc_id in self._allocs_of.get(job, ())]

    def allocs_by(self, eval_id: str) -> list[Allocation]:
        """The allocations that one evaluation placed."""
        return [self.allocs[alloc_id] for alloc_id in self._allocs_by.get(eval_id, ())]

    def insert_job(self, job: StoredJob) -> None:
        if job.key not in self.jobs:
            insort(self._job_ids[job.namespace], job.id)
        if job.token:
            self._tokens.setdefault((job.namespace, job.parent_id, job.token), job.id)
        if job.parent_id:
            self._children[job.namespace, job.parent_id][job.key] = None
        self.jobs[job.key] = job

    def insert_eval(self, evaluation: StoredEvaluation) -> None:
        self.evals[evaluation.id] = evaluation
        self._evals_of[evaluation.key][evaluation.id] = None

    def insert_alloc(self, alloc: Allocation) -> None:
        self.allocs[alloc.id] = alloc
        self._allocs_of[alloc.key][alloc.id] = None
        self._allocs_by[alloc.eval_id][alloc.id] = None

    def remove_jobs(self, jobs: Iterable[StoredJob]) -> None:
        """Forget jobs, their summaries, versions and tokens; many at once cost one pass over their namespaces."""
        spaces = set()
        for job in jobs:
            spaces.add(job.namespace)
            self._remove_job(job)
        for space in spaces:
            self._job_ids[space] = [job_id for job_id in self._job_ids[space] if (space, job_id) in self.jobs]

    def _remove_job(self, job: StoredJob) -> None:
        del self.jobs[job.key]
        self.versions.pop(job.key, None)
        self.summaries.pop(job.key, None)
        if job.parent_id:
            self._children[job.namespace, job.parent_id].pop(job.key, None)
        token = (job.namespace, job.parent_id, job.token)
        if self._tokens.get(token) == job.id:
            del self._tokens[token]

    def remove_evals(self, job: Key) -> list[StoredEvaluation]:
        removed = [self.evals.pop(eval_id) for eval_id in self._evals_of.pop(job, {})]
        for evaluation in removed:
            self._allocs_by.pop(evaluation.id, None)
        return removed

    def remove_allocs(self, job: Key) -> list[Allocation]:
        removed = [self.allocs.pop(alloc_id) for alloc_id in self._allocs_of.pop(job, {})]
        for alloc in removed:
            self._allocs_by[alloc.eval_id].pop(alloc.id, None)
        return removed
