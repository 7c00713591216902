"""What `watch` and `status --refresh` have seen, as the commands after them know it."""

import asyncio
from datetime import timedelta

import pytest

from dispatchfile.errors import NothingToRerun
from dispatchfile.events import Cause, Ended, Outcome, Verdict
from dispatchfile.items import Retry
from dispatchfile.journal import Journal, RunState, keep_observations
from dispatchfile.settings import Settings, Wait
from dispatchfile.usecases.choose import Choice
from dispatchfile.usecases.history import find_succeeded
from dispatchfile.usecases.past import read_past
from dispatchfile.usecases.prune import PruneRule, prune
from dispatchfile.usecases.rerun import RerunOptions, read_again
from dispatchfile.usecases.resume import ResumeOptions, resume_run
from dispatchfile.usecases.running.control import Control
from dispatchfile.usecases.watch import WatchOptions, refresh_run, watch_run
from tests.making import make_item
from tests.usecases.past_runs import CONNECTION, HEADER, PastNomad, Told, header, keep_run, loop_clock, sent
from tests.virtual_time import VIRTUAL_TIME

A, B, C = make_item("a"), make_item("b"), make_item("c")
DETACHED = header(settings=Settings(wait=Wait.DETACH, in_flight=None))


@pytest.fixture
def anyio_backend():
    return VIRTUAL_TIME


@pytest.fixture
def nomad():
    return PastNomad()


async def detached(folder, nomad):
    """A run of three items that has let go of them; the first two end, well and with exit code 3."""
    children = [nomad.had(item) for item in (A, B, C)]
    events = []
    for item, child in zip((A, B, C), children, strict=True):
        events += [*sent(item, child), Ended(item.id, 1, 993.0, Verdict(Outcome.DISPATCHED))]
    name = await keep_run(folder, [A, B, C], events, head=DETACHED, exit_code=0)
    nomad.end(children[0])
    nomad.end(children[1], 3)
    return name


async def watch(name, nomad, told=None, **options):
    asked = WatchOptions(name=name, connection=CONNECTION, **options)
    return await watch_run(asked, reporter=told or Told(), control=Control(), clock=loop_clock(), connect=nomad.connect)


async def refresh(name, nomad):
    return await refresh_run(read_past(name), CONNECTION, clock=loop_clock(), connect=nomad.connect)


def told_of(summary):
    return {item.id: str(item.outcome or item.state) for item in summary.items}


SEEN = {"a": "succeeded", "b": "failed", "c": "dispatched"}


@pytest.mark.parametrize("by", ["watch", "refresh"])
async def test_status_and_report_know_the_ends_that_were_seen(tmp_path, nomad, by):
    """The run's own state and exit code stay, and what was not seen to end stays as it was."""
    name = await detached(tmp_path, nomad)
    await (watch(name, nomad, timeout_s=20) if by == "watch" else refresh(name, nomad))
    summary = read_past(name).summary()
    assert (told_of(summary), summary.state, summary.exit_code) == (SEEN, "finished", 0)
    failed = summary.items[1]
    assert (failed.exit_code, failed.cause, failed.child) == (3, Cause.EXIT, nomad.made[1].id)


async def test_only_what_lives_is_looked_at_again(tmp_path, nomad):
    """What was seen before counts for the exit code of a watch."""
    name = await detached(tmp_path, nomad)
    await refresh(name, nomad)
    nomad.children.pop(nomad.made[1].id)  # collected since
    asyncio.get_running_loop().call_later(30, nomad.end, nomad.made[2])
    summary = await watch(name, nomad, told := Told())
    assert told_of(summary) == {"a": "succeeded", "b": "failed", "c": "succeeded"}
    assert [event.item for event in told.events if isinstance(event, Ended)] == ["c"]
    assert (summary.exit_code, summary.state) == (2, "finished")


async def test_a_watch_that_is_killed_has_kept_what_it_had_seen(tmp_path, nomad):
    """A second after it was seen."""
    name = await detached(tmp_path, nomad)
    watching = asyncio.create_task(watch(name, nomad))
    await asyncio.sleep(15)
    assert told_of(read_past(name).summary()) == SEEN
    watching.cancel()
    await asyncio.wait([watching])


async def test_rerun_takes_what_was_seen_to_fail(tmp_path, nomad):
    """It takes no other detached item."""
    name = await detached(tmp_path, nomad)
    options = RerunOptions(name=name, choice=Choice(failed=True), connection=CONNECTION)
    with pytest.raises(NothingToRerun) as before:
        read_again(options)
    assert before.value.exit_code == 1
    await refresh(name, nomad)
    assert [item.id for item in read_again(options).items] == ["b"]


