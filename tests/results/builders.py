"""Events and item results that name only what matters."""

from dataclasses import replace

from dispatchfile.events import Accepted, Cause, Ended, Moved, Outcome, Sending, State, Verdict
from dispatchfile.results import ItemFacts, ItemResult, Requests, Results, RunFacts
from dispatchfile.source import Position

FACTS = ItemFacts("film-1", "encode", "default", "", ("films",), Position("dispatchfile.yaml", 4, 5))
RUN = RunFacts("x7k2m9qa", "nightly", "dispatchfile.yaml", "http://127.0.0.1:4646", "completion", 1_795_350_600.0)
REQUESTS = Requests(7, 3, 1, 0, 2)
OK = Verdict(Outcome.SUCCEEDED, exit_code=0, node="n1", starts=1)
FAILED = Verdict(Outcome.FAILED, Cause.EXIT, "task t: exit code 3 on node n1", 3, "n1", 4, "no such codec", "a1", "t")
UNSENT = Verdict(Outcome.UNSENT, Cause.INTERRUPTED, "definitely not sent")
UNKNOWN = Verdict(Outcome.UNKNOWN, Cause.COLLECTED, "garbage-collected before its end was seen")
CHILD = "encode/dispatch-x7k2m9qa-film-1-1-1795350600-dc1c28dc"


def sending(at: float, attempt: int = 1, item: str = "film-1") -> Sending:
    return Sending(item, attempt, at)


def accepted(at: float, attempt: int = 1, item: str = "film-1", *, child: str = CHILD, **changes) -> Accepted:
    return replace(Accepted(item, attempt, at, child, "e1"), **changes)


def moved(at: float, state: State, message: str = "", attempt: int = 1, item: str = "film-1") -> Moved:
    return Moved(item, attempt, at, state, message)


def ended(
    at: float, verdict: Verdict = OK, attempt: int = 1, retry_at: float | None = None, item: str = "film-1"
) -> Ended:
    return Ended(item, attempt, at, verdict, retry_at)


def folded(*events: object) -> Results:
    results = Results([FACTS])
    for event in events:
        results.apply(event)
    return results


def outcome(*events: object) -> ItemResult:
    return folded(*events).item("film-1")


def result(id: str = "film-1", verdict: Verdict = OK) -> ItemResult:  # noqa: A002 -- as the record has it
    results = Results([replace(FACTS, id=id)])
    results.apply(ended(9.0, verdict, item=id))
    return results.item(id)
