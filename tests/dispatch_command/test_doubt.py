"""Dispatches that go wrong on the way: what is sure, what is not, and that nothing is ever sent twice by itself."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from dispatchfile.usecases.past import RunName, read_past
from tests.dispatch_command.calls import Said, environment, ours
from tests.dispatch_command.scripted import (
    FORBIDDEN,
    NOT_FOUND,
    Asked,
    Reply,
    dispatched,
    scripted,
    stub,
    with_job,
)

CHILD = "ok/dispatch-1795351482-63cade3d"
TO_LOOK = "The job may have been dispatched. To look: nomad job status"


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        pytest.param(Reply("<html>", 502), "HTTP 502 with a web page, from a proxy and not from Nomad", id="502"),
        pytest.param(Reply("rpc error: EOF", 500), "HTTP 500 (rpc error: EOF)", id="a leader that goes"),
        pytest.param(Reply({}), "HTTP 200 ({})", id="an agent that shuts down"),
        pytest.param(
            Reply(None), "no answer from Nomad at ADDRESS: the connection was closed without an answer", id="cut"
        ),
    ],
)
def test_what_may_have_been_carried_out_is_1_and_says_how_to_look(reply: Reply, reason: str) -> None:
    """It is sent once, and by nobody but the user again."""
    with scripted(with_job(lambda _: reply)) as server:
        said = ours(server.address, "ok")
    told = reason.replace("ADDRESS", server.address)
    lines = said.err.splitlines()
    assert lines[0].startswith(f"Failed to dispatch job: {told}")
    assert lines[0].endswith("the request may have been carried out")
    assert lines[1:] == [f"{TO_LOOK} ok"]
    assert (said.out, said.code, len(server.dispatches())) == ("", 1, 1)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["-id-prefix-template", "run 9"], f"{TO_LOOK} 'ok/dispatch-run 9-'"),
        (["-namespace", "team"], f"{TO_LOOK} -namespace=team ok"),
        (["-region", "eu"], f"{TO_LOOK} -region=eu ok"),
        (["-idempotency-token", "t"], f"{TO_LOOK} ok; the same command again makes no second job, thanks to its token"),
    ],
)
def test_the_command_that_looks_finds_the_job(arguments: Sequence[str], told: str) -> None:
    """It looks by the prefix if there is one, in the right namespace and region."""

    def somewhere(asked: Asked) -> Reply:
        if asked.path == "/v1/jobs":
            return Reply([stub("ok", asked.query.get("namespace", "default"))])
        return Reply("bad gateway", 502)

    with scripted(somewhere) as server:
        assert ours(server.address, *arguments, "ok").err.splitlines()[1] == told


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        (Reply("No cluster leader", 500), "Unexpected response code: 500 (No cluster leader)"),
        (
            Reply("rpc error: parameterized job not found", 500),
            "Unexpected response code: 500 (parameterized job not found)",
        ),
        (Reply("Too Many Requests", 429), "HTTP 429 (Too Many Requests)"),
    ],
)
def test_what_surely_was_not_carried_out_is_said_without_doubt(reply: Reply, told: str) -> None:
    """The message has Nomad's own words, as in the CLI."""
    with scripted(with_job(lambda _: reply)) as server:
        assert ours(server.address, "ok") == Said("", f"Failed to dispatch job: {told}\n", 1)
    assert len(server.dispatches()) == 1


def test_a_child_that_nomad_does_not_have_is_asked_for_once_more() -> None:
    """Of two dispatches with one new token, Nomad names a phantom in one answer; the next names the real child."""
    answers = [dispatched("ok/dispatch-1-00000000"), dispatched(CHILD, eval_id="", index=12)]
    with scripted(with_job(lambda _: answers.pop(0))) as server:
        said = ours(server.address, "-detach", "-idempotency-token", "t", "ok")
    told = 'Job "ok/dispatch-CHILD" already dispatched with idempotency token "t".\n'
    assert said == Said(told, "", 0)
    assert [asked.query["idempotency_token"] for asked in server.dispatches()] == ["t", "t"]


def test_a_hit_is_told_from_a_new_child_of_a_periodic_job() -> None:
    """Neither has an evaluation, and the indexes tell the difference only if something has changed since."""
    job = {"ID": CHILD, "Periodic": {"Enabled": True}}
    script = with_job(lambda _: dispatched(CHILD, eval_id=""), otherwise=lambda _: Reply(job))
    with scripted(script) as server:
        said = ours(server.address, "-idempotency-token", "t", "ok")
    assert said == Said("Dispatched Job ID = ok/dispatch-CHILD\n", "", 0)


