"""Entries as rows hold them."""

import json

from dispatchfile.events import Ended, Outcome, Verdict
from dispatchfile.journal.rows import decode_entries


def _read(message: str, line: str) -> object:
    body = json.dumps({"at": 1.0, "verdict": {"outcome": "failed", "message": message, "last_log_line": line}})
    ((_, entry),) = decode_entries([(1, "ended", "a", 1, body)])
    return entry


def test_a_line_that_version_0_1_0_added_to_the_message_is_taken_out() -> None:
    """The message is a sentence; the line is kept beside it."""
    verdict = Verdict(Outcome.FAILED, message="exit code 1 on node n1", last_log_line="ok")
    assert _read('exit code 1 on node n1: "ok"', "ok") == Ended("a", 1, 1.0, verdict)
    assert _read("exit code 1 on node n1", "ok") == Ended("a", 1, 1.0, verdict)