async def test_a_run_is_pruned_once_all_its_ends_were_seen(tmp_path, nomad):
    """What lives is still needed."""
    name = await detached(tmp_path, nomad)
    await refresh(name, nomad)
    rule = PruneRule(older_than=timedelta(days=30))
    needed = prune(str(tmp_path), {}, rule, now=1e9, dry_run=False).needed
    assert [reason for *_, reason in needed] == ["it has items whose end was not seen (1 dispatched)"]
    nomad.end(nomad.made[2])
    await refresh(name, nomad)
    (removed,) = prune(str(tmp_path), {}, rule, now=1e9, dry_run=False).removed
    assert removed[0].header.id == "run1"


async def test_skip_succeeded_skips_what_was_seen_to_succeed(tmp_path, nomad):
    """It counts as if the run itself had waited for it."""
    name = await detached(tmp_path, nomad)
    assert find_succeeded(tmp_path, HEADER.target, [A, B, C], {A.request.job_key: 7}) == {}
    await refresh(name, nomad)
    assert find_succeeded(tmp_path, HEADER.target, [A, B, C], {A.request.job_key: 7}) == {"a": "run1"}


async def resume(name, nomad):
    asked = ResumeOptions(run=name.run, manifest=None, connection=CONNECTION, environ={}, state_dir=name.state_dir)
    return await resume_run(asked, reporter=Told(), control=Control(), clock=loop_clock(), connect=nomad.connect)


async def test_resume_knows_the_end_of_a_child_that_nomad_has_collected_since(tmp_path, nomad):
    """It would be unknown otherwise."""
    child = nomad.had(A)
    name = await keep_run(tmp_path, [A], sent(A, child), state=RunState.INTERRUPTED)
    nomad.end(child, 3)
    await refresh(name, nomad)
    nomad.children.clear()
    summary = await resume(name, nomad)
    assert (told_of(summary), summary.exit_code, summary.items[0].exit_code) == ({"a": "failed"}, 2, 3)


async def test_resume_decides_about_the_retry_of_what_was_seen_to_fail(tmp_path, nomad):
    """A watch retries nothing."""
    item = make_item("a", attempts=2)
    assert item.retry == Retry(2, frozenset({"failed"}), timedelta())
    child = nomad.had(item)
    name = await keep_run(tmp_path, [item], sent(item, child), state=RunState.INTERRUPTED)
    nomad.end(child, 3)
    await refresh(name, nomad)
    assert len(nomad.made) == 1
    nomad.lifetime_s = 1
    summary = await resume(name, nomad)
    assert (told_of(summary), summary.items[0].attempt, len(nomad.made)) == ({"a": "succeeded"}, 2, 2)


async def test_what_the_run_itself_has_seen_counts_more(tmp_path, nomad):
    """A resume may have repeated the item since."""
    name = await detached(tmp_path, nomad)
    path = name.open().path
    keep_observations(path, [Ended("a", 1, 2_000.0, Verdict(Outcome.FAILED, Cause.EXIT))])
    journal = Journal.resume(path)
    journal.record(Ended("a", 1, 1_500.0, Verdict(Outcome.STOPPED, Cause.USER_STOP)))
    await journal.close(RunState.FINISHED, exit_code=2, finished_at=1_501.0)
    assert told_of(read_past(name).summary())["a"] == "stopped"


async def test_what_is_unknown_is_no_end(tmp_path, nomad):
    """A later look may find out."""
    name = await detached(tmp_path, nomad)
    nomad.children.pop(nomad.made[1].id)
    await refresh(name, nomad)
    assert told_of(read_past(name).summary()) == {**SEEN, "b": "dispatched"}


async def test_a_journal_that_is_gone_is_told_once(tmp_path, nomad):
    """The watch goes on with what it has read."""
    name = await detached(tmp_path, nomad)
    asyncio.get_running_loop().call_later(0.1, name.open().path.unlink)
    loop = asyncio.get_running_loop()
    told = Told()
    watching = asyncio.create_task(watch(name, nomad, told, timeout_s=40))
    loop.call_later(5, nomad.end, nomad.made[2])
    await asyncio.wait([watching])
    assert len([note for note in told.notes if "are not kept for status, report and rerun" in note]) == 1
