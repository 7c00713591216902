"""Runs found in the state folder: by ID, by a prefix of it, or as the latest of a manifest."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from dispatchfile.errors import JournalError, RunRefused
from dispatchfile.journal.folder import is_worked_on, run_files, run_id
from dispatchfile.journal.reader import JournalReader
from dispatchfile.journal.records import StoredRun, Target
from dispatchfile.journal.store import read_run
from dispatchfile.similar import did_you_mean


def list_runs(folder: Path) -> tuple[list[StoredRun], list[JournalError]]:
    """Return all runs, newest first, and the errors of the files that cannot be read. Raises JournalError."""
    found = list(each_run(folder))
    runs = [run for run in found if isinstance(run, StoredRun)]
    return runs, [error for error in found if isinstance(error, JournalError)]


def each_run(folder: Path) -> Iterator[StoredRun | JournalError]:
    """Yield each run, newest first, read as it is asked for; an error in place of a file that cannot be read."""
    for path in run_files(folder):
        try:
            yield read_run(path)
        except JournalError as exc:
            yield exc


def open_run(folder: Path, run: str | None, *, manifest: Path | None = None) -> JournalReader:
    """
    Return the run of that ID or unique prefix of one; without, the latest run of the *manifest*.

    Raises RunRefused where there is none or more than one, and JournalError for a file that cannot be read.
    """
    path = _find_latest(folder, manifest) if run is None else _find_by_id(folder, run)
    return JournalReader(path)


def find_run(folder: Path, run: str) -> JournalReader | None:
    """Return the run of exactly that ID. Raises JournalError."""
    return next((JournalReader(path) for path in run_files(folder) if run_id(path) == run), None)


def unfinished_run(folder: Path, manifest: Path, target: Target) -> StoredRun | None:
    """
    Return the latest run of the same manifest and target that `resume` would continue, or on which a process works.

    Raises JournalError for a file that cannot be read: it may be the one.
    """
    bare = target.without_credentials()
    runs = (run for run in _runs_of(folder, manifest) if run.is_unfinished and run.header.target.meets(bare))
    try:
        return next(runs, None)
    except JournalError as exc:
        doubt = f"it may be an unfinished run of {manifest}: --new starts another run anyway"
        raise JournalError(f"{exc}; {doubt}") from exc


def is_live(run: StoredRun) -> bool:
    """Return whether a process works on the run right now. Raises JournalError."""
    return is_worked_on(run.path)


def _find_by_id(folder: Path, run: str) -> Path:
    paths = {run_id(path): path for path in run_files(folder)}
    found = [run] if run in paths else [known for known in paths if known.startswith(run)]
    if len(found) == 1:
        return paths[found[0]]
    if found:
        raise RunRefused(f"run {run!r} is not unique: {', '.join(found[:5])}{', …' if len(found) > 5 else ''}")
    hint = did_you_mean(run, paths, most=3)
    raise RunRefused(f"no run {run!r} in {folder}" + (f": {hint}" if hint else "; see `dispatchfile runs`"))


def _find_latest(folder: Path, manifest: Path | None) -> Path:
    if manifest is None:
        raise RunRefused("the current folder has no manifest: name the run (see `dispatchfile runs`)")
    found = next(_runs_of(folder, manifest), None)
    if found is None:
        raise RunRefused(f"no run of {manifest} in {folder}: name the run (see `dispatchfile runs`)")
    return found.path


def _runs_of(folder: Path, manifest: Path) -> Iterator[StoredRun]:
    real = str(manifest.resolve())
    return (run for run in map(read_run, run_files(folder)) if run.header.manifest == real)
