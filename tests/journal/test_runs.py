"""Runs found again."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from dispatchfile.errors import JournalError, RunRefused
from dispatchfile.journal import (
    Journal,
    RunState,
    Target,
    find_run,
    list_runs,
    open_run,
    remove_run,
    unfinished_run,
)
from dispatchfile.journal.folder import lock_run
from dispatchfile.journal.store import SCHEMA_VERSION

from .samples import TARGET, header, intent, item


def keep(folder: Path, run: str, *, manifest: Path | str = "-", at: float = 1.0, state=RunState.FINISHED) -> Path:
    """A run in the state folder, over since then."""

    async def work() -> Path:
        journal = Journal.create(folder, header(run, manifest=str(manifest), started_at=at), [item()])
        await journal.add_intents([intent()])
        await journal.close(state, exit_code=0, finished_at=at + 1)
        return journal.path

    return asyncio.run(work())


def test_a_folder_that_is_not_there_has_no_runs(folder):
    """Looking into it creates nothing."""
    assert list_runs(folder) == ([], [])
    assert find_run(folder, "abc") is None
    assert not folder.exists()


def test_runs_are_listed_newest_first(folder):
    """Runs are sorted by their start, to the microsecond."""
    for run, at in [("b", 2.000001), ("c", 1_000_000_000.0), ("a", 2.0)]:
        keep(folder, run, at=at)
    runs, errors = list_runs(folder)
    assert ([run.header.id for run in runs], errors) == (["c", "b", "a"], [])


def test_a_damaged_file_does_not_hide_the_others(folder):
    """The history shows what can be read, and says what cannot."""
    keep(folder, "a")
    keep(folder, "b", at=2.0).write_bytes(b"garbage")
    runs, (error,) = list_runs(folder)
    assert [run.header.id for run in runs] == ["a"]
    assert "-b.db: it is damaged, or not a journal" in str(error)
    assert "with it moved away, `dispatchfile run MANIFEST --run-id b` takes what Nomad still has" in str(error)


@pytest.mark.parametrize("name", ["k3", "k3j9", "abc"])
def test_a_run_is_named_by_its_id_or_a_unique_prefix_of_it(folder, name):
    """An ID that is the prefix of another is still itself."""
    for run in ("k3j9", "k3j9x", "abcd", "xyz"):
        keep(folder, run)
    if name == "k3":
        with pytest.raises(RunRefused, match="run 'k3' is not unique: k3j9x, k3j9"):
            open_run(folder, name)
    else:
        assert open_run(folder, name).run().header.id.startswith(name)


def test_an_exact_id_is_no_prefix(folder):
    """`--run-id` means that run and no other."""
    keep(folder, "abcd")
    assert find_run(folder, "abc") is None
    assert find_run(folder, "abcd").run().header.id == "abcd"


def test_a_run_that_is_not_there_is_named_with_near_misses(folder):
    """A mistyped ID is told apart from an empty folder."""
    keep(folder, "k3j9x2ab")
    with pytest.raises(RunRefused, match=r"no run 'k3j9x2ba' in .*: did you mean k3j9x2ab\?"):
        open_run(folder, "k3j9x2ba")
    with pytest.raises(RunRefused, match="see `dispatchfile runs`"):
        open_run(folder, "zzz")


def test_without_a_name_the_latest_run_of_the_manifest_is_meant(folder, tmp_path):
    """The same manifest is the same real path, whatever leads to it."""
    manifest, link = tmp_path / "dispatchfile.yaml", tmp_path / "link.yaml"
    manifest.touch()
    link.symlink_to(manifest)
    keep(folder, "old", manifest=manifest, at=1.0)
    keep(folder, "new", manifest=manifest, at=2.0)
    keep(folder, "other", manifest=tmp_path / "x.yaml", at=3.0)
    assert open_run(folder, None, manifest=link).run().header.id == "new"


@pytest.mark.parametrize("manifest", [None, Path("none.yaml")])
def test_without_a_name_and_a_run_of_the_manifest_there_is_nothing_to_open(folder, manifest):
    """The message says what to do."""
    keep(folder, "abc")
    with pytest.raises(RunRefused, match="name the run"):
        open_run(folder, None, manifest=manifest)


@pytest.mark.parametrize(
    ("state", "target", "found"),
    [
        pytest.param(RunState.INTERRUPTED, TARGET, True, id="interrupted"),
        pytest.param(RunState.RUNNING, TARGET, True, id="killed"),
        pytest.param(RunState.FINISHED, TARGET, False, id="finished"),
        pytest.param(RunState.STOPPED_EARLY, TARGET, False, id="stopped early"),
        pytest.param(RunState.RUNNING, replace(TARGET, address="http://other"), False, id="another cluster"),
        pytest.param(RunState.RUNNING, replace(TARGET, region="us"), False, id="another region"),
        pytest.param(RunState.RUNNING, replace(TARGET, namespaces=("media",)), True, id="a shared namespace"),
        pytest.param(RunState.RUNNING, replace(TARGET, namespaces=("test",)), False, id="other namespaces"),
        pytest.param(RunState.RUNNING, Target("http://u:p@127.0.0.1:4646", "eu", ("media",)), True, id="credentials"),
    ],
)
def test_an_unfinished_run_of_the_same_manifest_and_target_is_found(folder, tmp_path, state, target, found):
    """A second run beside it would send everything twice."""
    keep(folder, "abc", manifest=tmp_path / "m.yaml", state=state)
    run = unfinished_run(folder, tmp_path / "m.yaml", target)
    assert (run is not None) is found
    assert unfinished_run(folder, tmp_path / "other.yaml", target) is None


def test_a_file_that_cannot_be_read_may_be_the_unfinished_run(folder, tmp_path):
    """Could not check is not the same as checked: the user decides."""
    keep(folder, "abc").write_bytes(b"")
    with pytest.raises(JournalError, match=r"may be an unfinished run of .*m\.yaml: --new starts another run anyway"):
        unfinished_run(folder, tmp_path / "m.yaml", TARGET)


def test_a_run_that_is_over_is_removed_with_its_files(folder):
    """Nothing of it stays behind."""
    remove_run(keep(folder, "a"))
    assert list((folder / "runs").iterdir()) == []


@pytest.mark.parametrize("state", [RunState.RUNNING, RunState.INTERRUPTED])
def test_a_run_that_was_resumed_meanwhile_is_not_removed(folder, state):
    """It is looked at once more under its lock."""
    path = keep(folder, "a", state=state)
    with pytest.raises(RunRefused, match="it is unfinished: a process has resumed it since"):
        remove_run(path)
    assert path.exists()


def test_a_run_that_a_process_works_on_is_not_removed(folder):
    """The process is named."""
    path = keep(folder, "a")
    lock = lock_run(path)
    try:
        with pytest.raises(RunRefused, match="working on run a"):
            remove_run(path)
    finally:
        lock.release()
    assert path.exists()


def test_a_journal_of_a_newer_version_is_not_removed(folder):
    """Nobody here knows whether it is needed."""
    path = keep(folder, "a")
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    with pytest.raises(JournalError, match="a newer dispatchfile wrote this journal"):
        remove_run(path)
    assert path.exists()
