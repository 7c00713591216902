"""A journal cut off at any moment, at any byte: what was acknowledged is there, and nothing is there too early."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TextIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatchfile.events import Accepted, Doubted, Ended, Outcome, Sending, Verdict
from dispatchfile.journal import Mask, list_runs, open_run
from dispatchfile.journal.folder import lock_run, run_path
from dispatchfile.journal.opening import open_new
from dispatchfile.journal.records import Mark
from dispatchfile.journal.rows import ENTRIES, Entry
from dispatchfile.journal.store import Store, read_log

from .samples import header, intent, item

ATTEMPTS = [(name, attempt) for name in ("a", "b", "c") for attempt in (1, 2)]


@st.composite
def batches(draw: st.DrawFn) -> list[list[Entry]]:
    """Return the commits of a run: an attempt's intent before its mark, and its mark before its events."""
    known: dict[tuple[str, int], bool] = {(name, 1): False for name in ("a", "b", "c")}
    return [[_entry(draw, known) for _ in range(draw(st.integers(1, 6)))] for _ in range(draw(st.integers(1, 12)))]


def _entry(draw: st.DrawFn, known: dict[tuple[str, int], bool]) -> Entry:
    key = draw(st.sampled_from(ATTEMPTS))
    if key not in known:
        known[key] = False
        return intent(*key)
    if not known[key]:
        known[key] = True
        return Mark(*key)
    text = draw(st.text(st.characters(exclude_categories=()), max_size=2_000))
    return draw(
        st.sampled_from(
            [
                Sending(*key, 1.5),
                Doubted(*key, 2.5, text),
                Accepted(*key, 3.5, f"child-{key}"),
                Ended(*key, 4.5, Verdict(Outcome.FAILED, message=text)),
            ]
        )
    )


@contextmanager
def new_store(checkpoint_pages: int) -> Iterator[tuple[Path, Store]]:
    with TemporaryDirectory() as folder:
        path = run_path(Path(folder), header())
        items = [item(name) for name in ("a", "b", "c")]
        store = open_new(path, header(), items, [intent(one.id) for one in items], Mask())
        store._connection.execute(f"PRAGMA wal_autocheckpoint = {checkpoint_pages}")
        yield path, store
        store.close()


def all_entries(path: Path) -> list[Entry]:
    return [entry for _, entry in read_log(path, kinds=ENTRIES.values())]


@contextmanager
def crashed(path: Path, *, wal_bytes: int | None = None) -> Iterator[Path]:
    """A copy of what the disk holds at this moment, of the write-ahead log so many bytes."""
    with TemporaryDirectory() as folder:
        copy, wal = Path(folder) / path.name, path.with_name(f"{path.name}-wal")
        shutil.copyfile(path, copy)
        copy.with_name(wal.name).write_bytes(wal.read_bytes()[:wal_bytes])
        yield copy


@settings(max_examples=25, deadline=None)
@given(steps=batches(), checkpoint_pages=st.sampled_from([1, 3, 1000]), cut=st.floats(0, 1))
def test_a_cut_journal_is_an_earlier_journal(steps, checkpoint_pages, cut):
    """
    After each commit all of it is there. Cut at any byte, some commits are there, whole and from the first on: so
    never an event without its mark, nor a mark without its intent.
    """
    with new_store(checkpoint_pages) as (path, store):
        states = [all_entries(path)]
        for step in steps:
            store.append(step)
            states.append([*states[-1], *step])
            with crashed(path) as copy:
                assert all_entries(copy) == states[-1]
            size = path.with_name(f"{path.name}-wal").stat().st_size
            with crashed(path, wal_bytes=int(size * cut)) as copy:
                assert all_entries(copy) in states


def kill_after(folder: Path, items: int, ready: Callable[[TextIO], None]) -> list[str]:
    """Start a run that does not end, kill it as soon as *ready* returns, and give what it had told by then."""
    command = [sys.executable, "-m", "tests.journal.endless", str(folder), str(items)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]) as run:
        assert run.stdout is not None
        try:
            ready(run.stdout)
        finally:
            run.kill()
        return run.stdout.read().split()


@pytest.mark.parametrize("marks", [0, 1, 50, 333])
def test_a_killed_run_loses_nothing_that_was_acknowledged(folder, marks):
    """`kill -9` in the middle of writing: every intent, and every mark that somebody relied on, is on record."""
    told: list[str] = []
    told += kill_after(folder, 500, lambda output: told.extend(output.readline().strip() for _ in range(1 + marks)))
    reader = open_run(folder, "k3j9x2ab")
    progress = reader.attempts()
    assert len(progress) == len(list(reader.items())) == 500
    assert {"intents", *(name for (name, _), one in progress.items() if one.marked)} >= set(told)
    assert len(told) > marks
    assert reader.run().is_unfinished


def test_a_run_killed_before_its_intents_never_was(folder):
    """What it leaves behind counts as nothing, and the next run clears it away."""
    draft = folder / "runs" / ".k3j9x2ab.draft"

    def wait_for_draft(_: TextIO) -> None:
        deadline = time.monotonic() + 20
        while not draft.exists():
            assert time.monotonic() < deadline

    assert kill_after(folder, 20_000, wait_for_draft) == []
    assert draft.exists()
    assert list_runs(folder) == ([], [])
    open_new(run_path(folder, header("next")), header("next"), [item()], [intent()], Mask()).close()
    assert [run.header.id for run in list_runs(folder)[0]] == ["next"]
    assert sorted(path.suffix for path in draft.parent.iterdir()) == [".db", ".lock"]


def test_a_run_killed_as_it_closed_its_file_can_be_read(folder, tmp_path):
    """Then SQLite leaves a rollback journal, which even a reader has to apply."""
    path = run_path(folder, header())
    open_new(path, header(), [item()], [intent()], Mask()).close()
    copy = tmp_path / path.name
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA cache_size = 1")
        connection.execute("BEGIN")
        connection.execute("UPDATE run SET status = ?", ("x" * 100_000,))
        for suffix in ("", "-journal"):
            shutil.copyfile(f"{path}{suffix}", f"{copy}{suffix}")
    assert all_entries(copy) == [intent()]


def test_what_another_process_is_just_writing_is_left_alone(folder):
    """Its lock tells it from what a dead one left."""
    path = run_path(folder, header("busy"))
    draft = path.with_name(".busy.draft")
    path.parent.mkdir(parents=True)
    draft.touch()
    with lock_run(path):
        open_new(run_path(folder, header()), header(), [item()], [intent()], Mask()).close()
        assert draft.exists()
