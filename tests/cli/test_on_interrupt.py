"""`run --on-interrupt stop`, where it cannot do what it says."""

from pathlib import Path

import pytest

from dispatchfile.cli.exits import run_to_exit_code


def test_without_a_journal_it_is_refused(in_an_empty_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing would be known of the children."""
    (in_an_empty_folder / "m.yaml").write_text("version: 1\ndispatches: [{id: a, job: j}]\n")
    assert run_to_exit_code(["run", "m.yaml", "--no-journal", "--on-interrupt", "stop"]) == 1
    assert "leave out --no-journal" in capsys.readouterr().err
