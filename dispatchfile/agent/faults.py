"""
Faults that are scripted, so that a client's recovery can be rehearsed.

A fault is written `KIND=AMOUNT`, with `:dispatch` or `:read` behind it to limit it to dispatches or to reads:

429=5%               5 % of the requests are answered as over Nomad's connection limit, and not processed
reset=2%             the connection is reset before the request is processed
drop-after-write=2%  the write is processed, then the connection is closed without an answer; never a read
delay=50ms           every answer comes so much later; `delay=5%:2s` delays 5 % of them
leaderless=3s@10s    no leader for 3 s, beginning 10 s after the start; `leaderless=3s` begins at once,
                     `leaderless=5` meets the next five requests; stale reads are answered all the same
phantom=2%           a dispatch with a new token makes a child, but the answer names one that does not exist
500=2%               `rpc error: EOF`, as when a leader dies; half of the writes were processed
html=2%              the 502 page of a proxy; half of the writes were processed
gc=5s                dead children are collected so long after their end

Nomad answers without a leader only after five seconds; here it is said at once. A phantom needs a token, for
without one nothing is looked up that could lose a race (Nomad 1.11.2 and newer).
"""

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from dispatchfile.agent.golang import GoError, parse_duration, quote

FaultKind = Literal["429", "reset", "drop-after-write", "delay", "leaderless", "phantom", "500", "html", "gc"]
Scope = Literal["dispatch", "read", "any"]

_CHANCE_KINDS: Final[frozenset[str]] = frozenset({"429", "reset", "drop-after-write", "phantom", "500", "html"})
_AFTERWARDS: Final[frozenset[str]] = frozenset({"drop-after-write", "phantom"})
_PERCENT: Final = re.compile(r"(\d+(?:\.\d+)?)%")


@dataclass(frozen=True, slots=True)
class Fault:
    """
    A scripted fault.

    chance: of a request being hit, 0 to 1. seconds: how long (delay, leaderless) or after how long (gc).
    start: seconds from the agent's start to the beginning of a leaderless time. count: how many requests are
    leaderless, instead of a time.
    """

    kind: FaultKind
    chance: float = 1.0
    seconds: float = 0.0
    start: float = 0.0
    count: int | None = None
    scope: Scope = "any"


@dataclass(frozen=True, slots=True)
class FaultTarget:
    """The properties of a request that faults depend on. is_local: no leader is needed to answer it."""

    is_write: bool
    is_dispatch: bool
    has_token: bool
    is_stale: bool = False
    is_local: bool = False


@dataclass(frozen=True, slots=True)
class FaultEffect:
    """The effect on one request: how long it waits, and which fault ends it, if any."""

    delay: float = 0.0
    kind: FaultKind | None = None
    processed: bool = False
    leaderless: bool = False


