"""The core alone, through any order of happenings that a server and a journal can produce: late, repeated, never."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dispatchfile.engine import commands as c
from dispatchfile.engine import happenings as h
from dispatchfile.engine.happenings import FailureKind, RequestFailure
from dispatchfile.events import Cause, Doubled, Ended, Outcome, Verdict
from dispatchfile.settings import Settings, Share, Wait
from tests.batches import seconds
from tests.engine.cores import Core, make_spec
from tests.making import make_item

EXAMPLES = int(os.environ.get("CORE_EXAMPLES", "150"))
SETTLE_S, LATEST_S, OLD_S = 45.0, 30.0, 15.0
AWAY = RequestFailure(FailureKind.UNAVAILABLE, "no way")
FAILURES = [
    AWAY,
    RequestFailure(FailureKind.THROTTLED, "429"),
    RequestFailure(FailureKind.LEADERLESS, "No cluster leader"),
    RequestFailure(FailureKind.UNREADABLE, "a web page"),
]
DENIED, NEVER = RequestFailure(FailureKind.FORBIDDEN, "Permission denied"), RequestFailure(FailureKind.REFUSED, "never")


@dataclass(eq=False)
class Child:
    """One child that the server has made."""

    id: str
    key: tuple[str, int]
    index: int
    made_at: float
    ended: bool = False
    listed: bool = True


@dataclass
class World:
    """A server and a journal, as far as the core can tell; each command is answered when the test chooses it."""

    core: Core
    children: list[Child] = field(default_factory=list)
    coming: list[tuple[float, tuple[str, int]]] = field(default_factory=list)  # requests that were lost on their way
    open: list[c.Command] = field(default_factory=list)
    durable: set[tuple[str, int]] = field(default_factory=set)
    under_way: set[str] = field(default_factory=set)  # items with a request
    past: list[h.Happening] = field(default_factory=list)
    is_finished = is_withdrawn = False

    def take(self) -> None:
        """Take what the core has given, and check it."""
        given, self.core.commands = self.core.commands, []
        for command in given:
            assert not self.is_finished, command
            if isinstance(command, c.Send):
                self._check_send(command)
            if isinstance(command, c.Finish):
                self.is_finished = True
            elif isinstance(command, c.Withdraw):
                self.is_withdrawn = True
            elif isinstance(command, c.Forget):
                self.open = [e for e in self.open if not (isinstance(e, c.Watch) and e.key == command.key)]
            else:
                self.open.append(command)

    def _check_send(self, send: c.Send) -> None:
        item = send.key[0]
        assert not self.is_withdrawn
        assert send.key in self.durable, f"{send.key} was never marked"
        assert item not in self.under_way, f"{item} has two requests"
        assert not [e for e in self.core.events if isinstance(e, Ended) and e.item == item and e.attempt == send.key[1]]
        self.under_way.add(item)

    def post(self, happening: h.Happening) -> None:
        self.past.append(happening)
        self.core.happen(happening)
        self.take()

    # The server

    def make(self, key) -> Child:
        number = len(self.children) + 10
        item, attempt = key
        child = Child(f"encode/dispatch-run1-{item}-{attempt}-1795000000-{number:08x}", key, number, self.core.now)
        self.children.append(child)
        assert len(self.of(key)) == 1, f"{key} has two children"
        return child

    def of(self, key) -> list[Child]:
        return [child for child in self.children if child.key == key]

    def advance(self, by: float) -> None:
        until = self.core.now + by
        while (wake_at := self.core.core.wake_at) is not None and wake_at <= until:
            self._move_to(max(wake_at, self.core.now))
            self.core.happen(h.Woken())
            self.take()
        self._move_to(until)
        self.core.happen(h.Ticked())
        self.take()

    def _move_to(self, now: float) -> None:
        self.core.now = now
        due = [key for at, key in self.coming if at <= now]
        self.coming = [(at, key) for at, key in self.coming if at > now]
        for key in due:
            self.make(key)

    def collect(self) -> None:
        """Nomad forgets children that have ended a while ago."""
        for child in self.children:
            child.listed = child.listed and not (child.ended and self.core.now - child.made_at > OLD_S)

    def end_oldest(self) -> None:
        for child in [child for child in self.children if not child.ended][:1]:
            child.ended = True

    # Answers

    def answer(self, command: c.Command, how: int) -> None:
        """Answer in one of several ways, the first of which is the truth."""
        self.open.remove(command)
        match command:
            case c.MarkAttempts():
                self.durable |= set(command.keys)
                self.post(h.Durable(command.serial))
            case c.Send():
                self._answer_send(command, how)
            case c.LookFor():
                found = tuple(child.id for child in self.of(command.key) if child.listed)
                failure = [None, None, *FAILURES, None][how % 7]
                self.post(h.Looked(command.key, command.serial, () if failure else found, failure))
            case c.Count():
                self.post(self._count(command, how))
            case c.Watch():
                self._watch(command, how)
            case c.LookAt():
                self.post(h.LookedAt(command.key, command.serial, surely_lives=how % 3 != 2))
            case c.ReadLog():
                self.post(h.LogRead(command.key, command.serial, "", is_unread=True))
            case c.StopChild():
                self._end(command.child)
                self.post(h.ChildStopped(command.key, command.serial, [None, None, AWAY][how % 3]))
            case c.ReadChild():
                self.post(h.ChildRead(command.key, command.serial, exists=True, failure=[None, None, AWAY][how % 3]))
            case c.CheckToken():
                self.post(h.TokenChecked(command.serial, ""))

    def _answer_send(self, send: c.Send, how: int) -> None:
        self.under_way.discard(send.key[0])
        if self.is_withdrawn and how % 2:
            self.post(h.Withdrawn(send.key, send.serial))
            return
        match how % 7:
            case 0 | 1:
                self.post(h.Answered(send.key, send.serial, self.make(send.key).id, "eval"))
            case 2:
                self.post(h.NotSent(send.key, send.serial, FAILURES[how % 3]))
            case 3:
                self.post(h.Refused(send.key, send.serial, NEVER))
            case 4:  # carried out, and the answer is lost
                self.make(send.key)
                self.post(h.Lost(send.key, send.serial, AWAY))
            case 5:  # carried out later
                self.coming.append((self.core.now + LATEST_S, send.key))
                self.post(h.Lost(send.key, send.serial, AWAY))
            case 6:
                self.post(h.Lost(send.key, send.serial, AWAY))

    def _count(self, command: c.Count, how: int) -> h.Counted:
        listed = tuple((child.index, child.id) for child in self.children if child.listed)
        counted = h.Counted(command.job, command.serial, None, 5, len(self.children), 1_000_000, listed)
        return replace(counted, failure=[None, None, AWAY][how % 3])

    def _watch(self, watch: c.Watch, how: int) -> None:
        child = next(child for child in self.children if child.id == watch.child)
        if not child.ended:
            self.open.append(watch)  # it goes on
            self.post(h.REACHED)
            return
        failed = Verdict(Outcome.FAILED, Cause.EXIT, exit_code=3)
        self.post(h.Judged(watch.key, watch.serial, failed if how % 2 else Verdict(Outcome.SUCCEEDED)))

    def _end(self, child_id: str) -> None:
        for child in self.children:
            child.ended = child.ended or child.id == child_id


items = st.lists(
    st.builds(
        lambda attempts, deadline_s: {"attempts": attempts, "deadline_s": deadline_s},
        st.sampled_from([1, 1, 2, 3]),
        st.sampled_from([None, None, 20.0]),
    ),
    min_size=1,
    max_size=5,
)
run_settings = st.builds(
    Settings,
    wait=st.sampled_from([Wait.COMPLETION, Wait.COMPLETION, Wait.DETACH]),
    concurrency=st.sampled_from([1, 4]),
    in_flight=st.sampled_from([None, 1]),
    stop_on=st.sampled_from([None, None, Share(count=0)]),
    settle=st.just(seconds(SETTLE_S)),
)
moves = st.lists(
    st.one_of(
        st.tuples(st.just("answer"), st.integers(0, 20), st.integers(0, 6)),
        st.tuples(st.just("answer"), st.integers(0, 20), st.integers(0, 6)),
        st.tuples(st.just("repeat"), st.integers(0, 200), st.just(0)),
        st.tuples(st.just("advance"), st.sampled_from([0, 1, 5, 8, 50]), st.just(0)),
        st.tuples(st.sampled_from(["end", "end", "collect", "interrupt"]), st.just(0), st.just(0)),
    ),
    max_size=60,
)


@settings(
    max_examples=EXAMPLES, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck)
)
@given(items=items, run_settings=run_settings, moves=moves)
def test_no_order_of_happenings_makes_two_children_or_loses_an_item(items, run_settings, moves):
    """
    Nothing leaves before its mark is durable, no item has two requests, no attempt two children.

    Once everything is answered truly, each item has its end, and what is unsent or refused has no child.
    """
    named = [make_item(f"i{number}", **options) for number, options in enumerate(items)]
    world = World(Core(make_spec(named, run_settings), keeps_marks=True))
    world.take()
    is_interrupted = False
    for what, first, second in moves:
        if what == "answer" and world.open:
            world.answer(world.open[first % len(world.open)], second)
        elif what == "repeat" and world.past:
            world.core.happen(world.past[first % len(world.past)])
            world.take()
        elif what == "advance":
            world.advance(float(first))
        elif what == "end":
            world.end_oldest()
        elif what == "collect":
            world.collect()
        elif what == "interrupt":
            is_interrupted = True
            world.core.happen(h.InterruptRequested())
            world.take()
    finish(world)
    check(world, named, is_interrupted=is_interrupted)


def finish(world: World) -> None:
    """Answer everything truthfully from now on."""
    for _ in range(2_000):
        if world.is_finished:
            return
        for child in world.children:
            child.ended = True
        for command in list(world.open):
            if command in world.open:
                world.answer(command, 0)
        world.advance(1.0)
    raise AssertionError(f"the core never ends: {world.open}, {world.core.core._life.attempts}")


def check(world: World, named, *, is_interrupted: bool) -> None:
    assert not [event for event in world.core.events if isinstance(event, Doubled)]
    ends = {event.item: event for event in world.core.events if isinstance(event, Ended)}
    for item in named:
        end = ends.get(item.id)
        if is_interrupted and (end is None or end.retry_at is not None):
            continue  # a resume goes on with it
        assert end is not None
        assert end.retry_at is None
        if end.verdict.outcome in (Outcome.UNSENT, Outcome.REFUSED):
            assert world.of((item.id, end.attempt)) == []
        if end.verdict.outcome is Outcome.SUCCEEDED:
            assert len(world.of((item.id, end.attempt))) == 1
