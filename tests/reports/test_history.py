"""The runs there are."""

import json
from pathlib import Path

from dispatchfile.journal import RunHeader, RunState, RunStatus, StoredRun, Target
from dispatchfile.reports.formats import OutputFormat
from dispatchfile.reports.history import render_history
from dispatchfile.settings import Settings


def stored(run: str, state: RunState, **status: object) -> StoredRun:
    target = Target("http://n:4646", "", ("default", "media"))
    header = RunHeader(
        run, "films", "/f/films.yaml", "films.yaml", "d", target, Settings(), False, 1_795_000_000.25, "0.1.0"
    )
    return StoredRun(Path(f"/state/runs/x-{run}.db"), header, RunStatus(state, 4711, "host", **status), 1_000)  # type: ignore[arg-type]


HISTORY = [
    (stored("k3v9x2ab", RunState.RUNNING), "running"),
    (
        stored(
            "m1",
            RunState.STOPPED_EARLY,
            exit_code=2,
            finished_at=1_795_000_123.5,
            counts={"succeeded": 990, "failed": 10},
        ),
        "stopped_early",
    ),
]


def test_runs_are_a_table() -> None:
    """With what each came to, as far as it is known."""
    assert render_history(HISTORY, OutputFormat.TEXT) == (
        """\
RUN       MANIFEST    TARGET         STATE          STARTED               TOOK   ITEMS  OUTCOMES
k3v9x2ab  films.yaml  http://n:4646  running        2026-11-18 11:06:40Z  -      1,000  -
m1        films.yaml  http://n:4646  stopped early  2026-11-18 11:06:40Z  2m03s  1,000  990 succeeded, 10 failed
"""
    )


def test_no_runs_are_no_table() -> None:
    """Rather than a head without rows."""
    assert render_history([], OutputFormat.TEXT) == "no runs yet\n"


def test_runs_are_records_for_scripts() -> None:
    """One object, or one a line; what is not known is null."""
    told = json.loads(render_history(HISTORY, OutputFormat.JSON))
    lines = [json.loads(line) for line in render_history(HISTORY, OutputFormat.NDJSON).splitlines()]
    assert (told["schema"], told["runs"]) == ("dispatchfile/runs/v1", lines)
    running, stopped = lines
    assert (running["state"], running["counts"], running["finished_at"], running["exit_code"]) == (
        "running",
        None,
        None,
        None,
    )
    assert (stopped["counts"]["failed"], stopped["duration_s"], stopped["namespaces"]) == (
        10,
        123.25,
        ["default", "media"],
    )
