"""The same command line given to `dispatchfile dispatch` and to `nomad job dispatch`, and what they say."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass

from dispatchfile.cli.exits import run_to_exit_code
from tests.real_nomad import binary

HINT = re.compile(r"\n\n==> View this job in the Web UI: \S+\n\n")
LATER = re.compile(
    r'    TIME: Allocation "(ID|UUID)" status changed: .*\n'
)  # told or not: it depends on when one looks
ANY_ID = (
    (r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "UUID"),
    (r'"[0-9a-f]{8}"', '"ID"'),
    (r"= [0-9a-f]{8}\n", "= ID\n"),
)
ANY_CHILD = (r"-[0-9]{10}-[0-9a-f]{8}\b", "-CHILD")
ANY_TIME = (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d)", "TIME")


@dataclass(frozen=True, slots=True)
class Said:
    """The output of a command, with IDs and times replaced, and its exit code."""

    out: str
    err: str
    code: int


def normalized(text: str) -> str:
    for pattern, name in (ANY_TIME, ANY_CHILD, *ANY_ID):
        text = re.sub(pattern, name, text)
    return LATER.sub("", text)


def ours(address: str, *arguments: str, stdin: str = "", command: str = "dispatch") -> Said:
    """Run our command in this process, which is much faster."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err), _typed(stdin), _only(environment(address)):
        code = run_to_exit_code([command, *arguments])
    return Said(normalized(out.getvalue()), normalized(err.getvalue()), code)


@contextmanager
def _typed(stdin: str) -> Iterator[None]:
    before, sys.stdin = sys.stdin, io.TextIOWrapper(io.BytesIO(stdin.encode()))
    try:
        yield
    finally:
        sys.stdin = before


@contextmanager
def _only(environ: Mapping[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.clear()
    os.environ.update(environ)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def theirs(address: str, *arguments: str, stdin: str = "") -> Said:
    """Run the plain CLI. Its hint at its Web UI is left out."""
    ended = subprocess.run(
        [str(binary()), "job", "dispatch", *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        env=environment(address),
    )
    return Said(normalized(ended.stdout), HINT.sub("", normalized(ended.stderr)), ended.returncode)


def environment(address: str) -> dict[str, str]:
    """That of the tests, without what would change what the commands say."""
    kept = {
        key: text for key, text in os.environ.items() if not key.startswith(("NOMAD_", "FORCE_", "DISPLAY", "WAYLAND_"))
    }
    return {**kept, "NOMAD_ADDR": address}
