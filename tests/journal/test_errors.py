"""Errors of a journal's file, its folder and its disk."""

from __future__ import annotations

import asyncio
import random
import shutil
import sqlite3
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatchfile.errors import JournalError
from dispatchfile.events import Ended, Outcome, Sending, Verdict
from dispatchfile.journal import Journal, JournalReader, RunState, list_runs, request_stop
from dispatchfile.journal import store as store_room
from dispatchfile.journal.store import SCHEMA_VERSION, upgrade

from .samples import header, intent, item


async def started(folder: Path) -> Journal:
    journal = Journal.create(folder, header(), [item()])
    await journal.add_intents([intent()])
    return journal


async def end(journal: Journal) -> None:
    await journal.close(RunState.FINISHED, exit_code=0, finished_at=9.0)


def read_all(path: Path) -> tuple[object, ...]:
    reader = JournalReader(path)
    return reader.run(), list(reader.items()), list(reader.events()), reader.attempts(), reader.baselines()


def limit_pages(journal: Journal, spare: int) -> None:
    """Make the disk as good as full from now on."""
    connection = journal._writer._store._connection
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {pages + spare}")


async def test_a_full_disk_ends_the_run_and_keeps_what_was_recorded(folder):
    """The next who waits is told, and everything that was acknowledged is on record, without a gap behind it."""
    journal = await started(folder)
    await journal.mark_may_send([("a", 1)])
    limit_pages(journal, spare=0)
    big = Ended("a", 1, 2.0, Verdict(Outcome.FAILED, message="x" * 100_000))
    journal.check()
    journal.record(big)
    with pytest.raises(JournalError, match="no space is left on its disk"):
        await journal.flush()
    with pytest.raises(JournalError, match="no space is left on its disk"):
        journal.check()
    limit_pages(journal, spare=1_000)
    journal.record(Sending("a", 1, 3.0))
    with pytest.raises(JournalError, match="no space"):
        await journal.mark_may_send([("a", 2)])
    with pytest.raises(JournalError, match="no space"):
        await end(journal)
    reader = JournalReader(journal.path)
    assert (list(reader.events()), reader.attempts()["a", 1].in_doubt) == ([], True)
    assert reader.run().status.state is RunState.RUNNING


async def test_a_run_that_broke_can_be_resumed(folder):
    """Its lock is let go of with the journal."""
    journal = await started(folder)
    limit_pages(journal, spare=0)
    journal.record(Ended("a", 1, 2.0, Verdict(Outcome.FAILED, message="x" * 100_000)))
    with pytest.raises(JournalError):
        await end(journal)
    await end(Journal.resume(journal.path))
    assert JournalReader(journal.path).run().status.state is RunState.FINISHED


async def test_an_event_that_cannot_be_stored_is_not_lost_in_silence(folder):
    """Whatever goes wrong in the writing thread, those who wait for it hear of it."""
    journal = await started(folder)
    journal.record(Sending("a", 1, float("nan")))
    with pytest.raises(ValueError, match="not JSON compliant"):
        await journal.flush()


NO_SPACE_FOR_A_RUN = """
import asyncio, resource, sys
from pathlib import Path
from dispatchfile.journal import Journal
from tests.journal.samples import header, intent, item

resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192))
items = [item(f"i{number}", payload=bytes([number]) * 10_000) for number in range(20)]
asyncio.run(Journal.create(Path(sys.argv[1]), header(), items).add_intents([intent()]))
"""


def test_a_run_that_cannot_be_written_down_does_not_start(folder):
    """No file remains that looks like one."""
    started = subprocess.run([sys.executable, "-c", NO_SPACE_FOR_A_RUN, folder], capture_output=True, check=False)
    assert b"JournalError" in started.stderr
    assert list((folder / "runs").iterdir()) == []


@pytest.mark.parametrize("where", ["/proc/dispatchfile", "/dev/null/state", "/sys/kernel"])
async def test_a_folder_that_cannot_be_written_is_named(where):
    """With the option that names another one."""
    with pytest.raises(JournalError, match=rf"^{where}.*: cannot write the journal here: .*--state-dir"):
        await started(Path(where))


async def test_a_folder_that_is_a_file_is_named(tmp_path):
    """The run does not start."""
    (tmp_path / "file").touch()
    with pytest.raises(JournalError, match="cannot write the journal here: Not a directory"):
        await started(tmp_path / "file" / "state")


