"""What must never be, whatever happens to a run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from dispatchfile.events import Accepted, Doubled, Ended, Event, Outcome
from dispatchfile.items import Item
from dispatchfile.journal import JournalReader
from dispatchfile.results import ItemResult
from dispatchfile.settings import Settings
from dispatchfile.usecases.running.resume_state import read_resume_state
from dispatchfile.usecases.running.specs import canaries_of
from tests.engine import NOT_OURS, TICK_S
from tests.exactly_once.world import World

AGAIN = frozenset({Outcome.UNSENT, Outcome.UNKNOWN})  # after these an attempt may be sent
CHILDLESS = frozenset({Outcome.UNSENT, Outcome.REFUSED})


class Knowing(Protocol):
    """The knowledge of a process when it sends."""

    events: list[Event]
    marked: set[tuple[str, int]]


def check_event(world: World, event: Event) -> None:
    """
    Nothing is doubled, and nothing is unknown while Nomad still has all that it ever had of the parent.

    But for a child of somebody else, which `stop` leaves alone.
    """
    assert not isinstance(event, Doubled), event
    if isinstance(event, Ended) and event.verdict.outcome is Outcome.UNKNOWN and NOT_OURS not in event.verdict.message:
        (job,) = {item.request.job for item in world.items if item.id == event.item}
        gone = [child for child in world.nomad.made if child.parent == job and child.id not in world.nomad.children]
        assert gone or job in world.registered_anew, event


# As a request leaves


def check_request(world: World, item: Item, attempt: int, process: Knowing) -> None:
    """It is on record that the attempt may be sent, its time has come, and nothing of its item is under way."""
    key, ends = (item.id, attempt), _ends_of(item, process.events)
    assert key in process.marked, f"{key} was never marked"
    assert item.id not in world.sending, f"{key}: another request of its item is under way"
    assert attempt == 1 or attempt - 1 in {end.attempt for end in ends}, f"{key}: the attempt before has no verdict"
    over = [end for end in ends if end.attempt >= attempt and end.verdict.outcome not in AGAIN]
    assert not over, f"{key} is over: {over}"
    _check_predecessor(world, item, attempt, process.events)
    _check_timeout(world)
    _check_limits(world.items, world.script.settings, item, process.events)


def _ends_of(item: Item, events: Sequence[Event]) -> list[Ended]:
    return [event for event in events if isinstance(event, Ended) and event.item == item.id]


def _check_predecessor(world: World, item: Item, attempt: int, events: Sequence[Event]) -> None:
    """A new attempt's predecessor has ended, or was stopped."""
    before = [e.child for e in events if isinstance(e, Accepted) and (e.item, e.attempt) == (item.id, attempt - 1)]
    child = world.nomad.children.get(before[-1]) if before else None
    assert child is None or child.stop or child.status == "dead", f"{child} lives beside attempt {attempt}"


def _check_timeout(world: World) -> None:
    """After the run's time nothing leaves."""
    if (timeout := world.script.settings.timeout) is not None:
        assert world.clock.wall() - world.began_at <= timeout.total_seconds() + TICK_S


def _check_limits(items: Sequence[Item], settings: Settings, item: Item, events: Sequence[Event]) -> None:
    """Nothing starts after `stop_on`, and nothing but canaries before all of these have ended well."""
    last = {event.item: event for event in events if isinstance(event, Ended)}
    ended = {item_id: end.verdict.outcome for item_id, end in last.items() if end.retry_at is None}
    if settings.stop_on is not None:
        failures = [o for o in ended.values() if o.exit_class == 2 or o is Outcome.REFUSED]
        assert len(failures) <= settings.stop_on.of(len(items)), f"{item.id} is sent after {len(failures)} failures"
    canaries = canaries_of(items, settings)
    if item.id not in canaries:
        assert all(c in ended and ended[c].exit_class == 0 for c in canaries), f"{item.id} is sent before {canaries}"


# Once the run is over


def check_end(world: World) -> None:
    """Every item has its outcome, and each of its attempts the children that go with it."""
    for item, result in zip(world.items, world.results().items(), strict=True):
        for attempt in range(1, item.retry.attempts + 1):
            assert len(world.children_of(item, attempt)) <= 1, f"{item.id} attempt {attempt} has two children"
        _check_outcome(world, item, result)
    _check_that_nothing_is_left(world)


def _check_outcome(world: World, item: Item, result: ItemResult) -> None:
    assert result.outcome is not None, f"{item.id} has no outcome"
    children = world.children_of(item, result.attempt)
    if result.outcome in CHILDLESS:
        assert not children, f"{item.id} is {result.outcome} and has {children}"
    elif result.existing:
        assert result.child in {child.id for child in world.nomad.made}
    elif result.outcome is Outcome.UNKNOWN:
        assert world.was_hindered, f"{item.id} is unknown: {result.message}"
        assert world.has_forgotten, f"{item.id} is unknown: {result.message}"
    else:
        assert [child.id for child in children] == [result.child], f"{item.id} is {result.outcome}"
        _check_verdict(result, children[0].exit_code)


def _check_verdict(result: ItemResult, exit_code: int | None) -> None:
    if result.outcome is Outcome.SUCCEEDED:
        assert exit_code == 0
    if result.outcome is Outcome.FAILED:
        assert exit_code


def _check_that_nothing_is_left(world: World) -> None:
    """A resume would send nothing, and watch nothing but what is unknown."""
    assert world.path is not None
    reader = JournalReader(world.path)
    standing = read_resume_state(reader, reader.run())
    unknown = {result.id for result in world.results().items() if result.outcome is Outcome.UNKNOWN}
    if reader.run().status.state == "finished":
        assert set(standing.starts) == unknown
