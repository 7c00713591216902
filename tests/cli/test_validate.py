"""`validate` as it is typed."""

import io
import json
import sys
from pathlib import Path

import pytest

from dispatchfile.cli.exits import run_to_exit_code

GOOD = "version: 1\ndispatches: [{id: a, job: enc}]\n"
BAD = "version: 1\ndispatches: [{id: a, job: 7}]\n"


def test_the_manifest_of_this_folder_is_the_default(
    in_an_empty_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The result is on standard output, and nothing else is said."""
    (in_an_empty_folder / "dispatchfile.yaml").write_text(GOOD)
    assert run_to_exit_code(["validate"]) == 0
    assert capsys.readouterr() == ("dispatchfile.yaml: ok, 1 item\nno problems in 1 manifest, 1 item\n", "")


@pytest.mark.parametrize("name", ["dispatchfile.yml", "films.dispatchfile.yaml", "films.dispatchfile.yml"])
def test_the_only_manifest_of_this_folder_is_the_default_too(
    in_an_empty_folder: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    """If there are two, neither is the default."""
    (in_an_empty_folder / name).write_text(GOOD)
    assert run_to_exit_code(["validate"]) == 0
    assert run_to_exit_code(["run", "--dry-run"]) == 0
    assert capsys.readouterr().out.startswith(f"{name}: ok, 1 item\n")
    for other in ("a.dispatchfile.yaml", "b.dispatchfile.yaml"):
        (in_an_empty_folder / other).write_text(GOOD)
    (in_an_empty_folder / name).unlink()
    assert run_to_exit_code(["validate"]) == 1
    assert "dispatchfile.yaml:1:1: DF010" in capsys.readouterr().out


def test_all_manifests_are_checked(in_an_empty_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The exit code is that of the worst."""
    (in_an_empty_folder / "good.yaml").write_text(GOOD)
    (in_an_empty_folder / "bad.yaml").write_text(BAD)
    assert run_to_exit_code(["validate", "bad.yaml", "good.yaml", "none.yaml", "-o", "json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert [(manifest["path"], len(manifest["problems"])) for manifest in report["manifests"]] == [
        ("bad.yaml", 1),
        ("good.yaml", 0),
        ("none.yaml", 1),
    ]


def test_standard_input_is_a_manifest_too(
    in_an_empty_folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its name in messages says so."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(BAD.encode())))
    assert run_to_exit_code(["validate", "-"]) == 1
    assert capsys.readouterr().out.startswith("<stdin>:2:")


def test_variables_come_from_flags_and_files(in_an_empty_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without them the template fails."""
    (in_an_empty_folder / "dispatchfile.yaml").write_text(
        'version: 1\ndispatches: [{id: a, job: "{{ vars.x }}{{ vars.y }}"}]\n'
    )
    (in_an_empty_folder / "v.yaml").write_text("x: enc\ny: overridden\n")
    assert run_to_exit_code(["validate", "-q"]) == 1
    assert run_to_exit_code(["validate", "-var-file=v.yaml", "-var", "y=ode"]) == 0


def test_a_namespace_that_contradicts_an_item_is_a_problem(
    in_an_empty_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A flag never moves an item from where the manifest puts it."""
    (in_an_empty_folder / "dispatchfile.yaml").write_text(
        "version: 1\ndispatches: [{id: a, job: enc, namespace: media}]\n"
    )
    assert run_to_exit_code(["validate", "-namespace=other"]) == 1
    assert "DF026" in capsys.readouterr().out
    assert run_to_exit_code(["validate", "-namespace=media"]) == 0


@pytest.mark.parametrize("choice", ["always", "never"])
def test_colours_are_a_choice(in_an_empty_folder: Path, capsys: pytest.CaptureFixture[str], choice: str) -> None:
    """The user of the command chooses."""
    (in_an_empty_folder / "dispatchfile.yaml").write_text(BAD)
    run_to_exit_code(["validate", "--color", choice])
    assert ("\x1b[" in capsys.readouterr().out) is (choice == "always")


@pytest.mark.parametrize(
    ("form", "start"),
    [("github", "::error file=bad.yaml,"), ("sarif", '{\n  "$schema"'), ("junit", "<?xml"), ("text", "bad.yaml:2:")],
)
def test_each_format_goes_to_standard_output(
    in_an_empty_folder: Path, capsys: pytest.CaptureFixture[str], form: str, start: str
) -> None:
    """The exit code is the same for each format."""
    (in_an_empty_folder / "bad.yaml").write_text(BAD)
    assert run_to_exit_code(["validate", "bad.yaml", "--output", form]) == 1
    assert capsys.readouterr().out.startswith(start)
