"""A server that takes few connections slows a run down, and costs it no item."""

from __future__ import annotations

from collections.abc import Mapping

from tests.conformance.agents import until
from tests.conformance.backends import Kind, own_backend
from tests.conformance.driver import run_items
from tests.conformance.jobs import job, mock

MANY: Mapping[Kind, int] = {"embedded": 100, "real": 200}


async def test_a_limit_of_connections_fails_no_item(kind, tmp_path):
    """Over it Nomad answers 429, or just closes the connection; in the end every item has its one child."""
    many = MANY[kind]
    async with own_backend(kind, connections=5) as backend:
        await backend.register(job("many", mock(run_for="0s")))
        items = [{"id": f"item-{number}", "job": "many"} for number in range(many)]
        summary = await run_items(backend, tmp_path, items, wait="detach", settle="2s")

        async def is_let_in() -> bool:
            return (await backend.ask("GET", "/v1/jobs")).status_code == 200

        await until(is_let_in, within_s=20)
        children = await backend.children("many")
    assert (summary.exit_code, summary.counts["dispatched"], len(children)) == (0, many, many)
    assert sorted(item.child for item in summary.items) == sorted(children)
    assert summary.requests.throttled > 0
