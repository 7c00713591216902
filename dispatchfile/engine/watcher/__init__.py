"""Children followed by few lists and looks until each has a verdict."""

from dispatchfile.engine.watcher.watcher import Report, Watcher
from dispatchfile.engine.watcher.window import STRAGGLERS, at_least, window_pattern

__all__ = ["STRAGGLERS", "Report", "Watcher", "at_least", "window_pattern"]
