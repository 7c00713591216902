"""The file of one run: SQLite in WAL mode, synced at every commit. Only `observations` beside it knows SQL."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from filelock import BaseFileLock

from dispatchfile.errors import JournalError
from dispatchfile.items import Item
from dispatchfile.journal.folder import run_id
from dispatchfile.journal.masking import Mask
from dispatchfile.journal.records import RunHeader, RunStatus, StoredRun
from dispatchfile.journal.rows import (
    KINDS,
    Entry,
    decode_entries,
    decode_facts,
    decode_items,
    decode_record,
    dumps,
    encode_entry,
    encode_item,
    encode_record,
)
from dispatchfile.results import ItemFacts

SCHEMA_VERSION = 1
APPLICATION_ID = 0x44664A6C  # "DfJl"
BUSY_S = 10.0  # how long to wait for another program that writes to the file
CHUNK = 5_000  # rows encoded or read at a time

# The table `run` keeps its shape in every version: runs of a newer tool can be listed, and are seen to be unfinished.
TABLES = (
    "CREATE TABLE run (header TEXT NOT NULL, status TEXT NOT NULL)",
    "CREATE TABLE payloads (number INTEGER PRIMARY KEY, body BLOB NOT NULL)",
    "CREATE TABLE items (number INTEGER PRIMARY KEY, payload INTEGER REFERENCES payloads, body TEXT NOT NULL)",
    "CREATE TABLE log (number INTEGER PRIMARY KEY, kind TEXT NOT NULL, item TEXT, attempt INTEGER, body TEXT NOT NULL)",
    "CREATE TABLE stop_requests (number INTEGER PRIMARY KEY, at REAL NOT NULL)",
)
UPGRADES: Mapping[int, Sequence[str]] = {}  # statements that lead from a version to the next

# One statement for a whole batch: the interpreter's lock is let go and taken again at each, and while the event loop is
# busy that takes its 5 ms.
APPEND = """
    INSERT INTO log (kind, item, attempt, body)
    SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'),
           json_extract(value, '$[2]'), json_extract(value, '$[3]')
    FROM json_each(?)
"""
READ_LOG = """
    SELECT number, kind, item, attempt, body FROM log
    WHERE number > ? AND kind IN (SELECT value FROM json_each(?)) ORDER BY number LIMIT ?
"""
# SQLite takes the other columns from the row that has the maximum. Source: sqlite.org/lang_select.html, "bare columns".
COUNT_OUTCOMES = """
    SELECT outcome, count(*) FROM (
        SELECT max(number), kind, json_extract(body, '$.verdict.outcome') AS outcome,
               json_extract(body, '$.retry_at') AS retry_at
        FROM log WHERE item IS NOT NULL AND kind <> 'doubled' GROUP BY item
    ) WHERE kind = 'ended' AND retry_at IS NULL GROUP BY outcome
"""
READ_PAYLOADS = "SELECT number, body FROM payloads WHERE number IN (SELECT value FROM json_each(?))"
READ_ITEMS = "SELECT number, payload, body FROM items WHERE number > ? ORDER BY number LIMIT ?"

NETWORK_HINT = (
    "SQLite's locks and shared memory do not work on most network file systems: "
    "keep the state folder on a local disk (--state-dir)"
)
GONE = "it was deleted or moved during the run"
NO_SPACE = "no space is left on its disk"
REASONS = {
    "SQLITE_FULL": NO_SPACE,
    "SQLITE_READONLY": "it cannot be written: the file, its folder or the disk is read-only",
    "SQLITE_PERM": "this user has no permission to read and write it",
    "SQLITE_CANTOPEN": "it cannot be opened: it is missing, or this user has no permission to read and write it",
    "SQLITE_BUSY": "another program has locked it",
    "SQLITE_PROTOCOL": NETWORK_HINT,
    "SQLITE_IOERR_LOCK": NETWORK_HINT,
    "SQLITE_IOERR_SHM": NETWORK_HINT,
    "SQLITE_IOERR_SHMSIZE": NO_SPACE,
    "SQLITE_IOERR": "its disk fails",
    "SQLITE_NOTADB": "it is damaged, or not a journal",
    "SQLITE_CORRUPT": "it is damaged",
}
DAMAGED = frozenset({"SQLITE_NOTADB", "SQLITE_CORRUPT"})


class Store:
    """A run's file, open for writing, and the lock on the run. One thread at a time may use it."""

    def __init__(self, path: Path, lock: BaseFileLock, mask: Mask, status: RunStatus) -> None:
        """
        Open the file of a run that has this *status* from now on, and take over the lock.

        Raises JournalError, also where WAL mode cannot be had; then the lock remains the caller's.
        """
        self._path, self._lock, self._mask = path, lock, mask
        with journal_errors(path):
            self._connection = connect(path, "rw")
            try:
                check_version(self._connection, path)
                upgrade(self._connection)
                _use_wal(self._connection, path)
                self._old_stops = self._last_stop()
                self.append((), status)
            except BaseException:
                self._connection.close()
                raise

    def append(self, entries: Sequence[Entry], status: RunStatus | None = None) -> None:
        """Returns once all of them, and the new *status*, are durable; if it raises JournalError, none are."""
        if not self._path.exists():
            raise JournalError(f"{self._path}: {GONE}")
        with journal_errors(self._path):
            if status is None and len(entries) <= CHUNK:
                _append(self._connection, entries, self._mask)  # one statement, a transaction by itself
                return
            with transaction(self._connection):
                _append(self._connection, entries, self._mask)
                if status is not None:
                    self._connection.execute("UPDATE run SET status = ?", (encode_record(status),))

    def stop_requested(self) -> bool:
        """Return whether another process has asked for a stop since this one opened the file."""
        with journal_errors(self._path):
            return self._last_stop() > self._old_stops

    def _last_stop(self) -> int:
        return _number(self._connection, "SELECT coalesce(max(number), 0) FROM stop_requests")

    def close(self) -> None:
        """Leave one plain file that can be copied and read anywhere, unless somebody is reading it."""
        with closing(self._connection) as connection, suppress(sqlite3.Error):
            connection.execute("PRAGMA busy_timeout = 0")
            connection.execute("PRAGMA journal_mode = DELETE")
        self._lock.release()