def test_an_evaluation_that_may_not_be_read_is_1() -> None:
    """The CLI exits in the same way, although the job was dispatched."""
    with scripted(with_job(lambda _: dispatched(CHILD), otherwise=lambda _: FORBIDDEN)) as server:
        said = ours(server.address, "ok")
    assert said.out.splitlines()[-1] == '==> TIME: Monitoring evaluation "ID"'
    assert (said.err, said.code) == ('==> No evaluation with id "UUID" found\n', 1)


@pytest.mark.parametrize(
    ("parent", "told"),
    [
        (FORBIDDEN, "Permission denied: to wait for the job, the token needs read-job; nothing was dispatched"),
        (
            Reply({"ID": "ok", "Periodic": {"Enabled": True}}),
            "the job is periodic, so its dispatches never end; nothing was dispatched",
        ),
    ],
)
def test_nothing_is_sent_that_could_not_be_waited_for(parent: Reply, told: str) -> None:
    """Waiting for more than the token can see is an error before the dispatch."""
    with scripted(with_job(lambda _: dispatched(CHILD), otherwise=lambda _: parent)) as server:
        assert ours(server.address, "-wait", "ok") == Said("", f"Failed to dispatch job: {told}\n", 1)
    assert server.dispatches() == []


def test_as_json_a_doubt_is_an_outcome() -> None:
    """Scripts must not take it for a refusal."""
    with scripted(with_job(lambda _: Reply("bad gateway", 502))) as server:
        said = ours(server.address, "-o", "json", "ok")
    told = json.loads(said.out)
    assert (told["outcome"], told["child"], told["exit_code"], said.code) == ("unknown", None, 1, 1)


@pytest.mark.parametrize(
    ("stalls_at", "number", "told", "recorded"),
    [
        ("/v1/jobs", signal.SIGINT, "interrupted: nothing was dispatched", None),
        (
            "/v1/job/ok/dispatch",
            signal.SIGTERM,
            f"interrupted: {TO_LOOK} ok",
            (143, "unknown", "interrupted while the request was in flight"),
        ),
        (
            "/v1/evaluation/11111111-2222-3333-4444-555555555555",
            signal.SIGINT,
            "interrupted: the job continues in Nomad.",
            (130, "dispatched", "interrupted while waiting; the job continues in Nomad"),
        ),
    ],
)
def test_an_interruption_says_what_it_leaves_behind(
    stalls_at: str,
    number: signal.Signals,
    told: str,
    recorded: tuple[int, str, str] | None,
    state: Path,
) -> None:
    """Nothing, perhaps a job, or definitely one; the record says the same and has the same exit code."""
    reached, let_go = threading.Event(), threading.Event()

    def stalling(asked: Asked) -> Reply:
        if asked.path == stalls_at:
            reached.set()
            let_go.wait(20)
        return with_job(lambda _: dispatched(CHILD))(asked)

    with scripted(stalling) as server:
        command = [sys.executable, "-m", "dispatchfile", "dispatch", "ok"]
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(server.address)
        ) as process:
            assert reached.wait(20)
            process.send_signal(number)
            _, err = process.communicate(timeout=20)
            let_go.set()
    assert err.startswith(told)
    assert process.returncode == 128 + number
    assert summary_on_record(state) == recorded


def summary_on_record(state: Path) -> tuple[int, str, str] | None:
    """Return exit code, outcome and message of the only dispatch on record."""
    names = [path.stem.rpartition("-")[2] for path in (state / "runs").glob("*.db")]
    if not names:
        return None
    summary = read_past(RunName(names[0], None, str(state), {})).summary()
    (item,) = summary.items
    return summary.exit_code, str(item.outcome), item.message


@pytest.mark.parametrize("refused", ["is not nil", "ParentID"])
def test_a_server_that_does_not_know_the_filter_is_asked_without_it(refused: str) -> None:
    """Servers before 1.11.3 do not know it. Only parameterized jobs are candidates."""

    def old(asked: Asked) -> Reply:
        if asked.path != "/v1/jobs":
            return dispatched(CHILD)
        if refused in asked.query.get("filter", ""):
            return Reply("failed to create result paginator: failed to read filter expression: 1:5", 400)
        child = {**stub("ok/dispatch-1-2"), "ParentID": "ok"}
        return Reply([{"ID": "o-plain"}, stub("ok"), child])

    with scripted(old) as server:
        assert ours(server.address, "-detach", "o").out.startswith("Dispatched Job ID = ok/dispatch-CHILD\n")


def test_a_page_full_of_matches_says_that_there_may_be_more() -> None:
    """Twenty rows, as in the CLI."""
    rows = [{"ID": f"ok-{number:02}", "Type": "batch", "ParameterizedJob": True} for number in range(20)]
    with scripted(lambda asked: Reply(rows) if asked.query["per_page"] == "20" else NOT_FOUND) as server:
        said = ours(server.address, "ok")
    assert said.err.splitlines()[0] == 'Prefix "ok" matched multiple jobs'
    assert said.err.splitlines()[-1] == "(results may be truncated)"
