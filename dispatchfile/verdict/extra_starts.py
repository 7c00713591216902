"""Why tasks were started again although no policy of their job asked for it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Final

from dispatchfile.events import ExtraStart
from dispatchfile.nomad.models import Alloc

# Source: hashicorp/nomad, scheduler/structs/const.go and nomad/structs (TaskRestartSignal).
LOST_WITH_ITS_NODE: Final = "alloc is lost since its node is down"
REPLACED_BY_THE_ORIGINAL: Final = "alloc not needed due to disconnected client reconnect"
DRAINED: Final = frozenset({"alloc is being migrated", "alloc not needed as node is tainted"})  # or stopped by hand
RESTARTED_BY_HAND: Final = "Restart Signaled"


def find_extra_starts(holders: Sequence[Alloc], newest: Alloc) -> tuple[ExtraStart, ...]:
    """Return each reason once, for all allocations that have held a place; *newest* is the one that counts."""
    replaced = [_why_replaced(alloc) for alloc in holders if alloc.id != newest.id]
    restarted = [ExtraStart.RESTART for alloc in holders if _is_restarted_by_hand(alloc)]
    return tuple(dict.fromkeys(reason for reason in (*replaced, *restarted) if reason is not None))


def merge_extra_starts(reasons: Iterable[tuple[ExtraStart, ...]]) -> tuple[ExtraStart, ...]:
    """Return each reason of several places or attempts once."""
    return tuple(dict.fromkeys(chain.from_iterable(reasons)))


def _why_replaced(alloc: Alloc) -> ExtraStart | None:
    """None: it failed, and the reschedule policy replaced it."""
    if alloc.client_status == "unknown" or alloc.desired_description == REPLACED_BY_THE_ORIGINAL:
        return ExtraStart.DISCONNECT
    if alloc.client_status == "lost" or alloc.desired_description == LOST_WITH_ITS_NODE:
        return ExtraStart.NODE_LOST
    if alloc.stopped_by_hand:
        return ExtraStart.ALLOC_STOP
    if alloc.desired_status == "evict" or alloc.preempted_by:
        return ExtraStart.PREEMPTION
    return ExtraStart.DRAIN if alloc.desired_description in DRAINED else None


def _is_restarted_by_hand(alloc: Alloc) -> bool:
    """Return whether somebody restarted a task of it. Nomad keeps ten events, so an early restart may be missed."""
    return any(event.type == RESTARTED_BY_HAND for state in alloc.task_states.values() for event in state.events)
