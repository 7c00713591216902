"""The plain `nomad` command works with the embedded agent as with a real one."""

import asyncio
import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from dispatchfile.agent import EmbeddedAgent
from tests.real_nomad import NO_BINARY, binary

pytestmark = [
    pytest.mark.nomad,
    pytest.mark.skipif(binary() is None, reason=NO_BINARY),
    pytest.mark.timeout(120),
]

GREET = """
job "greet" {
  type = "batch"
  parameterized {
    payload       = "optional"
    meta_required = ["who"]
  }
  group "g" {
    restart { attempts = 0 }
    reschedule { attempts = 0 }
    task "t" {
      driver = "raw_exec"
      dispatch_payload { file = "input.txt" }
      config {
        command = "/bin/sh"
        args    = ["-c", "echo hello $NOMAD_META_who; cat local/input.txt; echo bad >&2"]
      }
    }
  }
}
"""

LONG = """
job "long" {
  type = "batch"
  parameterized {}
  group "g" {
    restart { attempts = 0 }
    reschedule { attempts = 0 }
    task "t" {
      driver = "mock_driver"
      config {
        run_for = "20m"
      }
    }
  }
}
"""

FAIL = LONG.replace('"long"', '"fail"').replace('run_for = "20m"', 'run_for = "10ms"\n        exit_code = 3')
DOCKER = LONG.replace('"long"', '"docker"').replace("mock_driver", "docker")


@dataclass(frozen=True)
class Ran:
    exit: int
    out: str
    err: str


class Cli:
    """The real command, told where the embedded agent is."""

    def __init__(self, address: str, folder: Path) -> None:
        self._environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "NOMAD_ADDR": address}
        self._folder = folder

    async def __call__(self, *arguments: str, stdin: str = "", seconds: float = 60) -> Ran:
        process = await asyncio.create_subprocess_exec(
            str(binary()),
            *arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=self._environment,
            cwd=self._folder,
        )
        out, err = await asyncio.wait_for(process.communicate(stdin.encode()), seconds)
        return Ran(process.returncode or 0, out.decode(), err.decode())

    async def follow(self, *arguments: str, until: str) -> str:
        """Start a command that does not end by itself, and stop it when it has shown something."""
        process = await asyncio.create_subprocess_exec(
            str(binary()),
            *arguments,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env=self._environment,
        )
        assert process.stdout is not None
        shown = ""
        while until not in shown:
            shown += (await asyncio.wait_for(process.stdout.read(1024), 30)).decode()
        process.terminate()
        await process.wait()
        return shown


@asynccontextmanager
async def _nomad(folder: Path, *jobs: str, slots: int | None = None) -> AsyncIterator[Cli]:
    """The command and an agent with these jobs, registered by the command."""
    async with EmbeddedAgent(slots=slots) as agent:
        cli = Cli(agent.address, folder)
        for number, job in enumerate(jobs):
            path = folder / f"{number}.nomad.hcl"
            path.write_text(job, encoding="utf-8")
            ran = await cli("job", "run", str(path))
            assert (ran.exit, ran.out) == (0, "Job registration successful\n"), ran
        yield cli


def _dispatched(ran: Ran) -> str:
    found = re.match(r"Dispatched Job ID = (\S+)\n", ran.out)
    assert found, ran
    return found[1]


async def _alloc(cli: Cli, child: str) -> str:
    """The short ID of a child's only allocation."""
    ran = await cli("job", "status", child)
    found = re.search(r"\n([0-9a-f]{8})  [0-9a-f]{8}  g ", ran.out)
    assert found, ran
    return found[1]


async def test_parameterized_job_is_shown(tmp_path: Path) -> None:
    """A parameterized job is listed, and its status shows what it takes and its children."""
    async with _nomad(tmp_path, GREET) as cli:
        listed = await cli("status")
        assert re.search(r"greet  batch/parameterized  50        running", listed.out), listed
        first = await cli("job", "status", "greet")
        child = _dispatched(await cli("job", "dispatch", "-meta", "who=x", "greet"))
        second = await cli("job", "status", "greet")
    assert "Required Metadata = who" in first.out
    assert "No dispatched instances of parameterized job found" in first.out
    assert re.search(rf"{child}  (running|dead)", second.out), second


