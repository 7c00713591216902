"""Runs' files taken into work: a new one appears complete or not at all, an old one is had by one process only."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import BaseFileLock

from dispatchfile.errors import JournalError, RunRefused
from dispatchfile.items import Item
from dispatchfile.journal.folder import (
    discard,
    draft_path,
    lock_path,
    lock_run,
    prepare_folder,
    put_in_place,
    run_files,
    run_id,
)
from dispatchfile.journal.masking import Mask
from dispatchfile.journal.records import RunHeader, RunState, RunStatus
from dispatchfile.journal.rows import Entry
from dispatchfile.journal.store import Store, build, open_to_read, read_run
from dispatchfile.results import NO_REQUESTS, Requests


def own_status(
    state: RunState,
    *,
    exit_code: int | None = None,
    finished_at: float | None = None,
    counts: Mapping[str, int] | None = None,
    requests: Requests = NO_REQUESTS,
) -> RunStatus:
    """Return the status of a run that this process works on."""
    return RunStatus(state, os.getpid(), platform.node(), exit_code, finished_at, counts or {}, requests)


def open_new(path: Path, header: RunHeader, items: Iterable[Item], entries: Iterable[Entry], mask: Mask) -> Store:
    """
    Lock the run, write its file, and give it its name once it is complete.

    Raises JournalError, and RunRefused where the folder has a run of that ID.
    """
    folder = path.parent.parent
    prepare_folder(folder)
    lock = _lock(path)
    try:
        if header.id in map(run_id, run_files(folder)):
            raise RunRefused(
                f"run {header.id} already exists in {folder}; continue with: dispatchfile resume {header.id}"
            )
        with _gone_on_error(path):
            draft, status = draft_path(path), own_status(RunState.RUNNING)
            build(draft, header, status, items=items, entries=entries, mask=mask)
            put_in_place(draft, path)
            return Store(path, lock, mask, status)
    except BaseException:
        lock.release()
        raise


def open_again(path: Path, mask: Mask) -> Store:
    """Raises JournalError, and RunRefused while another process works on the run."""
    lock = _lock(path)
    try:
        return Store(path, lock, mask, own_status(RunState.RUNNING, requests=read_run(path).status.requests))
    except BaseException:
        lock.release()
        raise


def remove_run(path: Path) -> None:
    """
    Remove the files of a run that is over.

    Raises RunRefused where it is not, or a process works on it, and JournalError for files that cannot be removed.
    """
    lock = _lock(path)
    try:
        if read_run(path).is_unfinished:
            raise RunRefused("it is unfinished: a process has resumed it since")
        with open_to_read(path):  # raises an error for a journal that a newer version wrote
            pass
        discard(path)
        lock_path(path).unlink(missing_ok=True)
    except OSError as exc:
        raise JournalError(f"{path}: cannot be removed: {exc.strerror or exc}") from exc
    finally:
        lock.release()


@contextmanager
def _gone_on_error(path: Path) -> Iterator[None]:
    """Remove the file of a run that could not be written: nothing was sent for it."""
    try:
        yield
    except BaseException:
        with suppress(OSError):
            for file in (draft_path(path), path):
                discard(file)
            lock_path(path).unlink(missing_ok=True)
        raise


def _lock(path: Path) -> BaseFileLock:
    lock = lock_run(path)
    if lock is None:
        raise RunRefused(_whose(path))
    return lock


def _whose(path: Path) -> str:
    run = run_id(path)
    try:
        status = read_run(path).status
    except JournalError:
        return f"run {run} is being started by another process"
    return (
        f"process {status.pid} on {status.host} is working on run {run}: `dispatchfile watch {run}` follows it, "
        f"`dispatchfile stop {run}` ends it"
    )
