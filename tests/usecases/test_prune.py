"""Old journals removed, never one that is still needed."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from datetime import timedelta
from pathlib import Path

import pytest

from dispatchfile.events import Ended, Outcome, Verdict
from dispatchfile.journal import RunState, Target, list_runs
from dispatchfile.journal.folder import lock_path, lock_run, run_files
from dispatchfile.journal.store import SCHEMA_VERSION
from dispatchfile.settings import Settings, Wait
from dispatchfile.usecases.prune import Pruned, PruneRule, parse_age, prune
from tests.making import make_item
from tests.usecases.past_runs import header, keep_run

DAY = 86_400.0
NOW = 100 * DAY
OLD = PruneRule(older_than=timedelta(days=30))
ITEM = make_item("a")


def keep(
    folder: Path,
    run: str,
    *,
    day: float = 1,
    state: RunState = RunState.FINISHED,
    outcome: Outcome = Outcome.SUCCEEDED,
    wait: Wait = Wait.COMPLETION,
    **changes: object,
) -> None:
    """A run with one item that ended so, on that day."""
    head = header(id=run, started_at=day * DAY, settings=Settings(wait=wait), **changes)
    asyncio.run(keep_run(folder, [ITEM], [Ended("a", 1, day * DAY, Verdict(outcome))], head=head, state=state))


def pruned(folder: Path, rule: PruneRule = OLD, *, dry_run: bool = False) -> Pruned:
    return prune(str(folder), {}, rule, now=NOW, dry_run=dry_run)


def ids(folder: Path) -> list[str]:
    return [run.header.id for run in list_runs(folder)[0]]


def removed(result: Pruned) -> list[str]:
    return [stored.header.id for stored, _ in result.removed]


def reasons(result: Pruned) -> dict[str, str]:
    return {stored.header.id: reason for stored, _, reason in result.needed}


def test_runs_that_ended_long_ago_are_removed_with_all_their_files(tmp_path: Path) -> None:
    """The time counts from the end of the run, and what is not older stays."""
    for run, day in (("old", 1), ("older", 0.5), ("new", 70.5)):
        keep(tmp_path, run, day=day)
    result = pruned(tmp_path)
    assert (removed(result), reasons(result), result.kept, result.errors) == (["old", "older"], {}, 1, [])
    assert sorted(path.name.rpartition("-")[2] for path in (tmp_path / "runs").iterdir()) == ["new.db", "new.lock"]


def test_the_newest_runs_can_be_kept(tmp_path: Path) -> None:
    """However old they are."""
    for day, run in enumerate(["a", "b", "c"]):
        keep(tmp_path, run, day=day)
    assert removed(pruned(tmp_path, PruneRule(keep=2))) == ["a"]
    assert ids(tmp_path) == ["c", "b"]
    assert removed(pruned(tmp_path, PruneRule(keep=0))) == ["c", "b"]


def test_a_dry_run_removes_nothing(tmp_path: Path) -> None:
    """It says what would be removed."""
    keep(tmp_path, "a")
    result = pruned(tmp_path, dry_run=True)
    assert (removed(result), result.kept, ids(tmp_path)) == (["a"], 0, ["a"])


def test_an_empty_folder_has_nothing_to_remove(tmp_path: Path) -> None:
    """The folder is not created."""
    assert pruned(tmp_path / "state") == Pruned()
    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize("state", [RunState.INTERRUPTED, RunState.RUNNING])
def test_an_unfinished_run_is_never_removed(tmp_path: Path, state: RunState) -> None:
    """Be it interrupted or killed: nothing else knows what it has sent."""
    keep(tmp_path, "a", state=state)
    result = pruned(tmp_path)
    why = "it is unfinished: `dispatchfile resume a` continues it, `dispatchfile stop a` ends it"
    assert (removed(result), reasons(result), ids(tmp_path)) == ([], {"a": why}, ["a"])


def test_a_run_that_a_process_works_on_is_never_removed(tmp_path: Path) -> None:
    """Whatever its journal says."""
    keep(tmp_path, "a")
    lock = lock_run(run_files(tmp_path)[0])
    assert lock is not None
    try:
        result = pruned(tmp_path)
    finally:
        lock.release()
    assert (reasons(result), ids(tmp_path)) == ({"a": "a process works on it"}, ["a"])


@pytest.mark.parametrize(
    ("outcome", "wait"),
    [
        (Outcome.DISPATCHED, Wait.DETACH),
        (Outcome.PLACED, Wait.PLACEMENT),
        (Outcome.UNPLACED, Wait.PLACEMENT),
        (Outcome.UNKNOWN, Wait.COMPLETION),
    ],
)
def test_a_run_whose_ends_were_not_seen_is_never_removed(tmp_path: Path, outcome: Outcome, wait: Wait) -> None:
    """Its children may still run."""
    keep(tmp_path, "a", outcome=outcome, wait=wait)
    result = pruned(tmp_path)
    why = f"it has items whose end was not seen (1 {outcome})"
    assert (reasons(result), ids(tmp_path)) == ({"a": why}, ["a"])


@pytest.mark.parametrize("outcome", [Outcome.UNPLACED, Outcome.FAILED, Outcome.TIMED_OUT, Outcome.LOST])
def test_a_run_that_has_failed_is_removed(tmp_path: Path, outcome: Outcome) -> None:
    """Its end was seen."""
    keep(tmp_path, "a", outcome=outcome)
    assert removed(pruned(tmp_path)) == ["a"]


def test_a_local_run_leaves_no_children(tmp_path: Path) -> None:
    """They ended with the embedded agent, so that what is unknown stays so."""
    keep(tmp_path, "a", outcome=Outcome.UNKNOWN, local=True, target=Target("local", "", ("default",)))
    assert removed(pruned(tmp_path)) == ["a"]


def test_what_an_unfinished_rerun_repeats_is_kept(tmp_path: Path) -> None:
    """What came before that is not needed."""
    keep(tmp_path, "a", outcome=Outcome.FAILED)
    keep(tmp_path, "b", outcome=Outcome.FAILED, rerun_of="a", day=2)
    keep(tmp_path, "c", state=RunState.INTERRUPTED, rerun_of="b", day=99)
    assert reasons(pruned(tmp_path)) == {"b": "run c, a rerun of it, is unfinished"}
    assert ids(tmp_path) == ["c", "b"]


def test_a_rerun_of_a_run_that_stays_is_kept(tmp_path: Path) -> None:
    """It alone knows which items were mended."""
    keep(tmp_path, "a", outcome=Outcome.DISPATCHED, wait=Wait.DETACH)
    keep(tmp_path, "b", rerun_of="a", day=2)
    keep(tmp_path, "c", rerun_of="b", day=3)
    assert reasons(pruned(tmp_path)) == {
        "a": "it has items whose end was not seen (1 dispatched)",
        "b": "it reran items of run a, which is kept",
        "c": "it reran items of run b, which is kept",
    }


def test_a_damaged_journal_is_reported_and_left(tmp_path: Path) -> None:
    """It may be the only record of a run."""
    keep(tmp_path, "a")
    keep(tmp_path, "b")
    damaged = next(path for path in run_files(tmp_path) if path.stem.endswith("-b"))
    damaged.write_bytes(b"garbage")
    result = pruned(tmp_path, PruneRule(keep=0))
    assert removed(result) == ["a"]
    assert [error.partition(": ")[0] for error in result.errors] == [str(damaged)]
    assert damaged.read_bytes() == b"garbage"
    assert lock_path(damaged).exists()


@pytest.mark.parametrize("dry_run", [True, False])
def test_a_journal_of_a_newer_version_is_reported_and_left(tmp_path: Path, dry_run: bool) -> None:
    """A dry run reports it, too."""
    keep(tmp_path, "a")
    (path,) = run_files(tmp_path)
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    result = pruned(tmp_path, dry_run=dry_run)
    assert (removed(result), result.kept, path.exists()) == ([], 1, True)
    assert [error.partition(": ")[2][:42] for error in result.errors] == ["a newer dispatchfile wrote this journal (i"]


@pytest.mark.parametrize(
    ("text", "age"),
    [
        ("30d", timedelta(days=30)),
        ("2w", timedelta(weeks=2)),
        ("1w2d", timedelta(days=9)),
        ("1d12h", timedelta(hours=36)),
        ("90m", timedelta(minutes=90)),
        ("0d", timedelta()),
    ],
)
def test_an_age_has_weeks_and_days(text: str, age: timedelta) -> None:
    """An age can also have the units of Nomad's durations."""
    assert parse_age(text) == age


@pytest.mark.parametrize("text", ["", "30", "d", "-1d", "1x", "1d1d", "9" * 20 + "d", "1.5d"])
def test_what_is_not_an_age_is_refused(text: str) -> None:
    """The message has examples."""
    with pytest.raises(ValueError, match="is not a duration \\(examples: 30d, 12h, 2w\\)"):
        parse_age(text)
