"""Job files that a manifest lists, in `run --local` and in `plan`, on the embedded agent."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from dispatchfile.cli.exits import run_to_exit_code
from tests.dispatch_command.conftest import embedded_agent
from tests.dispatch_command.jobs import ask

HCL = """\
variable "codec" {
  default = "webm"
}
job "encode" {
  type = "batch"
  parameterized {
    meta_optional = ["title"]
  }
  group "g" {
    restart {
      attempts = 0
      mode     = "fail"
    }
    reschedule {
      attempts  = 0
      unlimited = false
    }
    task "t" {
      driver = "raw_exec"
      env {
        CODEC = var.codec
      }
      config {
        command = "/bin/sh"
        args    = ["-c", "test $CODEC = webm"]
      }
    }
  }
}
"""
MANIFEST = """\
version: 1
jobs: [jobs/encode.nomad.hcl]
dispatches:
  - {id: a, job: encode, meta: {title: A}}
  - {id: b, job: encode, meta: {title: B}}
"""


@pytest.fixture
def folder(in_an_empty_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A manifest and its job file."""
    (in_an_empty_folder / "jobs").mkdir()
    (in_an_empty_folder / "jobs/encode.nomad.hcl").write_text(HCL)
    (in_an_empty_folder / "dispatchfile.yaml").write_text(MANIFEST)
    monkeypatch.setenv("DISPATCHFILE_STATE_DIR", str(in_an_empty_folder / "state"))
    return in_an_empty_folder


