"""The children that are watched, job by job, and when each is looked at."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field

from dispatchfile.engine.commands import Watch
from dispatchfile.engine.happenings import Key
from dispatchfile.events import State
from dispatchfile.names import JobKey
from dispatchfile.settings import Wait
from dispatchfile.verdict import ChildRecords

LIVING = frozenset({"pending", "running", "unknown"})
LOOK_AGAIN_S = (1.0, 2.0, 4.0, 8.0)


@dataclass(slots=True, eq=False)
class Watched:
    """A child as it was last seen. Watches are kept by attempt, because items with one token may share a child."""

    command: Watch
    since: float
    pending_since: float
    state: State | None = None
    message: str = ""
    blocked: bool = False  # a look has shown that no node can take it
    status: str = ""  # of the job, as last listed; empty: not listed
    stop: bool = False
    seen: bool = False  # some read has shown it
    seen_alive: bool = False  # when it was last listed
    looking: bool = False
    over: bool = False
    looks: int = 0
    missing_at: float = 0.0  # when a child without allocations is asked for next
    unread_since: float | None = None  # every look has failed since then
    records: ChildRecords | None = None  # as last read

    @property
    def follows_end(self) -> bool:
        """Return whether the child is followed to completion. Other children are looked at one by one."""
        return self.command.wait is Wait.COMPLETION


@dataclass(slots=True)
class JobPolls:
    """The polls of one job."""

    watches: dict[str, list[Watched]] = field(default_factory=dict)  # by child
    next_at: float = 0.0
    full_at: float = 0.0
    asked: int = 0  # looks at the child that waits longest, since one of the job began to wait
    asked_at: float = float("-inf")
    polled_at: float = 0.0
    changed_at: float = 0.0
    to_poll: int = 0  # children followed to completion
    ended: int = 0
    is_denied: bool = False  # no poll until it is known whether the token itself is refused
    may_list: bool = True
    may_filter: bool = True

    def all_watches(self) -> Iterator[Watched]:
        return itertools.chain.from_iterable(self.watches.values())


class Register:
    """All watches, and the looks that are due."""

    def __init__(self) -> None:
        self.jobs: dict[JobKey, JobPolls] = {}
        self._by_key: dict[Key, Watched] = {}
        self._looks: list[tuple[float, int, Watched]] = []
        self._sequence = itertools.count()
        self.polls_changed = asyncio.Event()
        self.looks_changed = asyncio.Event()

    def polls_of(self, watched: Watched) -> JobPolls:
        return self.jobs[watched.command.job]

    def add(self, command: Watch, now: float) -> Watched:
        watched = Watched(command, since=now, pending_since=now)
        polls = self.jobs.setdefault(command.job, JobPolls())
        polls.watches.setdefault(command.child, []).append(watched)
        polls.to_poll += watched.follows_end
        self._by_key[command.key] = watched
        return watched

    def find(self, key: Key) -> Watched | None:
        return self._by_key.get(key)

    def remove(self, watched: Watched) -> None:
        """The child needs no watching any more, as far as its item goes."""
        if watched.over:
            return
        watched.over = True
        polls, child = self.polls_of(watched), watched.command.child
        polls.watches[child].remove(watched)
        if not polls.watches[child]:
            del polls.watches[child]
        polls.to_poll -= watched.follows_end
        if self._by_key.get(watched.command.key) is watched:
            del self._by_key[watched.command.key]

    # Looks

    def look_at(self, watched: Watched, at: float) -> None:
        heapq.heappush(self._looks, (at, next(self._sequence), watched))
        self.looks_changed.set()

    def look_again(self, watched: Watched, now: float) -> None:
        """Look again after a pause that grows."""
        self.look_at(watched, now + LOOK_AGAIN_S[min(watched.looks, len(LOOK_AGAIN_S) - 1)])
        watched.looks += 1

    def take_due(self, now: float) -> Iterator[Watched]:
        """Give the children to look at now."""
        while self._looks and self._looks[0][0] <= now:
            watched = heapq.heappop(self._looks)[2]
            if not watched.over and not watched.looking:
                yield watched

    @property
    def next_look(self) -> float | None:
        return self._looks[0][0] if self._looks else None
