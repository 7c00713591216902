"""Jobs with odd names are found, dispatched, watched and found again."""

from __future__ import annotations

from dispatchfile.events import Outcome
from tests.conformance.driver import run_items
from tests.conformance.jobs import job, mock

ODD = (
    "team/encode",
    "team/encode/dispatch-x",
    "größe",
    "a+b(c)[d].*$",
    "^caret",
    'quo"te',
    "back`tick",
    "back\\slash",
    "per%cent%2F",
    "hash#query?a=b&c",
    "co:lon",
)


async def test_a_job_may_be_called_anything(backend, tmp_path):
    """A child of this run is listed by the run's prefix; one that a token already has is listed by its name."""
    await backend.register(*(job(name, mock(run_for="0s", exit_code=3)) for name in ODD))
    items = [{"id": f"i{number}", "job": name, "idempotency_token": "t"} for number, name in enumerate(ODD)]
    for existing in (False, True):
        summary = await run_items(backend, tmp_path, items, unreachable_after="20s")
        found = {item.job: (item.outcome, item.exit_code, item.existing) for item in summary.items}
        assert found == dict.fromkeys(ODD, (Outcome.FAILED, 3, existing))


async def test_a_prefix_of_the_manifest_stands_in_front_of_the_runs(backend, tmp_path):
    """Or alone, where a token makes the child findable."""
    await backend.register(job("prefixed", mock(run_for="0s")))
    items = [
        {"id": "plain"},
        {"id": "named", "id_prefix_template": "nightly"},
        {"id": "exact", "id_prefix_template": "nightly", "id_prefix_exact": True, "idempotency_token": "t"},
    ]
    summary = await run_items(backend, tmp_path, [{**item, "job": "prefixed"} for item in items])
    heads = {item.id: item.child.removeprefix("prefixed/dispatch-").rsplit("-", 2)[0] for item in summary.items}
    run = summary.run
    assert heads == {"plain": f"{run}-plain-1", "named": f"nightly-{run}-named-1", "exact": "nightly"}
    assert summary.counts["succeeded"] == len(items)


async def test_items_go_to_their_own_namespaces(backend, tmp_path):
    """Each is dispatched, watched and told where it belongs; the region is the agent's own, named or not."""
    await backend.add_namespace("films")
    await backend.register(job("spread", mock(run_for="0s")))
    await backend.register(job("spread", mock(run_for="0s", exit_code=3)), namespace="films")
    items = [
        {"id": "here", "job": "spread"},
        {"id": "there", "job": "spread", "namespace": "films", "region": "global"},
    ]
    summary = await run_items(backend, tmp_path, items)
    found = [(item.namespace, item.region, item.exit_code) for item in summary.items]
    assert found == [("default", "", 0), ("films", "global", 3)]
    rows = await backend.get("/v1/jobs", namespace="films", prefix="spread/dispatch-")
    assert [row["ID"] for row in rows] == [summary.items[1].child]
