"""Warns of keys of dispatches that have no effect because the run does not follow items to their end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import cast

from dispatchfile.events import Cause, Outcome
from dispatchfile.manifest import Document
from dispatchfile.problems import Problem, Severity
from dispatchfile.settings import Settings, Wait

SEEN_UNTIL_PLACED = frozenset(
    {Outcome.UNPLACED, Outcome.STOPPED, Outcome.TIMED_OUT, Cause.NO_CAPACITY, Cause.EVAL_FAILED, Cause.DEADLINE}
)
DEFAULT_ON = (Outcome.FAILED,)
HINT = "set settings.wait: completion, or pass --wait"
WHY = {
    Wait.PLACEMENT: "after the placement, because with wait: placement the run does not see how items end",
    Wait.DETACH: "with wait: detach, because the run does not see what becomes of items",
}

Dispatch = Mapping[str, object]


def unfollowed_keys(document: Document, settings: Settings) -> Iterator[Problem]:
    """
    Yield a warning for the first `timeout` and the first `retry` without effect; *document* has no errors.

    Canaries are followed to their end, so a run that has some uses these keys.
    """
    wait, why = settings.wait, WHY.get(settings.wait)
    if why is None or settings.canary is not None:
        return
    for key in ("timeout", "retry"):
        route = next((route for route, dispatch in _dispatches(document) if _is_unseen(key, dispatch, wait)), None)
        if route is not None:
            problem = document.problem("DF017", document.key_position(*route, key), f"{key} has no effect {why}", HINT)
            yield replace(problem, severity=Severity.WARNING)


def _dispatches(document: Document) -> Iterator[tuple[tuple[str | int, ...], Dispatch]]:
    """Yield the keys that dispatches share and those of each, with the route to them."""
    yield ("defaults",), cast("Dispatch", document.data.get("defaults") or {})
    for number, dispatch in enumerate(cast("list[Dispatch]", document.data["dispatches"])):
        yield ("dispatches", number), dispatch


def _is_unseen(key: str, dispatch: Dispatch, wait: Wait) -> bool:
    if key not in dispatch:
        return False
    if key == "timeout" or wait is Wait.DETACH:
        return True
    on = cast("Mapping[str, list[str]]", dispatch["retry"]).get("on", DEFAULT_ON)
    return SEEN_UNTIL_PLACED.isdisjoint(on)
