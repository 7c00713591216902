"""What the embedded agent stores and refuses, beside what a 2.0.5 server stores and refuses."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.agent.world import World
from tests.jobspec.beside_nomad import REFUSED, STORED
from tests.real_nomad import NO_BINARY, binary, real_agent

RECORDED = Path(__file__).parent / "beside_nomad.json"
"""What a server answered for each case: `python -m tests.jobspec.record_nomad` writes it anew."""

STATE = ("CreateIndex", "JobModifyIndex", "ModifyIndex", "Status", "SubmitTime", "Version", "VersionTag")
"""Keys of a stored job that say what became of it, not what was registered."""

STATE_OF_SCALING = ("CreateIndex", "ID", "ModifyIndex")
"""Nomad keeps scaling policies in a table of their own; the embedded agent does not."""

Answer = tuple[int, Any]

CASES = {**STORED, **REFUSED}


def comparable(job: Mapping[str, Any]) -> dict[str, Any]:
    """A stored job without its state."""
    plain = json.loads(json.dumps(job))
    for group in plain["TaskGroups"] or ():
        for policy in [group["Scaling"], *(one for task in group["Tasks"] for one in task["ScalingPolicies"] or ())]:
            for key in STATE_OF_SCALING if policy else ():
                policy.pop(key)
    return {key: value for key, value in plain.items() if key not in STATE}


def embedded_answer(document: Mapping[str, Any]) -> Answer:
    """What the embedded agent stores, or its status and text."""
    world = World()
    reply = world.ask("PUT", "/v1/jobs", {"Job": document})
    return reply.status, comparable(world.get("/v1/job/j")) if reply.status == 200 else reply.body


def nomad_answer(address: str, document: Mapping[str, Any]) -> Answer:
    """What a Nomad stores, or its status and text."""
    status, body = _ask(f"{address}/v1/jobs", "PUT", {"Job": document})
    if status != 200:
        return status, body
    _, stored = _ask(f"{address}/v1/job/j", "GET")
    _ask(f"{address}/v1/job/j?purge=true", "DELETE")
    return status, comparable(stored)


def _ask(url: str, method: str, body: object = None) -> Answer:
    content = None if body is None else json.dumps(body).encode()
    try:
        with urllib.request.urlopen(urllib.request.Request(url, content, method=method), timeout=30) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as exc:
        return exc.code, exc.read().decode()


@pytest.fixture(scope="module")
def recorded() -> Mapping[str, Answer]:
    return {name: (status, body) for name, (status, body) in json.loads(RECORDED.read_text("utf-8")).items()}


@pytest.fixture(scope="module")
def ask_nomad() -> Iterator[Callable[[Mapping[str, Any]], Answer]]:
    if binary() is None:
        pytest.skip(NO_BINARY)
    with real_agent() as address:
        yield lambda document: nomad_answer(address, document)


@pytest.mark.parametrize("name", STORED)
def test_the_agent_stores_what_nomad_stores(name: str, recorded: Mapping[str, Answer]) -> None:
    """Every key of the stored job has the value that a 2.0.5 server gave it."""
    assert recorded[name][0] == 200
    assert embedded_answer(STORED[name]) == recorded[name]


@pytest.mark.parametrize("name", REFUSED)
def test_the_agent_refuses_what_nomad_refuses(name: str, recorded: Mapping[str, Answer]) -> None:
    """All problems at once, in the words and the order of a 2.0.5 server."""
    assert recorded[name][0] == 500
    assert embedded_answer(REFUSED[name]) == recorded[name]


@pytest.mark.nomad
@pytest.mark.parametrize("name", CASES)
def test_the_recording_is_what_nomad_answers(
    name: str, recorded: Mapping[str, Answer], ask_nomad: Callable[[Mapping[str, Any]], Answer]
) -> None:
    """The recording that the embedded agent is held against is still true."""
    assert ask_nomad(CASES[name]) == recorded[name]
