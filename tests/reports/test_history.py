"""The history of runs: a table that fits the terminal, and records for scripts."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from dispatchfile.journal import RunHeader, RunState, RunStatus, StoredRun, Target
from dispatchfile.reports.formats import OutputFormat
from dispatchfile.reports.history import Places, render_history, shorten_path, shown_folder
from dispatchfile.settings import Settings


def stored(run: str, state: RunState, *, items: int = 1_000, name: str = "films", **status: object) -> StoredRun:
    target = Target("http://n:4646", "", ("default", "media"))
    header = RunHeader(
        run, name, "/srv/f/films.yaml", "films.yaml", "d", target, Settings(), False, 1_795_000_000.25, "0.1.0"
    )
    return StoredRun(Path(f"/state/runs/x-{run}.db"), header, RunStatus(state, 4711, "host", **status), items)  # type: ignore[arg-type]


HISTORY = [
    (stored("k3v9x2ab", RunState.RUNNING, counts={"succeeded": 40, "failed": 2}), "running"),
    (stored("new", RunState.RUNNING), "running"),
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
PLACES = Places("/srv", "/home/ada")


def test_runs_are_a_table_with_the_newest_last() -> None:
    """Without a terminal, each line has everything that is known."""
    assert render_history(HISTORY, OutputFormat.TEXT, places=PLACES) == (
        """\
RUN       NAME   FOLDER  STATE          STARTED            TOOK         OK  TARGET         OUTCOMES
m1        films  f       stopped early  2026-11-18 11:06Z  2m03s  990/1000  http://n:4646  990 succeeded, 10 failed
new       films  f       running        2026-11-18 11:06Z  -        -/1000  http://n:4646  -
k3v9x2ab  films  f       running        2026-11-18 11:06Z  -       40/1000  http://n:4646  40 succeeded, 2 failed
"""
    )


def far(stored_run: StoredRun) -> StoredRun:
    manifest = "/srv/data/of/a/team/that/has/many/folders/films-2026/films.yaml"
    return replace(stored_run, header=replace(stored_run.header, manifest=manifest, name="films-of-a-very-long-night"))


@pytest.mark.parametrize(
    ("width", "table"),
    [
        pytest.param(
            40,
            """\
RUN       STATE                OK
m1        stopped early  990/1000
k3v9x2ab  running         40/1000
""",
            id="40",
        ),
        pytest.param(
            60,
            """\
RUN       NAME         FOLDER        STATE                OK
m1        films-of-a…  …/films-2026  stopped early  990/1000
k3v9x2ab  films-of-a…  …/films-2026  running         40/1000
""",
            id="60",
        ),
        pytest.param(
            80,
            """\
RUN       NAME            FOLDER        STATE          STARTED             OK
m1        films-of-a-ve…  …/films-2026  stopped early  11-18 11:06Z  990/1000
k3v9x2ab  films-of-a-ve…  …/films-2026  running        11-18 11:06Z   40/1000
""",
            id="80",
        ),
        pytest.param(
            120,
            """\
RUN       NAME                   FOLDER                STATE          STARTED            TOOK         OK  TARGET
m1        films-of-a-very-long…  …/folders/films-2026  stopped early  2026-11-18 11:06Z  2m03s  990/1000  http://n:4646
k3v9x2ab  films-of-a-very-long…  …/folders/films-2026  running        2026-11-18 11:06Z  -       40/1000  http://n:4646
""",
            id="120",
        ),
    ],
)
def test_the_table_fits_the_terminal(width: int, table: str) -> None:
    """A run is one line; long names lose their end and long folders their beginning."""
    runs = [(far(run), state) for run, state in HISTORY if run.header.id != "new"]
    assert render_history(runs, OutputFormat.TEXT, places=PLACES, width=width) == table


def _texts() -> st.SearchStrategy[str]:
    return st.text(st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1, max_size=40)


@st.composite
def _histories(draw: st.DrawFn) -> list[tuple[StoredRun, str]]:
    def one(number: int) -> tuple[StoredRun, str]:
        run = stored(f"run{number}", RunState.FINISHED, items=draw(st.integers(1, 100_000)), counts={"succeeded": 1})
        folders = draw(st.lists(_texts(), min_size=1, max_size=6))
        manifest = "/" + "/".join([*folders, "m.yaml"])
        return replace(run, header=replace(run.header, manifest=manifest, name=draw(_texts()))), "stopped_early"

    return [one(number) for number in range(draw(st.integers(1, 4)))]


@given(history=_histories(), width=st.integers(20, 300))
def test_no_line_is_wider_than_the_terminal(history: list[tuple[StoredRun, str]], width: int) -> None:
    """Whatever names and folders are like; each run has one line, and control characters are escaped."""
    lines = render_history(history, OutputFormat.TEXT, width=width, places=PLACES).split("\n")
    assert [line.split()[0] for line in lines[:-1]] == ["RUN", *(run.header.id for run, _ in reversed(history))]
    assert [line for line in lines if cell_len(line) > width or not line.isprintable()] == []


def test_no_runs_are_no_table() -> None:
    """Rather than a head without rows; it is said whether there are none or none of those asked for."""
    assert render_history([], OutputFormat.TEXT) == "no runs yet\n"
    assert render_history([], OutputFormat.TEXT, is_filtered=True) == "no such runs\n"


def test_folders_are_shown_as_they_would_be_typed() -> None:
    """Relative to the current folder, else to the home folder."""
    folders = ["/srv", "/srv/a/b", "/home/ada/films", "/home/ada", "/mnt/x", ""]
    assert [shown_folder(folder, PLACES) for folder in folders] == [".", "a/b", "~/films", "~", "/mnt/x", "-"]
    assert shown_folder("/srv/a", Places()) == "/srv/a"


def test_a_long_path_keeps_its_end() -> None:
    """Whole folders, as many as fit; of one that does not fit, its beginning."""
    path = "/srv/data/films/nightly"
    assert [shorten_path(path, width) for width in (23, 22, 15, 9, 8, 4)] == [
        path,
        "…/data/films/nightly",
        "…/films/nightly",
        "…/nightly",
        "nightly",
        "nig…",
    ]


def test_runs_are_records_for_scripts() -> None:
    """One object, or one a line, the newest first; what is not known is null."""
    reported = json.loads(render_history(HISTORY, OutputFormat.JSON))
    lines = [json.loads(line) for line in render_history(HISTORY, OutputFormat.NDJSON).splitlines()]
    assert (reported["schema"], reported["runs"]) == ("dispatchfile/runs/v1", lines)
    running, new, stopped = lines
    assert [running[key] for key in ("state", "finished_at", "exit_code", "folder")] == [
        "running",
        None,
        None,
        "/srv/f",
    ]
    assert (running["counts"]["failed"], new["counts"]) == (2, None)
    assert (stopped["counts"]["failed"], stopped["duration_s"], stopped["namespaces"]) == (
        10,
        123.25,
        ["default", "media"],
    )


def test_a_manifest_from_standard_input_has_no_folder() -> None:
    """It is null for scripts."""
    run = stored("r", RunState.FINISHED)
    (record,) = _records([(replace(run, header=replace(run.header, manifest="-")), "finished")])
    assert (record["manifest"], record["folder"]) == ("-", None)


def _records(history: list[tuple[StoredRun, str]]) -> Iterator[dict[str, object]]:
    yield from json.loads(render_history(history, OutputFormat.JSON))["runs"]
