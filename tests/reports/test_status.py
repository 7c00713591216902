"""The status of a run."""

from dataclasses import replace

from dispatchfile.events import Accepted, Cause, Ended, Event, Moved, Outcome, Sending, State, Verdict
from dispatchfile.reports.status import StatusView, text_of_status
from dispatchfile.results import ItemFacts, JobWait, Results, RunFacts, Summary, summarize

FACTS = RunFacts("k3v9x2ab", "nightly", "films.yaml", "http://nomad.example:4646", "completion", 1_795_000_000.0)


def summary(state: str, events: list[Event], *, items: int = 4, finished_at: float | None = None) -> Summary:
    results = Results([ItemFacts(f"film-{number}", "encode", "default") for number in range(items)])
    for event in events:
        results.apply(event)
    return summarize(results, FACTS, state=state, finished_at=finished_at)


EVENTS: list[Event] = [
    Ended("film-0", 1, 1_795_000_004.0, Verdict(Outcome.SUCCEEDED)),
    Ended("film-1", 1, 1_795_000_005.0, Verdict(Outcome.FAILED, Cause.OOM, "out of memory")),
    Sending("film-2", 1, 1_795_000_001.0),
    Accepted("film-2", 1, 1_795_000_002.0, "encode/dispatch-k3v9x2ab-film-2-1-1795000002-00000000"),
    Moved("film-2", 1, 1_795_000_003.0, State.RUNNING, "running on n1"),
]


def test_a_running_run_tells_who_works_on_it_and_what_lives() -> None:
    """It shows what has failed so far, without a rerun command that would be refused."""
    told = text_of_status(StatusView(summary("running", EVENTS), "process 4711 on build-3", 1_795_000_062.0))
    assert told == (
        """\
run k3v9x2ab of films.yaml to http://nomad.example:4646, wait: completion
started 2026-11-18 11:06:40Z, 1m02s ago; running, process 4711 on build-3
4 items: 1 succeeded, 1 failed, 1 waiting, 1 running

ITEM    STATE    FOR    CHILD                                                  MESSAGE
film-2  running  1m00s  encode/dispatch-k3v9x2ab-film-2-1-1795000002-00000000  running on n1

1 of 4 items did not succeed:
ITEM    OUTCOME  CAUSE  MESSAGE
film-1  failed   oom    out of memory

follow it with: dispatchfile watch k3v9x2ab
"""
    )


def test_a_running_run_says_what_its_items_wait_for() -> None:
    """One was asked for all of its job."""
    wait = JobWait("encode", "default", "", "film-2", 'queued: no node meets "${meta.x} = y" (1 filtered)', 1)
    waiting = replace(summary("running", EVENTS), waits=(wait,))
    told = text_of_status(StatusView(waiting, "process 4711", 1_795_000_062.0))
    assert told.splitlines()[2:4] == [
        "4 items: 1 succeeded, 1 failed, 1 waiting, 1 running",
        '1 item of job encode is queued: no node meets "${meta.x} = y" (1 filtered)',
    ]


def test_an_interrupted_run_tells_how_to_go_on() -> None:
    """It also shows how long the run had taken."""
    told = text_of_status(StatusView(summary("interrupted", [], finished_at=1_795_000_009.0), "", 1_795_003_600.0))
    assert told == (
        """\
run k3v9x2ab of films.yaml to http://nomad.example:4646, wait: completion
started 2026-11-18 11:06:40Z, 1h00m ago; interrupted after 9.0s, exit code 1
4 items: 4 waiting

continue with: dispatchfile resume k3v9x2ab
"""
    )


def test_many_living_items_are_counted() -> None:
    """The first ten stand for all."""
    events: list[Event] = [Sending(f"film-{number}", 1, 1_795_000_001.0) for number in range(12)]
    told = text_of_status(StatusView(summary("running", events, items=12), "", 1_795_000_002.0))
    assert "12 items: 12 sending\n" in told
    assert "film-9 " in told
    assert "film-10" not in told
    assert "and 2 more (-o json shows all)\n" in told
