"""The inputs of `resume` and `rerun` if nothing is left: mistakes are errors, and unneeded files are not read."""

import asyncio
import json
import shutil
from pathlib import Path

import pytest

from dispatchfile.cli.exits import run_to_exit_code
from dispatchfile.events import Ended, Event, Outcome, Verdict
from dispatchfile.journal import Target
from dispatchfile.usecases.load import ManifestSource, load_items
from tests.cli.test_past import JOB, folder
from tests.usecases.past_runs import header, keep_run, sent

__all__ = ["folder"]

SENSITIVE = """\
version: 1
vars: {token: t, how: "true"}
dispatches:
  - {id: a, job: work, meta: {how: "{{ vars.how }}", token: "{{ vars.token }}"}, sensitive: [meta.token]}
"""
PLAIN = SENSITIVE.replace(", sensitive: [meta.token]", "")
RESUME, RERUN = ["resume", "r1"], ["rerun", "r1", "--failed"]
EXPORT = [*RERUN, "--export", "again.yaml"]
NOTHING = "nothing to rerun: no item of run r1 matches --failed\n"
COMMANDS = [
    pytest.param(RESUME, id="resume"),
    pytest.param(RERUN, id="rerun"),
    pytest.param(EXPORT, id="export"),
]


def keep(folder: Path, text: str, *, address: str = "local", variables: dict[str, str] | None = None) -> Path:
    """Write the manifest, and the journal of a run r1 of it in which its item succeeded; return the manifest's path."""
    manifest = folder / "dispatchfile.yaml"
    manifest.write_text(text)
    (folder / "jobs/work.nomad.json").write_text(JOB.replace('["how"]', '["how"], "MetaOptional": ["token"]'))
    events: list[Event] = []
    items = load_items(ManifestSource(path=str(manifest), content=None, variables={}, environ={})).items
    for item in items:
        child = f"work/dispatch-r1-{item.id}-1-1795000000-00000000"
        events += [*sent(item, child), Ended(item.id, 1, 995.0, Verdict(Outcome.SUCCEEDED))]
    head = header(
        id="r1",
        manifest=str(manifest),
        local=address == "local",
        target=Target(address, "", ("default",)),
        variables=variables or {},
    )
    asyncio.run(keep_run(folder / "state", items, events, head=head))
    return manifest


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("text", [SENSITIVE, PLAIN], ids=["sensitive", "plain"])
def test_a_misspelt_variable_is_an_error_if_nothing_is_left(
    folder: Path, capsys: pytest.CaptureFixture[str], command: list[str], text: str
) -> None:
    """It is never dropped without a word, whether or not the run has sensitive values."""
    manifest = keep(folder, text)
    assert run_to_exit_code([*command, "--var", "tokne=s3cret"]) == 1
    problem = f"{manifest}:2:1: --var tokne: the manifest has no such variable: did you mean token?"
    assert capsys.readouterr() == ("", f"Error: {problem}\n")
    assert not (folder / "again.yaml").exists()


