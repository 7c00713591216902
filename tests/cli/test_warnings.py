"""Warnings about a manifest: every command that reads it tells them, and a run does so before it sends anything."""

from pathlib import Path

import pytest

from dispatchfile.cli.exits import run_to_exit_code
from tests.cli.test_run import JOB

MANIFEST = """\
version: 1
dispatches:
  - {id: a, job: work, meta: {how: "true"}, timeout: 5m}
  - {id: b, job: work, meta: {how: "true"}, timeout: 5m, on_timeout: leave}
"""
WAIT = "has no effect after the placement, because with wait: placement the run does not see how items end: \
set settings.wait: completion, or pass --wait"
WARNING = f"m.yaml:3:45: DF017 warning: timeout {WAIT}"


@pytest.fixture
def folder(in_an_empty_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (in_an_empty_folder / "jobs").mkdir()
    (in_an_empty_folder / "jobs/work.nomad.json").write_text(JOB)
    (in_an_empty_folder / "m.yaml").write_text(MANIFEST)
    monkeypatch.setenv("DISPATCHFILE_STATE_DIR", str(in_an_empty_folder / "state"))
    return in_an_empty_folder


@pytest.mark.parametrize(
    ("command", "written", "is_told"),
    [
        ("run --dry-run", None, True),
        ("run --dry-run", "completion", False),
        ("run --dry-run --wait", None, False),
        ("plan --offline", None, True),
        ("validate", None, False),
        ("validate", "placement", True),
        ("validate", "completion", False),
    ],
)
def test_a_timeout_that_has_no_effect_is_told_where_it_is_known(
    folder: Path, capsys: pytest.CaptureFixture[str], command: str, written: str | None, is_told: bool
) -> None:
    """`validate` does not know the options of the run, so it believes only what the manifest says."""
    if written:
        (folder / "m.yaml").write_text(MANIFEST + f"settings: {{wait: {written}}}\n")
    name, *options = command.split()
    assert run_to_exit_code([name, "m.yaml", *options]) == 0
    captured = capsys.readouterr()
    told = captured.out if name == "validate" else captured.err
    assert [line for line in told.splitlines() if "DF017" in line] == [WARNING] * is_told


def test_a_run_tells_its_warnings_before_it_sends_anything(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """They stand above the first line about the run, once each."""
    text = MANIFEST.replace("timeout: 5m}", "on_timeout: stop}").replace(
        "timeout: 5m, on_timeout: leave", "priority: 9"
    )
    (folder / "m.yaml").write_text(text)
    assert run_to_exit_code(["run", "m.yaml", "--local", "--run-id", "r1"]) == 0
    lines = capsys.readouterr().err.splitlines()
    hint = "set timeout here, in defaults or in settings, or run with --timeout"
    assert lines == [
        f"m.yaml:3:45: DF013 warning: on_timeout has no effect without a timeout: {hint}",
        "run r1: 2 items of m.yaml to local, wait: completion",
    ]
