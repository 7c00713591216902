"""Contained reads: what is read, what is refused with which words, and that nothing ever blocks."""

import hashlib
import io
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from dispatchfile.errors import FileError, OutsideFolder
from dispatchfile.files import CACHED_SIZE, Files, read_regular_file

UNREADABLE = pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A manifest's folder with two payloads, and a file outside of it."""
    (tmp_path / "outside.json").write_text("secret")
    folder = tmp_path / "batch"
    (folder / "payloads").mkdir(parents=True)
    (folder / "payloads" / "a.json").write_text("{}")
    (folder / "b.json").write_text("[]")
    return folder


@pytest.fixture
def listening(folder: Path) -> Iterator[str]:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(folder / "socket"))
        yield "socket"


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def refusal(files: Files, name: str, **options: int) -> str:
    with pytest.raises(FileError) as caught:
        files.read(name, **options)
    return str(caught.value)


def test_a_name_is_relative_to_the_folder(folder: Path) -> None:
    """A file is found below the manifest's folder, wherever the process works."""
    assert Files(folder).read("payloads/a.json") == b"{}"


def test_every_file_that_was_read_has_a_digest(folder: Path) -> None:
    """A plan names them, so that it can tell later what has changed."""
    files = Files(folder)
    for name in ("b.json", "./payloads//a.json", "payloads/a.json"):
        files.read(name)
    assert files.digests == {"b.json": digest(b"[]"), "payloads/a.json": digest(b"{}")}


def test_a_file_that_was_refused_has_no_digest(folder: Path) -> None:
    """Nothing was made of it."""
    files = Files(folder)
    refusal(files, "payloads/a.json", limit=1)
    refusal(files, "missing.json")
    assert files.digests == {}


TOO_LONG = (
    "this holds a text too long for a file's name, not the name of a file: save it to a file, and give that file's name"
)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        pytest.param("missing.json", "missing.json: does not exist", id="missing"),
        pytest.param("missing/a.json", "missing/a.json: does not exist", id="missing folder"),
        pytest.param("b.json/a.json", "b.json/a.json: does not exist", id="file as a folder"),
        pytest.param("payloads", "payloads: is a directory", id="directory"),
        pytest.param(".", ".: is a directory", id="the folder itself"),
        pytest.param("", ": is not a file name", id="empty"),
        pytest.param("a\0b", "'a\\x00b': has a NUL character in its name", id="NUL"),
        pytest.param("\ud800", "'\\ud800': is not a valid file name", id="half a character"),
        pytest.param("x" * 300, TOO_LONG, id="long name"),
        pytest.param("x/" * 3000, TOO_LONG, id="long path"),
        pytest.param("\x1b[31m.json", "'\\x1b[31m.json': does not exist", id="terminal sequence"),
    ],
)
def test_what_cannot_be_read_says_why(folder: Path, name: str, message: str) -> None:
    """The reason is in words, and the name cannot steer a terminal."""
    assert refusal(Files(folder), name) == message


def test_a_fifo_is_refused_without_waiting_for_a_writer(folder: Path) -> None:
    """Opening it would block for ever."""
    os.mkfifo(folder / "fifo")
    assert refusal(Files(folder), "fifo") == "fifo: is a FIFO"


def test_a_socket_is_refused(folder: Path, listening: str) -> None:
    """It is no file, though it has a name."""
    assert refusal(Files(folder), listening) == "socket: is a socket"


def test_a_device_is_refused_even_where_outside_is_allowed(folder: Path) -> None:
    """/dev/zero would never end."""
    (folder / "zero").symlink_to("/dev/zero")
    assert refusal(Files(folder, allow_outside=True), "zero") == "zero: is a device"


def test_a_loop_of_links_is_refused(folder: Path) -> None:
    """The system's own limit ends it."""
    (folder / "loop").symlink_to("loop")
    assert refusal(Files(folder), "loop") == "loop: is part of a loop of symbolic links"


@UNREADABLE
def test_a_file_without_permission_is_refused(folder: Path) -> None:
    """The message names the user's right, not a number."""
    (folder / "b.json").chmod(0)
    assert refusal(Files(folder), "b.json") == "b.json: cannot be read: permission denied"


def test_a_limit_is_kept_with_and_without_the_cache(folder: Path) -> None:
    """A file at the limit is read, one byte more is not, whether it was first read or not."""
    files = Files(folder)
    first = refusal(files, "b.json", limit=1)
    assert (files.read("b.json", limit=2), refusal(files, "b.json", limit=1)) == (b"[]", first)
    assert first == "b.json: is larger than 1 bytes"


