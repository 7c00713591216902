"""A repository with manifests, and an embedded agent that takes its dispatches."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.ci.checkouts import write_files
from tests.ci.runner import Runner
from tests.docs.pages import ROOT

JOB = """\
{"Job": {"ID": "work", "Type": "batch", "Datacenters": ["*"],
 "ParameterizedJob": {"Payload": "forbidden", "MetaRequired": ["run"]},
 "TaskGroups": [{"Name": "g", "RestartPolicy": {"Attempts": 0, "Mode": "fail"},
  "ReschedulePolicy": {"Attempts": 0, "Unlimited": false},
  "Tasks": [{"Name": "t", "Driver": "raw_exec",
   "Config": {"command": "/bin/sh", "args": ["-c", "eval \\"$NOMAD_META_run\\""]}}]}]}}
"""
MANIFEST = """\
version: 1
dispatches:
  - {{id: good, job: work, meta: {{run: "true"}}}}
  - {{id: bad, job: work, meta: {{run: "test -e {file}"}}}}
"""
MakeRunner = Callable[..., Runner]


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with a manifest of two items, of which one fails until the file `mended` is there."""
    folder = tmp_path / "repository"
    manifest = MANIFEST.format(file=tmp_path / "mended")
    write_files(folder, {"jobs/work.nomad.json": JOB, "dispatch/nightly.yaml": manifest})
    return folder


@pytest.fixture
def address(repository: Path) -> Iterator[str]:
    """The address of an agent that knows the repository's job."""
    command = [sys.executable, "-m", "dispatchfile", "agent", "--bind", "127.0.0.1:0"]
    agent = subprocess.Popen(command, cwd=repository, stdout=subprocess.PIPE, text=True)
    assert agent.stdout is not None
    yield agent.stdout.readline().rpartition("=")[2].strip()
    agent.send_signal(signal.SIGTERM)
    agent.wait(timeout=30)
    agent.stdout.close()


@pytest.fixture
def make_runner(repository: Path, tmp_path: Path) -> MakeRunner:
    """Return what makes a runner for one attempt of a workflow run."""

    def make(attempt: int = 1, **settings: Any) -> Runner:
        actions = settings.pop("actions", ROOT / ".github/actions")
        return Runner(repository, tmp_path / "runner", actions, attempt=attempt, **settings)

    return make
