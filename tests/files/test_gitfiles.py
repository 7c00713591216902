"""Files as they are in a commit."""

import os
import subprocess
from pathlib import Path

import pytest

from dispatchfile.errors import FileError, OutsideFolder, PlanError
from dispatchfile.gitfiles import GitFiles, commit_of, open_tree

LFS = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"


def git(folder: Path, *arguments: str) -> str:
    """Call git as a user without any configuration."""
    environ = {"PATH": os.environ["PATH"], "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"}
    names = {f"GIT_{who}_{what}": "x@example.com" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    command = ["git", "-c", "protocol.file.allow=always", *arguments]
    return subprocess.run(command, cwd=folder, env=environ | names, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository whose folder `batch` was changed after the commit v1."""
    folder = tmp_path / "repository"
    (folder / "batch/deep/er").mkdir(parents=True)
    git(folder, "init", "-q", "-b", "main")
    (folder / ".gitattributes").write_text("*.crlf eol=crlf\n*.bin filter=lfs\n")
    for name, text in {
        "films.csv": "a\n",
        "deep/one.json": "1",
        "deep/er/two.json": "2",
        "deep/.hidden.json": "3",
        "x.crlf": "a\n",
        "y.bin": "a",
        "pointer.txt": LFS,
        "ünder score.txt": "u",
    }.items():
        (folder / "batch" / name).write_text(text)
    (folder / "top.txt").write_text("top")
    (folder / "batch/link.csv").symlink_to("films.csv")
    (folder / "batch/linked").symlink_to("deep")
    git(folder, "-c", "core.attributesFile=/dev/null", "add", "--all")
    sub = git(folder, "commit", "-q", "-m", "v1") or git(folder, "rev-parse", "HEAD").strip()
    git(folder, "update-index", "--add", "--cacheinfo", f"160000,{sub},batch/module")
    git(folder, "commit", "-q", "-m", "v1 with a submodule")
    git(folder, "tag", "v1")
    (folder / "batch/films.csv").write_text("a\nb\n")
    (folder / "batch/deep/new.json").write_text("4")
    return folder


def test_files_are_read_as_they_were(repository: Path) -> None:
    """With their digests, as from the working folder."""
    with open_tree(repository / "batch", "v1") as tree:
        files = GitFiles(tree)
        assert [files.read(name) for name in ("films.csv", "./deep/../films.csv", "ünder score.txt")] == [
            b"a\n",
            b"a\n",
            b"u",
        ]
        assert set(files.digests) == {"films.csv", "deep/../films.csv", "ünder score.txt"}


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("deep/*.json", ["deep/one.json"]),
        ("deep/**/*.json", ["deep/er/two.json", "deep/one.json"]),
        ("**/t?o.json", ["deep/er/two.json"]),
        ("deep/.*.json", ["deep/.hidden.json"]),
        ("films.csv", ["films.csv"]),
        ("nothing/*", []),
    ],
)
def test_patterns_match_what_was_there(repository: Path, pattern: str, names: list[str]) -> None:
    """By the rules of the working folder."""
    with open_tree(repository / "batch", "v1") as tree:
        assert GitFiles(tree).glob(pattern) == names


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("missing.csv", "missing.csv: does not exist at v1"),
        ("deep/new.json", "deep/new.json: does not exist at v1"),
        ("deep", "deep: is a directory"),
        ("link.csv", "link.csv: is a symbolic link, which is not followed at v1"),
        ("linked/one.json", "linked/one.json: is below the symbolic link batch/linked, which is not followed at v1"),
        ("module", "module: is a submodule, which is not followed at v1"),
        ("module/a", "module/a: is in the submodule batch/module, which is not followed at v1"),
        ("films.csv/a", "films.csv/a: is below the file batch/films.csv, which is not followed at v1"),
        ("pointer.txt", "pointer.txt: is a Git LFS pointer at v1: its content is not in git"),
        ("y.bin", "y.bin: has the git attribute filter=lfs, so its content at v1 is not what a checkout has"),
        ("x.crlf", "x.crlf: has the git attribute eol=crlf, so its content at v1 is not what a checkout has"),
        ("/etc/passwd", "/etc/passwd: is an absolute path, which has no state at v1"),
        ("../../a", "../../a: is outside the repository, so it has no state at v1"),
        ("", ": is not a file name"),
    ],
)
def test_what_cannot_be_read_is_named(repository: Path, name: str, reason: str) -> None:
    """Never a link's target, a pointer, or bytes that a checkout would not have."""
    with open_tree(repository / "batch", "v1") as tree, pytest.raises(FileError) as error:
        GitFiles(tree).read(name)
    assert str(error.value) == reason


def test_a_file_outside_of_the_folder_has_to_be_allowed(repository: Path) -> None:
    """As in the working folder."""
    with open_tree(repository / "batch", "v1", whole=True) as tree:
        with pytest.raises(OutsideFolder):
            GitFiles(tree).read("../top.txt")
        assert GitFiles(tree, allow_outside=True).read("../top.txt") == b"top"


def test_a_file_over_its_limit_is_refused(repository: Path) -> None:
    """As in the working folder."""
    with open_tree(repository / "batch", "v1") as tree, pytest.raises(FileError, match="is larger than 1 bytes"):
        GitFiles(tree).read("films.csv", limit=1)


@pytest.mark.parametrize("ref", ["nope", "-h", "--all", "v1:batch", "", "v1^{tree}"])
def test_an_unknown_ref_is_refused(repository: Path, ref: str) -> None:
    """Nothing that looks like an option reaches git as one."""
    with pytest.raises(PlanError) as error, open_tree(repository, ref):
        pass
    assert str(error.value) == (
        f"git has no ref {ref!r}, and there is no plan file of that name: "
        f"see `git branch --all`, or fetch it: git fetch origin {ref}"
    )


def test_a_shallow_clone_says_how_to_fetch_more(repository: Path, tmp_path: Path) -> None:
    """CI systems clone so."""
    git(tmp_path, "clone", "-q", "--depth", "1", f"file://{repository}", "shallow")
    with pytest.raises(PlanError) as error, open_tree(tmp_path / "shallow", "HEAD~1"):
        pass
    assert str(error.value) == (
        "git has no ref 'HEAD~1', and there is no plan file of that name: "
        "this clone is shallow: git fetch --unshallow origin HEAD~1 (actions/checkout: fetch-depth: 0)"
    )


def test_a_folder_without_a_repository_is_refused(tmp_path: Path) -> None:
    """A plan file can be compared with instead."""
    with pytest.raises(PlanError) as error, open_tree(tmp_path, "main"):
        pass
    assert str(error.value) == f"{tmp_path} is not in a git repository: name a plan file instead of a git ref"


def test_without_git_that_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is no part of the package."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PlanError) as error, open_tree(tmp_path, "main"):
        pass
    assert str(error.value) == "git ref 'main' cannot be read: git is not installed"


@pytest.mark.parametrize(
    ("name", "known", "mark"),
    [
        pytest.param("batch/x.crlf", True, "", id="committed"),
        pytest.param("batch/ünder score.txt", True, "", id="any name"),
        pytest.param("batch/films.csv", True, " (changed)", id="changed"),
        pytest.param("batch/deep/new.json", False, "", id="not added"),
        pytest.param("batch/staged.json", False, "", id="not committed"),
        pytest.param("batch/ignored.json", False, "", id="ignored"),
        pytest.param("batch/missing/x.json", False, "", id="no folder"),
    ],
)
def test_a_file_has_the_commit_that_is_checked_out(repository: Path, name: str, known: bool, mark: str) -> None:
    """A file that is not in it has none, and one that was changed since says so."""
    (repository / ".gitignore").write_text("ignored.json\n")
    (repository / "batch/ignored.json").write_text("1")
    (repository / "batch/staged.json").write_text("1")
    git(repository, "add", "batch/staged.json")
    commit = git(repository, "rev-parse", "HEAD").strip()
    assert commit_of(str(repository / name)) == (f"{commit}{mark}" if known else "")


def test_a_file_outside_of_a_repository_has_no_commit(tmp_path: Path) -> None:
    """Nor has one in a repository without a commit."""
    (tmp_path / "a.yaml").write_text("")
    assert commit_of(str(tmp_path / "a.yaml")) == ""
    git(tmp_path, "init", "-q")
    assert commit_of(str(tmp_path / "a.yaml")) == ""
