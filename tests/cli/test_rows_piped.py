"""Rows that are piped into a command, and standard inputs that cannot give any."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

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
    return done.returncode, done.stdout.splitlines()[0]


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
    """The second is told where the first reads it."""
    (tmp_path / "b.yaml").write_text(MANIFEST, encoding="utf-8")
    code, first = validated(tmp_path, "b.yaml", "dispatchfile.yaml", input="a\n")
    assert (code, first) == (1, "b.yaml: ok, 1 item")