def build(
    path: Path,
    header: RunHeader,
    status: RunStatus,
    *,
    items: Iterable[Item],
    entries: Iterable[Entry],
    mask: Mask,
) -> None:
    """
    Write a new journal in one transaction. Until it has returned, the file is worth nothing.

    Raises JournalError, also where WAL mode cannot be had.
    """
    with journal_errors(path), closing(connect(path, "rwc")) as connection:
        connection.execute("PRAGMA journal_mode = OFF")
        connection.execute("PRAGMA synchronous = FULL")
        with transaction(connection):
            _create_tables(connection)
            run = (encode_record(header), encode_record(status))
            connection.execute("INSERT INTO run VALUES (?, ?)", run)
            _insert_items(connection, items)
            _append(connection, entries, mask)
        _use_wal(connection, path)


def request_stop(path: Path, at: float) -> None:
    """Ask the process that works on the run to stop. Raises JournalError."""
    with journal_errors(path), closing(connect(path, "rw")) as connection:
        check_version(connection, path)
        connection.execute("INSERT INTO stop_requests (at) VALUES (?)", (at,))


def read_run(path: Path) -> StoredRun:
    """Return the run's header and status, also of a journal that a newer version wrote. Raises JournalError."""
    with _readable(path) as connection, damage_errors(path):
        _check_is_journal(connection, path)
        header, status = connection.execute("SELECT header, status FROM run").fetchone()
        return StoredRun(
            path=path,
            header=decode_record(RunHeader, header),
            status=decode_record(RunStatus, status),
            items=_number(connection, "SELECT coalesce(max(number), 0) FROM items"),
        )


