"""The embedded agent beside a run under test: in a thread of its own, or as a process of its own."""

from __future__ import annotations

import asyncio
import json
import subprocess
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from processes import DISPATCHFILE, without_nomad_variables

from dispatchfile.agent import EmbeddedAgent, parse_fault

JOB = "dispatchfile-bench"


def mock_job(job_id: str = JOB, run_for: str = "50ms") -> dict[str, object]:
    """A parameterized job whose task ends well after a moment, or with 3 if its meta key `fail` says so."""
    no_retries = {"Attempts": 0, "Interval": 600_000_000_000, "Delay": 1_000_000_000, "Mode": "fail"}
    return {
        "ID": job_id,
        "Name": job_id,
        "Type": "batch",
        "Datacenters": ["*"],
        "ParameterizedJob": {"Payload": "optional", "MetaOptional": ["code"]},
        "Meta": {"code": "0"},
        "TaskGroups": [
            {
                "Name": "g",
                "Count": 1,
                "RestartPolicy": no_retries,
                "ReschedulePolicy": {"Attempts": 0, "Unlimited": False},
                "Tasks": [
                    {
                        "Name": "t",
                        "Driver": "mock_driver",
                        "Config": {"run_for": run_for, "exit_code": "${NOMAD_META_code}"},
                        "Resources": {"CPU": 10, "MemoryMB": 10},
                    }
                ],
            }
        ],
    }


class RunningAgent:
    """A running agent, and what it knows of its children without being asked over HTTP."""

    def __init__(self, agent: EmbeddedAgent, loop: asyncio.AbstractEventLoop) -> None:
        self._agent, self._loop = agent, loop
        self.address = agent.address

    @property
    def requests(self) -> int:
        return self._agent.requests

    def children(self) -> Counter[str]:
        """Children by ID less Nomad's suffix: one for each item and attempt, if all is well."""

        async def read() -> list[str]:
            return [job.id for job in self._agent.state.jobs.values() if job.parent_id]

        ids = asyncio.run_coroutine_threadsafe(read(), self._loop).result()
        return Counter(child.rsplit("-", 2)[0] for child in ids)


@contextmanager
def agent_process(jobs: Sequence[Mapping[str, object]], faults: Sequence[str] = ()) -> Iterator[str]:
    """`dispatchfile agent` on a free loopback port until the end of the block; its address."""
    with tempfile.TemporaryDirectory() as folder:
        for number, job in enumerate(jobs):
            Path(folder, f"{number}.nomad.json").write_text(json.dumps({"Job": job}), encoding="utf-8")
        flags = [word for fault in faults for word in ("--fault", fault)]
        command = [*DISPATCHFILE, "agent", "--bind", "127.0.0.1:0", "--jobs", folder, *flags]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=without_nomad_variables()) as process:
            try:
                yield process.stdout.readline().rpartition("NOMAD_ADDR=")[2].strip()
            finally:
                process.terminate()


@contextmanager
def embedded_agent(
    jobs: Sequence[Mapping[str, object]], faults: Sequence[str] = (), seed: int = 0, slots: int | None = None
) -> Iterator[RunningAgent]:
    """An agent on a free loopback port until the end of the block."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    agent = EmbeddedAgent(jobs=jobs, faults=[parse_fault(text) for text in faults], seed=seed, slots=slots)
    try:
        asyncio.run_coroutine_threadsafe(agent.__aenter__(), loop).result()
        yield RunningAgent(agent, loop)
    finally:
        asyncio.run_coroutine_threadsafe(agent.__aexit__(None, None, None), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
