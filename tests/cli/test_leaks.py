"""Secrets that were given where secrets belong are kept nowhere and shown nowhere, however the run ends."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import pytest

from dispatchfile.cli.exits import run_to_exit_code
from dispatchfile.reports.formats import ReportKind

ROOT = Path(__file__).parents[2]
DISPATCHFILE = (sys.executable, "-m", "dispatchfile")
SECRETS = {
    "a variable in sensitive meta": 'Sw0rd"fish/one+ü',
    "a variable in a sensitive payload": 'Sw0rd"fish/two+ü',
    "the token": "7e9f3c1a-6b2d-4f80-9a1c-3d5e7f9b1c2d",
    "the password of NOMAD_HTTP_AUTH": "basic-passw0rd",
    "the password in the address": "address-passw0rd",
}
META, PAYLOAD, TOKEN, BASIC, ADDRESS = SECRETS.values()
JOB = """\
job "work" {
  type = "batch"
  parameterized {
    payload       = "optional"
    meta_required = ["how"]
    meta_optional = ["key"]
  }
  meta { key = "" }
  group "g" {
    restart    { attempts = 0 }
    reschedule { attempts = 0 }
    task "t" {
      driver = "raw_exec"
      dispatch_payload { file = "in" }
      config {
        command = "/bin/sh"
        args    = ["-c", "${NOMAD_META_how}"]
      }
    }
  }
}
"""
MANIFEST = """\
version: 1
name: nightly
vars: {one: unset, two: unset}
dispatches:
  - id: echoes
    job: work
    meta: {key: "{{ vars.one }}", how: 'echo "key $NOMAD_META_key" >&2; exit 3'}
    sensitive: [meta.key]
  - id: reads
    job: work
    payload: {template: two.j2}
    meta: {how: 'cat local/in >&2; exit 4'}
    sensitive: [payload]
  - {id: hangs, job: work, payload: {template: two.j2}, meta: {how: "HANG"}, sensitive: [payload]}
"""
FORMATS = ("text", "json", "ndjson")
REPORTS = tuple(ReportKind)


def environment(address: str) -> Mapping[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("NOMAD_")}
    return kept | {
        "PYTHONPATH": str(ROOT),
        "DISPATCHFILE_STATE_DIR": "state",
        "NOMAD_ADDR": address,
        "NOMAD_TOKEN": TOKEN,
        "NOMAD_HTTP_AUTH": f"me:{BASIC}",
    }


def start(folder: Path, address: str, *arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [*DISPATCHFILE, *arguments],
        cwd=folder,
        env=environment(address),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def said(folder: Path, address: str, *arguments: str, code: int) -> bytes:
    """Both streams of a command that ends with *code*."""
    with start(folder, address, *arguments) as process:
        out, err = process.communicate(timeout=30)
    assert process.returncode == code, err.decode()
    return out + err


@contextmanager
def agent(folder: Path) -> Iterator[str]:
    with start(folder, "", "agent", "--bind", "127.0.0.1:0") as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().decode().rpartition("NOMAD_ADDR=")[2].strip()
        finally:
            process.terminate()
            process.communicate(timeout=30)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "jobs").mkdir()
    (tmp_path / "jobs/work.nomad.hcl").write_text(JOB)
    (tmp_path / "two.j2").write_text("{{ vars.two }}")
    (tmp_path / "secrets.yaml").write_text(json.dumps({"one": META, "two": PAYLOAD}))
    (tmp_path / "dispatchfile.yaml").write_text(MANIFEST.replace("HANG", "exit 0"))
    return tmp_path


def forms(secret: str) -> set[bytes]:
    """A secret as it is, and as base64, an address, JSON or a shell would hold it."""
    plain = secret.encode()
    quoted = {
        quote(secret, safe=""),
        quote(secret),
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
    }
    return {plain, base64.b64encode(plain).rstrip(b"="), *(text.encode() for text in quoted)}


def leaks(told: Mapping[str, bytes]) -> list[tuple[str, str]]:
    """Which secret stands where."""
    return [
        (name, where)
        for name, secret in SECRETS.items()
        for where, data in told.items()
        if any(form in data for form in forms(secret))
    ]


def kept(folder: Path) -> dict[str, bytes]:
    """All files of the state folder, with the journals' write-ahead logs, and all reports."""
    files = [*(folder / "state").rglob("*"), *folder.glob("report.*")]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files if path.is_file()}


def test_a_run_keeps_and_shows_no_secret(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    """Neither the journal nor a report, a summary, an event or the status of an item does."""
    told: dict[str, bytes] = {}

    def say(*arguments: str, code: int = 0) -> None:
        assert run_to_exit_code(list(arguments)) == code
        told[" ".join(arguments)] = b"".join(capfdbinary.readouterr())

    monkeypatch.chdir(folder)
    reports = [word for form in REPORTS for word in ("--report", f"{form}=report.{form}")]
    with agent(folder) as address:
        for name, value in environment(address.replace("//", f"//me:{ADDRESS}@")).items():
            monkeypatch.setenv(name, value)
        for form in FORMATS:
            say("run", "--new", "--wait", "--var-file", "secrets.yaml", "-v", "-o", form, *reports, code=2)
        for form in ("text", "json"):
            say("status", "-o", form)
            say("watch", "-o", form, code=2)
            say("runs", "-o", form)
            say("status", "dispatchfile.yaml", "echoes", "-o", form)
            say("status", "dispatchfile.yaml", "reads", "-o", form)
        for form in REPORTS:
            say("report", "--format", form)
        say("rerun", "--failed", code=1)
        say("rerun", "--failed", "--wait", "--var-file", "secrets.yaml", code=2)
    assert leaks(told | kept(folder)) == []
    named = {form for form in REPORTS if b"echoes" in told[" ".join(("report", "--format", form))]}
    assert named == {*REPORTS} - {ReportKind.DOTENV}


def test_a_killed_run_keeps_no_secret(folder: Path) -> None:
    """Whatever stands in the journal's pages and its write-ahead log at that moment, and what a stop adds."""
    (folder / "dispatchfile.yaml").write_text(MANIFEST.replace("HANG", "sleep 60"))
    with agent(folder) as address:
        options = ("--wait", "--run-id", "killed", "--var-file", "secrets.yaml", "-o", "ndjson")
        with start(folder, address, "run", *options) as process:
            assert process.stdout is not None
            events = map(json.loads, process.stdout)
            next(event for event in events if (event["event"], event.get("item")) == ("running", "hangs"))
            process.kill()
            process.communicate(timeout=30)
        at_the_kill = kept(folder)
        told = {command: said(folder, address, command, "killed", code=0) for command in ("status", "stop")}
    assert process.returncode == -signal.SIGKILL
    assert "state/runs" in " ".join(at_the_kill)
    assert leaks(at_the_kill) == []
    assert leaks(told | kept(folder)) == []
