"""A run and what comes after it, against the embedded agent over loopback."""

import asyncio
from collections import Counter
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from dispatchfile.agent import EmbeddedAgent
from dispatchfile.clock import Clock
from dispatchfile.errors import RunRefused
from dispatchfile.events import Cause, Outcome
from dispatchfile.journal import RunState
from dispatchfile.nomad.answers import Answer
from dispatchfile.nomad.client import Client
from dispatchfile.nomad.connection import Connection
from dispatchfile.nomad.transport import HttpTransport, limits_of
from dispatchfile.reports.again import rerun_command
from dispatchfile.usecases.choose import Choice
from dispatchfile.usecases.load import ManifestSource
from dispatchfile.usecases.logs import LogOptions, read_logs
from dispatchfile.usecases.past import RunName, read_past
from dispatchfile.usecases.reporting import NoReporter
from dispatchfile.usecases.rerun import RerunOptions, read_again, send_again
from dispatchfile.usecases.resume import ResumeOptions, resume_run
from dispatchfile.usecases.run import run_manifest
from dispatchfile.usecases.running.connect import connected
from dispatchfile.usecases.running.control import Control
from dispatchfile.usecases.running.prepare import RunOptions
from dispatchfile.usecases.stop import StopOptions, stop_run
from dispatchfile.usecases.watch import WatchOptions, watch_run

JOB = {
    "ID": "nap",
    "Type": "batch",
    "Datacenters": ["*"],
    "ParameterizedJob": {"MetaRequired": ["how"]},
    "TaskGroups": [
        {
            "Name": "g",
            "RestartPolicy": {"Attempts": 0, "Mode": "fail"},
            "ReschedulePolicy": {"Attempts": 0, "Unlimited": False},
            "Tasks": [
                {
                    "Name": "t",
                    "Driver": "raw_exec",
                    "Config": {"command": "/bin/sh", "args": ["-c", "echo $NOMAD_META_how; eval $NOMAD_META_how"]},
                }
            ],
        }
    ],
}
MANIFEST = """\
version: 1
settings: {wait: %s}
defaults: {job: nap}
dispatches:
  - {id: quick, meta: {how: "true"}}
  - {id: wrong, meta: {how: "exit 7"}}
  - {id: long, meta: {how: "sleep 60"}}
"""
ENDS_WITHIN_S = 20.0


class Place:
    """A manifest, a state folder and an agent."""

    def __init__(self, folder: Path, agent: EmbeddedAgent, wait: str) -> None:
        self.folder, self.agent = folder, agent
        self.manifest = folder / "dispatchfile.yaml"
        self.manifest.write_text(MANIFEST % wait)
        self.name = RunName("r1", None, str(folder / "state"), {})
        self.connection = Connection(address=agent.address)

    async def run(self, connect=connected):
        source = ManifestSource(path=str(self.manifest), content=None, variables={}, environ={})
        options = RunOptions(source=source, connection=self.connection, run_id="r1", state_dir=self.name.state_dir)
        return await run_manifest(options, reporter=NoReporter(), control=Control(), clock=Clock(), connect=connect)

    async def resume(self):
        options = ResumeOptions(
            run="r1", manifest=None, connection=self.connection, environ={}, state_dir=self.name.state_dir
        )
        return await resume_run(options, reporter=NoReporter(), control=Control(), clock=Clock())

    async def stop(self):
        options = StopOptions(name=self.name, connection=self.connection)
        return await stop_run(options, reporter=NoReporter(), control=Control(), clock=Clock())

    async def until(self, item: str, *wanted: str) -> None:
        """The journal says that the item is in one of these states or has one of these outcomes."""
        async with asyncio.timeout(ENDS_WITHIN_S):
            while not self._is(item, wanted):  # noqa: ASYNC110  a journal tells nobody that it has grown
                await asyncio.sleep(0.05)

    def _is(self, item: str, wanted: tuple[str, ...]) -> bool:
        try:
            found = read_past(self.name).results.item(item)
        except RunRefused:  # there is no journal yet
            return False
        return (found.outcome or found.state) in wanted


