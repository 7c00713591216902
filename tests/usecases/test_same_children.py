"""A run whose ID was used before, in a state folder that does not know it."""

import json
from dataclasses import replace

import pytest

from dispatchfile.errors import RunRefused
from dispatchfile.journal import list_runs
from dispatchfile.usecases.load import ManifestSource
from dispatchfile.usecases.run import run_or_resume
from dispatchfile.usecases.running.control import Control
from dispatchfile.usecases.running.prepare import RunOptions
from dispatchfile.usecases.variables import GivenVariables
from tests.usecases.past_runs import CONNECTION, PastNomad, Told, loop_clock
from tests.virtual_time import VIRTUAL_TIME

ITEM = {"id": "a", "job": "encode", "meta": {"k": "monday"}, "payload": {"text": "p"}}
OTHER = {"id": "b", "job": "encode"}


@pytest.fixture
def anyio_backend():
    return VIRTUAL_TIME


class Machines:
    """Several machines, each with its own state folder, and one Nomad."""

    def __init__(self, folder, **options):
        self.folder, self.nomad, self.told = folder, PastNomad(lifetime_s=1, **options), Told()
        self.nomad.registered["upload"] = 7

    async def run(self, machine, *items, variables=None, **options):
        path = self.folder / "dispatchfile.yaml"
        path.write_text(json.dumps({"version": 1, "dispatches": items, **options}, indent=1))
        given = GivenVariables(variables or {}, dict.fromkeys(variables or {}))
        asked = RunOptions(
            source=ManifestSource(path=str(path), content=None, variables=variables or {}, environ={}, given=given),
            connection=CONNECTION,
            settings={"wait": "completion"},
            run_id="night",
            state_dir=str(self.folder / machine),
        )
        self.told = Told()
        end = await run_or_resume(
            asked, reporter=self.told, control=Control(), clock=loop_clock(), connect=self.nomad.connect
        )
        assert end.problems == ()
        return end.summary

    async def refusal(self, machine, *items):
        """What is said of these items, once nothing was sent and nothing was written."""
        made = len(self.nomad.made)
        with pytest.raises(RunRefused) as caught:
            await self.run(machine, *items)
        assert (len(self.nomad.made), list_runs(self.folder / machine)) == (made, ([], []))
        return str(caught.value).removeprefix(str(self.folder) + "/")


@pytest.fixture
def machines(tmp_path):
    return Machines(tmp_path)


async def test_equal_items_are_adopted_counted_and_marked(machines):
    """Nothing is sent a second time."""
    await machines.run("first", ITEM, OTHER)
    summary = await machines.run("second", ITEM, OTHER)
    assert [(item.outcome, item.adopted, item.existing) for item in summary.items] == [("succeeded", True, False)] * 2
    assert len(machines.nomad.made) == 2


async def test_what_the_run_sends_itself_is_not_marked_as_adopted(machines):
    """Only what Nomad had before."""
    await machines.run("first", ITEM)
    summary = await machines.run("second", ITEM, OTHER)
    assert [(item.id, item.adopted) for item in summary.items] == [("a", True), ("b", False)]


@pytest.mark.parametrize(
    ("change", "what"),
    [
        pytest.param({"meta": {"k": "tuesday"}}, "meta.k", id="another meta value"),
        pytest.param({"meta": {}}, "meta.k", id="a meta key less"),
        pytest.param({"payload": {"text": "q"}}, "payload", id="another payload"),
        pytest.param({"payload": {"text": ""}}, "payload", id="no payload"),
        pytest.param({"meta": {"k": "x"}, "payload": {"text": "q"}}, "meta.k, payload", id="both"),
        pytest.param({"priority": 70}, "priority", id="another priority"),
    ],
)
async def test_other_content_is_refused_at_its_place(machines, change, what):
    """Before anything is sent, with two ways to go on."""
    await machines.run("first", ITEM)
    (child,) = machines.nomad.made
    assert await machines.refusal("second", {**ITEM, **change}) == (
        f"dispatchfile.yaml:4:3: item 'a' is not the one that run night has dispatched: {child.id} has another {what}; "
        "choose another --run-id, or call `dispatchfile rerun night` where the run's journal is"
    )


async def test_a_meta_key_more_is_other_content(machines):
    """The child was dispatched without it."""
    await machines.run("first", OTHER)
    assert "has another meta.k;" in await machines.refusal("second", {**OTHER, "meta": {"k": "v"}})


async def test_an_item_of_another_job_is_another_item(machines):
    """Two manifests of one pipeline may have the same rows for two jobs, and share the pipeline's ID."""
    await machines.run("first", ITEM)
    summary = await machines.run("second", {**ITEM, "job": "upload"})
    assert [(item.outcome, item.adopted) for item in summary.items] == [("succeeded", False)]


async def test_all_other_changes_are_counted(machines):
    """The first one is named."""
    await machines.run("first", ITEM, {**ITEM, "id": "b"}, {**ITEM, "id": "c"})
    changed = {**ITEM, "payload": {"text": "q"}}
    refusal = await machines.refusal("second", ITEM, {**changed, "id": "b"}, {**changed, "id": "c"})
    assert "item 'b' (and 1 other item) is not the one that run night has dispatched: " in refusal
    assert " has another payload; " in refusal


async def test_sensitive_values_are_not_compared(machines):
    """They may change with every process, such as a signed URL."""
    item = {**ITEM, "meta": {"k": "{{ vars.key }}"}, "sensitive": ["meta.k"]}
    await machines.run("first", item, variables={"key": "one"}, vars={"key": ""})
    summary = await machines.run("second", item, variables={"key": "two"}, vars={"key": ""})
    assert [item.adopted for item in summary.items] == [True]


async def test_comments_and_order_are_no_content(machines):
    """Nor are tags and what does not reach Nomad."""
    await machines.run("first", ITEM, OTHER)
    summary = await machines.run("second", {**OTHER, "tags": ["t"]}, ITEM)
    assert [(item.id, item.adopted) for item in summary.items] == [("b", True), ("a", True)]


async def test_what_was_collected_meanwhile_is_followed_as_always(machines):
    """A child that is gone can't be compared."""
    await machines.run("first", ITEM)
    (child,) = machines.nomad.made

    read = machines.nomad.read_job

    async def collected(job_id, **options):
        machines.nomad.children.pop(child.id, None) if job_id == child.id else None
        return await read(job_id, **options)

    machines.nomad.read_job = collected
    summary = await machines.run("second", ITEM)
    assert [item.outcome for item in summary.items] == ["unknown"]


async def test_the_jobs_own_meta_is_no_content(machines):
    """A child has it from its parent."""
    await machines.run("first", OTHER)
    child = machines.nomad.children[machines.nomad.made[0].id]
    child.meta = {"owner": "films"}
    summary = await machines.run("second", OTHER)
    assert [item.adopted for item in summary.items] == [True]


async def test_a_default_that_the_job_has_changed_is_no_content(machines):
    """A key that the item does not give comes from the version of the job that was dispatched."""
    read = machines.nomad.read_job

    async def with_default(job_id, **options):
        job = await read(job_id, **options)
        return replace(job, version=2, meta={"k": "new"}) if job_id == "encode" else replace(job, meta={"k": "old"})

    await machines.run("first", OTHER)
    machines.nomad.read_job = with_default
    summary = await machines.run("second", OTHER)
    assert [item.adopted for item in summary.items] == [True]