async def test_dispatch_is_monitored_to_its_placement(tmp_path: Path) -> None:
    """A dispatch shows its child, its evaluation, the allocation and the end of the evaluation."""
    async with _nomad(tmp_path, GREET) as cli:
        ran = await cli("job", "dispatch", "-meta", "who=x", "greet")
        detached = await cli("job", "dispatch", "-detach", "-meta", "who=x", "greet")
    assert (ran.exit, ran.err, detached.exit) == (0, "", 0)
    assert re.search(r'Allocation "[0-9a-f]{8}" created: node "[0-9a-f]{8}", group "g"', ran.out)
    assert re.search(r'Evaluation "[0-9a-f]{8}" finished with status "complete"\n', ran.out)
    assert len(detached.out.splitlines()) == 2


async def test_dispatch_waits_for_the_end(tmp_path: Path) -> None:
    """With -wait a child that succeeds is exit 0, one that fails exit 2."""
    async with _nomad(tmp_path, GREET, FAIL) as cli:
        good = await cli("job", "dispatch", "-wait", "-meta", "who=x", "greet")
        bad = await cli("job", "dispatch", "-wait", "fail")
    assert (good.exit, bad.exit) == (0, 2), (good, bad)


async def test_payload_meta_and_logs(tmp_path: Path) -> None:
    """What is dispatched reaches the task, and what the task writes is read back: all, the end, and as it comes."""
    async with _nomad(tmp_path, GREET) as cli:
        ran = await cli("job", "dispatch", "-wait", "-meta", "who=world", "greet", "-", stdin="the payload\n")
        alloc = await _alloc(cli, _dispatched(ran))
        shown = await cli("alloc", "status", alloc)
        logs = await cli("alloc", "logs", alloc)
        errors = await cli("alloc", "logs", "-stderr", alloc)
        tail = await cli("alloc", "logs", "-tail", "-n", "1", alloc, "t")
        followed = await cli.follow("alloc", "logs", "-f", alloc, until="payload")
    assert (logs.out, errors.out, tail.out) == ("hello world\nthe payload\n", "bad\n", "the payload\n")
    assert followed == logs.out
    assert "Client Status       = complete" in shown.out
    assert re.search(r"Terminated  Exit Code: 0", shown.out), shown


async def test_token_and_prefix(tmp_path: Path) -> None:
    """A token gives the same child again without an evaluation; a prefix stands in the child's name."""
    async with _nomad(tmp_path, GREET) as cli:
        dispatch = ("job", "dispatch", "-meta", "who=x")
        first = await cli(*dispatch, "-idempotency-token", "t1", "greet")
        again = await cli(*dispatch, "-wait", "-idempotency-token", "t1", "greet")
        named = await cli(*dispatch, "-detach", "-id-prefix-template", "run9-1", "greet")
    assert (again.exit, again.out) == (0, f"Dispatched Job ID = {_dispatched(first)}\n")
    assert re.fullmatch(r"greet/dispatch-run9-1-\d{10}-[0-9a-f]{8}", _dispatched(named))


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (
            ("-meta", "who=x", "-meta", "bad=1", "greet"),
            (
                "Failed to dispatch job: Unexpected response code: 500 "
                "(Dispatch request included unpermitted metadata keys: [bad])\n"
            ),
        ),
        (
            ("greet",),
            (
                "Failed to dispatch job: Unexpected response code: 500 "
                "(Dispatch did not provide required meta keys: [who])\n"
            ),
        ),
        (
            ("-meta", "who=x", "-priority", "200", "greet"),
            (
                "Failed to dispatch job: Unexpected response code: 500 "
                "(dispatch job priority must be between [1, 100])\n"
            ),
        ),
        (("zzz",), 'No parameterized job(s) with prefix or ID "zzz" found\n'),
        (("-namespace", "nope", "greet"), 'No parameterized job(s) with prefix or ID "greet" found\n'),
    ],
)
async def test_refusal_reads_as_with_nomad(tmp_path: Path, arguments: tuple[str, ...], error: str) -> None:
    """What the agent refuses the command tells in its usual words."""
    async with _nomad(tmp_path, GREET) as cli:
        ran = await cli("job", "dispatch", "-detach", *arguments)
    assert (ran.exit, ran.err) == (1, error)


