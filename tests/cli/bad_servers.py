"""A Nomad that misbehaves at one place: an embedded agent behind a front that does as it likes with an answer."""

from __future__ import annotations

import asyncio
import json
import os
import ssl
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from dispatchfile.agent import EmbeddedAgent
from tests.nomad.loopback import Line, Received, serving

JOB = {
    "ID": "work",
    "Type": "batch",
    "Datacenters": ["*"],
    "ParameterizedJob": {},
    "TaskGroups": [{"Name": "g", "Tasks": [{"Name": "t", "Driver": "mock_driver", "Config": {"run_for": "10ms"}}]}],
}
MANIFEST = "version: 1\nname: n\ndispatches:\n  - {id: a, job: work}\n  - {id: b, job: work}\n"
PROBE = b"dispatchfile.probe"  # of the rights to dispatch; what the probe is answered tells nothing of a dispatch
OF_THE_CONNECTION = {"connection", "content-length", "transfer-encoding", "date"}
LONGEST_S = 40.0  # on a machine that has more to do

Forward = Callable[[], Awaitable[httpx.Response]]  # hands the request on, and gives the agent's answer
Misbehaviour = Callable[[Line, Forward], Awaitable[None]]  # raises ConnectionError to close the connection


def endpoint_of(request: Received) -> str:
    """What is asked, in a word: dispatch, list, job, summary, allocations, evaluations, self …"""
    path = request.target.partition("?")[0]
    if path.endswith("/dispatch"):
        return "probe" if PROBE in request.body else "dispatch"
    if path == "/v1/jobs":
        return "list"
    return "job" if path == "/v1/job/work" else path.rpartition("/")[2]


@dataclass
class Front:
    """Hands requests on, but misbehaves with those to *endpoint*, from the one after *well* to the last of *badly*."""

    agent: httpx.AsyncClient
    endpoint: str
    misbehave: Misbehaviour
    well: int = 0
    badly: int = 1_000_000
    asked: int = 0
    address: str = ""

    async def serve(self, line: Line) -> None:
        while request := await line.request():
            if self._is_next(request):
                await self.misbehave(line, lambda: self._forward(request))
            else:
                await hand_back(line, await self._forward(request))

    def _is_next(self, request: Received) -> bool:
        if self.endpoint not in {"everything", endpoint_of(request)}:
            return False
        self.asked += 1
        return self.well < self.asked <= self.well + self.badly

    async def _forward(self, request: Received) -> httpx.Response:
        return await self.agent.request(request.method, request.target, content=request.body)

    async def count_children(self) -> int:
        rows = await self.agent.get("/v1/jobs", params={"prefix": "work/dispatch-"})
        return len(rows.json())


async def hand_back(line: Line, answer: httpx.Response) -> None:
    kept = {name.replace("-", "_"): text for name, text in answer.headers.items() if name not in OF_THE_CONNECTION}
    await line.answer(answer.status_code, answer.content, **kept)


@asynccontextmanager
async def fronted(
    endpoint: str, misbehave: Misbehaviour, *, tls: ssl.SSLContext | None = None, **when: int
) -> AsyncIterator[Front]:
    """A front that serves."""
    async with EmbeddedAgent(jobs=[JOB]) as agent, httpx.AsyncClient(base_url=agent.address, trust_env=False) as client:
        front = Front(client, endpoint, misbehave, **when)
        async with serving(front.serve, tls=tls) as seen:
            front.address = seen.address
            yield front


@dataclass(frozen=True)
class End:
    """The end of a `run`; the server's address is written SERVER."""

    code: int | None  # None: it did not
    out: str
    err: str

    @property
    def outcomes(self) -> dict[str, tuple[str | None, str | None]]:
        summary: dict[str, Any] = json.loads(self.out)
        return {item["id"]: (item["outcome"], item["cause"]) for item in summary["items"]}


def make_manifest(folder: Path) -> None:
    folder.mkdir()
    (folder / "m.yaml").write_text(MANIFEST)


async def run_two_items(address: str, folder: Path, *options: str) -> End:
    """`run` as it is typed, of a manifest of two items in a new folder."""
    make_manifest(folder)
    environ = {name: text for name, text in os.environ.items() if not name.startswith("NOMAD_")}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "dispatchfile", "run", "m.yaml", "--address", address, *options),
        cwd=folder,
        env=environ | {"DISPATCHFILE_STATE_DIR": "state"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(LONGEST_S):
            out, err = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
        return End(None, "", "")
    return End(process.returncode, *(text.decode().replace(address, "SERVER") for text in (out, err)))
