"""`agent` as it is typed, and how the embedded agent is set up."""

import json
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from dispatchfile.cli.commands.agent import parse_bind
from dispatchfile.cli.embedded_agent import read_agent_files
from dispatchfile.cli.job_files import JobFiles
from dispatchfile.cli.option_groups import AgentFlags
from dispatchfile.errors import AgentError, UsageError

JOB = '{"ID": "%s", "Type": "batch", "Datacenters": ["*"], "TaskGroups": [{"Name": "g", "Tasks": [{"Name": "t", \
"Driver": "raw_exec", "Config": {"command": "true"}}]}]}'


def test_the_agent_serves_until_a_signal_comes(in_an_empty_folder: Path) -> None:
    """Its first line says where; ended as it is meant to end, it exits with 0."""
    (in_an_empty_folder / "jobs").mkdir()
    (in_an_empty_folder / "jobs/a.nomad.json").write_text(JOB % "a")
    process = subprocess.Popen(
        [sys.executable, "-m", "dispatchfile", "agent", "--bind", "127.0.0.1:0"], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line.startswith("agent with 1 job: export NOMAD_ADDR=http://127.0.0.1:")
    with urllib.request.urlopen(line.rpartition("=")[2].strip() + "/v1/jobs", timeout=10) as answer:
        assert [job["ID"] for job in json.load(answer)] == ["a"]
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=30) == 0
    process.stdout.close()


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:4646", ("127.0.0.1", 4646)),
        ("127.0.0.1", ("127.0.0.1", 4646)),
        ("localhost:0", ("localhost", 0)),
        ("[::1]:80", ("::1", 80)),
        ("[::1]", ("::1", 4646)),
    ],
)
def test_where_to_listen(text: str, address: tuple[str, int]) -> None:
    """Nomad's own port is the default."""
    assert parse_bind(text) == address


@pytest.mark.parametrize("text", ["", ":80", "a:", "a:b", "a:65536", "a:-1", "a:²"])
def test_an_address_that_cannot_be_meant(text: str) -> None:
    """It is named, with what would be right."""
    with pytest.raises(UsageError, match="write it as HOST:PORT"):
        parse_bind(text)


def test_jobs_come_from_files_folders_and_patterns(in_an_empty_folder: Path) -> None:
    """Each once, however often it is named; other files of a folder are left alone."""
    for name in ("a", "b", "c"):
        (in_an_empty_folder / f"{name}.nomad.json").write_text(JOB % name)
    (in_an_empty_folder / "notes.txt").write_text("")
    flags = AgentFlags(jobs=["c.nomad.json", "*.nomad.json", str(in_an_empty_folder)])
    assert sorted(str(job["ID"]) for job in read_agent_files(AgentFlags(), in_an_empty_folder).jobs) == ["a", "b", "c"]
    assert [job["ID"] for job in read_agent_files(flags, Path("elsewhere")).jobs] == ["c", "a", "b"]


def test_one_job_in_two_files_is_an_error(in_an_empty_folder: Path) -> None:
    """The names of the files would decide which of them counts."""
    (in_an_empty_folder / "a.nomad.json").write_text(JOB % "x")
    (in_an_empty_folder / "b.nomad.json").write_text(JOB % "x")
    with pytest.raises(
        AgentError,
        match=r"^a.nomad.json: job 'x' is in b.nomad.json, too\nb.nomad.json: job 'x' is in a.nomad.json, too$",
    ):
        read_agent_files(AgentFlags(jobs=["*.json"]), Path())


def test_no_folder_of_jobs_means_no_jobs(in_an_empty_folder: Path) -> None:
    """They can be registered later, over HTTP."""
    assert read_agent_files(AgentFlags(), Path("jobs")) == JobFiles(())


def test_a_file_that_is_no_job_is_an_error(in_an_empty_folder: Path) -> None:
    """With its path, and its place where there is one."""
    (in_an_empty_folder / "a.nomad.json").write_text("{")
    with pytest.raises(AgentError, match=r"^a.nomad.json:1:"):
        read_agent_files(AgentFlags(jobs=["a.nomad.json"]), Path())
