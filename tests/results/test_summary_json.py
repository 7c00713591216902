"""The summary as scripts read it."""

import json
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatchfile.events import Cause, ExtraStart, Outcome, State, Verdict
from dispatchfile.results import (
    SUMMARY_SCHEMA,
    ItemFacts,
    LaterEnd,
    Results,
    RunFacts,
    bad_endings,
    item_json,
    summarize,
    summary_json,
    to_timestamp,
)
from dispatchfile.source import Position
from tests.results.builders import FAILED, REQUESTS, RUN, accepted, ended, folded, moved, sending

SCHEMA = json.loads((Path(__file__).parents[2] / "schemas" / "summary-v1.schema.json").read_text())
VALIDATOR = jsonschema.Draft7Validator(SCHEMA)
T0 = RUN.started_at


def test_a_summary_is_told_as_the_schema_has_it() -> None:
    """Key by key, with nulls for what is not known."""
    results = folded(sending(T0 + 1), accepted(T0 + 1.25), ended(T0 + 61.5, FAILED))
    summary = summarize(results, RUN, state="finished", finished_at=T0 + 62, requests=REQUESTS)
    told = summary_json(summary)
    VALIDATOR.validate(told)
    assert told == {
        "schema": "dispatchfile/summary/v1",
        "run": "x7k2m9qa",
        "name": "nightly",
        "manifest": "dispatchfile.yaml",
        "target": "http://127.0.0.1:4646",
        "state": "finished",
        "wait": "completion",
        "exit_code": 2,
        "started_at": "2026-11-22T12:30:00.000Z",
        "finished_at": "2026-11-22T12:31:02.000Z",
        "duration_s": 62.0,
        "counts": dict.fromkeys(map(str, Outcome), 0) | {"failed": 1, "total": 1},
        "requests": {"total": 7, "dispatches": 3, "retried": 1, "throttled": 0, "peak_connections": 2},
        "doubled": [],
        "queued": [],
        "process": None,
        "groups": [
            {
                "selector": f"group:{bad_endings(summary)[0].name}",
                "outcome": "failed",
                "cause": "exit",
                "exit_code": 3,
                "last_line": "no such codec",
                "log_unread": False,
                "message": "task t: exit code 3 on node n1",
                "items": ["film-1"],
            }
        ],
        "reruns": [],
        "items": [
            {
                "id": "film-1",
                "job": "encode",
                "namespace": "default",
                "region": None,
                "state": "ended",
                "outcome": "failed",
                "cause": "exit",
                "message": "task t: exit code 3 on node n1",
                "last_line": "no such codec",
                "log_unread": False,
                "exit_code": 3,
                "child": "encode/dispatch-x7k2m9qa-film-1-1-1795350600-dc1c28dc",
                "eval_id": "e1",
                "existing": False,
                "adopted": False,
                "attempt": 1,
                "starts": 4,
                "max_starts": None,
                "extra_starts": [],
                "dispatched_at": "2026-11-22T12:30:01.250Z",
                "finished_at": "2026-11-22T12:31:01.500Z",
                "duration_s": 60.25,
                "node": "n1",
                "alloc_id": "a1",
                "group": None,
                "alloc_index": None,
                "task": "t",
                "tags": ["films"],
                "position": {"file": "dispatchfile.yaml", "line": 4, "column": 5},
                "origin": None,
            }
        ],
    }