@contextmanager
def open_to_read(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection that reads a journal of this version, brought up to it in memory where needed."""
    with _readable(path) as connection:
        check_version(connection, path)
        if _number(connection, "PRAGMA user_version") == SCHEMA_VERSION:
            yield connection
            return
        with closing(sqlite3.connect(":memory:", isolation_level=None)) as copy:
            connection.backup(copy)
            upgrade(copy)
            yield copy


def read_log(path: Path, *, kinds: Iterable[type[Entry]], after: int = 0) -> Iterator[tuple[int, Entry]]:
    """
    The entries of these kinds behind number *after*, in the order they were made, each with its number.

    Raises JournalError.
    """
    names = dumps([KINDS[kind] for kind in kinds])
    with open_to_read(path) as connection, damage_errors(path):
        while rows := connection.execute(READ_LOG, (after, names, CHUNK)).fetchall():
            yield from decode_entries(rows)
            after = rows[-1][0]


def count_outcomes(path: Path) -> Mapping[str, int]:
    """Return the number of items that have ended so far, by outcome. Raises JournalError."""
    with open_to_read(path) as connection:
        return dict(connection.execute(COUNT_OUTCOMES).fetchall())


def read_items(path: Path, *, payloads: bool) -> Iterator[Item]:
    """Yield the items in the order of the run, with their payloads or without. Raises JournalError."""
    with open_to_read(path) as connection, damage_errors(path):
        last, bodies = 0, dict[int, bytes]()
        while rows := connection.execute(READ_ITEMS, (last, CHUNK)).fetchall():
            if payloads:
                bodies = _read_payloads(connection, {number for _, number, _ in rows if number}, known=bodies)
            yield from decode_items([(body, bodies.get(number)) for _, number, body in rows])
            last = rows[-1][0]


def read_facts(path: Path) -> Iterator[ItemFacts]:
    """Return the facts about the items, in the order of the run. Raises JournalError."""
    with open_to_read(path) as connection, damage_errors(path):
        last = 0
        while rows := connection.execute(READ_ITEMS, (last, CHUNK)).fetchall():
            yield from decode_facts([body for *_, body in rows])
            last = rows[-1][0]


def _read_payloads(connection: sqlite3.Connection, numbers: set[int], known: dict[int, bytes]) -> dict[int, bytes]:
    """Return the payloads, those of *known* again, so that items with equal payloads share them."""
    unknown = dumps(sorted(numbers - known.keys()))
    return {number: known[number] for number in numbers & known.keys()} | dict(
        connection.execute(READ_PAYLOADS, (unknown,))
    )


def check_version(connection: sqlite3.Connection, path: Path) -> None:
    """Raises JournalError for a file that is no journal, or one that a newer version wrote."""
    version = _check_is_journal(connection, path)
    if version > SCHEMA_VERSION:
        raise JournalError(
            f"{path}: a newer dispatchfile wrote this journal "
            f"(its version is {version}, this one reads up to {SCHEMA_VERSION})"
        )


def _check_is_journal(connection: sqlite3.Connection, path: Path) -> int:
    """Its version."""
    version = _number(connection, "PRAGMA user_version")
    if version < 1 or _number(connection, "PRAGMA application_id") != APPLICATION_ID:
        raise JournalError(f"{path}: {REASONS['SQLITE_NOTADB']}{_way_on(path)}")
    return version


def upgrade(
    connection: sqlite3.Connection, upgrades: Mapping[int, Sequence[str]] = UPGRADES, version: int = SCHEMA_VERSION
) -> None:
    """Bring a journal of an earlier version up to *version*, in one transaction."""
    found = _number(connection, "PRAGMA user_version")
    if found == version:
        return
    with transaction(connection):
        for step in range(found, version):
            for statement in upgrades[step]:
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {version}")


@contextmanager
def journal_errors(path: Path) -> Iterator[None]:
    """Turn SQLite's errors into a JournalError that says what can be done."""
    try:
        yield
    except sqlite3.Error as exc:
        name: str = getattr(exc, "sqlite_errorname", "")
        known = max((start for start in REASONS if name.startswith(start)), key=len, default=None)
        reason = f"{REASONS[known]} ({exc})" if known else str(exc)
        raise JournalError(f"{path}: {reason}{_way_on(path) if known in DAMAGED else ''}") from exc


@contextmanager
def damage_errors(path: Path) -> Iterator[None]:
    """Turn what comes of reading garbage into a JournalError."""
    try:
        yield
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError) as exc:
        raise JournalError(f"{path}: {REASONS['SQLITE_CORRUPT']} ({exc}){_way_on(path)}") from exc


def _way_on(path: Path) -> str:
    """Return what to do if the file cannot be read at all."""
    again = f"`dispatchfile run MANIFEST --run-id {run_id(path)}`"
    return f"; with it moved away, {again} takes what Nomad still has of the run, and sends the rest"


def connect(path: Path, mode: str) -> sqlite3.Connection:
    """Open the file. mode: `ro`, `rw` or, to create it, `rwc`."""
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}",
        uri=True,
        timeout=BUSY_S,
        isolation_level=None,
        check_same_thread=False,  # opened in one thread, then used by another
    )


@contextmanager
def _readable(path: Path) -> Iterator[sqlite3.Connection]:
    with journal_errors(path), closing(_connect_to_read(path)) as connection:
        yield connection


def _connect_to_read(path: Path) -> sqlite3.Connection:
    connection = connect(path, "ro")
    try:
        connection.execute("PRAGMA schema_version").fetchone()
    except sqlite3.OperationalError:
        connection.close()
        return connect(path, "rw")  # a process was killed just as it closed the file: that has to be rolled back first
    except BaseException:
        connection.close()
        raise
    return connection


def _use_wal(connection: sqlite3.Connection, path: Path) -> None:
    connection.execute("PRAGMA synchronous = FULL")
    (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
    if mode != "wal":
        raise JournalError(f"{path}: {NETWORK_HINT}")


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Commit all that is written meanwhile, or none of it."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _create_tables(connection: sqlite3.Connection) -> None:
    for statement in TABLES:
        connection.execute(statement)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


def _insert_items(connection: sqlite3.Connection, items: Iterable[Item]) -> None:
    """Equal payloads are stored once."""
    numbers: dict[bytes, int] = {}
    for item in items:
        body, payload = encode_item(item)
        if payload is not None and payload not in numbers:
            numbers[payload] = len(numbers) + 1
            connection.execute("INSERT INTO payloads VALUES (?, ?)", (numbers[payload], payload))
        number = None if payload is None else numbers[payload]
        connection.execute("INSERT INTO items (payload, body) VALUES (?, ?)", (number, body))


def _append(connection: sqlite3.Connection, entries: Iterable[Entry], mask: Mask) -> None:
    rows = (encode_entry(entry, mask) for entry in entries)
    while chunk := list(itertools.islice(rows, CHUNK)):
        connection.execute(APPEND, (dumps(chunk),))


def _number(connection: sqlite3.Connection, query: str) -> int:
    (number,) = connection.execute(query).fetchone()
    return int(number)
