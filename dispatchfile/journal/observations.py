"""
Ends of children that somebody has seen while no process worked on their run.

They stand in a table of their own, beside the log: what the run itself has recorded stays as it is.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import cast

from dispatchfile.errors import JournalError
from dispatchfile.events import Ended
from dispatchfile.journal.codec import decode, encode
from dispatchfile.journal.folder import folder_errors, lock_path
from dispatchfile.journal.store import (
    GONE,
    check_version,
    connect,
    damage_errors,
    journal_errors,
    open_to_read,
    transaction,
)

TABLE = """
    CREATE TABLE IF NOT EXISTS observations (
        item TEXT NOT NULL, attempt INTEGER NOT NULL, body TEXT NOT NULL, PRIMARY KEY (item, attempt)
    )
"""
HAS_TABLE = "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'observations'"


def keep_observations(path: Path, seen: Sequence[Ended]) -> bool:
    """
    Write down the ends; the first one of an attempt counts. Return whether they are kept.

    They are not while a process works on the run: it sees for itself. Raises JournalError.
    """
    with _beside_no_process(path) as is_free:
        if not is_free:
            return False
        if not path.exists():
            raise JournalError(f"{path}: {GONE}")
        rows = [(end.item, end.attempt, json.dumps(encode(end))) for end in seen]
        with journal_errors(path), closing(connect(path, "rw")) as connection:
            check_version(connection, path)
            connection.execute("PRAGMA synchronous = FULL")
            with transaction(connection):
                connection.execute(TABLE)
                connection.executemany("INSERT OR IGNORE INTO observations VALUES (?, ?, ?)", rows)
        return True


def read_observations(path: Path) -> Mapping[tuple[str, int], Ended]:
    """Return what was seen of each attempt, by item and attempt. Raises JournalError."""
    with open_to_read(path) as connection, damage_errors(path):
        if not connection.execute(HAS_TABLE).fetchone()[0]:
            return {}
        rows = connection.execute("SELECT body FROM observations ORDER BY rowid").fetchall()
        ends = [cast("Ended", decode(Ended, json.loads(body))) for (body,) in rows]
        return {(end.item, end.attempt): end for end in ends}


@contextmanager
def _beside_no_process(path: Path) -> Iterator[bool]:
    """
    Yield whether no process works on the run. No process can begin to before this ends.

    The lock is shared: others may keep observations at the same time, and nobody takes them for the run's process.
    """
    with folder_errors(path.parent):
        descriptor = os.open(lock_path(path), os.O_RDONLY | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)
