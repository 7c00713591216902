"""Children whose tasks really run end as on a Nomad 2.0.5 server: the same records, the same task events."""

import asyncio
from typing import Any

import httpx

from dispatchfile.agent import EmbeddedAgent
from dispatchfile.agent.records import StoredJob
from dispatchfile.agent.views import alloc_view, eval_view, job_view, summary_view

from .recordings import Json, body_of, comparable

ENDINGS = (
    "badconfig",
    "exit137",
    "exit3",
    "kill9",
    "leader",
    "lifecycle-ok",
    "nocmd",
    "ok",
    "poststop-fail",
    "prestart-fail",
    "restart-ok",
    "starterr",
    "starterr-rec",
    "sys-fail",
    "sys-ok",
    "twotasks",
)


async def _ended(client: httpx.AsyncClient, name: str) -> str:
    """Register a parent like the recorded child's, dispatch once, wait until every task is dead; the child's ID."""
    recorded = body_of(f"job/{name}")
    parent = f"{name}-parent"
    await client.put("/v1/jobs", json={"Job": {**recorded, "ID": parent, "Name": None, "ParentID": ""}})
    answer = await client.put(f"/v1/job/{parent}/dispatch", json={"Meta": recorded["Meta"]})
    child: str = answer.json()["DispatchedJobID"]
    path, index = f"/v1/job/{child.replace('/', '%2F')}/allocations", 0
    while True:
        answer = await client.get(path, params={"index": index, "wait": "10s"}, timeout=30)
        index = int(answer.headers["X-Nomad-Index"])
        states = [state for alloc in answer.json() for state in (alloc["TaskStates"] or {}).values()]
        if states and all(state["State"] == "dead" for state in states):
            return child


def _story(agent: EmbeddedAgent, job: StoredJob) -> Json:
    state = agent.state
    return comparable(
        job=job_view(job),
        summary=summary_view(state.summaries[job.key]),
        evals=[eval_view(evaluation) for evaluation in state.evals_of(job.key)],
        allocs=[alloc_view(alloc) for alloc in state.allocs_of(job.key)],
    )


def _recorded_story(name: str) -> Json:
    return comparable(
        job=body_of(f"job/{name}"),
        summary=body_of(f"job/{name}-summary"),
        evals=body_of(f"evaluation/{name}"),
        allocs=[body_of(f"allocation/{name}-1")],
    )


def _events(alloc: Json) -> dict[str, Any]:
    """What happened to each task, in Nomad's words."""
    states = alloc["TaskStates"].items()
    return {name: (state["Failed"], [event["Type"] for event in state["Events"]]) for name, state in states}


async def test_real_tasks_end_as_on_nomad() -> None:
    """For each ending the records and the events of the tasks are those of the recorded child."""
    async with (
        EmbeddedAgent() as agent,
        httpx.AsyncClient(base_url=agent.address, trust_env=False) as client,
    ):
        children = await asyncio.gather(*(_ended(client, name) for name in ENDINGS))
        found = {}
        for name, child in zip(ENDINGS, children, strict=True):
            job = agent.state.jobs["default", child]
            [alloc] = agent.state.allocs_of(job.key)
            found[name] = (_story(agent, job), _events(alloc_view(alloc)))
    wanted = {name: (_recorded_story(name), _events(body_of(f"allocation/{name}-1"))) for name in ENDINGS}
    assert found == wanted
