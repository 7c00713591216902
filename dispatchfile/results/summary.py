"""The result of a run, in one value."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from dispatchfile.events import Outcome, State
from dispatchfile.results.folding import Results
from dispatchfile.results.items import ItemResult, LaterEnd, span_s
from dispatchfile.results.waits import JobWait

SUMMARY_SCHEMA = "dispatchfile/summary/v1"
LOCAL = "local"  # the target of a run on an embedded agent


@dataclass(frozen=True, slots=True)
class RunFacts:
    """The facts about a run as a whole that the summary shows."""

    run: str
    name: str
    manifest: str  # as the user named it; empty: none
    target: str  # the address, or "local"
    wait: str  # "detach", "placement" or "completion"
    started_at: float
    has_journal: bool = True  # else it can be neither resumed nor run again by its ID
    ends_by: float | None = None  # when the run's timeout is over


@dataclass(frozen=True, slots=True)
class Requests:
    """The requests that a run sent."""

    total: int = 0
    dispatches: int = 0
    retried: int = 0
    throttled: int = 0
    peak_connections: int = 0

    def with_later(self, later: Requests) -> Requests:
        """Add the requests of a process that continued the run."""
        return Requests(
            total=self.total + later.total,
            dispatches=self.dispatches + later.dispatches,
            retried=self.retried + later.retried,
            throttled=self.throttled + later.throttled,
            peak_connections=max(self.peak_connections, later.peak_connections),
        )


NO_REQUESTS = Requests()


@dataclass(frozen=True, slots=True)
class Summary:
    """The result of a run. Times are seconds since the epoch."""

    run: str
    name: str
    manifest: str
    target: str
    state: str  # "finished", "interrupted", "stopped_early"; of a run that is looked at meanwhile "running"
    wait: str
    exit_code: int
    started_at: float
    finished_at: float | None  # None: it still goes on
    duration_s: float | None
    counts: Mapping[str, int]  # every outcome, and "total": all items, with or without an outcome
    requests: Requests
    items: Sequence[ItemResult] = field(repr=False)  # a repr of 100,000 takes as long as reading their journal
    doubled: tuple[str, ...] = ()  # items of which one attempt has two children
    waits: tuple[JobWait, ...] = ()  # why items are queued, or were when the run was interrupted
    has_journal: bool = True
    process: tuple[int, str] | None = None  # that works on the run: its ID and its host
    detached: Mapping[str, Outcome] = field(default_factory=dict)  # how the journal has items that were followed since
    later: Mapping[str, LaterEnd] = field(default_factory=dict)  # how items ended in reruns since
    schema: str = field(default=SUMMARY_SCHEMA, init=False)


def exit_code(outcomes: Iterable[Outcome], *, finished: bool) -> int:
    """0: all fine; 2: some ran or waited and did not succeed; 1: anything else, an unfinished run included."""
    classes = {outcome.exit_class for outcome in outcomes}
    if not finished or 1 in classes:
        return 1
    return 2 if 2 in classes else 0


def summarize(
    results: Results,
    facts: RunFacts,
    *,
    state: str,
    finished_at: float | None,
    requests: Requests = NO_REQUESTS,
    signal_exit: int | None = None,
) -> Summary:
    """
    Return the results in one value. An attempt with two children makes the exit code 1, however well both ended.

    What was observed after the run does not change its exit code.

    signal_exit: 129, 130 or 143 where a signal ended the run.
    """
    items = tuple(results.items())
    if facts.target == LOCAL and state == "interrupted":
        items = tuple(map(_without_its_agent, items))
    code = _exit_code(results)
    return Summary(
        run=facts.run,
        name=facts.name,
        manifest=facts.manifest,
        target=facts.target,
        state=state,
        wait=facts.wait,
        exit_code=code if signal_exit is None else signal_exit,
        started_at=facts.started_at,
        finished_at=finished_at,
        duration_s=span_s(facts.started_at, finished_at),
        counts=_count_outcomes(results),
        requests=requests,
        items=items,
        doubled=results.doubled,
        waits=results.waits(),
        has_journal=facts.has_journal,
    )


def _exit_code(results: Results) -> int:
    own = list(results.own_outcomes())
    return exit_code(filter(None, own), finished=None not in own and not results.doubled)


def _without_its_agent(item: ItemResult) -> ItemResult:
    """Return the result without its child, which ended with its agent: a resume sends the item again."""
    if item.outcome is not None or item.state is State.WAITING:
        return item
    return replace(item, state=State.WAITING, message="stopped when the embedded agent that ran it ended")


def _count_outcomes(results: Results) -> dict[str, int]:
    counts = results.counts()
    return {outcome.value: counts[outcome] for outcome in Outcome} | {"total": results.total}
