"""The pre-commit hook, installed by pre-commit from a clone as its users install it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from tests.ci.checkouts import commit_all, copy_of_dispatchfile, write_files
from tests.docs.pages import ROOT, read_sections
from tests.tools import is_offline, missing

pytestmark = pytest.mark.timeout(300)  # pip installs the hook
BAD = "version: 1\ndispatches:\n  - {id: a, jobs: work}\n"
FILES = {
    "dispatch/dispatchfile.yaml": "version: 1\ndispatches:\n  - {id: a, job: work, payload: {template: a.j2}}\n",
    "dispatch/a.j2": "{{ name }}",
}
NAMES = ("dispatchfile.yaml", "dispatchfile.yml", "jobs/nightly.dispatchfile.yaml", "jobs/nightly.dispatchfile.yml")
NOT_MANIFESTS = {"mydispatchfile.yaml": "a: [", "dispatchfile.yaml.bak": "a: [", "dispatchfile/values.yaml": "a: ["}


@pytest.fixture
def hook_source(tmp_path: Path) -> tuple[str, str]:
    """Where a user's configuration finds dispatchfile, and the commit."""
    folder = copy_of_dispatchfile(tmp_path / "dispatchfile")
    return str(folder), commit_all(folder)


@pytest.fixture
def home(tmp_path: Path, hook_source: tuple[str, str]) -> Path:
    """Return a folder in which pre-commit has installed the hook."""
    home, user = tmp_path / "home", tmp_path / "first-user"
    write_files(user, {".pre-commit-config.yaml": documented(hook_source)})
    commit_all(user)
    done = pre_commit(home, user, "install-hooks")
    if done.returncode and is_offline(done.stdout):
        missing(f"pre-commit could not install the hook: the package registry cannot be reached\n{done.stdout}")
    assert done.returncode == 0, done.stdout
    return home


def documented(source: tuple[str, str]) -> str:
    """Return the configuration on docs/ci.md, for the clone."""
    (section,) = (section for section in read_sections(ROOT / "docs/ci.md") if section.title == "pre-commit")
    first = next(block.text for block in section.blocks if block.language == "yml")
    (repository,) = YAML(typ="safe").load(first)["repos"]
    return first.replace(repository["repo"], source[0]).replace(repository["rev"], source[1])


def pre_commit(home: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run pre-commit with a cache of its own."""
    environ = {
        name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "NOMAD_", "PRE_COMMIT"))
    }
    environ |= {"PRE_COMMIT_HOME": str(home), "PRE_COMMIT_COLOR": "never"}
    return subprocess.run(
        [sys.executable, "-m", "pre_commit", *arguments],
        cwd=folder,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def run_hook(home: Path, folder: Path, config: str, files: dict[str, str]) -> tuple[int, str]:
    """Commit the files and run the hook on all of them; return the exit code and what is printed."""
    write_files(folder, files | {".pre-commit-config.yaml": config})
    commit_all(folder)
    done = pre_commit(home, folder, "run", "--all-files")
    return done.returncode, done.stdout


def for_every_change(config: str) -> str:
    """Return the configuration with the second list of hooks on docs/ci.md."""
    (section,) = (section for section in read_sections(ROOT / "docs/ci.md") if section.title == "pre-commit")
    _, hooks = (block.text for block in section.blocks if block.language == "yml")
    return config[: config.index("    hooks:")] + "".join(f"    {line}\n" for line in hooks.splitlines())


def test_the_hook_checks_manifests_and_nothing_else(home: Path, hook_source: tuple[str, str], tmp_path: Path) -> None:
    """A good manifest passes; every name that a manifest has by default is checked, and problems have their places."""
    config = documented(hook_source)
    passed = (0, f"dispatchfile validate{'.' * 52}Passed\n")
    assert run_hook(home, tmp_path / "good", config, FILES | NOT_MANIFESTS) == passed
    code, output = run_hook(home, tmp_path / "bad", config, FILES | dict.fromkeys(NAMES, BAD))
    places = {line.partition(": DF")[0] for line in output.splitlines() if ": DF011 " in line}
    assert (code, places) == (1, {f"{name}:3:13" for name in NAMES})
    template = FILES | {"dispatch/a.j2": "{{ nome }}"}
    code, output = run_hook(home, tmp_path / "template", for_every_change(config), template)
    assert code == 1
    assert "dispatch/a.j2:1:1: DF033 nome is not defined" in output
