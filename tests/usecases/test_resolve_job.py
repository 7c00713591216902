"""The job that `dispatch` names: exact IDs first, as `nomad job dispatch` resolves it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import cast

import pytest

from dispatchfile.nomad.client import Client
from dispatchfile.nomad.models import JobStub
from dispatchfile.usecases.resolve_job import FoundJob, NoSuchJob, SeveralJobs, resolve_job

ROW = JobStub(
    id="",
    namespace="default",
    parent_id="",
    type="batch",
    status="running",
    stop=False,
    parameterized=True,
    periodic=False,
    groups={},
    create_index=1,
    modify_index=1,
    submit_time_ns=0,
)


@dataclass(frozen=True, slots=True)
class Page:
    """The part of a page that is read."""

    rows: Sequence[JobStub]


class Jobs:
    """A client of a server with these jobs, `namespace/id`, in the order in which Nomad lists them."""

    def __init__(self, *names: str) -> None:
        pairs = sorted(name.split("/") for name in names)
        self.rows = [replace(ROW, namespace=namespace, id=job_id) for namespace, job_id in pairs]

    async def list_jobs(self, *, prefix: str, filter: str, per_page: int) -> Page:  # noqa: A002  as the client names it
        exact = f'ID == "{prefix}"' in filter
        rows = [row for row in self.rows if row.id.startswith(prefix) and (not exact or row.id == prefix)]
        return Page(rows[:per_page])


async def resolved(jobs: Jobs, text: str, namespace: str = "*") -> FoundJob | list[str] | str:
    """The job, the list of those it may be, or what is said where there is none."""
    try:
        return await resolve_job(cast("Client", jobs), text, namespace=namespace)
    except SeveralJobs as several:
        return [f"{row.namespace}/{row.id}" for row in several.rows]
    except NoSuchJob as none:
        return str(none)


MANY = [f"default/test{number:02}" for number in range(30)]


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("names", "text", "found"),
    [
        pytest.param(
            ["default/test", "default/test1", "other/test"], "test", ["default/test", "other/test"], id="two namespaces"
        ),
        pytest.param(
            ["default/solo1", "other/solo"], "solo", FoundJob("solo", "other"), id="the exact one comes later"
        ),
        pytest.param(["default/test", "default/test1"], "test", FoundJob("test", "default"), id="exact and longer"),
        pytest.param(["default/test1", "other/test2"], "test", ["default/test1", "other/test2"], id="two beginnings"),
        pytest.param(["other/test1"], "test", FoundJob("test1", "other"), id="one beginning"),
        pytest.param([*MANY, "other/test"], "test", FoundJob("test", "other"), id="on a later page"),
        pytest.param(
            ["default/test", *MANY, "other/test"], "test", ["default/test", "other/test"], id="one on a later page"
        ),
        pytest.param(["default/a"], "test", 'No parameterized job(s) with prefix or ID "test" found', id="none"),
    ],
)
async def test_exact_ids_come_first(names: list[str], text: str, found: FoundJob | list[str] | str) -> None:
    """One is taken, several are listed; without any the prefix rule holds."""
    assert await resolved(Jobs(*names), text) == found
