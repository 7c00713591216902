"""Rows of `runs` and `prune`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from dispatchfile.journal import RunState
from tests.cli.option_table.checks import Row, changes_nothing
from tests.cli.option_table.stage import FAILED, SUCCEEDED, UNSENT, Stage


def prepare(stage: Stage) -> None:
    """Two runs that are over, of long ago, and one that was interrupted."""
    stage.keep("h1", state=RunState.FINISHED, ends={"bad": FAILED, "good": SUCCEEDED})
    stage.keep("h2", state=RunState.FINISHED, ends={"bad": FAILED}, changes={"started_at": 2_000.0})
    stage.keep("h3", state=RunState.INTERRUPTED, ends={"bad": UNSENT})


def _names(stage: Stage, *flags: str) -> set[str]:
    return {run["run"] for run in json.loads(stage.call("runs", "-o", "json", *flags).out)["runs"]}


def _limit(stage: Stage) -> None:
    prepare(stage)
    assert _names(stage, "--limit", "1") == {"h2"}


def _state(stage: Stage) -> None:
    prepare(stage)
    assert _names(stage, "--state", "interrupted") == {"h3"}


def _manifest(stage: Stage) -> None:
    prepare(stage)
    Path("other").mkdir()
    assert (_names(stage, "--manifest", "dispatchfile.yaml"), _names(stage, "--manifest", "other")) == (
        {"h1", "h2", "h3"},
        set(),
    )


def _runs_state_dir(stage: Stage) -> None:
    prepare(stage)
    assert "h1" in stage.call("runs").out
    assert stage.call("runs", "--state-dir", "nowhere").out == "no runs yet\n"


def _prunes(stage: Stage, flags: Sequence[str], left: set[str]) -> None:
    prepare(stage)
    assert stage.call("prune", *flags).code == 0
    assert _names(stage) == left


def _prune_state_dir(stage: Stage) -> None:
    _prunes(stage, ("--keep", "0", "--state-dir", "nowhere"), {"h1", "h2", "h3"})


def _prune_output(stage: Stage) -> None:
    prepare(stage)
    assert isinstance(json.loads(stage.call("prune", "--keep", "0", "--dry-run", "-o", "json").out), dict)
    assert not stage.call("prune", "--keep", "0", "--dry-run").out.startswith("{")


PRUNE = ("prune", "--keep", "0", "--dry-run")
ROWS: Row = {
    ("runs", "--limit"): _limit,
    ("runs", "--state"): _state,
    ("runs", "--manifest"): _manifest,
    ("runs", "--state-dir"): _runs_state_dir,
    ("prune", "--older-than"): lambda stage: _prunes(stage, ("--older-than", "30d"), {"h3"}),
    ("prune", "--keep"): lambda stage: _prunes(stage, ("--keep", "1"), {"h2", "h3"}),
    ("prune", "--dry-run"): lambda stage: _prunes(stage, ("--keep", "0", "--dry-run"), {"h1", "h2", "h3"}),
    ("prune", "--state-dir"): _prune_state_dir,
    ("prune", "--output"): _prune_output,
    ("prune", "--quiet"): changes_nothing(*PRUNE, flag=("--quiet",), prepare=prepare),
    ("prune", "--verbose"): changes_nothing(*PRUNE, flag=("--verbose",), prepare=prepare),
    ("prune", "--color"): changes_nothing(*PRUNE, flag=("--color=always",), prepare=prepare),
}
