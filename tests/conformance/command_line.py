"""The tool's own command line, as a person calls it, against a backend."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.conformance.backends import Backend


@dataclass(frozen=True, slots=True)
class Called:
    """What a call came to."""

    exit_code: int
    stdout: str
    stderr: str

    def json(self) -> Any:
        return json.loads(self.stdout)


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine with a working folder and a state folder of its own."""

    backend: Backend
    folder: Path
    state: str = "state"

    async def call(self, *arguments: str) -> Called:
        """Call `dispatchfile` with *arguments*."""
        environ = {
            name: value for name, value in os.environ.items() if not name.startswith(("NOMAD_", "DISPATCHFILE_"))
        }
        environ |= {
            "NOMAD_ADDR": self.backend.address,
            "NOMAD_TOKEN": self.backend.connection.token or "",
            "DISPATCHFILE_STATE_DIR": str(self.folder / self.state),
        }
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "dispatchfile", *arguments, cwd=self.folder, env=environ, stdout=PIPE, stderr=PIPE
        )
        stdout, stderr = await process.communicate()
        assert process.returncode is not None
        return Called(process.returncode, stdout.decode(), stderr.decode())
