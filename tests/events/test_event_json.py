"""Events as scripts read them, one a line."""

import json
from pathlib import Path

import jsonschema
import pytest

from dispatchfile.events import (
    Accepted,
    Cause,
    Doubled,
    Doubted,
    Ended,
    Event,
    Moved,
    Notice,
    NoticeKind,
    Outcome,
    Repeated,
    Sending,
    State,
    Verdict,
)
from dispatchfile.results import (
    EVENT_SCHEMA,
    ItemFacts,
    Results,
    RunFacts,
    event_json,
    run_ended_json,
    run_started_json,
    summarize,
)

SCHEMA = json.loads((Path(__file__).parents[2] / "schemas" / "event-v1.schema.json").read_text())
VALIDATOR = jsonschema.Draft7Validator(SCHEMA)
SUMMARY = json.loads((Path(__file__).parents[2] / "schemas" / "summary-v1.schema.json").read_text())
AT = 1_795_350_600.25
TS = "2026-11-22T12:30:00.250Z"
FACTS = RunFacts("r1", "nightly", "", "local", "completion", AT)
FAILED = Verdict(Outcome.FAILED, Cause.EXIT, "task t: exit code 3 on node n1", 3, "n1", 4, "no such codec", "a1", "t")
FAILED_JSON = {
    "outcome": "failed",
    "cause": "exit",
    "message": "task t: exit code 3 on node n1",
    "exit_code": 3,
    "node": "n1",
    "starts": 4,
    "alloc_id": "a1",
    "task": "t",
    "group": None,
    "alloc_index": None,
    "last_line": "no such codec",
}


@pytest.mark.parametrize(
    ("event", "name", "more"),
    [
        (Sending("i", 1, AT), "sending", {}),
        (Accepted("i", 1, AT, "c", "e"), "dispatched", {"child": "c", "eval_id": "e", "existing": False}),
        (
            Accepted("i", 1, AT, "c", existing=True),
            "dispatched",
            {"child": "c", "eval_id": None, "existing": True},
        ),
        (Accepted("i", 1, AT, "c", adopted=True), "adopted", {"child": "c", "eval_id": None, "existing": False}),
        (Doubted("i", 1, AT, "connection reset"), "doubted", {"reason": "connection reset"}),
        (Repeated("i", 1, AT, "429", throttled=True), "repeated", {"reason": "429", "throttled": True}),
        (Moved("i", 1, AT, State.QUEUED, "no node"), "queued", {"message": "no node"}),
        (Moved("i", 1, AT, State.RUNNING), "running", {"message": ""}),
        (Ended("i", 1, AT, FAILED), "ended", FAILED_JSON | {"retry_at": None}),
        (Ended("i", 1, AT, FAILED, AT + 30), "attempt_ended", FAILED_JSON | {"retry_at": "2026-11-22T12:30:30.250Z"}),
        (Doubled("i", 1, AT, ("c1", "c2")), "doubled", {"children": ["c1", "c2"]}),
    ],
)
def test_an_event_is_one_object(event: Event, name: str, more: dict[str, object]) -> None:
    """Schema, time, run and name, the item and its attempt, and what the event knows."""
    told = event_json("r1", event)
    VALIDATOR.validate(told)
    head = {"schema": "dispatchfile/event/v1", "ts": TS, "run": "r1", "event": name, "item": "i", "attempt": 1}
    assert told == head | more
    assert list(told)[:6] == list(head)


@pytest.mark.parametrize("kind", NoticeKind)
def test_a_notice_is_about_no_item(kind: NoticeKind) -> None:
    """It has a kind and a message."""
    told = event_json("r1", Notice(AT, kind, "no answer for 5 s; retrying"))
    VALIDATOR.validate(told)
    assert told == {
        "schema": "dispatchfile/event/v1",
        "ts": TS,
        "run": "r1",
        "event": "notice",
        "kind": str(kind),
        "message": "no answer for 5 s; retrying",
    }


@pytest.mark.parametrize("state", [State.WAITING, State.IN_DOUBT, State.QUEUED, State.RUNNING])
def test_every_state_an_item_can_move_to_is_an_event(state: State) -> None:
    """Under the state's own name."""
    told = event_json("r1", Moved("i", 1, AT, state))
    VALIDATOR.validate(told)
    assert told["event"] == str(state)


@pytest.mark.parametrize("outcome", Outcome)
@pytest.mark.parametrize("cause", [None, *Cause])
def test_every_outcome_and_cause_fits_the_schema(outcome: Outcome, cause: Cause | None) -> None:
    """A verdict that knows nothing else has nulls."""
    VALIDATOR.validate(event_json("r1", Ended("i", 0, AT, Verdict(outcome, cause))))


def test_a_run_begins_and_ends_with_events_of_its_own() -> None:
    """The first says what the run will do, the last says how it ended."""
    started = run_started_json(FACTS, items=2)
    ended = run_ended_json(
        summarize(Results([ItemFacts("i", "j", "default")]), FACTS, state="interrupted", finished_at=AT + 1)
    )
    VALIDATOR.validate(started)
    VALIDATOR.validate(ended)
    assert started == {
        "schema": "dispatchfile/event/v1",
        "ts": TS,
        "run": "r1",
        "event": "run_started",
        "name": "nightly",
        "manifest": None,
        "target": "local",
        "wait": "completion",
        "items": 2,
    }
    assert ended == {
        "schema": "dispatchfile/event/v1",
        "ts": "2026-11-22T12:30:01.250Z",
        "run": "r1",
        "event": "run_ended",
        "state": "interrupted",
        "exit_code": 1,
        "duration_s": 1.0,
        "counts": dict.fromkeys(map(str, Outcome), 0) | {"total": 1},
    }


@pytest.mark.parametrize("state", SUMMARY["properties"]["state"]["enum"])
def test_the_end_fits_the_schema_in_every_state(state: str) -> None:
    """A watch may end before the run does."""
    VALIDATOR.validate(run_ended_json(summarize(Results([]), FACTS, state=state, finished_at=None)))


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"event": "vanished"}, "no such event"),
        ({"child": "c"}, "a key of another event"),
        ({"retry_at": TS}, "an end that another attempt follows is an attempt_ended"),
        ({"outcome": "complete"}, "Nomad's word"),
        ({"ts": "2026-11-22T12:30:00+01:00"}, "not UTC"),
        ({"schema": "dispatchfile/event/v2"}, "another version"),
    ],
)
def test_the_schema_tells_events_apart(change: dict[str, object], why: str) -> None:
    """It is more than a list of keys."""
    told = event_json("r1", Ended("i", 1, AT, FAILED)) | change
    assert not VALIDATOR.is_valid(told), why


def test_an_event_without_one_of_its_keys_does_not_fit_the_schema() -> None:
    """Unknown is null, never absent."""
    told = event_json("r1", Ended("i", 1, AT, FAILED))
    for key in told:
        assert not VALIDATOR.is_valid({name: value for name, value in told.items() if name != key}), key


def test_the_schemas_words_are_the_programs() -> None:
    """No outcome, cause or kind is missing there, and none is there that does not exist."""
    properties = SCHEMA["properties"]
    assert properties["outcome"]["enum"] == [*map(str, Outcome)]
    assert properties["cause"]["enum"] == [*map(str, Cause), None]
    assert properties["kind"]["enum"] == [*map(str, NoticeKind)]
    assert properties["schema"]["const"] == EVENT_SCHEMA
