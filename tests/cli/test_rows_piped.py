"""Rows that are piped into a command, and standard inputs that cannot give any."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from dispatchfile.files import StandardInput
from dispatchfile.journal import RunState, Target
from dispatchfile.usecases.load import ManifestSource, load_items
from tests.cli.test_past import JOB
from tests.usecases.past_runs import header, keep_run

MANIFEST = """version: 1
dispatches:
  - id: "{{ each.value | slug }}"
    job: encode
    for_each: {lines: "-"}
"""
PLACE = "dispatchfile.yaml:5:23: DF029 standard input"
ADVICE = "pipe the rows in, as in `cat urls.txt | dispatchfile run`"


def validated(folder: Path, *arguments: str, **options: object) -> tuple[int, str]:
    """The exit code and the first line of what `validate` prints in a folder with the manifest."""
    code, lines = all_lines(folder, *arguments, **options)
    return code, lines[0]


def all_lines(folder: Path, *arguments: str, **options: object) -> tuple[int, list[str]]:
    """The exit code and the lines that `validate` prints in a folder with the manifest."""
    (folder / "dispatchfile.yaml").write_text(MANIFEST, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "dispatchfile", "validate", *arguments],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        **options,
    )
    return done.returncode, done.stdout.splitlines()


def test_lines_that_are_piped_in_are_rows(tmp_path: Path) -> None:
    """They are rows of the manifest in this folder."""
    assert validated(tmp_path, input="a b\nc\n") == (0, "dispatchfile.yaml: ok, 2 items")


def test_standard_input_is_no_terminal(tmp_path: Path) -> None:
    """Nobody waits for lines that a person is to type."""
    owner, terminal = pty.openpty()
    try:
        found = validated(tmp_path, stdin=terminal)
    finally:
        os.close(owner)
        os.close(terminal)
    assert found == (1, f"{PLACE} is a terminal: {ADVICE}")


def test_standard_input_may_be_closed(tmp_path: Path) -> None:
    """The error is shown at the key that reads standard input."""
    command = f'exec "{sys.executable}" -m dispatchfile validate <&-'
    (tmp_path / "dispatchfile.yaml").write_text(MANIFEST, encoding="utf-8")
    done = subprocess.run(["sh", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.splitlines()[0]) == (1, f"{PLACE} is closed: {ADVICE}")


@pytest.mark.parametrize("others", [(), ("dispatchfile.yaml",)])
def test_standard_input_cannot_be_manifest_and_rows(tmp_path: Path, others: tuple[str, ...]) -> None:
    """Whichever manifest of the call asks for the rows."""
    code, first = validated(tmp_path, "-", *others, input=MANIFEST)
    advice = "name the manifest by its file, or take the rows from a file"
    assert (code, first) == (1, f"<stdin>:5:23: DF029 standard input is the manifest: {advice}")


def test_two_manifests_cannot_share_standard_input(tmp_path: Path) -> None:
    """The second manifest gets an error that names the place where the first one reads it."""
    (tmp_path / "b.yaml").write_text(MANIFEST, encoding="utf-8")
    code, lines = all_lines(tmp_path, "b.yaml", "dispatchfile.yaml", input="a\n")
    reader = "standard input is already read at b.yaml:5:23"
    assert (code, lines[:2]) == (
        1,
        ["b.yaml: ok, 1 item", f"dispatchfile.yaml:5:23: DF029 {reader}: only one for_each can read it"],
    )


# Runs of piped rows, on an embedded agent


WORK = """version: 1
dispatches:
  - {id: "{{ each.value | slug }}", job: work, meta: {how: "{{ each.value }}"}, for_each: {lines: "-"}}
"""


@pytest.fixture
def folder(in_an_empty_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a manifest of piped rows and its job; journals stay in the folder."""
    (in_an_empty_folder / "jobs").mkdir()
    (in_an_empty_folder / "jobs/work.nomad.json").write_text(JOB)
    (in_an_empty_folder / "dispatchfile.yaml").write_text(WORK)
    monkeypatch.setenv("DISPATCHFILE_STATE_DIR", str(in_an_empty_folder / "state"))
    return in_an_empty_folder


def called(*argv: str, piped: str = "") -> tuple[int, dict[str, str], list[str]]:
    """The exit code, the outcomes by item, and the lines on standard error."""
    command = [sys.executable, "-m", "dispatchfile", *argv, "-o", "json"]
    done = subprocess.run(command, input=piped, capture_output=True, text=True, check=False)
    items = json.loads(done.stdout or "{}").get("items", [])
    return done.returncode, {item["id"]: item["outcome"] for item in items}, done.stderr.splitlines()


def test_a_rerun_sends_piped_rows_as_the_journal_stored_them(folder: Path) -> None:
    """Neither `rerun` nor `resume` needs standard input again."""
    both = {"true": "succeeded", "false": "failed"}
    code, outcomes, _ = called("run", "--local", "--run-id", "r1", piped="true\nfalse\n")
    assert (code, outcomes) == (2, both)
    assert called("resume", "r1")[:2] == (2, both)
    assert called("rerun", "r1", "--failed")[:2] == (2, {"false": "failed"})


def test_a_resumed_run_sends_piped_rows_as_the_journal_stored_them(folder: Path) -> None:
    """The rows that an interrupted run has not sent are stored, too."""
    manifest = folder / "dispatchfile.yaml"
    rows = StandardInput(lambda _: b"true\nfalse\n")
    source = ManifestSource(path=str(manifest), content=None, variables={}, environ={}, standard_input=rows)
    head = header(id="r1", manifest=str(manifest), local=True, target=Target("local", "", ("default",)))
    items = load_items(source).items
    asyncio.run(keep_run(folder / "state", items, head=head, state=RunState.INTERRUPTED))
    assert called("resume", "r1")[:2] == (2, {"true": "succeeded", "false": "failed"})


def test_a_run_of_piped_rows_may_select_none(folder: Path) -> None:
    """As after a run whose rows have all succeeded; it is not recorded, so the run before stays the latest one."""
    assert called("run", "--local", "--run-id", "r1", piped="true\n")[:2] == (0, {"true": "succeeded"})
    code, outcomes, lines = called("run", "--local", "--only", "outcome:failed", piped="true\n")
    assert (code, {*outcomes.values()}) == (0, {"skipped"})
    assert "no item of the latest run ended so: nothing to send" in lines
    assert [path.stem.partition("-")[2] for path in (folder / "state").rglob("*.db")] == ["r1"]


def test_no_rows_at_all_are_an_error(folder: Path) -> None:
    """A command before the pipe that failed must not look like a good night."""
    command = [sys.executable, "-m", "dispatchfile", "run", "--local"]
    done = subprocess.run(command, input="", capture_output=True, text=True, check=False)
    problem = "dispatchfile.yaml:3:99: DF022 standard input gives no rows: it needs at least one row"
    assert (done.returncode, done.stdout, done.stderr.splitlines()[0]) == (1, "", problem)
