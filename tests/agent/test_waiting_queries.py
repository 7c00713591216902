"""Which changes end the wait of a query, and which index it answers with: observed on Nomad 2.0.5."""

from collections.abc import Callable

import pytest

from dispatchfile.agent.http import HttpRequest, Read, parse_query
from dispatchfile.agent.records import StoredJob
from dispatchfile.agent.server import answer_for

from .recordings import body_of
from .world import DONE, RUNNING, World


class Waiting:
    """A query that waits beside a run of two children."""

    def __init__(self, path: str) -> None:
        self.world = World()
        self.parent = self.world.register(body_of("job/ok"), ID="ok", Name=None)
        self.own = self.world.dispatch(self.parent, id_prefix="runA")
        self.other = self.world.dispatch(self.parent, id_prefix="runB")
        path = path.format(own=self.own.id, alloc=self.world.alloc(self.own).id, eval=self._eval())
        self._read = self._asked(path)
        self._waiter = self.world.state.watches.add(self._read.watch)

    def _eval(self) -> str:
        return self.world.state.evals_of(self.own.key)[0].id

    def _asked(self, path: str) -> Read:
        path, _, query = path.partition("?")
        answer = answer_for(self.world.core, HttpRequest("GET", path, parse_query(query)))
        assert isinstance(answer, Read)
        return answer

    def wakes_for(self, change: Callable[["Waiting"], None]) -> bool:
        change(self)
        return self._waiter[1].is_set()

    def end(self, job: StoredJob) -> None:
        self.world.report(self.world.alloc(job), DONE)
        self.world.settle()

    @property
    def index(self) -> int:
        return self._read.answer().index or 0


def _end_own(waiting: Waiting) -> None:
    waiting.end(waiting.own)


def _end_other(waiting: Waiting) -> None:
    waiting.end(waiting.other)


def _run_own(waiting: Waiting) -> None:
    waiting.world.report(waiting.world.alloc(waiting.own), RUNNING)
    waiting.world.settle()


def _purge_own(waiting: Waiting) -> None:
    waiting.world.scheduler.purge(waiting.world.now(waiting.own))


@pytest.mark.parametrize(
    ("path", "own", "other"),
    [
        ("/v1/job/{own}", True, False),
        ("/v1/job/{own}/summary", True, False),
        ("/v1/job/ok/summary", True, True),
        ("/v1/job/ok", False, False),
        ("/v1/jobs?prefix=ok/dispatch-runA-", True, False),
        ("/v1/jobs?prefix=ok/dispatch-runA-&filter=Status+!=+%22dead%22", True, False),
        ("/v1/jobs", True, True),
        ("/v1/jobs?namespace=*&prefix=ok/dispatch-runA-", True, False),
        ("/v1/jobs?namespace=team", False, False),
        ("/v1/job/{own}/allocations", True, False),
        ("/v1/allocation/{alloc}", True, False),
        ("/v1/allocations?filter=JobID+==+%22x%22", True, True),
        ("/v1/evaluation/{eval}/allocations", True, False),
        ("/v1/job/{own}/evaluations", False, False),
        ("/v1/evaluation/{eval}", False, False),
        ("/v1/namespaces", False, False),
    ],
)
def test_end_of_a_child_wakes_the_queries_it_concerns(path: str, own: bool, other: bool) -> None:
    """A query wakes for its own child's end; for another's only where it reads a whole table."""
    assert (Waiting(path).wakes_for(_end_own), Waiting(path).wakes_for(_end_other)) == (own, other)


@pytest.mark.parametrize(
    ("path", "wakes"),
    [("/v1/job/{own}", False), ("/v1/job/{own}/summary", True), ("/v1/jobs?prefix=ok/dispatch-runA-", True)],
)
def test_start_of_a_task_is_no_change_of_its_job(path: str, wakes: bool) -> None:
    """A job moves by its status only; its summary, and lists that show it, by every report."""
    assert Waiting(path).wakes_for(_run_own) == wakes


@pytest.mark.parametrize("path", ["/v1/job/{own}", "/v1/job/{own}/summary", "/v1/allocation/{alloc}"])
def test_collection_wakes_who_waits_for_a_child(path: str) -> None:
    """Who waits for a child hears at once that it is gone, with a new index."""
    waiting = Waiting(path)
    before = waiting.index
    assert waiting.wakes_for(_purge_own)
    assert waiting.index > before


@pytest.mark.parametrize(
    ("path", "moves"),
    [
        ("/v1/job/{own}", False),
        ("/v1/job/{own}/summary", False),
        ("/v1/jobs?prefix=ok/dispatch-runA-", True),
        ("/v1/job/{own}/allocations", True),
        ("/v1/allocations?filter=JobID+==+%22x%22", True),
    ],
)
def test_index_of_a_list_is_that_of_its_table(path: str, moves: bool) -> None:
    """A change of another child between two queries moves the index of lists, not that of an object."""
    waiting = Waiting(path)
    before = waiting.index
    _end_other(waiting)
    assert (waiting.index > before) == moves


def test_who_stops_waiting_is_forgotten() -> None:
    """A query that has ended leaves nothing behind."""
    world = World()
    for path in ("/v1/jobs", "/v1/job/x", "/v1/allocations"):
        answer = answer_for(world.core, HttpRequest("GET", path))
        assert isinstance(answer, Read)
        world.state.watches.remove(world.state.watches.add(answer.watch))
    assert vars(world.state.watches) == {"_by_key": {}, "_below": set()}
