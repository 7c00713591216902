"""`init` as it is typed."""

from pathlib import Path

import pytest

from dispatchfile.cli.exits import run_to_exit_code


def test_a_first_manifest_is_written_once(in_an_empty_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is valid as it is; a second time nothing is touched."""
    assert run_to_exit_code(["init", "films"]) == 0
    files = (
        "dispatchfile.yaml",
        "payloads/greeting.json.j2",
        "jobs/greet.nomad.hcl",
        "dispatchfile-v1.schema.json",
    )
    assert capsys.readouterr() == ("".join(f"wrote films/{name}\n" for name in files), "")
    assert run_to_exit_code(["validate", "films/dispatchfile.yaml"]) == 0
    capsys.readouterr()
    assert run_to_exit_code(["init", "films"]) == 1
    assert capsys.readouterr() == ("", "Error: films/dispatchfile.yaml: exists already; nothing was written\n")


def test_a_job_that_cannot_be_asked_for_leaves_nothing_behind(
    in_an_empty_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The server is asked before anything is written."""
    assert run_to_exit_code(["init", "-from-job=encode", "-address", "http://127.0.0.1:1"]) == 1
    assert capsys.readouterr().err.startswith("Error: cannot reach Nomad at http://127.0.0.1:1: ")
    assert list(in_an_empty_folder.iterdir()) == []


def test_a_job_whose_name_is_no_text_is_not_asked_for(
    in_an_empty_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """No request could name it."""
    assert run_to_exit_code(["init", "--from-job", "\udcff"]) == 1
    assert capsys.readouterr() == ("", "Error: --from-job: is not UTF-8 text\n")