async def test_placement_failure_reads_as_with_nomad(tmp_path: Path) -> None:
    """A driver that is not there and a node that is full are told as placement failures."""
    async with _nomad(tmp_path, DOCKER, LONG, slots=1) as cli:
        driver = await cli("job", "dispatch", "docker")
        await cli("job", "dispatch", "-detach", "long")
        full = await cli("job", "dispatch", "long")
        status = await cli("job", "status", _dispatched(full))
    assert (driver.exit, full.exit) == (1, 1)
    assert '* Constraint "missing drivers": 1 nodes excluded by filter' in driver.out
    assert '* Dimension "max allocation exceeded" exhausted on 1 nodes' in full.out
    assert "waiting for additional capacity to place remainder" in full.out
    assert re.search(r"Status\s+= pending", status.out), status
    assert "Placement Failure" in status.out


async def test_stop_purge_and_collection(tmp_path: Path) -> None:
    """A child is stopped, a stopped one purged, and a collection leaves no dead ones."""
    async with _nomad(tmp_path, LONG) as cli:
        first = _dispatched(await cli("job", "dispatch", "-detach", "long"))
        second = _dispatched(await cli("job", "dispatch", "-detach", "long"))
        stopped = await cli("job", "stop", "-yes", first)
        status = await cli("job", "status", first)
        purged = await cli("job", "stop", "-purge", "-yes", second)
        gone = await cli("job", "status", second)
        collected = await cli("system", "gc")
        left = await cli("job", "status", "long")
    assert (stopped.exit, purged.exit, collected.exit, gone.exit) == (0, 0, 0, 1)
    assert re.search(r"Status\s+= dead \(stopped\)", status.out), status
    assert gone.err == f'No job(s) with prefix or ID "{second}" found\n'
    assert "No dispatched instances of parameterized job found" in left.out


async def test_evaluations_are_shown(tmp_path: Path) -> None:
    """An evaluation is found by its beginning, with what it planned and placed."""
    async with _nomad(tmp_path, GREET) as cli:
        ran = await cli("job", "dispatch", "-detach", "-meta", "who=x", "greet")
        found = re.search(r"Evaluation ID     = (\S+)", ran.out)
        assert found
        shown = await cli("eval", "status", found[1])
        listed = await cli("eval", "list")
    assert (shown.exit, listed.exit) == (0, 0)
    assert re.search(r"Status\s+= complete", shown.out), shown
    assert "Placed Allocations" in shown.out
    assert found[1] in listed.out


async def test_other_commands_are_answered(tmp_path: Path) -> None:
    """Nodes, servers, namespaces, plans, history and inspection work as far as one machine goes."""
    async with _nomad(tmp_path, GREET) as cli:
        commands = [
            ("node", "status"),
            ("node", "status", "-self"),
            ("server", "members"),
            ("namespace", "list"),
            ("namespace", "apply", "team"),
            ("job", "validate", "0.nomad.hcl"),
            ("job", "history", "greet"),
            ("job", "inspect", "greet"),
            ("operator", "scheduler", "get-config"),
            ("status", "greet"),
        ]
        ran = {command: (await cli(*command)).exit for command in commands}
        plan = await cli("job", "plan", "0.nomad.hcl")
    assert set(ran.values()) == {0}, ran
    assert "All tasks successfully allocated" in plan.out


async def test_a_stopped_allocation_without_a_reschedule_attempt_ends_the_job(tmp_path: Path) -> None:
    """2.0.5's `alloc stop` asks for a reschedule, so nothing comes after it where the policy has no attempt."""
    async with _nomad(tmp_path, LONG) as cli:
        child = _dispatched(await cli("job", "dispatch", "-detach", "long"))
        stopped = await cli("alloc", "stop", await _alloc(cli, child))
        status = await cli("job", "status", child)
        while not re.search(r"Status\s+= dead", status.out):  # the test's timeout is the limit
            status = await cli("job", "status", child)
    assert stopped.exit == 0, stopped
    assert len(re.findall(r"\n[0-9a-f]{8}  [0-9a-f]{8}  g ", status.out)) == 1