@pytest.mark.parametrize("command", COMMANDS)
def test_a_variable_is_an_error_if_the_run_has_no_sensitive_values(
    folder: Path, capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    """It would have no effect, however much was left to do."""
    keep(folder, PLAIN)
    assert run_to_exit_code([*command, "--var", "how=false"]) == 1
    assert capsys.readouterr().err == (
        "Error: variable 'how' has no effect: no selected item of run r1 has sensitive values, and stored requests are "
        "sent as they are: leave it out, or send other values with `dispatchfile run`\n"
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_a_variable_with_another_value_than_the_run_was_given_is_an_error(
    folder: Path, capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    """The stored requests hold the value that the run was given."""
    keep(folder, SENSITIVE, variables={"how": "true"})
    assert run_to_exit_code([*command, "--var", "how=false"]) == 1
    assert capsys.readouterr().err.startswith("Error: variable 'how' is not what run r1 was given")


def test_a_variable_for_sensitive_values_is_no_error_if_nothing_is_left(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A script gives it each time, and in a good night it is not needed."""
    keep(folder, SENSITIVE)
    assert [run_to_exit_code([*command, "--var", "token=s3cret"]) for command in (RESUME, RERUN)] == [0, 0]
    assert capsys.readouterr().err.endswith(NOTHING)


def test_without_the_manifest_only_variables_of_the_run_are_known(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The manifest may be gone; that no variable of that name was given is certain."""
    manifest = keep(folder, SENSITIVE, variables={"how": "true"})
    manifest.unlink()
    assert run_to_exit_code([*RERUN, "--var", "how=true"]) == 0
    assert run_to_exit_code([*RERUN, "--var", "tokne=x"]) == 1
    assert capsys.readouterr().err == (
        f"{NOTHING}Error: variable 'tokne' has no effect: run r1 was not given it, and its manifest cannot be read: "
        "leave it out\n"
    )


@pytest.mark.parametrize("command", [*COMMANDS[:2]])
def test_foreign_names_in_a_file_of_variables_are_a_warning(
    folder: Path, capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    """As at `run`: one for all of them, an error with --strict-vars, and nothing with --quiet."""
    keep(folder, PLAIN)
    (folder / "common.yaml").write_text("zone: z\nrack: r\n")
    assert run_to_exit_code([*command, "--var-file", "common.yaml"]) == 0
    assert capsys.readouterr().err.splitlines()[0] == (
        "common.yaml:1:1: warning: the manifest has no variables 'zone', 'rack': --strict-vars makes this an error"
    )
    assert run_to_exit_code([*command, "--var-file", "common.yaml", "-q"]) == 0
    assert capsys.readouterr().err == ""
    assert run_to_exit_code([*command, "--var-file", "common.yaml", "--strict-vars"]) == 1
    assert capsys.readouterr().err == "Error: common.yaml:1:1: the manifest has no variable 'zone': it has how, token\n"


def test_foreign_names_are_a_warning_if_items_are_sent_again(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The other variables of the file reach the sensitive values."""
    keep(folder, SENSITIVE)
    (folder / "common.yaml").write_text("zone: z\ntoken: s3cret\n")
    argv = ["rerun", "r1", "--only", "a", "--var-file", "common.yaml"]
    assert run_to_exit_code(argv) == 0
    warning = "common.yaml:1:1: warning: the manifest has no variable 'zone': --strict-vars makes this an error"
    assert warning in capsys.readouterr().err.splitlines()


@pytest.mark.parametrize("command", [*COMMANDS[:2]])
@pytest.mark.parametrize("output", ["text", "json"])
def test_job_files_are_not_read_if_nothing_is_left(
    folder: Path, capsys: pytest.CaptureFixture[str], command: list[str], output: str
) -> None:
    """They may be gone, like those of a run of last week; the exit code is that of a good night."""
    keep(folder, PLAIN)
    shutil.rmtree(folder / "jobs")
    assert run_to_exit_code([*command, "-o", output]) == 0
    out, err = capsys.readouterr()
    assert "Error" not in err
    assert output == "text" or json.loads(out)["exit_code"] == 0


@pytest.mark.parametrize("command", [*COMMANDS[:2]])
def test_files_for_the_connection_are_not_read_if_nothing_is_left(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    """Nomad is not asked."""
    keep(folder, PLAIN, address="https://nomad.example:4646")
    monkeypatch.setenv("NOMAD_CACERT", str(folder / "gone.pem"))
    assert run_to_exit_code(command) == 0
    assert "gone.pem" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("address", "flags", "message"),
    [
        pytest.param(
            "local",
            ["--address", "http://n"],
            "--address has no effect on a local run, which has an embedded agent of its own: leave it out",
            id="an address",
        ),
        pytest.param(
            "http://nomad.example:4646",
            ["--slots", "1"],
            "--slots has no effect on run r1, which went to http://nomad.example:4646 and not to an embedded agent: "
            "leave it out",
            id="slots",
        ),
        pytest.param(
            "http://nomad.example:4646",
            ["--namespace", "other"],
            "--namespace other: the items of run r1 are in namespace 'default': leave it out",
            id="another namespace",
        ),
    ],
)
def test_options_without_effect_are_errors_if_nothing_is_left(
    folder: Path, capsys: pytest.CaptureFixture[str], address: str, flags: list[str], message: str
) -> None:
    """The same as if something were left."""
    keep(folder, PLAIN, address=address)
    assert [run_to_exit_code([*command, *flags]) for command in (RESUME, RERUN)] == [1, 1]
    assert capsys.readouterr() == ("", f"Error: {message}\n" * 2)


@pytest.mark.parametrize("name", ["r1", "dispatchfile.yaml"])
def test_a_rerun_of_nothing_names_the_run_by_its_id(
    folder: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    """Also where a manifest was given."""
    keep(folder, PLAIN)
    assert run_to_exit_code(["rerun", name, "--failed", "-o", "json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "schema": "dispatchfile/rerun/v1",
        "run": "r1",
        "exit_code": 0,
        "message": NOTHING.rstrip(),
    }