@pytest.mark.parametrize(
    "name", ["../outside.json", "payloads/../../outside.json", "/etc/hostname", "link", "up/outside.json"]
)
def test_no_name_leads_out_of_the_folder(folder: Path, name: str) -> None:
    """Neither dots nor an absolute name nor a symbolic link, to a file or on the way to it."""
    (folder / "link").symlink_to("../outside.json")
    (folder / "up").symlink_to("..")
    with pytest.raises(OutsideFolder, match="is outside the manifest's folder"):
        Files(folder).read(name)


def test_a_folder_whose_name_only_starts_alike_is_outside(tmp_path: Path, folder: Path) -> None:
    """batch-2 is not below batch."""
    (tmp_path / "batch-2").mkdir()
    (tmp_path / "batch-2" / "a.json").write_text("")
    with pytest.raises(OutsideFolder):
        Files(folder).read("../batch-2/a.json")


def test_links_within_the_folder_are_followed(folder: Path) -> None:
    """What counts is where a name leads."""
    (folder / "link").symlink_to("payloads")
    (folder / "again").symlink_to(folder / "link" / "a.json")
    assert [Files(folder).read(name) for name in ("link/a.json", "again", "link/../b.json")] == [b"{}", b"{}", b"[]"]


def test_an_absolute_name_below_the_folder_is_fine(folder: Path) -> None:
    """It is odd, but inside."""
    assert Files(folder).read(str(folder / "b.json")) == b"[]"


def test_the_folder_itself_may_be_a_link(tmp_path: Path, folder: Path) -> None:
    """Its files are below where it leads."""
    (tmp_path / "link").symlink_to(folder)
    assert Files(tmp_path / "link").read("b.json") == b"[]"


def test_outside_can_be_allowed(folder: Path) -> None:
    """--allow-outside lifts the fence and nothing else."""
    assert Files(folder, allow_outside=True).read("../outside.json") == b"secret"


def test_a_name_resolves_to_its_real_path(folder: Path) -> None:
    """Callers that show a place get one without links; the file need not exist."""
    (folder / "link").symlink_to("payloads")
    files = Files(folder)
    assert [files.resolve("link/a.json"), files.resolve("missing")] == [
        folder.resolve() / "payloads" / "a.json",
        folder.resolve() / "missing",
    ]


def test_a_small_file_is_read_once(folder: Path) -> None:
    """Ten thousand items may share a payload: they get the same bytes, even if the file changes meanwhile."""
    files = Files(folder)
    before = files.read("b.json")
    (folder / "b.json").write_text("changed")
    assert files.read("b.json") is before


def test_a_large_file_that_changed_meanwhile_is_refused(folder: Path) -> None:
    """What is too large to keep is read again, and must be what it was."""
    (folder / "large").write_bytes(b"x" * (CACHED_SIZE + 1))
    files = Files(folder)
    files.read("large")
    files.read("large")
    (folder / "large").write_bytes(b"y" * (CACHED_SIZE + 1))
    assert refusal(files, "large") == "large: has changed since it was first read"


class WrittenDuringRead(io.FileIO):
    """A file to which another process writes while it is read."""

    def read(self, size: int | None = -1, /) -> bytes:
        half = super().read(2) or b""
        Path(str(self.name)).write_bytes(self.written)
        return half + (super().read(size) or b"")

    written = b""


@pytest.mark.parametrize("written", [b"abcdef", b"ab", b"wxyz"], ids=["grown", "cut", "rewritten"])
def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path: Path, written: bytes) -> None:
    """Half of the old content and half of the new one are neither; a file of the same size has another time."""
    path = tmp_path / "rows.txt"
    path.write_bytes(b"abcd")
    os.utime(path, ns=(0, 0))
    file = WrittenDuringRead(path, "rb")
    file.written = written
    with file, pytest.raises(FileError) as refused:
        read_regular_file(file, "rows.txt", 100)  # type: ignore[arg-type]  # it reads like a BinaryIO
    assert str(refused.value) == "rows.txt: has changed while it was read"


