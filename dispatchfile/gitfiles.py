"""
Files as they are in a commit: read from git's objects, without a checkout and without the network.

What git would change on checkout cannot be read so: a path with a filter or another conversion is refused.
"""

from __future__ import annotations

import fnmatch
import os
import posixpath
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from dispatchfile.errors import FileError, OutsideFolder, PlanError
from dispatchfile.files import EntryKind, Files

LINK, SUBMODULE = "120000", "160000"
LFS_POINTER = b"version https://git-lfs.github.com/spec/v1\n"
CONVERSIONS = ("filter", "working-tree-encoding", "ident", "eol")
KEEPS_BYTES = frozenset({"unspecified", "unset", "lf"})
OID = "# branch.oid "
GIT_PATIENCE_S = 5


@dataclass(frozen=True, slots=True)
class TreeEntry:
    """A file, link or submodule of a commit."""

    mode: str
    object: str


@dataclass(slots=True)
class Tree:
    """The files of a commit below one folder of the repository, by their paths from its top."""

    ref: str
    top: Path
    folder: str  # of the manifest, from the top of the repository; "" is the top itself
    entries: dict[str, TreeEntry]
    process: subprocess.Popen[bytes]
    converted: dict[str, str] = field(default_factory=dict)  # the conversion that git makes at checkout, by path
    folders: dict[str, dict[str, bool]] = field(default_factory=dict)  # the names in each, and whether it is a folder

    def __post_init__(self) -> None:
        for path in self.entries:
            below, is_folder = path, False
            while below:
                folder, name = posixpath.split(below)
                known = self.folders.setdefault(folder, {})
                if known.get(name) is not None and (known[name] or not is_folder):
                    break
                known[name] = is_folder
                below, is_folder = folder, True

    def content(self, entry: TreeEntry) -> bytes | None:
        """Return the bytes of the object; None if this clone does not have it."""
        stdin, stdout = self.process.stdin, self.process.stdout
        assert stdin is not None and stdout is not None  # noqa: S101, PT018  both are pipes
        stdin.write(entry.object.encode() + b"\n")
        stdin.flush()
        parts = stdout.readline().split()
        if len(parts) != 3:
            return None
        content = stdout.read(int(parts[2]))
        stdout.read(1)
        return content


@contextmanager
def open_tree(folder: Path, ref: str, *, whole: bool = False) -> Iterator[Tree]:
    """
    Open the state of *folder* at a git ref; whole: that of the whole repository. Raises PlanError.

    folder: of the working tree.
    """
    git = shutil.which("git")
    if git is None:
        raise PlanError(f"git ref {ref!r} cannot be read: git is not installed")
    command = _Git(git, os.path.realpath(folder), _environ())
    top = command.top()
    commit = command.commit(ref)
    command.environ |= {"GIT_ATTR_SOURCE": commit}  # git before 2.43 reads the attributes of the working tree
    inner = Path(command.folder).relative_to(top).as_posix()
    inner = "" if inner == "." else inner
    entries = command.entries(top, commit, "" if whole else inner)
    converted = command.conversions(top, entries)
    with command.objects(top) as process:
        yield Tree(ref, top, inner, entries, process, converted)


