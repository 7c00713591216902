"""Time and tasks that tests control."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from heapq import heappop, heappush

from dispatchfile.agent.records import Allocation


@dataclass
class FakeTimer:
    callback: Callable[[], None]
    cancelled: bool = False

    def cancel(self) -> None:
        self.cancelled = True


class FakeClock:
    """A clock that stands still until it is told to go on."""

    def __init__(self, now_ns: int = 1_795_350_476_000_000_000) -> None:
        self._now = now_ns
        self._timers: list[tuple[int, int, FakeTimer]] = []
        self._count = 0

    def now_ns(self) -> int:
        return self._now

    def call_later(self, seconds: float, callback: Callable[[], None]) -> FakeTimer:
        timer = FakeTimer(callback)
        self._count += 1
        heappush(self._timers, (self._now + round(seconds * 10**9), self._count, timer))
        return timer

    def advance(self, seconds: float = 0) -> None:
        """Let so much time pass, with everything that is due in it."""
        self.advance_to(self._now + round(seconds * 10**9))

    def advance_to(self, until_ns: int) -> None:
        while self._timers and self._timers[0][0] <= until_ns:
            due, _, timer = heappop(self._timers)
            self._now = max(self._now, due)
            if not timer.cancelled:
                timer.callback()
        self._now = max(self._now, until_ns)


@dataclass(frozen=True)
class FakeReport:
    client_status: str
    client_description: str = ""
    task_states: Mapping[str, Mapping[str, object]] = field(default_factory=dict)


class FakeRunners:
    """Remembers what it was asked to run, halt and forget, in order."""

    def __init__(self) -> None:
        self.launched: list[Allocation] = []
        self.halted: list[tuple[str, str]] = []
        self.forgotten: list[str] = []

    def launch(self, alloc: Allocation) -> None:
        self.launched.append(alloc)

    def halt(self, alloc_id: str, reason: str) -> None:
        self.halted.append((alloc_id, reason))

    def forget(self, alloc_id: str) -> None:
        self.forgotten.append(alloc_id)
