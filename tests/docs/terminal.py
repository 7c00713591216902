"""Commands as the pages show them, run in a folder of their own."""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from dispatchfile.cli.exits import run_to_exit_code
from dispatchfile.journal.folder import ENVIRONMENT
from tests.docs.pages import ROOT

_CHANGING = (  # of what a run prints: its ID, how long it took, how often it asked, and the digest of a plan
    (re.compile(r"\b[0-9a-f]{64}\b"), "DIGEST"),
    (re.compile(r"\bp[0-9a-f]{12}\b"), "pDIGEST"),
    (re.compile(r"\bplan [0-9a-f]{12}\b"), "plan DIGEST"),
    (re.compile(r"\b(run|resume|rerun|RUN=)( ?)[a-z][a-z0-9]{7}\b"), r"\1\2RUN"),
    (re.compile(r"\bafter [0-9.]+(ms|s)\b"), "after 1.0s"),
    (re.compile(r"\b[0-9,]+ requests, peak [0-9]+ connections?"), "N requests, peak N connections"),
    (re.compile(r"\bon node \S+"), "on node HOST"),
)
_EXAMPLE = re.compile(r"dispatchfile run examples/([a-z-]+)/dispatchfile\.yaml --local")
_WIDTH = "100"


@contextlib.contextmanager
def folder_with(files: Mapping[str, str], folder: Path) -> Iterator[Path]:
    """The *folder* with *files* in it, as the current one."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    with contextlib.chdir(folder):
        yield folder


def run_shown(command: str, *, environ: Mapping[str, str] | None = None) -> tuple[list[str], int]:
    """Return what a *command* of a page prints, both streams together, and its exit code."""
    words = shlex.split(command)
    if match := _EXAMPLE.fullmatch(command):
        printed, exit_code = run_example(match[1])
        return list(printed), exit_code
    if words[0] != "dispatchfile":
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        environment = {**os.environ, "PATH": path, "COLUMNS": _WIDTH, "CI": "1", **(environ or {})}
        done = subprocess.run(
            ["bash", "-c", command],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return done.stdout.splitlines(), done.returncode
    return run_dispatchfile(words[1:], environ=environ)


def run_dispatchfile(arguments: list[str], *, environ: Mapping[str, str] | None = None) -> tuple[list[str], int]:
    """The command line in this process: the lines of both streams as they come, and the exit code."""
    screen = io.StringIO()
    changed = _environment({"COLUMNS": _WIDTH, "CI": "1", **(environ or {})})
    with changed, contextlib.redirect_stdout(screen), contextlib.redirect_stderr(screen):
        code = run_to_exit_code(arguments)
    return screen.getvalue().splitlines(), code


@cache
def run_example(name: str) -> tuple[tuple[str, ...], int]:
    """Run `dispatchfile run examples/NAME/dispatchfile.yaml --local` once. Return what it prints, and its exit code."""
    with tempfile.TemporaryDirectory() as state, contextlib.chdir(ROOT):
        arguments = ["run", f"examples/{name}/dispatchfile.yaml", "--local"]
        printed, exit_code = run_dispatchfile(arguments, environ={ENVIRONMENT: state})
    return tuple(printed), exit_code


@contextlib.contextmanager
def _environment(changes: Mapping[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(changes)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def steady(lines: list[str] | tuple[str, ...]) -> list[str]:
    """The *lines* with what differs from run to run replaced."""
    return [_steadied(line) for line in lines]


def _steadied(line: str) -> str:
    for pattern, stand_in in _CHANGING:
        line = pattern.sub(stand_in, line)
    return line
