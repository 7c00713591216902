"""Git refs and plan files that cannot be used: one clear line, the exit code 1, and nothing is sent."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.plans.stage import call, children
from tests.files.test_gitfiles import LFS, git

ONE_LINE = 1


def _commit(folder: Path) -> None:
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", "--all", ".", ":!state")
    git(folder, "commit", "-q", "-m", "v1")


def _committed(change: Callable[[Path], object]) -> Callable[[Path], None]:
    """Return a function that commits the folder as it is after the change, and then undoes the change."""

    def prepare(folder: Path) -> None:
        before = {name: (folder / name).read_bytes() for name in ("dispatchfile.yaml", "rows.csv", "top.json")}
        change(folder)
        _commit(folder)
        for name, content in before.items():
            (folder / name).unlink(missing_ok=True)
            (folder / name).write_bytes(content)

    return prepare


def _link(name: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        (folder / name).rename(folder / "target")
        (folder / name).symlink_to("target")

    return change


def _attribute(line: str) -> Callable[[Path], object]:
    return lambda folder: (folder / ".gitattributes").write_text(f"{line}\n")


def _submodule(folder: Path) -> None:
    """The folder `files` was a submodule."""
    _commit(folder)
    commit = git(folder, "rev-parse", "HEAD").strip()
    git(folder, "rm", "-q", "-r", "--cached", "files")
    git(folder, "update-index", "--add", "--cacheinfo", f"160000,{commit},files/a.txt")
    git(folder, "commit", "-q", "-m", "v2")


def _shallow(folder: Path) -> None:
    """The folder is a clone of depth 1, whose second commit came later."""
    _commit(folder)
    git(folder, "commit", "-q", "--allow-empty", "-m", "v2")
    git(folder, "tag", "v2")
    git(folder, "clone", "-q", "--depth", "1", f"file://{folder}", "state/clone")
    shutil.rmtree(folder / ".git")
    (folder / "state/clone/.git").rename(folder / ".git")


@pytest.mark.parametrize("option", [("plan", "--against"), ("plan", "--changed"), ("run", "--changed")], ids=" ".join)
@pytest.mark.parametrize(
    ("prepare", "state"),
    [
        pytest.param(
            lambda _: None, ("main", "is not in a git repository: name a plan file instead"), id="no repository"
        ),
        pytest.param(_commit, ("nope", "git has no ref 'nope', and there is no plan file of that name"), id="no ref"),
        pytest.param(
            lambda folder: git(folder, "init", "-q"),
            ("HEAD", "git has no ref 'HEAD'"),
            id="repository without a commit",
        ),
        pytest.param(_shallow, ("HEAD~1", "this clone is shallow: git fetch --unshallow origin HEAD~1"), id="shallow"),
        pytest.param(
            _committed(lambda folder: (folder / "dispatchfile.yaml").unlink()),
            ("main", "dispatchfile.yaml: does not exist at main: leave out the comparison, every item is new"),
            id="no manifest",
        ),
        pytest.param(
            _committed(lambda folder: (folder / "dispatchfile.yaml").write_text("version: 2\n")),
            (
                "main",
                "the manifest at git ref 'main' has a problem: dispatchfile.yaml:1:1: the manifest has no dispatches",
            ),
            id="bad manifest",
        ),
        pytest.param(
            _committed(lambda folder: (folder / "top.json").unlink()),
            ("main", "dispatchfile.yaml:5:63: top.json: does not exist at main"),
            id="no file",
        ),
        pytest.param(
            _committed(lambda folder: (folder / "rows.csv").unlink()),
            ("main", "rows.csv: does not exist at main"),
            id="no rows",
        ),
        pytest.param(
            _committed(_link("rows.csv")), ("main", "rows.csv: is a symbolic link, which is not followed"), id="link"
        ),
        pytest.param(
            _committed(_link("dispatchfile.yaml")),
            ("main", "dispatchfile.yaml: is a symbolic link, which is not followed at main"),
            id="linked manifest",
        ),
        pytest.param(
            _submodule, ("main", "files/a.txt: is a submodule, which is not followed at main"), id="submodule"
        ),
        pytest.param(
            _committed(_attribute("*.csv text eol=crlf")),
            ("main", "rows.csv: has the git attribute eol=crlf"),
            id="CRLF at checkout",
        ),
        pytest.param(
            _committed(_attribute("*.yaml ident")),
            ("main", "dispatchfile.yaml: has the git attribute ident=set"),
            id="converted manifest",
        ),
        pytest.param(
            _committed(_attribute("top.json ident")), ("main", "top.json: has the git attribute ident=set"), id="ident"
        ),
        pytest.param(
            _committed(lambda folder: (folder / "top.json").write_text(LFS)),
            ("main", "top.json: is a Git LFS pointer at main"),
            id="LFS",
        ),
    ],
)
def test_a_state_that_cannot_be_read_is_refused(
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    prepare: Callable[[Path], object],
    state: tuple[str, str],
    option: tuple[str, str],
) -> None:
    """The error names the ref and the file; no plan is written."""
    prepare(folder)
    ref, says = state
    out = ["--out", "n.plan"] if option[0] == "plan" else []
    code, printed, err = call(capsys, *option, ref, *out)
    assert (code, printed, says in err, err.count("\n")) == (1, "", True, ONE_LINE), err
    assert ((folder / "n.plan").exists(), children(os.environ["NOMAD_ADDR"])) == (False, [])


def _sealed(change: Callable[[str], str]) -> Callable[[bytes], bytes]:
    """The change of the lines before the last, with the digest made anew."""

    def sealed(content: bytes) -> bytes:
        body = change("".join(content.decode().splitlines(keepends=True)[:-1])).encode()
        return body + b'{"sha256":"' + hashlib.sha256(body).hexdigest().encode() + b'"}\n'

    return sealed


@pytest.mark.parametrize("command", ["plan", "run"])
@pytest.mark.parametrize(
    ("change", "says"),
    [
        pytest.param(lambda text: text.replace(b"plan/v1", b"plan/v9"), ":1: the plan has the schema", id="newer"),
        pytest.param(lambda text: text[: len(text) // 2], ":4: the plan is cut short", id="cut in half"),
        pytest.param(lambda text: text[:-1], ": the plan was changed after it was made", id="without the last byte"),
        pytest.param(lambda text: text + b"\n", ":8: the plan is cut short", id="with another byte"),
        pytest.param(lambda text: text.replace(b"row-1", b"row-9", 1), ": the plan was changed", id="one byte"),
        pytest.param(lambda text: text.replace(b"\n", b"\r\n"), ": the plan was changed", id="CRLF"),
        pytest.param(lambda text: b"\xef\xbb\xbf" + text, ": the plan was changed", id="BOM"),
        pytest.param(lambda text: text.decode().encode("utf-16"), ":1: is not a plan", id="UTF-16"),
        pytest.param(lambda _: b"\0" * 5000, ":1: is not a plan", id="zeros"),
        pytest.param(lambda _: b"", ":1: is not a plan", id="empty"),
        pytest.param(
            _sealed(lambda text: text.replace('{"item":{', '{"item":{"id":"x",', 1)), ":3: ", id="duplicate keys"
        ),
        pytest.param(
            _sealed(lambda text: text.replace('"name":"nightly"', '"name":"nightly","size":1')),
            ":2: ",
            id="another key",
        ),
        pytest.param(
            _sealed(lambda text: text.replace('"tags":[]', '"tags":["\\ud800"]', 1)), ":3: ", id="half a character"
        ),
    ],
)
@pytest.mark.usefixtures("folder")
def test_a_plan_that_was_changed_is_refused(
    address: str, capsys: pytest.CaptureFixture[str], change: Callable[[bytes], bytes], says: str, command: str
) -> None:
    """The error names the file and the line."""
    call(capsys, "plan", "--out", "n.plan")
    Path("n.plan").write_bytes(change(Path("n.plan").read_bytes()))
    code, printed, err = call(capsys, command, "n.plan")
    assert (code, printed, f"n.plan{says}" in err, err.count("\n")) == (
        1,
        "",
        True,
        ONE_LINE,
    ), err
    assert children(address) == []


@pytest.mark.parametrize("command", ["plan", "run"])
@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda path: os.truncate(path, 500_000_000), "n.plan: is larger than 268,435,456 bytes"),
        (lambda path: path.unlink() or path.mkdir(), "n.plan"),
        (lambda path: path.unlink() or os.mkfifo(path), "n.plan"),
        (lambda path: path.unlink() or path.symlink_to("n.plan"), "n.plan"),
    ],
    ids=["huge", "folder", "pipe", "link-to-itself"],
)
@pytest.mark.usefixtures("folder")
def test_a_file_that_is_no_plan_is_refused(
    address: str, capsys: pytest.CaptureFixture[str], make: Callable[[Path], object], says: str, command: str
) -> None:
    """Neither is it read to its end, nor waited for."""
    call(capsys, "plan", "--out", "n.plan")
    make(Path("n.plan"))
    code, printed, err = call(capsys, command, "n.plan")
    assert (code, printed, says in err, children(address)) == (1, "", True, []), err


@pytest.mark.parametrize("digest", ["0" * 64, "", "sha256:", "zz", "FIRST"])
def test_another_digest_is_refused(folder: Path, address: str, capsys: pytest.CaptureFixture[str], digest: str) -> None:
    """Also one that is empty or short, as from a variable that nobody set; the error names both."""
    call(capsys, "plan", "--out", "n.plan")
    found = json.loads((folder / "n.plan").read_text().splitlines()[-1])["sha256"]
    digest = found[:11] if digest == "FIRST" else digest
    code, _, err = call(capsys, "run", "n.plan", "--digest", digest)
    assert (code, f"the plan has the digest {found}, not {digest!r}" in err, children(address)) == (1, True, [])


def test_the_digest_of_another_plan_is_refused(folder: Path, address: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A plan of fewer items is another plan."""
    call(capsys, "plan", "--out", "n.plan")
    call(capsys, "plan", "--out", "few.plan", "--only", "top")
    other = json.loads((folder / "few.plan").read_text().splitlines()[-1])["sha256"]
    assert call(capsys, "run", "n.plan", "--digest", other)[0] == 1
    assert children(address) == []