@pytest.fixture
def tree(folder: Path) -> Path:
    """The folder with more files, some of them hidden, and two links to folders."""
    for name in ("payloads/b.json", "payloads/deep/c.json", "payloads/deep/.hidden.json", ".git/d.json", "e.txt"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    (folder / "loop").symlink_to(".")
    (folder / "linked").symlink_to("payloads/deep")
    os.mkfifo(folder / "fifo.json")
    return folder


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        pytest.param("payloads/*.json", ["payloads/a.json", "payloads/b.json"], id="star stays in a name"),
        pytest.param("*", ["b.json", "e.txt"], id="files only, none hidden"),
        pytest.param("?.json", ["b.json"], id="question mark"),
        pytest.param("[!b].*", ["e.txt"], id="class"),
        pytest.param(
            "**/*.json",
            ["b.json", "payloads/a.json", "payloads/b.json", "payloads/deep/c.json"],
            id="any depth, links not followed",
        ),
        pytest.param("payloads/**", ["payloads/a.json", "payloads/b.json", "payloads/deep/c.json"], id="all below"),
        pytest.param("**/**/c.json", ["payloads/deep/c.json"], id="each once"),
        pytest.param("linked/*", ["linked/c.json"], id="a link that is named is followed"),
        pytest.param("payloads/deep/.*", ["payloads/deep/.hidden.json"], id="hidden when asked for"),
        pytest.param("./payloads//a.json", ["payloads/a.json"], id="a plain name"),
        pytest.param("missing/*", [], id="missing folder"),
        pytest.param("b.json/*", [], id="file as a folder"),
        pytest.param("*/c.json", ["linked/c.json"], id="name below a star"),
    ],
)
def test_a_pattern_gives_sorted_names(tree: Path, pattern: str, names: list[str]) -> None:
    """Names of regular files, relative to the folder, in an order that no file system decides."""
    assert Files(tree).glob(pattern) == names


@pytest.mark.parametrize("pattern", ["../*", "/etc/*", "up/*", "*/outside.json", "link*"])
def test_no_pattern_leads_out_of_the_folder(folder: Path, pattern: str) -> None:
    """A pattern is fenced like a name, and says so instead of finding less."""
    (folder / "link.json").symlink_to("../outside.json")
    (folder / "up").symlink_to("..")
    with pytest.raises(OutsideFolder):
        Files(folder).glob(pattern)


@pytest.mark.timeout(20)
def test_a_pattern_ends_in_a_tree_that_does_not(folder: Path) -> None:
    """Links that lead back to their own folder make more paths with every part of a pattern than anybody can list."""
    for number in range(50):
        (folder / f"up{number}").symlink_to(".")
    with pytest.raises(FileError, match=r"^(\*/){30}\*.json: matches more than 100,000 folders$"):
        Files(folder).glob("*/" * 30 + "*.json")


@pytest.mark.timeout(20)
def test_a_folder_is_listed_once_for_each_part_of_a_pattern(tmp_path: Path) -> None:
    """However often a pattern asks for any depth."""
    deepest = tmp_path.joinpath(*"d" * 120)
    deepest.mkdir(parents=True)
    (deepest / "a.json").touch()
    assert Files(tmp_path).glob("**/" * 6 + "*.json") == ["d/" * 120 + "a.json"]


def test_a_link_that_leads_to_itself_is_no_file(folder: Path) -> None:
    """It is no folder, either."""
    (folder / "loop.json").symlink_to("loop.json")
    assert Files(folder).glob("*/*.json") == ["payloads/a.json"]
    assert "loop.json" not in Files(folder).glob("*.json")


def test_patterns_outside_can_be_allowed(tmp_path: Path, folder: Path) -> None:
    """Both kinds of names that lead there are taken."""
    files = Files(folder, allow_outside=True)
    found = [files.glob("../*.json"), files.glob(f"{tmp_path}/*.json")]
    assert found == [["../outside.json"], [f"{tmp_path}/outside.json"]]


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("", "is not a file name"),
        ("a/" * 2000, "has a name that is too long"),
        ("a\0b/*", "has a NUL character in its name"),
    ],
)
def test_impossible_patterns_are_refused(folder: Path, pattern: str, reason: str) -> None:
    """They are the manifest's mistakes, not the program's."""
    with pytest.raises(FileError) as caught:
        Files(folder).glob(pattern)
    assert caught.value.reason == reason


@UNREADABLE
def test_a_folder_that_cannot_be_listed_is_an_error(folder: Path) -> None:
    """Items must not go missing quietly."""
    (folder / "payloads").chmod(0)
    try:
        with pytest.raises(FileError, match="cannot be read"):
            Files(folder).glob("**/*.json")
    finally:
        (folder / "payloads").chmod(0o700)


def test_a_name_that_is_not_utf8_is_an_error(folder: Path) -> None:
    """It could be sent in no payload and shown in no report."""
    (Path(os.fsdecode(os.fsencode(folder) + b"/\xe9.json"))).write_text("")
    with pytest.raises(FileError, match="has a name that is not UTF-8"):
        Files(folder).glob("*.json")
