"""
A batch from its first request to its last verdict.

`lifecycle` is the core: pure, it takes happenings and gives commands. `sender`, `settler`, `watcher`, `errands`,
`recorder` and `supply` carry commands out, know nothing of each other, and post what happens. `loop` connects them.
"""

from dispatchfile.engine.errands import NO_TOKEN, refusal_of_token
from dispatchfile.engine.lifecycle import NOT_OURS, intent_of, is_surely_made
from dispatchfile.engine.loop import TICK_S, Engine
from dispatchfile.engine.observer import Observer
from dispatchfile.engine.source import ItemSource, ListedItems
from dispatchfile.engine.spec import (
    Baseline,
    BatchSpec,
    BatchState,
    Listing,
    LogReads,
    ParentSpec,
    Resumption,
    Start,
)

__all__ = [
    "NOT_OURS",
    "NO_TOKEN",
    "TICK_S",
    "Baseline",
    "BatchSpec",
    "BatchState",
    "Engine",
    "ItemSource",
    "ListedItems",
    "Listing",
    "LogReads",
    "Observer",
    "ParentSpec",
    "Resumption",
    "Start",
    "intent_of",
    "is_surely_made",
    "refusal_of_token",
]
