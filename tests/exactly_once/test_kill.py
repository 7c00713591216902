"""A run killed with SIGKILL while it works, resumed until it is done; its Nomad is an agent in another process."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DISPATCHFILE = (sys.executable, "-m", "dispatchfile")
FAULTS = ("--fault", "drop-after-write=4%:dispatch", "--fault", "delay=5%:20ms")
ITEMS, FAILS_EVERY, KILLS = 60, 10, 4
JOB = """\
job "encode" {
  type = "batch"
  parameterized { meta_optional = ["code"] }
  meta { code = "0" }
  group "g" {
    restart    { attempts = 0 }
    reschedule { attempts = 0 }
    task "t" {
      driver = "mock_driver"
      config {
        run_for   = "20ms"
        exit_code = "${NOMAD_META_code}"
      }
    }
  }
}
"""


def start(*arguments: str, cwd: Path) -> subprocess.Popen[str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("NOMAD_")}
    return subprocess.Popen(
        [*DISPATCHFILE, *arguments],
        cwd=cwd,
        env=kept | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


@contextmanager
def agent(folder: Path) -> Iterator[str]:
    (folder / "jobs").mkdir()
    (folder / "jobs/encode.nomad.hcl").write_text(JOB)
    with start("agent", "--bind", "127.0.0.1:0", *FAULTS, cwd=folder) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().rpartition("NOMAD_ADDR=")[2].strip()
        finally:
            process.terminate()


def manifest() -> str:
    items = [
        f'- {{id: i{number:02}, meta: {{code: "{3 * (number % FAILS_EVERY == 0)}"}}, retry: {{attempts: 2}}}}'
        for number in range(ITEMS)
    ]
    return "\n".join(["version: 1", "defaults: {job: encode}", "dispatches:", *items]) + "\n"


def expected(number: int) -> tuple[str, int, int]:
    return ("failed", 3, 2) if number % FAILS_EVERY == 0 else ("succeeded", 0, 1)


def live(folder: Path, address: str, kill_after: int | None) -> str:
    """One process: killed once it has told of so many events, or left to its end. The last line it wrote."""
    settings = ("--wait", "--run-id", "kill", "--settle", "300ms", "--state-dir", "state")
    run = start("run", "-o", "ndjson", "--address", address, *settings, cwd=folder)
    with run:
        assert run.stdout is not None
        last = ""
        for number, line in enumerate(run.stdout, 1):
            last = line
            if number == kill_after:
                run.kill()
    return last


@pytest.mark.parametrize("seed", [1, 2])
def test_a_killed_run_is_resumed_with_one_child_for_each_attempt(tmp_path: Path, seed: int) -> None:
    """None is missing, none is doubled, and every verdict is right."""
    (tmp_path / "dispatchfile.yaml").write_text(manifest())
    moments = random.Random(seed)
    with agent(tmp_path) as address:
        for _ in range(KILLS):
            live(tmp_path, address, moments.randrange(2, 70))
        summary = json.loads(live(tmp_path, address, None))
        with urllib.request.urlopen(f"{address}/v1/jobs?prefix=encode/dispatch-kill-", timeout=10) as answer:
            children = Counter(row["ID"].rsplit("-", 2)[0].rpartition("kill-")[2] for row in json.load(answer))
    ends = {item["id"]: (item["outcome"], item["exit_code"], item["attempt"]) for item in summary["items"]}
    assert ends == {f"i{number:02}": expected(number) for number in range(ITEMS)}
    attempts = [(number, attempt) for number in range(ITEMS) for attempt in range(1, expected(number)[2] + 1)]
    assert children == Counter(f"i{number:02}-{attempt}" for number, attempt in attempts)
