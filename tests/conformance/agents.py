"""Real Nomad agents that are configured, killed and started again: what one agent in dev mode cannot show."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.real_nomad import CONFIG, binary, free_ports

# Beside what an agent in dev mode takes for granted.
LASTING = """
name     = "{name}"
data_dir = "{folder}/state"
advertise {{
  http = "127.0.0.1"
  rpc  = "127.0.0.1"
  serf = "127.0.0.1"
}}
"""
READY_WITHIN_S = 40.0
POLL_S = 0.1


@dataclass(slots=True)
class RealAgent:
    """One agent's process. Its ports stay the same when it is started again."""

    folder: Path
    config: str
    dev: bool = True  # in memory, server and client in one; else it keeps its state in its folder
    scheme: str = "http"
    ports: list[int] = field(default_factory=lambda: free_ports(3))
    process: subprocess.Popen[bytes] | None = None
    sessions: list[int] = field(default_factory=list)  # of every process it ever had

    @property
    def address(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.ports[0]}"

    @property
    def rpc(self) -> str:
        return f"127.0.0.1:{self.ports[1]}"

    @property
    def serf(self) -> str:
        return f"127.0.0.1:{self.ports[2]}"

    @property
    def last_words(self) -> str:
        return (self.folder / "agent.log").read_text(errors="replace")[-3000:]

    @property
    def is_alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def start(self) -> None:
        http, rpc, serf = self.ports
        file = self.folder / "agent.hcl"
        lasting = "" if self.dev else LASTING.format(name=f"node-{self.folder.name}", folder=self.folder)
        file.write_text(CONFIG.format(http=http, rpc=rpc, serf=serf) + lasting + self.config, encoding="utf-8")
        command = [str(binary()), "agent", *(["-dev"] if self.dev else []), f"-config={file}"]
        environ = {key: value for key, value in os.environ.items() if not key.startswith("NOMAD_")}
        environ["TMPDIR"] = str(self.folder)
        with (self.folder / "agent.log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, env=environ, start_new_session=True)
        self.sessions.append(self.process.pid)

    def kill(self) -> None:
        """As a power cut ends it."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        self._end(signal.SIGINT)

    def _end(self, number: signal.Signals) -> None:
        if self.process is None:
            return
        self.process.send_signal(number)
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(timeout=10)
        self.process = None

    def clear_away(self) -> None:
        """End it, and what a killed agent leaves behind: its tasks, their helpers and their mounts."""
        self.stop()
        for session in self.sessions:
            for pid in _processes_of(session):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        for place in _mounts_below(self.folder):
            subprocess.run(["umount", "--lazy", place], check=False)


def _processes_of(session: int) -> list[int]:
    pids = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal()]
    return [pid for pid in pids if _session_of(pid) == session]


def _session_of(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except ProcessLookupError:
        return None


def _mounts_below(folder: Path) -> list[str]:
    places = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
    return [place for place in places if Path(place).is_relative_to(folder)]


async def until(
    ready: Callable[[], Coroutine[Any, Any, object]], *, within_s: float, story: Callable[[], str] = lambda: ""
) -> Any:
    """What *ready* gives as soon as it gives something; an assertion with the *story* if it takes too long."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if found := await ready():
            return found
        await asyncio.sleep(POLL_S)
    raise AssertionError(f"not within {within_s:g} s: {getattr(ready, '__qualname__', ready)}\n{story()}")


@contextlib.asynccontextmanager
async def agents(*configs: str, dev: bool = True, scheme: str = "http") -> AsyncIterator[list[RealAgent]]:
    """Agents that are not started yet; what runs is stopped at the end, and all folders removed."""
    root = Path(tempfile.mkdtemp(prefix="df-nomad-"))
    made = []
    for number, config in enumerate(configs):
        folder = root / str(number)
        folder.mkdir()
        made.append(RealAgent(folder, config, dev=dev, scheme=scheme))
    try:
        yield made
    finally:
        for agent in made:
            agent.clear_away()
        shutil.rmtree(root, ignore_errors=True)


async def healthy(agent: RealAgent, http: httpx.AsyncClient) -> None:
    """Wait until the agent says that it is well, for which nobody needs a token."""

    async def is_healthy() -> bool:
        assert agent.is_alive, agent.last_words
        with contextlib.suppress(httpx.HTTPError):
            return (await http.get("/v1/agent/health")).status_code == 200
        return False

    await until(is_healthy, within_s=READY_WITHIN_S, story=lambda: agent.last_words)
