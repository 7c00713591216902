"""`dispatch -wait`: how the job ended, however long it took."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import quote

import pytest

from tests.dispatch_command.calls import ours
from tests.dispatch_command.conftest import embedded_agent
from tests.dispatch_command.jobs import ask, job
from tests.real_nomad import NO_BINARY, binary


@contextmanager
def meanwhile(address: str, method: str, path: str) -> Iterator[None]:
    """Once the only child under *path*'s prefix waits for capacity, ask this of it."""

    def act() -> None:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            rows = ask(address, "GET", f"/v1/jobs?prefix={path}")
            assert isinstance(rows, list)
            if rows and rows[0]["JobSummary"]["Summary"]["g"]["Queued"]:
                ask(address, method, f"/v1/job/{quote(rows[0]['ID'], safe='')}")
                return
            time.sleep(0.05)

    thread = threading.Thread(target=act)
    thread.start()
    try:
        yield
    finally:
        thread.join()


def test_a_job_that_ended_well_is_0(address: str) -> None:
    """The last line says how it ended."""
    said = ours(address, "ok", "-wait")
    assert said.out.splitlines()[-1] == '==> TIME: Job "ok/dispatch-CHILD" succeeded'
    assert (said.err, said.code) == ("", 0)


def test_a_job_that_failed_is_2_with_its_last_words(address: str) -> None:
    """Task, exit code and node, and what it wrote last."""
    said = ours(address, "-wait", "exit3")
    last = said.out.splitlines()[-1]
    assert last.startswith('==> TIME: Job "exit3/dispatch-CHILD" failed: task t: exit code 3 on node ')
    assert last.endswith("; last log line: no such codec")
    assert said.code == 2


def test_a_child_that_was_there_before_is_watched_as_well(address: str) -> None:
    """Its end decides, although nothing was dispatched."""
    assert ours(address, "-detach", "-idempotency-token", "w", "exit3").code == 0
    said = ours(address, "-wait", "-idempotency-token", "w", "exit3")
    assert said.out.startswith('Job "exit3/dispatch-CHILD" already dispatched with idempotency token "w".\n')
    assert said.out.splitlines()[-1].startswith('==> TIME: Job "exit3/dispatch-CHILD" failed: task t: exit code 3 on ')
    assert said.code == 2


def _is_waited_out(address: str, name: str) -> None:
    with meanwhile(address, "DELETE", f"{name}/dispatch-stopped-"):
        said = ours(address, "-wait", "-id-prefix-template", "stopped", name)
    lines = said.out.splitlines()
    assert '    TIME: Evaluation "ID" waiting for additional capacity to place remainder' in lines
    assert lines[-1] == (
        f'==> TIME: Job "{name}/dispatch-stopped-CHILD" stopped (user_stop): '
        "stopped in Nomad while it waited to be placed"
    )
    assert said.code == 2


@pytest.mark.nomad
@pytest.mark.skipif(binary() is None, reason=NO_BINARY)
def test_a_placement_failure_is_waited_out(real: str) -> None:
    """The CLI gives up at once; here the job's end counts, which somebody brings about meanwhile."""
    _is_waited_out(real, "nowhere")


def test_a_full_agent_is_waited_for() -> None:
    """A slot of the embedded agent may become free, so its evaluation waits, too."""
    with embedded_agent("--slots", "1") as address:
        for each in (job("long", sh="sleep 60"), job("ok")):
            ask(address, "PUT", "/v1/jobs", {"Job": each})
        assert ours(address, "long").code == 0
        _is_waited_out(address, "ok")


def test_what_the_embedded_agent_can_never_place_ends_at_once(embedded: str) -> None:
    """Nobody has to stop it: it is unplaced for good."""
    said = ours(embedded, "-wait", "nowhere")
    assert said.out.splitlines()[-1] == (
        '==> TIME: Job "nowhere/dispatch-CHILD" unplaced (no_capacity): '
        'no allocation was placed: no node meets "${meta.ready} = yes" (1 filtered)'
    )
    assert said.code == 2


@pytest.mark.parametrize(("form", "lines"), [("json", 17), ("ndjson", 1)])
def test_as_json_the_end_is_one_object(address: str, form: str, lines: int) -> None:
    """Nothing else is on standard output, and the exit code is the same."""
    said = ours(address, "-wait", "-o", form, "exit3")
    told = json.loads(said.out)
    assert len(said.out.splitlines()) == lines
    assert told["child"] == "exit3/dispatch-CHILD"
    assert (told["outcome"], told["cause"], told["task_exit_code"], told["exit_code"]) == ("failed", "exit", 3, 2)
    assert told["last_line"] == "no such codec"
    assert said.code == 2
