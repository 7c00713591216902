"""Reads of regular files below the manifest's folder, with a digest of each."""

from __future__ import annotations

import errno
import fnmatch
import hashlib
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from enum import Enum, auto
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from dispatchfile.errors import FileError, OutsideFolder, StandardInputError
from dispatchfile.similar import similar_file

MOST_READ_BYTES = 4 << 20  # of a payload or a template: more than Nomad takes, and little enough to read for each item
MOST_SMALL_BYTES = 4 << 20  # of a token or of certificates: a bundle of all public ones has a tenth of that
MAX_FILE_SIZE = 1 << 30  # bytes; what is larger is no list or payload, but a mistake
CACHED_SIZE = 1 << 20  # bytes; larger files are read again
CACHE_BUDGET = 64 << 20  # bytes; a payload that 10,000 items share is read once
MAX_STANDARD_INPUT = 256 << 20  # bytes
CACHED_FOLDERS = 4096
STANDARD_INPUT = "-"
MAX_PATTERN_PARTS = 100
MAX_PATTERN_FOLDERS = 100_000  # at one part of it; to list them takes a second

# Waits for nobody at the other end of a FIFO, and makes no terminal the controlling one.
OPEN_FLAGS = os.O_NONBLOCK | os.O_NOCTTY

_KINDS = (
    (stat.S_ISFIFO, "is a FIFO"),
    (stat.S_ISCHR, "is a device"),
    (stat.S_ISBLK, "is a device"),
)
_REASONS = {
    errno.ENOENT: "does not exist",
    errno.ENOTDIR: "does not exist",
    errno.EISDIR: "is a directory",
    errno.EACCES: "cannot be read: permission denied",
    errno.ELOOP: "is part of a loop of symbolic links",
    errno.ENAMETOOLONG: "has a name that is too long",
    errno.ENXIO: "is a socket",  # open(2): "the file is a UNIX domain socket"
}


def read_small_file(path: Path) -> bytes:
    """Return the bytes of a token or a certificate; a FIFO will do. Raises OSError, also for an endless device."""
    with path.open("rb") as file:
        content = file.read(MOST_SMALL_BYTES + 1)
    if len(content) > MOST_SMALL_BYTES:
        raise OSError(errno.EFBIG, f"is larger than {MOST_SMALL_BYTES >> 20} MiB")
    return content


class StandardInput:
    """
    Standard input, for the one place of a manifest that takes its rows from there.

    read: gives at most so many bytes of it. Raises StandardInputError.
    """

    def __init__(self, read: Callable[[int], bytes]) -> None:
        self._read = read
        self._reader = ""
        self._content: bytes | None = None

    def content(self, reader: str) -> bytes:
        """Return all bytes; *reader* names the place that asks, and may ask again. Raises StandardInputError."""
        if self._content is None:
            content = self._read(MAX_STANDARD_INPUT + 1)
            if len(content) > MAX_STANDARD_INPUT:
                raise StandardInputError(f"is larger than {MAX_STANDARD_INPUT:,} bytes", "save it to a file")
            self._reader, self._content = reader, content
        if reader != self._reader:
            raise StandardInputError(f"is already read at {self._reader}", "only one for_each can read it")
        return self._content


def no_standard_input(_: int) -> bytes:
    """Refuse to read it, where an earlier process had it."""
    raise StandardInputError("was read by an earlier process", "start a new run with `dispatchfile run`")


