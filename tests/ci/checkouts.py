"""Git repositories for tests: dispatchfile as others clone it, and those that use it."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests.docs.pages import ROOT

PUBLISHED = (
    ".github",
    ".pre-commit-hooks.yaml",
    "LICENSE",
    "README.md",
    "dispatchfile",
    "docs",
    "examples",
    "pyproject.toml",
    "schemas",
)
NAMED = {f"GIT_{who}_{what}": "test@example.com" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}


def git(folder: Path, *arguments: str) -> str:
    """Run a git command without the user's own configuration; return what it prints."""
    alone = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    environ = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")} | NAMED | alone
    command = ["git", "-c", "init.defaultBranch=main", *arguments]
    return subprocess.run(command, cwd=folder, env=environ, check=True, capture_output=True, text=True).stdout.strip()


def copy_of_dispatchfile(folder: Path) -> Path:
    """Return a folder with the files that others use of dispatchfile, as they are in the checkout now."""
    folder.mkdir(parents=True)
    ignored = shutil.ignore_patterns("__pycache__")
    for name in PUBLISHED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, symlinks=True, ignore=ignored)
        elif source.exists():
            shutil.copy2(source, folder / name)
    return folder


def commit_all(folder: Path) -> str:
    """Make the folder a repository, if it is none, and commit all files; return the commit."""
    if not (folder / ".git").exists():
        git(folder, "init", "-q")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "--allow-empty", "-m", "Add files")
    return git(folder, "rev-parse", "HEAD")


def write_files(folder: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
