"""What tests of plans share: a manifest, calls of the program, and what Nomad has."""

from __future__ import annotations

import json

import pytest

from dispatchfile.cli.exits import run_to_exit_code
from tests.cli.test_run import JOB
from tests.dispatch_command.jobs import ask

MANIFEST = """\
version: 1
name: nightly
vars: {key: ""}
dispatches:
  - {id: top, job: work, meta: {how: "true"}, payload: {file: top.json}}
  - id: "row-{{ each.n }}"
    for_each: {csv: rows.csv}
    job: work
    meta: {how: "true"}
    payload: {json: {n: "{{ each.n }}", text: "{{ each.text }}"}}
  - {id: "file-{{ each.stem }}", for_each: {glob: "files/*.txt"}, job: work, meta: {how: "true"}}
"""


def call(capsys: pytest.CaptureFixture[str], *argv: str) -> tuple[int, str, str]:
    code = run_to_exit_code(list(argv))
    out, err = capsys.readouterr()
    return code, out, err


def children(address: str) -> list[str]:
    return sorted(job["ID"] for job in ask(address, "GET", "/v1/jobs?prefix=work/dispatch-"))


def change_job(address: str) -> None:
    """Register the job `work` with another meta."""
    job = json.loads(JOB)
    job["Job"]["Meta"] = {"new": "1"}
    ask(address, "POST", "/v1/jobs", job)