class Files:
    """
    The files that one manifest names; all of them are read through here.

    folder: what relative names are relative to, and what no name may lead out of, symbolic links followed, unless
    *allow_outside*. standard_input: what rows may come from.
    """

    def __init__(
        self, folder: Path, *, allow_outside: bool = False, standard_input: StandardInput | None = None
    ) -> None:
        self._standard_input = standard_input or StandardInput(no_standard_input)
        self.digests: dict[str, str] = {}  # of each file read: its name without needless dots -> SHA-256, 64 hex digits
        self.globs: dict[str, tuple[str, ...]] = {}  # the matches of each pattern
        self._folder = os.path.realpath(folder)
        self._inside = self._folder.rstrip("/") + "/"
        self._allow_outside = allow_outside
        self._real_folder = lru_cache(CACHED_FOLDERS)(os.path.realpath)
        self._cache: dict[str, bytes] = {}
        self._cached_size = 0

    def read(self, name: str, *, limit: int | None = None) -> bytes:
        """
        Return the bytes of the regular file *name*.

        limit: in bytes. Raises FileError where the file is missing, unreadable, not a regular one, over the limit, or
        no longer what was read before; OutsideFolder where it lies outside of the folder.
        """
        limit = MAX_FILE_SIZE if limit is None else limit
        content = self._cache.get(name)
        if content is None:
            content = self._read(name, limit)
            self._remember(name, content)
        _check_size(name, len(content), limit)
        return content

    def read_standard_input(self, reader: str) -> bytes:
        """Return the bytes of standard input. Raises StandardInputError where it cannot be read by *reader*."""
        content = self._standard_input.content(reader)
        self.digests[STANDARD_INPUT] = hashlib.sha256(content).hexdigest()
        return content

    def resolve(self, name: str) -> Path:
        """Return the path of *name*, symbolic links followed. Raises FileError for impossible names, OutsideFolder."""
        return Path(self._resolve(name))

    def glob(self, pattern: str) -> list[str]:
        """
        Return the names of the regular files that match, sorted.

        `*`, `?` and `[…]` stay within a name, `**` stands for any number of folders and follows no symbolic link;
        hidden names must be asked for with their dot. Raises FileError where a folder cannot be read or a name is not
        UTF-8, OutsideFolder where a match lies outside.
        """
        parts = PurePosixPath(pattern).parts
        if not parts:
            raise FileError(_shown(pattern), "is not a file name")
        if len(parts) > MAX_PATTERN_PARTS:
            raise FileError(_shown(pattern), "has a name that is too long")
        *leading, last = (*parts, "*") if parts[-1] == "**" else parts
        folders = {""}
        for part in leading:
            folders = _collected(pattern, self._step(folders, part))
        found = sorted(set(self._matches(folders, last)))
        self.globs[pattern] = tuple(found)
        return found

    def _read(self, name: str, limit: int) -> bytes:
        path = self._resolve(name)
        with _reasons(name, path), open(path, "rb", opener=_open) as file:
            return read_regular_file(file, name, limit)

    def _remember(self, name: str, content: bytes) -> None:
        digest = hashlib.sha256(content).hexdigest()
        if self.digests.setdefault(str(PurePosixPath(name)), digest) != digest:
            raise FileError(_shown(name), "has changed since it was first read")
        if len(content) <= CACHED_SIZE and self._cached_size + len(content) <= CACHE_BUDGET:
            self._cache[name] = content
            self._cached_size += len(content)

    def _resolve(self, name: str) -> str:
        if not name:
            raise FileError(_shown(name), "is not a file name")
        if "\0" in name:
            raise FileError(_shown(name), "has a NUL character in its name")
        folder, leaf = os.path.split(os.path.join(self._folder, name))  # noqa: PTH118  # Path takes ten times as long
        with _reasons(name):
            path = f"{self._real_folder(folder).rstrip('/')}/{leaf}"
            if leaf in {"", ".", ".."} or os.path.islink(path):  # noqa: PTH114
                path = os.path.realpath(path)
        if not self._allow_outside and path != self._folder and not path.startswith(self._inside):
            raise OutsideFolder(_shown(name), "is outside the manifest's folder")
        return path

    def _matches(self, folders: Iterable[str], part: str) -> Iterator[str]:
        """Yield the files in *folders* that are called *part*."""
        for folder in folders:
            for name, kind in self._named(folder, part):
                if kind is EntryKind.FILE or (kind is EntryKind.OTHER and self._is_file(name)):
                    yield _checked_name(name)

    def _step(self, folders: Iterable[str], part: str) -> Iterator[str]:
        """Yield the folders to which *part* of a pattern leads from *folders*."""
        if part == "**":
            yield from self._all_below(folders)
            return
        for folder in folders:
            yield from (name for name, kind in self._named(folder, part) if kind is EntryKind.FOLDER)

    def _named(self, base: str, part: str) -> Iterator[tuple[str, EntryKind]]:
        """Yield the paths named *part* in the folder *base*, each with what it is."""
        if not any(char in part for char in "*?["):
            name = _join(base, part)
            yield name, EntryKind.FOLDER if os.path.isdir(self._resolve(name)) else EntryKind.OTHER  # noqa: PTH112
            return
        for entry in self._entries(base):
            if fnmatch.fnmatchcase(entry.name, part) and (part.startswith(".") or not entry.name.startswith(".")):
                yield _join(base, entry.name), _kind_of(entry)

    def _all_below(self, folders: Iterable[str]) -> Iterator[str]:
        found, waiting = set[str](), [*folders]
        while waiting:
            folder = waiting.pop()
            if folder in found:
                continue  # and so is all that is below it
            found.add(folder)
            yield folder
            waiting += [
                _join(folder, entry.name)
                for entry in self._entries(folder)
                if entry.is_dir(follow_symlinks=False) and not entry.name.startswith(".")
            ]

    def _entries(self, folder: str) -> list[os.DirEntry[str]]:
        path = self._resolve(folder or ".")
        with _reasons(folder):
            try:
                with os.scandir(path) as entries:
                    return list(entries)
            except (FileNotFoundError, NotADirectoryError):
                return []

    def _is_file(self, name: str) -> bool:
        return os.path.isfile(self._resolve(name))  # noqa: PTH113


