"""An embedded agent in a thread of its own: the calls under test block theirs."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path

import pytest

from dispatchfile.agent import EmbeddedAgent

JOB = {
    "ID": "shell",
    "Type": "batch",
    "Datacenters": ["*"],
    "ParameterizedJob": {"MetaRequired": ["command"], "MetaOptional": ["secret"]},
    "TaskGroups": [
        {
            "Name": "group",
            "RestartPolicy": {"Attempts": 0, "Mode": "fail"},
            "ReschedulePolicy": {"Attempts": 0, "Unlimited": False},
            "Tasks": [
                {
                    "Name": "task",
                    "Driver": "raw_exec",
                    "Config": {"command": "/bin/sh", "args": ["-c", "eval $NOMAD_META_command"]},
                }
            ],
        }
    ],
}
MANIFEST = """\
version: 1
name: films
vars: {end: "true"}
settings: {wait: completion}
defaults: {job: shell}
dispatches:
  - {id: good, tags: [quick], meta: {command: "true"}}
  - {id: given, meta: {command: "{{ vars.end }}"}}
"""
Write = Callable[[str], str]


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """The address of an agent with one job, `shell`."""
    ready: Future[tuple[str, asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def serve() -> None:
        end = asyncio.Event()
        async with EmbeddedAgent(jobs=[JOB]) as agent:
            ready.set_result((agent.address, asyncio.get_running_loop(), end))
            await end.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    found, loop, end = ready.result(timeout=20)
    yield found
    loop.call_soon_threadsafe(end.set)
    thread.join()


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, address: str) -> None:
    """Nomad's address and the state folder, as a user would set them."""
    monkeypatch.setenv("NOMAD_ADDR", address)
    monkeypatch.setenv("DISPATCHFILE_STATE_DIR", str(tmp_path / "state"))


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a manifest, and return its path."""

    def write_manifest(text: str) -> str:
        path = tmp_path / "dispatchfile.yaml"
        path.write_text(text, encoding="utf-8")
        return str(path)

    return write_manifest
