"""
Events folded to item results and one summary: the only place that counts.

Folding does not depend on order beyond the events' own times: an answer may arrive after the verdict it led to, and
an event may be told twice.
"""

from dispatchfile.results.attempts import AttemptHistory
from dispatchfile.results.folding import Results
from dispatchfile.results.groups import Group, bad_endings, group_endings
from dispatchfile.results.items import WITHOUT_END, ItemFacts, ItemResult, LaterEnd
from dispatchfile.results.summary import (
    LOCAL,
    NO_REQUESTS,
    SUMMARY_SCHEMA,
    Requests,
    RunFacts,
    Summary,
    exit_code,
    summarize,
)
from dispatchfile.results.waits import JobWait
from dispatchfile.results.wire import (
    EVENT_SCHEMA,
    event_json,
    item_json,
    run_ended_json,
    run_started_json,
    summary_head_json,
    summary_json,
    to_epoch_or_none,
    to_timestamp,
)

__all__ = [
    "EVENT_SCHEMA",
    "LOCAL",
    "NO_REQUESTS",
    "SUMMARY_SCHEMA",
    "WITHOUT_END",
    "AttemptHistory",
    "Group",
    "ItemFacts",
    "ItemResult",
    "JobWait",
    "LaterEnd",
    "Requests",
    "Results",
    "RunFacts",
    "Summary",
    "bad_endings",
    "event_json",
    "exit_code",
    "group_endings",
    "item_json",
    "run_ended_json",
    "run_started_json",
    "summarize",
    "summary_head_json",
    "summary_json",
    "to_epoch_or_none",
    "to_timestamp",
]
