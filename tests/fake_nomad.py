"""
Nomad as one object with state, behind the client's own methods: for tests of what is sent, doubted and watched.

It keeps the rules that the run depends on (prefixes, tokens, children's totals, collection) and lets a test script what
goes wrong. Nothing here waits: a child lives until the test or its script ends it.
"""

from __future__ import annotations

import asyncio
import itertools
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from typing import Self

from dispatchfile.errors import NomadAmbiguous, NomadError, NomadNotFound, NomadRefused, NomadUnavailable
from dispatchfile.nomad.models import (
    Alloc,
    ChildrenCounts,
    Dispatched,
    Evaluation,
    GroupCounts,
    Job,
    JobStub,
    JobSummary,
    Parameterized,
    PlacementFailure,
    TaskEvent,
    TaskGroup,
    TaskState,
    TokenSelf,
)

GROUP = TaskGroup("g", 1, tasks=("t",))
META = frozenset({"k"})


def _now() -> float:
    return asyncio.get_running_loop().time()


@dataclass(slots=True)
class FakeChild:
    """One child with one allocation."""

    id: str
    parent: str
    namespace: str
    token: str
    index: int
    prefix: str
    status: str = "running"
    stop: bool = False
    exit_code: int | None = None
    ended_at: float | None = None
    placed: bool = True
    failures: Mapping[str, PlacementFailure] = field(default_factory=dict)  # why it is not placed, by group
    payload: bytes = b""
    meta: Mapping[str, str] = field(default_factory=dict)


