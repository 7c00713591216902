"""The state folder: where the runs' files lie, how they are named, and who works on which."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout
from platformdirs import user_state_path

from dispatchfile.errors import JournalError
from dispatchfile.journal.records import RunHeader
from dispatchfile.secrecy import kind_of_secret, shown_name
from dispatchfile.similar import similar_names

ENVIRONMENT = "DISPATCHFILE_STATE_DIR"
LOCK_WAIT_S = 0.3  # longer than it takes anybody to see whether a run is worked on
PRIVATE = 0o700  # payloads are their user's own


def state_folder(flag: str | None, environ: Mapping[str, str]) -> Path:
    """
    Return the state folder of `--state-dir`, else of the environment, else the user's own. Nothing is created.

    Raises JournalError where it would be the user's own and there is no home folder.
    """
    if named := flag or environ.get(ENVIRONMENT):
        if kind := kind_of_secret(named):
            source = "--state-dir" if flag else ENVIRONMENT
            raise JournalError(f"{source}: this holds {kind}, not the name of a folder")
        return Path(named)
    misspelt = [name for name in environ if name.startswith("DISPATCHFILE_") and similar_names(name, [ENVIRONMENT])]
    if misspelt:
        raise JournalError(f"{misspelt[0]} is set, but has no effect: the variable is called {ENVIRONMENT}")
    folder = user_state_path("dispatchfile")
    if not folder.is_absolute():
        raise JournalError(
            f"there is no home folder for the journal: choose a folder with --state-dir or {ENVIRONMENT}"
        )
    return folder


def run_files(folder: Path) -> list[Path]:
    """The files of all runs, newest first. Raises JournalError."""
    with folder_errors(folder):
        runs = folder / "runs"
        if folder.exists() and not folder.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, "it is a file")
        found = [path for path in runs.iterdir() if path.suffix == ".db" and "-" in path.stem] if runs.is_dir() else []
    return sorted(found, reverse=True)


def run_path(folder: Path, header: RunHeader) -> Path:
    """Return the path of the run's file. The names sort by the start of the runs."""
    started = datetime.fromtimestamp(header.started_at, UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    return folder / "runs" / f"{started}-{header.id}.db"


def run_id(path: Path) -> str:
    return path.stem.rpartition("-")[2]


def draft_path(path: Path) -> Path:
    """Return the path at which a run's file is written until it is complete."""
    return path.with_name(f".{run_id(path)}.draft")


def lock_path(path: Path) -> Path:
    """Return the path of the lock of a run ID. No two runs with one ID can start."""
    return path.with_name(f"{run_id(path)}.lock")


def lock_run(path: Path) -> FileLock | None:
    """
    The right to work on a run, until it is released or the process ends. None: another process has it.

    Raises JournalError.
    """
    lock = FileLock(lock_path(path), timeout=LOCK_WAIT_S, thread_local=False)
    with folder_errors(path.parent):
        try:
            lock.acquire()
        except Timeout:
            return None
    return lock


def is_worked_on(path: Path) -> bool:
    """Return whether a live process works on the run. Writes nothing. Raises JournalError."""
    with folder_errors(path.parent):
        try:
            descriptor = os.open(lock_path(path), os.O_RDONLY)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
        return False


def prepare_folder(folder: Path) -> None:
    """Create what is missing, and clear away what runs left behind that never came to be. Raises JournalError."""
    runs = folder / "runs"
    with folder_errors(folder):
        runs.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
        for draft in runs.glob(".*.draft"):
            _discard_if_abandoned(draft)


def _discard_if_abandoned(draft: Path) -> None:
    lock = draft.with_name(f"{draft.stem[1:]}.lock")
    with suppress(Timeout), FileLock(lock, timeout=0, thread_local=False):
        discard(draft)
        lock.unlink()


def discard(path: Path) -> None:
    """Remove a database with all that SQLite keeps beside it."""
    for suffix in ("", "-wal", "-shm", "-journal"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def put_in_place(draft: Path, path: Path) -> None:
    """Returns once it is durable that the file has its name, and its folder too. Raises JournalError."""
    with folder_errors(path.parent):
        draft.rename(path)
        for folder in path.parents[:2]:
            _sync_folder(folder)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def folder_errors(folder: Path) -> Iterator[None]:
    """Turn the system's errors into a JournalError that says what can be done."""
    try:
        yield
    except OSError as exc:
        raise JournalError(
            f"{shown_name(str(folder))}: cannot write the journal here: {exc.strerror or exc} "
            f"(choose another folder with --state-dir or {ENVIRONMENT})"
        ) from exc
