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
