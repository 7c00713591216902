"""The results of a manifest's items in earlier runs."""

from dataclasses import replace
from pathlib import Path

from dispatchfile.events import Accepted, Cause, Ended, Intent, Outcome, Verdict
from dispatchfile.journal import Journal, RunHeader, RunState, StoredBaseline, Target
from dispatchfile.settings import Settings
from dispatchfile.usecases.history import find_succeeded
from tests.making import make_item

TARGET = Target("http://nomad.example:4646", "", ("default",))
PARENT = ("default", "", "encode")
ITEMS = [make_item("a"), make_item("b")]
HEADER = RunHeader(
    id="old1",
    name="nightly",
    manifest="/films/dispatchfile.yaml",
    shown_manifest="dispatchfile.yaml",
    manifest_digest="0" * 64,
    target=TARGET,
    settings=Settings(),
    local=False,
    started_at=1_795_000_000.0,
    tool_version="0.1.0",
)


async def record_run(folder: Path, header: RunHeader = HEADER) -> None:
    """A run in which `a` succeeded and `b` failed."""
    journal = Journal.create(folder, header, ITEMS, baselines=[StoredBaseline(*PARENT, 7, 0, 10, header.started_at)])
    await journal.add_intents([Intent(item.id, 1, item.fingerprint, f"old1-{item.id}-1", None) for item in ITEMS])
    await journal.mark_may_send([(item.id, 1) for item in ITEMS])
    for item, verdict in zip(ITEMS, (Verdict(Outcome.SUCCEEDED), Verdict(Outcome.FAILED, Cause.EXIT)), strict=True):
        journal.record(Accepted(item.id, 1, header.started_at, f"encode/dispatch-old1-{item.id}-1-1-00000000"))
        journal.record(Ended(item.id, 1, header.started_at + 1, verdict))
    await journal.close(RunState.FINISHED, exit_code=2, finished_at=header.started_at + 2)


async def test_what_succeeded_unchanged_is_found_with_its_run(tmp_path):
    """A failed item is not; the run is named."""
    await record_run(tmp_path)
    assert find_succeeded(tmp_path, TARGET, ITEMS, {PARENT: 7}) == {"a": "old1"}


async def test_a_changed_request_has_not_succeeded(tmp_path):
    """Another fingerprint is another request."""
    await record_run(tmp_path)
    changed = replace(ITEMS[0], fingerprint="f" * 64)
    assert find_succeeded(tmp_path, TARGET, [changed], {PARENT: 7}) == {}


async def test_a_changed_parent_makes_it_another_job(tmp_path):
    """The job was registered anew since: the same request may do something else."""
    await record_run(tmp_path)
    assert find_succeeded(tmp_path, TARGET, ITEMS, {PARENT: 8}) == {}


async def test_another_cluster_knows_nothing_of_it(tmp_path):
    """The address is part of what is the same."""
    await record_run(tmp_path)
    assert find_succeeded(tmp_path, replace(TARGET, address="http://other:4646"), ITEMS, {PARENT: 7}) == {}


async def test_local_runs_never_count(tmp_path):
    """A rehearsal on an embedded agent is no success on a cluster, nor on the next agent."""
    local = replace(TARGET, address="local")
    await record_run(tmp_path, replace(HEADER, target=local, local=True))
    assert find_succeeded(tmp_path, TARGET, ITEMS, {PARENT: 7}) == {}
    assert find_succeeded(tmp_path, local, ITEMS, {PARENT: 7}) == {}