def test_scripts_are_told_what_people_are_told() -> None:
    """Who works on the run, what reruns have made of its items, and where an item without an id comes from."""
    summary = summarize(folded(accepted(T0), ended(T0 + 1, FAILED)), RUN, state="running", finished_at=None)
    items = [replace(item, source="films.csv:3 alien", last_log_line="", log_unread=True) for item in summary.items]
    later = {"film-1": LaterEnd("k3v9x2ab", Outcome.SUCCEEDED, None)}
    told = summary_json(replace(summary, items=items, process=(12, "build-3"), later=later))
    VALIDATOR.validate(told)
    assert told["process"] == {"pid": 12, "host": "build-3"}
    assert told["reruns"] == [{"item": "film-1", "run": "k3v9x2ab", "outcome": "succeeded", "cause": None}]
    assert [(item["origin"], item["log_unread"]) for item in told["items"]] == [("films.csv:3 alien", True)]
    assert [(group["items"], group["last_line"], group["log_unread"]) for group in told["groups"]] == [
        (["film-1"], None, True)
    ]


def test_keys_come_in_the_schemas_order() -> None:
    """People read it too."""
    told = summary_json(summarize(folded(), RUN, state="finished", finished_at=None))
    assert list(told) == list(SCHEMA["properties"])
    assert list(item_json(folded().item("film-1"))) == list(SCHEMA["properties"]["items"]["items"]["properties"])


@pytest.mark.parametrize("state", ["finished", "interrupted", "stopped_early", "running"])
@pytest.mark.parametrize("wait", ["detach", "placement", "completion"])
def test_every_state_of_a_run_is_in_the_schema(state: str, wait: str) -> None:
    """With and without a manifest, an end, or a signal."""
    facts = RunFacts("r1", "one", "", "local", wait, T0)
    for summary in (
        summarize(folded(), facts, state=state, finished_at=None, signal_exit=143),
        summarize(Results([]), facts, state=state, finished_at=T0 + 1),
    ):
        VALIDATOR.validate(summary_json(summary))


def test_the_schemas_words_are_the_programs() -> None:
    """No outcome, cause or state is missing there, and none is there that does not exist."""
    item = SCHEMA["properties"]["items"]["items"]["properties"]
    assert item["outcome"]["enum"] == [*map(str, Outcome), None]
    assert item["cause"]["enum"] == [*map(str, Cause), None]
    assert item["state"]["enum"] == [*map(str, State)]
    assert item["extra_starts"]["items"]["enum"] == [*map(str, ExtraStart)]
    assert list(SCHEMA["properties"]["counts"]["properties"]) == [*map(str, Outcome), "total"]
    assert SCHEMA["properties"]["schema"]["const"] == SUMMARY_SCHEMA


@pytest.mark.parametrize(
    ("at", "timestamp"),
    [
        (0.0, "1970-01-01T00:00:00.000Z"),
        (1_795_350_600.25, "2026-11-22T12:30:00.250Z"),
        (1_795_350_600.0009, "2026-11-22T12:30:00.000Z"),
        (None, None),
    ],
)
def test_times_are_utc_to_the_millisecond(at: float | None, timestamp: str | None) -> None:
    """RFC 3339, with Z."""
    assert to_timestamp(at) == timestamp


verdicts = st.builds(
    Verdict,
    st.sampled_from(Outcome),
    st.none() | st.sampled_from(Cause),
    st.text(max_size=20),
    st.none() | st.integers(-1, 255),
    st.text(max_size=5),
    st.integers(0, 9),
)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.tuples(verdicts, st.booleans(), st.sampled_from([State.QUEUED, State.RUNNING])), max_size=4),
    st.sampled_from(["", "eu"]),
    st.none() | st.just(Position("m.yaml", 1, 1)),
)
def test_any_results_fit_the_schema(
    rows: list[tuple[Verdict, bool, State]], region: str, position: Position | None
) -> None:
    """Whatever the items came to."""
    results = Results([ItemFacts(f"i{n}", "j", "default", region, (), position) for n in range(len(rows))])
    for number, (verdict, over, state) in enumerate(rows):
        name = f"i{number}"
        results.apply(accepted(T0, item=name))
        results.apply(ended(T0 + 1, verdict, item=name) if over else moved(T0 + 1, state, item=name))
    VALIDATOR.validate(summary_json(summarize(results, RUN, state="finished", finished_at=T0 + 2)))