def commit_of(file: str) -> str:
    """
    Return the commit that is checked out where *file* is: `1f3c…` or, if the file was changed since, `1f3c… (changed)`.

    Empty if git does not know the file, is not installed, or takes longer than a run should wait for it.
    """
    git = shutil.which("git")
    folder, name = os.path.split(os.path.realpath(file))
    if git is None:
        return ""
    status = ["status", "--porcelain=v2", "--branch", "--untracked-files=normal", "--ignored", "--", name]
    options = ["-c", "core.fsmonitor=false", "--literal-pathspecs"]
    try:
        done = subprocess.run(
            [git, *options, *status],
            cwd=folder,
            env=_environ(),
            capture_output=True,
            check=True,
            timeout=GIT_PATIENCE_S,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    lines = os.fsdecode(done.stdout).splitlines()
    commit = next((line.removeprefix(OID) for line in lines if line.startswith(OID)), "")
    changes = [line for line in lines if not line.startswith("#")]
    if not re.fullmatch("[0-9a-f]{40,64}", commit) or any(line[0] in "?!" or " A" in line[:4] for line in changes):
        return ""
    return f"{commit} (changed)" if changes else commit


def _environ() -> dict[str, str]:
    """Return the environment for calls of git: in this folder, in English, without locks, network and questions."""
    environ = {key: text for key, text in os.environ.items() if not key.startswith("GIT_")}
    silent = {"GIT_OPTIONAL_LOCKS": "0", "GIT_NO_LAZY_FETCH": "1", "GIT_TERMINAL_PROMPT": "0"}
    return environ | {"LC_ALL": "C"} | silent


@dataclass(slots=True)
class _Git:
    """Calls of git in one folder."""

    program: str
    folder: str
    environ: dict[str, str]

    def top(self) -> Path:
        done = self._call(self.folder, ["rev-parse", "--show-toplevel"])
        if done.returncode:
            found = _first_line(done.stderr)
            if "not a git repository" in found:
                raise PlanError(f"{self.folder} is not in a git repository: name a plan file instead of a git ref")
            raise PlanError(f"git cannot read the repository of {self.folder}: {found}")
        return Path(os.path.realpath(os.fsdecode(done.stdout.rstrip(b"\n"))))

    def commit(self, ref: str) -> str:
        done = self._call(self.folder, ["rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}"])
        if done.returncode == 0:
            return done.stdout.decode("ascii").strip()
        shallow = self._call(self.folder, ["rev-parse", "--is-shallow-repository"]).stdout.strip() == b"true"
        hint = (
            f"this clone is shallow: git fetch --unshallow origin {ref} (actions/checkout: fetch-depth: 0)"
            if shallow
            else f"see `git branch --all`, or fetch it: git fetch origin {ref}"
        )
        raise PlanError(f"git has no ref {ref!r}, and there is no plan file of that name: {hint}")

    def entries(self, top: Path, commit: str, folder: str) -> dict[str, TreeEntry]:
        paths = ["--", folder] if folder else []
        done = self._call(str(top), ["--literal-pathspecs", "ls-tree", "-r", "-z", "--full-tree", commit, *paths])
        if done.returncode:
            raise PlanError(f"git cannot list the files of {commit[:12]}: {_first_line(done.stderr)}")
        found = {}
        for line in done.stdout.split(b"\0")[:-1]:
            facts, _, name = line.partition(b"\t")
            mode, _, sha = facts.decode("ascii").split(" ")
            found[os.fsdecode(name)] = TreeEntry(mode, sha)
        return found

    def conversions(self, top: Path, paths: Iterable[str]) -> dict[str, str]:
        """Return for each path that git converts at checkout the attribute that says so."""
        sent = b"".join(os.fsencode(path) + b"\0" for path in paths)
        done = self._call(str(top), ["check-attr", "-z", "--stdin", *CONVERSIONS], sent)
        if done.returncode:
            raise PlanError(f"git cannot read the attributes of files: {_first_line(done.stderr)}")
        fields = done.stdout.split(b"\0")
        found = {}
        for path, name, value in zip(fields[0::3], fields[1::3], fields[2::3], strict=False):
            if (text := value.decode(errors="replace")) not in KEEPS_BYTES:
                found[os.fsdecode(path)] = f"{name.decode()}={text}"
        return found

    @contextmanager
    def objects(self, top: Path) -> Iterator[subprocess.Popen[bytes]]:
        process = subprocess.Popen(
            [self.program, "cat-file", "--batch"],
            cwd=top,
            env=self.environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        with process:
            try:
                yield process
            finally:
                process.kill()

    def _call(self, folder: str, arguments: Sequence[str], sent: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [self.program, *arguments], cwd=folder, env=self.environ, input=sent, capture_output=True, check=False
        )


def _first_line(text: bytes) -> str:
    return os.fsdecode(text).strip().partition("\n")[0]


class GitFiles(Files):
    """The files that a manifest names, as they are in a commit."""

    def __init__(self, tree: Tree, *, allow_outside: bool = False) -> None:
        super().__init__(tree.top / tree.folder, allow_outside=allow_outside)
        self._tree, self._outside = tree, allow_outside

    def _read(self, name: str, limit: int) -> bytes:
        path = self._path(name)
        entry = self._tree.entries.get(path)
        if entry is None:
            raise FileError(name, self._why_missing(path))
        if reason := self._why_unreadable(path, entry):
            raise FileError(name, reason)
        content = self._tree.content(entry)
        if content is None:
            raise FileError(name, f"is not in this partial clone at {self._tree.ref}: fetch its object from the remote")
        if content.startswith(LFS_POINTER):
            raise FileError(name, f"is a Git LFS pointer at {self._tree.ref}: its content is not in git")
        if len(content) > limit:
            raise FileError(name, f"is larger than {limit:,} bytes")
        return content

    def _path(self, name: str) -> str:
        if not name or "\0" in name:
            raise FileError(name, "is not a file name")
        if name.startswith("/"):
            raise FileError(name, f"is an absolute path, which has no state at {self._tree.ref}")
        path = posixpath.normpath(posixpath.join(self._tree.folder, name))
        path = "" if path == "." else path
        if path.startswith(".."):
            raise FileError(name, f"is outside the repository, so it has no state at {self._tree.ref}")
        folder = self._tree.folder
        if not self._outside and folder and path != folder and not path.startswith(f"{folder}/"):
            raise OutsideFolder(name, "is outside the manifest's folder")
        return path

    def _why_missing(self, path: str) -> str:
        if path in self._tree.folders:
            return "is a directory"
        above = path
        while above := posixpath.dirname(above):
            if entry := self._tree.entries.get(above):
                kind = {SUBMODULE: "in the submodule", LINK: "below the symbolic link"}.get(
                    entry.mode, "below the file"
                )
                return f"is {kind} {above}, which is not followed at {self._tree.ref}"
        return f"does not exist at {self._tree.ref}"

    def _why_unreadable(self, path: str, entry: TreeEntry) -> str:
        ref = self._tree.ref
        if entry.mode == LINK:
            return f"is a symbolic link, which is not followed at {ref}"
        if entry.mode == SUBMODULE:
            return f"is a submodule, which is not followed at {ref}"
        if attribute := self._tree.converted.get(path):
            return f"has the git attribute {attribute}, so its content at {ref} is not what a checkout has"
        return ""

    # Patterns

    def _named(self, base: str, part: str) -> Iterator[tuple[str, EntryKind]]:
        names = self._tree.folders.get(self._path(base or "."), {})
        if not any(char in part for char in "*?["):
            name = f"{base.rstrip('/')}/{part}" if base else part
            yield name, EntryKind.FOLDER if self._path(name) in self._tree.folders else EntryKind.OTHER
            return
        for name, is_folder in names.items():
            if fnmatch.fnmatchcase(name, part) and (part.startswith(".") or not name.startswith(".")):
                kind = EntryKind.FOLDER if is_folder else EntryKind.OTHER  # a link or a submodule, perhaps
                yield f"{base.rstrip('/')}/{name}" if base else name, kind

    def _all_below(self, folders: Iterable[str]) -> Iterator[str]:
        waiting, found = [*folders], set[str]()
        while waiting:
            folder = waiting.pop()
            if folder in found:
                continue
            found.add(folder)
            yield folder
            for name, is_folder in self._tree.folders.get(self._path(folder or "."), {}).items():
                if is_folder and not name.startswith("."):
                    waiting.append(f"{folder.rstrip('/')}/{name}" if folder else name)

    def _is_file(self, name: str) -> bool:
        path = self._path(name)
        entry = self._tree.entries.get(path)
        if entry is not None and (reason := self._why_unreadable(path, entry)) and entry.mode in {LINK, SUBMODULE}:
            raise FileError(name, reason)
        return entry is not None