class Faults:
    """Decides for each request in turn; the same seed and the same requests give the same faults."""

    def __init__(self, faults: Sequence[Fault], seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - a script of faults is no secret
        self.replace(faults)
        self.collect_after = next((fault.seconds for fault in faults if fault.kind == "gc"), None)

    def replace(self, faults: Sequence[Fault]) -> None:
        """Use these faults from now on; `collect_after` stays as it was."""
        self._faults = tuple(fault for fault in faults if fault.kind != "gc")
        self._left = {place: fault.count for place, fault in enumerate(self._faults) if fault.count is not None}

    def judge(self, target: FaultTarget, elapsed: float) -> FaultEffect:
        """*elapsed*: seconds since the agent was started."""
        verdict = FaultEffect()
        for place, fault in enumerate(self._faults):
            if _applies(fault, target):
                verdict = self._struck(verdict, place, fault, target, elapsed)
        return verdict

    def _struck(
        self, verdict: FaultEffect, place: int, fault: Fault, target: FaultTarget, elapsed: float
    ) -> FaultEffect:
        if fault.kind == "leaderless":
            return self._leaderless(verdict, place, fault, target, elapsed)
        hit = fault.chance >= 1 or self._random.random() < fault.chance
        processed = fault.kind in _AFTERWARDS or (fault.kind in {"500", "html"} and self._flip())
        if not hit:
            return verdict
        if fault.kind == "delay":
            return FaultEffect(verdict.delay + fault.seconds, verdict.kind, verdict.processed, verdict.leaderless)
        if verdict.kind is not None:
            return verdict
        return FaultEffect(verdict.delay, fault.kind, processed, verdict.leaderless)

    def _flip(self) -> bool:
        return self._random.random() < 0.5

    def _leaderless(
        self, verdict: FaultEffect, place: int, fault: Fault, target: FaultTarget, elapsed: float
    ) -> FaultEffect:
        if not self._no_leader(place, fault, elapsed):
            return verdict
        kind = verdict.kind or (None if target.is_stale else "leaderless")
        return FaultEffect(verdict.delay, kind, verdict.processed, leaderless=True)

    def _no_leader(self, place: int, fault: Fault, elapsed: float) -> bool:
        left = self._left.get(place)
        if left is None:
            return fault.start <= elapsed < fault.start + fault.seconds
        self._left[place] = max(0, left - 1)
        return left > 0


def parse_fault(text: str) -> Fault:
    """Read one `KIND=AMOUNT[:SCOPE]`; raises ValueError with a sentence that says what would be right."""
    kind, equals, rest = text.partition("=")
    if not equals or not rest:
        raise ValueError(f"a fault is written KIND=AMOUNT, such as 429=5%, not {quote(text)}")
    amount, scope = _split_scope(rest)
    if kind in _CHANCE_KINDS:
        return Fault(_chance_kind(kind), chance=_chance(amount, text), scope=scope)
    if kind == "delay":
        return _delay(amount, scope, text)
    if kind == "leaderless":
        return _leaderless_fault(amount, scope, text)
    if kind == "gc":
        return Fault("gc", seconds=_seconds(amount, text))
    known = ", ".join(["429", "500", "delay", "drop-after-write", "gc", "html", "leaderless", "phantom", "reset"])
    raise ValueError(f"there is no fault {quote(kind)}; there are {known}")


def _applies(fault: Fault, target: FaultTarget) -> bool:
    if fault.kind == "phantom":
        return target.is_dispatch and target.has_token
    if fault.kind == "leaderless" and target.is_local:
        return False
    if fault.kind == "drop-after-write" and not target.is_write:
        return False
    if fault.scope == "dispatch":
        return target.is_dispatch
    return fault.scope == "any" or not target.is_write


def _split_scope(rest: str) -> tuple[str, Scope]:
    if rest.endswith(":dispatch"):
        return rest.removesuffix(":dispatch"), "dispatch"
    if rest.endswith(":read"):
        return rest.removesuffix(":read"), "read"
    return rest, "any"


def _chance_kind(kind: str) -> FaultKind:
    kinds: dict[str, FaultKind] = {
        "429": "429",
        "reset": "reset",
        "drop-after-write": "drop-after-write",
        "phantom": "phantom",
        "500": "500",
        "html": "html",
    }
    return kinds[kind]


def _chance(amount: str, text: str) -> float:
    found = _PERCENT.fullmatch(amount)
    if found is None or float(found[1]) > 100:
        raise ValueError(f"{quote(text)}: a share of the requests is written 0% to 100%, not {quote(amount)}")
    return float(found[1]) / 100


def _seconds(amount: str, text: str) -> float:
    try:
        seconds = parse_duration(amount)
    except GoError as exc:
        raise ValueError(f"{quote(text)}: a time is written 50ms, 2s or 1m30s, not {quote(amount)}") from exc
    if seconds < 0:
        raise ValueError(f"{quote(text)}: a time cannot be negative")
    return seconds


def _delay(amount: str, scope: Scope, text: str) -> Fault:
    share, colon, time = amount.rpartition(":")
    chance = _chance(share, text) if colon else 1.0
    return Fault("delay", chance=chance, seconds=_seconds(time, text), scope=scope)


def _leaderless_fault(amount: str, scope: Scope, text: str) -> Fault:
    if amount.isascii() and amount.isdigit():
        return Fault("leaderless", count=int(amount), scope=scope)
    seconds, at, start = amount.partition("@")
    begins = _seconds(start, text) if at else 0.0
    return Fault("leaderless", seconds=_seconds(seconds, text), start=begins, scope=scope)