@pytest.fixture
def address(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An agent without jobs, which is the target."""
    with embedded_agent() as agent:
        monkeypatch.setenv("NOMAD_ADDR", agent)
        yield agent


def call(capsys: pytest.CaptureFixture[str], *argv: str) -> tuple[int, str, str]:
    code = run_to_exit_code(list(argv))
    out, err = capsys.readouterr()
    return code, out, err


def registered(address: str) -> None:
    """The job as its file has it."""
    job = ask(address, "POST", "/v1/jobs/parse", {"JobHCL": HCL, "Canonicalize": True})
    ask(address, "POST", "/v1/jobs", {"Job": job})


# run --local


def test_a_local_run_takes_the_job_files_of_the_manifest(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Not those in jobs/ that it does not list; and not only in the default namespace."""
    (folder / "jobs/other.nomad.hcl").write_text("broken")
    (folder / "dispatchfile.yaml").write_text(MANIFEST.replace("id: b", "id: b, namespace: media"))
    code, out, err = call(capsys, "run", "--local", "-o", "json")
    assert (code, json.loads(out)["counts"]["succeeded"], "other.nomad.hcl" in err) == (0, 2, False)


@pytest.mark.parametrize("flags", [("--job-var", "codec=vp9"), ("--job-var-file", "v.hcl")])
def test_a_local_run_gives_the_files_their_variables(
    folder: Path, capsys: pytest.CaptureFixture[str], flags: tuple[str, ...]
) -> None:
    """Flags override job_vars."""
    (folder / "v.hcl").write_text('codec = "vp9"')
    (folder / "dispatchfile.yaml").write_text(MANIFEST.replace("dispatches", "job_vars: {codec: webm}\ndispatches"))
    assert call(capsys, "run", "--local")[0] == 0
    assert call(capsys, "run", "--local", *flags)[0] == 2


@pytest.mark.parametrize(
    ("manifest", "argv", "message"),
    [
        pytest.param(
            MANIFEST,
            ("--jobs", "jobs"),
            "Error: --jobs has no effect with a manifest that lists its job files under `jobs`: leave it out\n",
            id="--jobs",
        ),
        pytest.param(
            MANIFEST.replace("encode.nomad.hcl", "nothing.hcl"),
            (),
            "Error: dispatchfile.yaml:2:8: no job file matches 'jobs/nothing.hcl': "
            "name a job file, for example jobs/encode.nomad.hcl\n",
            id="no file",
        ),
        pytest.param(
            MANIFEST,
            ("--job-var", "kodec=x"),
            "Error: dispatchfile.yaml:2:1: --job-var: no job file declares the variable 'kodec': did you mean codec?\n",
            id="an unknown variable",
        ),
    ],
)
def test_what_a_local_run_cannot_use_is_refused(
    folder: Path, capsys: pytest.CaptureFixture[str], manifest: str, argv: tuple[str, ...], message: str
) -> None:
    """One line that says what to change."""
    (folder / "dispatchfile.yaml").write_text(manifest)
    assert call(capsys, "run", "--local", *argv) == (1, "", message)


def test_a_local_run_is_resumed_with_the_files_of_its_manifest(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And run again with them."""
    (folder / "jobs/encode.nomad.hcl").write_text(HCL.replace('"webm"', '"vp9"', 1))
    assert call(capsys, "run", "--local")[0] == 2
    assert call(capsys, "rerun", "--failed", "--job-var", "codec=webm")[0] == 0


# plan


def test_a_plan_says_how_a_job_file_differs(folder: Path, address: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Values of env are shown only on request."""
    registered(address)
    lines = call(capsys, "plan")[1].splitlines()
    assert lines[1].endswith("2 items; jobs/encode.nomad.hcl equals the job in Nomad")
    (folder / "jobs/encode.nomad.hcl").write_text(HCL.replace("/bin/sh", "/bin/bash"))
    lines = call(capsys, "plan", "--job-var", "codec=vp9")[1].splitlines()
    assert lines[1:5] == [
        f"{lines[1].split(';')[0]}; jobs/encode.nomad.hcl differs from the job in Nomad (2 fields)",
        "  jobs/encode.nomad.hcl:",
        "    ~ group g, task t: Env[CODEC] (--show-values shows it)",
        "    ~ group g, task t, Config: command: /bin/sh → /bin/bash",
    ]
    shown = call(capsys, "plan", "--job-var", "codec=vp9", "--show-values")[1].splitlines()
    assert shown[3] == "    ~ group g, task t: Env[CODEC]: webm → vp9"


def test_scripts_and_pull_requests_get_the_difference_too(
    folder: Path, address: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """JSON has null for a value that is not shown; Markdown has a folded block."""
    registered(address)
    plan = ("plan", "--job-var", "codec=vp9")
    (job,) = json.loads(call(capsys, *plan, "-o", "json")[1])["jobs"]
    change = {"field": "group g, task t: Env[CODEC]", "kind": "edited", "before": None, "after": None}
    assert job["file"] == {"path": "jobs/encode.nomad.hcl", "state": "different", "changes": [change], "note": None}
    assert (
        "<details><summary>Job files</summary>\n\n  ```diff\n  jobs/encode.nomad.hcl:\n"
        "  ~ group g, task t: Env[CODEC] (--show-values shows it)\n  ```\n"
    ) in call(capsys, *plan, "-o", "markdown")[1]


def test_what_the_server_does_not_take_is_a_note(
    folder: Path, address: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The plan is made all the same: it sends items, and registers nothing."""
    registered(address)
    (folder / "jobs/encode.nomad.hcl").write_text(HCL.replace('type = "batch"', 'type = "batch"\n  node_pool = "x"'))
    code, out, _ = call(capsys, "plan")
    assert code == 0
    assert (
        'jobs/encode.nomad.hcl not compared: Nomad does not take it: 1 error occurred: * job "encode" is in '
        'nonexistent node pool "x"'
    ) in out


def test_a_changed_job_file_makes_a_plan_stale(folder: Path, address: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The plan was reviewed with what the file was."""
    registered(address)
    assert call(capsys, "plan", "--out", "n.plan")[0] == 0
    (folder / "jobs/encode.nomad.hcl").write_text(HCL + "\n")
    code, _, err = call(capsys, "run", "n.plan")
    assert (code, "is stale, nothing was sent: jobs/encode.nomad.hcl has changed" in err) == (1, True)


def test_a_job_that_is_not_registered_names_its_file(
    folder: Path, address: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The error says how to get the job into Nomad."""
    for name in ("dispatchfile.yaml", "jobs/encode.nomad.hcl"):
        (folder / name).write_text(
            (folder / name).read_text().replace("job: encode", "job: new").replace('"encode"', '"new"')
        )
    code, _, err = call(capsys, "plan")
    assert (code, "job 'new' is not registered in namespace 'default'" in err) == (1, True)
    assert "jobs/encode.nomad.hcl" in err


@pytest.mark.parametrize("argv", [("plan", "--offline"), ("run", "--dry-run")])
def test_without_a_server_items_are_checked_against_the_files(
    folder: Path, capsys: pytest.CaptureFixture[str], argv: tuple[str, ...]
) -> None:
    """Only those that are taken."""
    (folder / "dispatchfile.yaml").write_text(MANIFEST.replace("title: B", "titel: B"))
    code, _, err = call(capsys, *argv)
    assert (code, "dispatchfile.yaml:5:5: DF104 the job does not allow meta key 'titel'" in err) == (1, True)
    assert call(capsys, *argv, "--skip", "b")[0] == 0
