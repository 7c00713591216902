"""A folder with a manifest, and an agent that has its job."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.plans.stage import MANIFEST
from tests.cli.test_run import JOB
from tests.dispatch_command.conftest import embedded_agent
from tests.dispatch_command.jobs import ask


@pytest.fixture
def address() -> Iterator[str]:
    """An agent that has the job `work`."""
    with embedded_agent() as agent:
        ask(agent, "POST", "/v1/jobs", json.loads(JOB))
        yield agent


@pytest.fixture
def folder(in_an_empty_folder: Path, address: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A manifest with a file, rows and a glob; the agent is the target."""
    folder = in_an_empty_folder
    (folder / "files").mkdir()
    (folder / "files/a.txt").write_text("a")
    (folder / "dispatchfile.yaml").write_text(MANIFEST)
    (folder / "top.json").write_text('{"a": 1}')
    (folder / "rows.csv").write_text("n,text\n1,one\n2,two\n")
    monkeypatch.setenv("DISPATCHFILE_STATE_DIR", str(folder / "state"))
    monkeypatch.setenv("NOMAD_ADDR", address)
    return folder