class FakeNomad:
    """
    The client of a Nomad that lives in this object.

    script: called with the child's prefix before each dispatch; it may raise, or return "drop" (carried out, but the
    answer is lost), "late" (the answer is lost at once, and it is carried out after late_s), "phantom", or None.
    lifetime_s: children end so long after their dispatch, or after what it gives for a prefix; None: never.
    """

    def __init__(
        self,
        *,
        jobs: tuple[str, ...] = ("encode",),
        script: Callable[[str], str | None] = lambda _: None,
        lifetime_s: float | Callable[[str], float | None] | None = 0.0,
        exit_code: Callable[[str], int] = lambda _: 0,
        ignores_prefix: bool = False,
        latency_s: float = 0.01,
        late_s: float = 20.0,
    ) -> None:
        self.jobs = jobs
        self.script, self.lifetime_s, self.exit_code = script, lifetime_s, exit_code
        self.ignores_prefix, self.latency_s, self.late_s = ignores_prefix, latency_s, late_s
        self.children: dict[str, FakeChild] = {}
        self.made: list[FakeChild] = []  # every child ever, collected or not
        self.stopped: list[str] = []
        self.down = False
        self.under_way = 0
        self.peak_under_way = 0
        self.dispatch_times: list[float] = []
        self.calls: list[str] = []
        self.registered = dict.fromkeys(jobs, 7)  # the index at which each parent was registered
        self.purged: dict[str, FakeChild] = {}
        self.throttled = self.peak_connections = 0
        self._index = itertools.count(100)
        self._hex = itertools.count(1)

    @property
    def requests(self) -> int:
        return len(self.calls)

    def patient(self, limit: timedelta) -> Self:
        return self

    # What a test does to it

    def end(self, child: FakeChild, exit_code: int = 0) -> None:
        """The child's task ends; of one that was stopped before, nothing changes."""
        if not child.stop:
            child.status, child.exit_code, child.ended_at = "dead", exit_code, _now()

    def collect(self, *, dead_for_s: float = 0.0) -> int:
        """
        Garbage-collect as `nomad system gc` does: dead children go, the parent's total stays.
        Return how many went.
        """
        before = len(self.children)
        self.children = {
            key: child
            for key, child in self.children.items()
            if child.status != "dead" or (child.ended_at is not None and _now() - child.ended_at < dead_for_s)
        }
        return before - len(self.children)

    def purge(self, child: FakeChild) -> None:
        """Purge as `nomad job stop -purge` does: the child goes with everything except the evaluation of the purge."""
        self.children.pop(child.id, None)
        self.purged[child.id] = child

    def register_anew(self, job: str) -> None:
        """The parent is purged and registered again: it has no children any more that count."""
        self.registered[job] = next(self._index)

    def of(self, prefix: str) -> list[FakeChild]:
        return [child for child in self.made if child.prefix == prefix]

    # The client's methods

    async def _call(self, name: str) -> None:
        self.calls.append(name)
        self.under_way += 1
        self.peak_under_way = max(self.peak_under_way, self.under_way)
        try:
            await asyncio.sleep(self.latency_s)
        finally:
            self.under_way -= 1
        if self.down:
            raise NomadUnavailable("connection refused by http://fake")

    async def dispatch_job(
        self,
        job: str,
        *,
        namespace: str,
        region: str,
        payload: bytes | None,
        meta: Mapping[str, str],
        id_prefix: str,
        token: str | None,
        priority: int | None,
    ) -> Dispatched:
        await self._call(f"dispatch {id_prefix}")
        if not META.issuperset(meta):
            raise NomadRefused("Dispatch request included unpermitted metadata keys", status=500)
        fault = self.script(id_prefix)
        if fault == "phantom":
            return Dispatched(f"{job}/dispatch-{id_prefix}-1-00000000", "eval-phantom", 5, 5)
        write = partial(
            self.carry_out,
            job,
            namespace=namespace,
            token=token or "",
            prefix=id_prefix,
            payload=payload or b"",
            meta=meta,
        )
        if fault == "late":
            asyncio.get_running_loop().call_later(self.late_s, write)
            raise NomadAmbiguous("connection lost after the request was sent")
        answer = write()
        if fault == "drop":
            raise NomadAmbiguous("connection lost after the request was sent")
        return answer

    def carry_out(
        self, job: str, *, namespace: str, token: str, prefix: str, payload: bytes, meta: Mapping[str, str]
    ) -> Dispatched:
        """Carry out a dispatch when it is its turn, whether anybody waits for the answer or not."""
        living = (child for child in self.children.values() if child.parent == job and token)
        if hit := next((child for child in living if child.token == token), None):
            return Dispatched(hit.id, "", hit.index, hit.index + 5)
        child = self._make(job, namespace, token, prefix, payload, meta)
        return Dispatched(child.id, f"eval-{child.index}", child.index, child.index)

    def _make(  # noqa: PLR0917  as short as can be where tests call it
        self, job: str, namespace: str, token: str, prefix: str, payload: bytes, meta: Mapping[str, str]
    ) -> FakeChild:
        loop = asyncio.get_running_loop()
        self.dispatch_times.append(loop.time())
        shown = "" if self.ignores_prefix or not prefix else f"{prefix}-"
        child_id = f"{job}/dispatch-{shown}{1_795_000_000 + int(loop.time())}-{next(self._hex):08x}"
        child = FakeChild(child_id, job, namespace, token, next(self._index), prefix, payload=payload, meta=meta)
        self.children[child_id] = child
        self.made.append(child)
        lifetime_s = self.lifetime_s(prefix) if callable(self.lifetime_s) else self.lifetime_s
        if lifetime_s is not None:
            loop.call_later(lifetime_s, self.end, child, self.exit_code(prefix))
        return child

    async def list_all_jobs(
        self,
        *,
        prefix: str,
        namespace: str,
        region: str = "",
        filter: str = "",  # noqa: A002  as the client names it
    ) -> tuple[JobStub, ...]:
        await self._call(f"list {prefix} {filter}")
        rows = [
            child for child in self.children.values() if child.id.startswith(prefix) and self._matches(child, filter)
        ]
        return tuple(self._stub(child) for child in sorted(rows, key=lambda child: child.id))

    @staticmethod
    def _matches(child: FakeChild, condition: str) -> bool:
        fields = {"ID": child.id, "Status": child.status, "DispatchIdempotencyToken": child.token}
        for clause in filter(None, condition.split(" and ")):
            match = re.fullmatch(r'(\w+) (==|!=|contains|matches) ["`](.*)["`]', clause)
            assert match, clause
            have, value = fields[match[1]], match[3]
            tests = {
                "==": have == value,
                "!=": have != value,
                "contains": value in have,
                "matches": match[2] == "matches" and re.search(value, have) is not None,
            }
            if not tests[match[2]]:
                return False
        return True

    @staticmethod
    def _stub(child: FakeChild) -> JobStub:
        return JobStub(
            id=child.id,
            namespace=child.namespace,
            parent_id=child.parent,
            type="batch",
            status=child.status,
            stop=child.stop,
            parameterized=False,
            periodic=False,
            groups={"g": GroupCounts()},
            create_index=child.index,
            modify_index=child.index,
            submit_time_ns=0,
        )

    async def read_summary(self, job_id: str, *, namespace: str, region: str = "") -> JobSummary:
        await self._call(f"summary {job_id}")
        since = self.registered[job_id]
        made = [child.index for child in self.made if child.parent == job_id and child.index > since]
        return JobSummary({}, ChildrenCounts(dead=len(made)), modify_index=max(made, default=since))

    async def read_version(self) -> tuple[int, int, int]:
        await self._call("version")
        return 2, 0, 5

    has_token = True

    async def read_token_self(self) -> TokenSelf:
        await self._call("token")
        return TokenSelf("accessor", "", "client", (), (), "")

    async def read_job(self, job_id: str, *, namespace: str, region: str = "") -> Job:
        await self._call(f"job {job_id}")
        child = self.children.get(job_id)
        if child is None and job_id not in self.registered:
            raise NomadNotFound("job not found", status=404)
        return self._job(job_id, child)

    def _job(self, job_id: str, child: FakeChild | None) -> Job:
        return Job(
            id=job_id,
            namespace=child.namespace if child else "default",
            type="batch",
            status=child.status if child else "running",
            stop=child.stop if child else False,
            parent_id=child.parent if child else "",
            dispatched=child is not None,
            token=child.token if child else "",
            priority=50,
            meta=dict(child.meta) if child else {},
            payload=child.payload if child else b"",
            parameterized=None if child else Parameterized(meta_optional=tuple(META)),
            periodic=False,
            groups=(GROUP,),
            create_index=child.index if child else self.registered[job_id],
            modify_index=child.index if child else self.registered[job_id],
            job_modify_index=child.index if child else self.registered[job_id],
            submit_time_ns=0,
            version=0,
        )

    async def read_allocations(self, job_id: str, *, namespace: str, region: str = "") -> tuple[Alloc, ...]:
        await self._call(f"allocations {job_id}")
        child = self.children.get(job_id)
        return (self._alloc(child),) if child and child.placed else ()

    @staticmethod
    def _alloc(child: FakeChild) -> Alloc:
        ended, failed = child.exit_code is not None, bool(child.exit_code)
        events = (
            (TaskEvent("Terminated", 2, {"exit_code": str(child.exit_code)}, child.exit_code or 0, 0),) if ended else ()
        )
        state = TaskState("dead" if ended else "running", failed, 0, "2026-11-22T00:00:00Z", "", events)
        client_status = "running"
        if ended:
            client_status = "failed" if failed else "complete"
        elif child.stop:
            client_status = "complete"
        return Alloc(
            id=f"00000000-0000-4000-8000-{child.index:012x}",
            name=f"{child.id}.g[0]",
            job_id=child.id,
            namespace=child.namespace,
            eval_id=f"eval-{child.index}",
            node_id="node-1",
            node_name="n1",
            group="g",
            desired_status="stop" if child.stop and not ended else "run",
            desired_description="alloc not needed due to job update" if child.stop and not ended else "",
            client_status=client_status,
            client_description="",
            task_states={"t": state},
            next_allocation="",
            preempted_by="",
            create_index=child.index,
            modify_index=child.index,
            create_time_ns=0,
        )

    async def read_evaluations(self, job_id: str, *, namespace: str, region: str = "") -> tuple[Evaluation, ...]:
        await self._call(f"evaluations {job_id}")
        if purged := self.purged.get(job_id):
            return (replace(self._evaluation(purged), triggered_by="job-deregister"),)
        child = self.children.get(job_id)
        return (self._evaluation(child),) if child else ()

    @staticmethod
    def _evaluation(child: FakeChild) -> Evaluation:
        return Evaluation(
            id=f"eval-{child.index}",
            job_id=child.id,
            namespace=child.namespace,
            status="complete" if child.placed else "blocked",
            status_description="",
            triggered_by="job-register" if child.placed else "queued-allocs",
            next_eval="",
            previous_eval="",
            blocked_eval="",
            failed_groups=child.failures,
            wait_until="",
            create_index=child.index,
            modify_index=child.index,
        )

    async def stop_job(self, job_id: str, *, namespace: str, region: str = "", purge: bool = False) -> None:
        await self._call(f"stop {job_id}")
        self.stopped.append(job_id)
        if child := self.children.get(job_id):
            child.stop = True
            if child.exit_code is None:
                child.status, child.ended_at = "dead", _now()

    async def stop_nothing(self, **_: object) -> None:
        await self._call("ask to stop")
        raise NomadRefused("missing job ID for deregistering", status=500)

    async def read_logs(self, alloc_id: str, task: str, **_: object) -> bytes:
        await self._call(f"logs {alloc_id}")
        raise NomadError("no logs here")
