"""State, scheduler and routes on a clock that stands still, with tasks that only pretend to run."""

import json
import random
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from dispatchfile.agent.core import Core
from dispatchfile.agent.dispatching import JobDispatchRequest, child_of
from dispatchfile.agent.http import HttpRequest, Read, Reply, parse_query
from dispatchfile.agent.records import Allocation, Namespace, Node, StoredJob
from dispatchfile.agent.scheduler import Scheduler, WriteResult
from dispatchfile.agent.server import answer_for
from dispatchfile.agent.state import StateStore
from dispatchfile.agent.submitted import read_submitted
from dispatchfile.agent.views import alloc_view, eval_view, job_view, summary_view

from .fakes import FakeClock, FakeReport, FakeRunners
from .recordings import Json, comparable

START_NS = 1_795_350_476_000_000_000
NODE = Node(
    id="5266bc1b-d4ae-e198-29be-7b3997527fee",
    name="node-1",
    datacenter="dc1",
    http_address="127.0.0.1:4646",
    version="2.0.5",
    attributes={"kernel.name": "linux", "cpu.numcores": "2", "os.version": "12.11"},
    drivers=frozenset({"mock_driver", "raw_exec"}),
)
DONE = ("complete", "All tasks have completed")
FAILED = ("failed", "Failed tasks")
RUNNING = ("running", "Tasks are running")


class World:
    """Everything below the HTTP server, and short words to drive it with."""

    def __init__(
        self, *, slots: int | None = None, start_ns: int = START_NS, scratch: Path = Path(), **options: Any
    ) -> None:
        self.clock = FakeClock(start_ns)
        self.state = StateStore(self.clock.now_ns)
        self.runners = FakeRunners()
        node = replace(NODE, slots=slots)
        self.scheduler = Scheduler(self.state, self.clock, node, self.runners, **options)
        with self.state.step("NamespaceUpsert") as step:
            step.put_namespace(Namespace("default", "Default shared namespace"))
        self.logs: dict[tuple[str, str, str], Path] = {}
        self.core = Core(
            state=self.state,
            scheduler=self.scheduler,
            rng=random.Random(0),
            name="node-1",
            version="2.0.5",
            host="127.0.0.1",
            port=4646,
            max_connections=100,
            log_file=lambda alloc_id, task, kind: self.logs.get((alloc_id, task, kind), Path("missing")),
            scratch=scratch,
        )

    def ask(self, method: str, path: str, body: object = None, *, phantom: bool = False) -> Reply:
        """The answer to a request, as it is now; *path* with its query, *body* as JSON or as bytes."""
        path, _, query = path.partition("?")
        content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        answer = answer_for(self.core, HttpRequest(method, path, parse_query(query), content), phantom=phantom)
        answer = answer.answer() if isinstance(answer, Read) else answer
        assert isinstance(answer, Reply)
        return answer

    def get(self, path: str) -> Any:
        """The JSON body of a read that succeeds."""
        reply = self.ask("GET", path)
        assert reply.status == 200, reply
        return reply.body

    def register(self, document: Mapping[str, object], **changes: object) -> StoredJob:
        submitted = read_submitted({**document, **changes})
        job = StoredJob(
            namespace=submitted.namespace,
            id=submitted.id,
            name=submitted.name,
            spec=submitted.spec,
            priority=submitted.priority,
            meta=submitted.meta,
            submit_time=self.clock.now_ns(),
        )
        self.scheduler.add_job(job)
        return self.state.jobs[job.key]

    def dispatch(self, parent: StoredJob, **request: Any) -> StoredJob:
        child = child_of(parent, JobDispatchRequest(**request), self.clock.now_ns())
        self.scheduler.add_job(child)
        self.clock.advance()
        return self.now(child)

    def now(self, job: StoredJob) -> StoredJob:
        return self.state.jobs[job.key]

    def now_named(self, job_id: str) -> StoredJob:
        return self.state.jobs["default", job_id]

    def alloc(self, job: StoredJob, place: int = 0) -> Allocation:
        return sorted(self.state.allocs_of(job.key), key=lambda alloc: (alloc.create_index, alloc.name))[place]

    def report(self, alloc: Allocation, status: tuple[str, str], states: Mapping[str, Any] | None = None) -> None:
        self.scheduler.report(alloc.id, FakeReport(*status, states or {}))

    def settle(self, seconds: float = 0.1) -> None:
        self.clock.advance(seconds)

    def stop(self, job: StoredJob, *, purge: bool = False) -> WriteResult:
        written = self.scheduler.stop_job(self.now(job), purge=purge)
        self.clock.advance()
        return written

    def story(self, job: StoredJob) -> Json:
        """The records of a job, comparable with recorded ones."""
        known, summary = self.state.jobs.get(job.key), self.state.summaries.get(job.key)
        return comparable(
            job=None if known is None else job_view(known),
            summary=None if summary is None else summary_view(summary),
            evals=[eval_view(evaluation) for evaluation in self.state.evals_of(job.key)],
            allocs=[alloc_view(alloc) for alloc in self.state.allocs_of(job.key)],
        )