@pytest.fixture
async def place(tmp_path):
    async with EmbeddedAgent(jobs=[JOB]) as agent:
        yield lambda wait: Place(tmp_path, agent, wait)


class Expiring(HttpTransport):
    """The way to a Nomad whose token expires when so many children have been made."""

    def __init__(self, connection: Connection, *, children: int) -> None:
        super().__init__(connection, limits_of(connection, max_connections=4))
        self.left = children

    async def send(self, method: str, target: str, body: bytes = b"") -> Answer:
        if self.left > 0:
            answer = await super().send(method, target, body)
            self.left -= b"DispatchedJobID" in answer.body
            return answer
        if target == "/v1/acl/token/self":
            return Answer(500, {}, b"ACL token expired")
        return Answer(403, {}, b"Permission denied")


@asynccontextmanager
async def with_a_token_for_one(connection, settings):
    async with Client(connection, Expiring(connection, children=1)) as client:
        yield client


async def test_a_run_whose_token_expires_goes_on_with_another(place):
    """It ends as interrupted: what was made goes on, and what was denied only for the token is not refused."""
    here = place("completion")
    end = await here.run(with_a_token_for_one)
    assert (end.exit_code, end.summary.state) == (1, "interrupted")
    ends = Counter((item.outcome, item.cause) for item in end.summary.items)
    assert ends == {(None, None): 1, (Outcome.UNSENT, Cause.PERMISSION): 2}
    resuming = asyncio.create_task(here.resume())
    await here.until("wrong", Outcome.FAILED)
    await here.until("long", "running")
    await here.stop()
    summary = await resuming
    assert len([job for job in here.agent.state.jobs.values() if job.parent_id]) == 3
    assert {item.id: str(item.outcome or item.state) for item in summary.items} == {
        "quick": "succeeded",
        "wrong": "failed",
        "long": "running",
    }


async def test_a_live_run_is_stopped_by_another_process(place):
    """It ends its sending within two seconds and exits 1; then its children are stopped, and the run is over."""
    here = place("completion")
    running = asyncio.create_task(here.run())
    await here.until("wrong", Outcome.FAILED)
    await here.until("long", "running")
    asked_at = asyncio.get_running_loop().time()
    stopping = asyncio.create_task(here.stop())
    end = await running
    assert asyncio.get_running_loop().time() - asked_at < 2.5
    assert (end.summary.state, end.exit_code) == ("interrupted", 1)
    summary = await stopping
    assert {item.id: str(item.outcome) for item in summary.items} == {
        "quick": "succeeded",
        "wrong": "failed",
        "long": "stopped",
    }
    assert read_past(here.name).stored.status.state is RunState.STOPPED_EARLY
    assert all(job.stop or job.status == "dead" for job in here.agent.state.jobs.values() if job.parent_id)


async def test_a_detached_run_is_watched_read_and_run_again(place):
    """Other processes do this with nothing but the journal and Nomad."""
    here = place("detach")
    assert (await here.run()).exit_code == 0
    options = WatchOptions(name=here.name, connection=here.connection, timeout_s=3.0)
    seen = await watch_run(options, reporter=NoReporter(), control=Control(), clock=Clock())
    assert {item.id: str(item.outcome or item.state) for item in seen.items} == {
        "quick": "succeeded",
        "wrong": "failed",
        "long": "running",
    }
    assert rerun_command(seen, ["wrong"]) == "dispatchfile rerun r1 --failed"
    logs = [log async for log in read_logs(LogOptions(name=here.name, connection=here.connection))]
    assert [(log.item, log.task, log.stream, log.lines) for log in logs] == [
        ("quick", "t", "stdout", ("true",)),
        ("wrong", "t", "stdout", ("exit 7",)),
        ("long", "t", "stdout", ("sleep 60",)),
    ]
    await here.stop()
    again = RerunOptions(
        name=here.name,
        choice=Choice(outcomes=[Outcome.FAILED]),
        connection=here.connection,
        settings={"wait": "completion"},
    )
    end = await send_again(again, read_again(again), reporter=NoReporter(), control=Control(), clock=Clock())
    assert {item.id: str(item.outcome) for item in end.summary.items} == {"wrong": "failed"}
    assert end.exit_code == 2