def test_a_file_system_without_shared_memory_is_told(tmp_path):
    """WAL mode cannot be had on a network file system; a database in memory has none either."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    with pytest.raises(JournalError, match="network file systems: keep the state folder on a local disk"):
        store_room._use_wal(connection, tmp_path)
    connection.close()


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("SQLITE_FULL", "no space"),
        ("SQLITE_IOERR_SHMMAP", "network file systems"),
        ("SQLITE_IOERR_SHMSIZE", "no space"),
        ("SQLITE_IOERR_LOCK", "network file systems"),
        ("SQLITE_PROTOCOL", "network file systems"),
        ("SQLITE_IOERR_WRITE", "its disk fails"),
        ("SQLITE_READONLY_DIRECTORY", "read-only"),
        ("SQLITE_CANTOPEN_ISDIR", "cannot be opened"),
        ("SQLITE_BUSY_SNAPSHOT", "another program has locked it"),
        ("SQLITE_CORRUPT_INDEX", "damaged"),
        ("", "odd"),
    ],
)
def test_sqlites_errors_are_told_in_words(tmp_path, name, told):
    """Each says what is wrong with which file."""
    error = sqlite3.OperationalError("odd")
    error.sqlite_errorname = name
    with pytest.raises(JournalError, match=f"^{tmp_path}: .*{told}.*odd|odd$"), store_room.journal_errors(tmp_path):
        raise error


async def test_a_journal_of_a_newer_version_is_listed_and_no_more(folder):
    """It is not read by rules that it does not follow, nor hidden."""
    journal = await started(folder)
    await end(journal)
    with sqlite3.connect(journal.path) as connection:
        connection.execute("PRAGMA user_version = 7")
    connection.close()
    assert list_runs(folder)[0][0].header == header()
    newer = rf"a newer dispatchfile wrote this journal \(its version is 7, this one reads up to {SCHEMA_VERSION}\)"
    with pytest.raises(JournalError, match=newer):
        list(JournalReader(journal.path).events())
    with pytest.raises(JournalError, match=newer):
        Journal.resume(journal.path)
    with pytest.raises(JournalError, match=newer):
        request_stop(journal.path, 1.0)


def test_a_journal_of_an_older_version_is_brought_up_step_by_step():
    """All steps or none, in one transaction."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.execute("CREATE TABLE log (body TEXT)")
    connection.execute("PRAGMA user_version = 1")
    steps = {1: ["ALTER TABLE log ADD at REAL"], 2: ["ALTER TABLE log ADD by TEXT", "INSERT INTO log VALUES (1, 2, 3)"]}
    with pytest.raises(sqlite3.OperationalError):
        upgrade(connection, {**steps, 3: ["NONSENSE"]}, version=4)
    assert connection.execute("PRAGMA user_version").fetchone() == (1,)
    upgrade(connection, steps, version=3)
    assert connection.execute("SELECT * FROM log").fetchall() == [("1", 2.0, "3")]
    assert connection.execute("PRAGMA user_version").fetchone() == (3,)
    connection.close()


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"PK\x03\x04" + b"x" * 5000, id="another file"),
        pytest.param(None, id="another database"),
    ],
)
async def test_a_file_that_is_no_journal_is_told(tmp_path, content):
    """The error is the same when the file is read, resumed or stopped."""
    path = tmp_path / "x-abc.db"
    if content is None:
        with sqlite3.connect(path) as connection:
            connection.execute("CREATE TABLE t (x)")
        connection.close()
    else:
        path.write_bytes(content)
    for use in (
        read_all,
        lambda path: list(JournalReader(path).items()),
        Journal.resume,
        lambda path: request_stop(path, 1.0),
    ):
        with pytest.raises(JournalError, match=r"x-abc.db: it is damaged, or not a journal"):
            use(path)


def test_a_file_that_is_gone_is_told(tmp_path):
    """Reading creates nothing."""
    with pytest.raises(JournalError, match="missing"):
        read_all(tmp_path / "x-abc.db")
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Path:
    """A journal with something of everything."""

    async def work() -> Path:
        journal = Journal.create(
            tmp_path_factory.mktemp("state"), header(), [item(f"i{number}") for number in range(50)]
        )
        await journal.add_intents([intent(f"i{number}") for number in range(50)])
        for number in range(50):
            journal.record(Ended(f"i{number}", 1, 2.0, Verdict(Outcome.FAILED, message="no")))
        await end(journal)
        return journal.path

    return asyncio.run(work())


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 2**32), flips=st.integers(0, 20), kept=st.floats(0, 1))
def test_a_damaged_file_gives_a_journal_error_and_nothing_else(finished, tmp_path_factory, seed, flips, kept):
    """Cut anywhere, or with bytes changed: no other exception, no endless loop, no crash."""
    chance = random.Random(seed)
    damaged = bytearray(finished.read_bytes())
    for _ in range(flips):
        damaged[chance.randrange(len(damaged))] = chance.randrange(256)
    if not flips:
        damaged = damaged[: int(len(damaged) * kept)]
    folder = tmp_path_factory.mktemp("damaged")
    path = folder / finished.name
    path.write_bytes(damaged)
    with suppress(JournalError):
        read_all(path)
    shutil.rmtree(folder)
