"""The core of the engine: the life of every attempt, as one table of transitions and the pure parts that they use."""

from dispatchfile.engine.lifecycle.attempt import Phase, intent_of
from dispatchfile.engine.lifecycle.core import Lifecycle
from dispatchfile.engine.lifecycle.ending import is_surely_made
from dispatchfile.engine.lifecycle.logs import LogChoice
from dispatchfile.engine.lifecycle.watching import NOT_OURS

__all__ = ["NOT_OURS", "Lifecycle", "LogChoice", "Phase", "intent_of", "is_surely_made"]
