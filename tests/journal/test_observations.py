"""Ends that were seen while no process worked on a run."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from dispatchfile.errors import JournalError
from dispatchfile.events import Cause, Ended, Outcome, Verdict
from dispatchfile.journal import Journal, JournalReader, RunState, is_live, keep_observations
from dispatchfile.journal.folder import lock_path, lock_run
from tests.making import make_item
from tests.usecases.past_runs import keep_run

ITEM = make_item("a")
DETACHED = Ended("a", 1, 1_000.0, Verdict(Outcome.DISPATCHED))
SEEN = Ended("a", 1, 1_060.0, Verdict(Outcome.FAILED, Cause.EXIT, "exit code 3", 3, "n1", 1, "no such film"))


async def kept(folder: Path, state: RunState = RunState.FINISHED) -> Path:
    """The file of a run that has let go of its only child."""
    name = await keep_run(folder, [ITEM], [DETACHED], state=state)
    return name.open().path


@pytest.mark.parametrize("state", [RunState.FINISHED, RunState.INTERRUPTED, RunState.RUNNING])
async def test_an_end_is_kept_beside_what_the_run_has_recorded(tmp_path: Path, state: RunState) -> None:
    """Its events, its state and its exit code stay; nobody is taken for the run's process."""
    path = await kept(tmp_path, state)
    before = JournalReader(path).run()
    assert keep_observations(path, [SEEN])
    reader = JournalReader(path)
    assert (reader.observations(), list(reader.events()), reader.run()) == ({("a", 1): SEEN}, [DETACHED], before)
    assert not is_live(before)


async def test_a_journal_without_observations_has_none(tmp_path: Path) -> None:
    """Those of earlier versions do not even have the table."""
    assert JournalReader(await kept(tmp_path)).observations() == {}


async def test_the_first_end_that_was_seen_counts(tmp_path: Path) -> None:
    """Later looks have it from a server that may have forgotten some of it."""
    path = await kept(tmp_path)
    later = Ended("a", 1, 2_000.0, Verdict(Outcome.LOST))
    assert (keep_observations(path, [SEEN]), keep_observations(path, [later])) == (True, True)
    assert JournalReader(path).observations() == {("a", 1): SEEN}


async def test_nothing_is_kept_while_a_process_works_on_the_run(tmp_path: Path) -> None:
    """It sees for itself; the lock is not waited for."""
    path = await kept(tmp_path)
    journal = Journal.resume(path)
    try:
        assert not keep_observations(path, [SEEN])
    finally:
        await journal.close(RunState.FINISHED, exit_code=0, finished_at=1_100.0)
    assert JournalReader(path).observations() == {}


async def test_a_run_can_be_taken_up_as_soon_as_an_end_is_kept(tmp_path: Path) -> None:
    """The lock is held for the write alone."""
    path = await kept(tmp_path)
    keep_observations(path, [SEEN])
    lock = lock_run(path)
    assert lock is not None
    lock.release()


async def test_a_run_whose_lock_file_is_gone_is_nobodys(tmp_path: Path) -> None:
    """A journal that was copied has no lock file."""
    path = await kept(tmp_path)
    lock_path(path).unlink()
    assert keep_observations(path, [SEEN])


async def test_a_journal_that_was_removed_meanwhile_is_not_made_anew(tmp_path: Path) -> None:
    """Somebody has pruned it."""
    path = await kept(tmp_path)
    path.unlink()
    with pytest.raises(JournalError, match="it was deleted or moved during the run"):
        keep_observations(path, [SEEN])
    assert not path.exists()


async def test_what_cannot_have_been_kept_is_damage(tmp_path: Path) -> None:
    """It is reported as such, and not passed over."""
    path = await kept(tmp_path)
    keep_observations(path, [SEEN])
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE observations SET body = '{}'")
    with pytest.raises(JournalError, match="it is damaged"):
        JournalReader(path).observations()