def read_regular_file(file: BinaryIO, name: str, limit: int) -> bytes:
    """
    Return all bytes of the open *file*.

    Raises FileError if it is not a regular one, is over the limit, or changes while it is read.
    """
    status = os.fstat(file.fileno())
    for is_kind, reason in _KINDS:
        if is_kind(status.st_mode):
            raise FileError(_shown(name), reason)
    _check_size(name, status.st_size, limit)
    content = file.read(limit + 1)  # a file may grow, and some have no size until they are read
    if _version(os.fstat(file.fileno())) != _version(status):
        raise FileError(_shown(name), "has changed while it was read")
    _check_size(name, len(content), limit)
    return content


class EntryKind(Enum):
    """What an entry of a folder is."""

    FOLDER = auto()
    FILE = auto()  # a regular one and no link: it lies where its folder lies, which was checked
    OTHER = auto()  # a link, or nothing that was looked at


def _kind_of(entry: os.DirEntry[str]) -> EntryKind:
    try:
        if entry.is_file(follow_symlinks=False):
            return EntryKind.FILE
        return EntryKind.FOLDER if entry.is_dir() else EntryKind.OTHER
    except OSError:  # a loop of symbolic links
        return EntryKind.OTHER


def _checked_name(name: str) -> str:
    """Return the name. Raises FileError if it is not UTF-8."""
    if not name.isprintable() and any("\udc80" <= char <= "\udcff" for char in name):
        raise FileError(_shown(name), "has a name that is not UTF-8")
    return name


def _open(path: str, flags: int) -> int:
    return os.open(path, flags | OPEN_FLAGS)


@contextmanager
def _reasons(name: str, path: str = "") -> Iterator[None]:
    """The system's errors in the words of a FileError; one that the file at *path* is missing names near misses."""
    try:
        yield
    except FileNotFoundError as exc:
        raise FileError(_shown(name), _REASONS[errno.ENOENT], hint=similar_file(path)) from exc
    except OSError as exc:
        raise FileError(_shown(name), _REASONS.get(exc.errno or 0) or f"cannot be read: {exc.strerror}") from exc
    except ValueError as exc:  # half a character, which no file system takes
        raise FileError(_shown(name), "is not a valid file name") from exc


def _collected(pattern: str, folders: Iterable[str]) -> set[str]:
    """Return each of *folders* once. Links that lead back multiply them with every part of the pattern."""
    found = set()
    for folder in folders:
        found.add(folder)
        if len(found) > MAX_PATTERN_FOLDERS:
            raise FileError(_shown(pattern), f"matches more than {MAX_PATTERN_FOLDERS:,} folders")
    return found


def _version(status: os.stat_result) -> tuple[int, int]:
    return status.st_size, status.st_mtime_ns


def _check_size(name: str, size: int, limit: int) -> None:
    if size > limit:
        raise FileError(_shown(name), f"is larger than {limit:,} bytes")


def _shown(name: str) -> str:
    return name if name.isprintable() else ascii(name)


def _join(base: str, name: str) -> str:
    return f"{base.rstrip('/')}/{name}" if base else name
