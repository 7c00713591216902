"""The two things that are dispatched to: the embedded agent, and a real one where NOMAD_BIN names a binary."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from dispatchfile.journal.folder import ENVIRONMENT
from tests.dispatch_command.jobs import register
from tests.real_nomad import NO_BINARY, binary, real_agent

REAL = (pytest.mark.nomad, pytest.mark.skipif(binary() is None, reason=NO_BINARY))


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for the records of what is dispatched."""
    monkeypatch.setenv(ENVIRONMENT, str(tmp_path / "state"))
    return tmp_path / "state"


@contextlib.contextmanager
def embedded_agent(*flags: str) -> Iterator[str]:
    """The address of an embedded agent in a process of its own."""
    command = [sys.executable, "-m", "dispatchfile", "agent", "--bind", "127.0.0.1:0", *flags]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().rpartition("=")[2].strip()
        finally:
            process.terminate()


@pytest.fixture(scope="session")
def embedded() -> Iterator[str]:
    with embedded_agent() as address:
        register(address)
        yield address


@pytest.fixture(scope="session")
def real() -> Iterator[str]:
    with real_agent() as address:
        register(address)
        yield address


@pytest.fixture(params=["embedded", pytest.param("real", marks=REAL)])
def address(request: pytest.FixtureRequest) -> str:
    """Return the address that a test dispatches to; it runs against both."""
    return request.getfixturevalue(request.param)
