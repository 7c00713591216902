"""The journal, one SQLite file for each run: written before a request is sent, read back to resume."""

from dispatchfile.journal.folder import ENVIRONMENT, state_folder
from dispatchfile.journal.journal import Journal
from dispatchfile.journal.masking import Mask
from dispatchfile.journal.observations import keep_observations
from dispatchfile.journal.opening import remove_run
from dispatchfile.journal.reader import JournalReader
from dispatchfile.journal.records import (
    STANDARD_INPUT,
    RunHeader,
    RunState,
    RunStatus,
    StoredBaseline,
    StoredRun,
    Target,
)
from dispatchfile.journal.runs import each_run, find_run, is_live, list_runs, open_run, unfinished_run
from dispatchfile.journal.store import request_stop

__all__ = [
    "ENVIRONMENT",
    "STANDARD_INPUT",
    "Journal",
    "JournalReader",
    "Mask",
    "RunHeader",
    "RunState",
    "RunStatus",
    "StoredBaseline",
    "StoredRun",
    "Target",
    "each_run",
    "find_run",
    "is_live",
    "keep_observations",
    "list_runs",
    "open_run",
    "remove_run",
    "request_stop",
    "state_folder",
    "unfinished_run",
]
