"""
A run killed with SIGKILL at random moments and resumed until it is done, again and again.

Afterwards there is exactly one child for each item and attempt, none is missing, and every verdict is right.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import random
import signal
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from collections import Counter
from pathlib import Path

from agents import JOB, agent_process, mock_job
from processes import DISPATCHFILE, without_nomad_variables

FAULTS = ("drop-after-write=2%", "delay=5%:100ms")
ITEM = """  - id: item-%05d
    meta: {code: "%d"}
    retry: {attempts: 2, on: [failed]}
"""
FAILS_EVERY = 25
LATEST_KILL_S = 4.0


def write_manifest(folder: Path, items: int) -> Path:
    manifest = folder / "dispatchfile.yaml"
    with manifest.open("w", encoding="utf-8") as out:
        out.write(f"version: 1\nname: kill\ndefaults: {{job: {JOB}}}\ndispatches:\n")
        out.writelines(ITEM % (n, 3 if n % FAILS_EVERY == 0 else 0) for n in range(items))
    return manifest


def expected_children(run: str, items: int) -> Counter[str]:
    """One child for each item, and a second attempt's for those that fail."""
    expected = Counter[str]()
    for number in range(items):
        for attempt in (1, 2) if number % FAILS_EVERY == 0 else (1,):
            expected[f"{JOB}/dispatch-{run}-item-{number:05}-{attempt}"] = 1
    return expected


def expected_ends(items: int) -> dict[str, tuple[str, int, int]]:
    """Each item's outcome, exit code and attempt."""
    return {
        f"item-{number:05}": ("failed", 3, 2) if number % FAILS_EVERY == 0 else ("succeeded", 0, 1)
        for number in range(items)
    }


class Campaign:
    """Rounds of one run each, killed until it happens to end."""

    def __init__(self, address: str, items: int, settle: str, seed: int) -> None:
        self.address, self.items, self.settle = address, items, settle
        self.random = random.Random(seed)
        self.kills = 0
        self.wrong = 0

    def play(self, number: int, folder: Path, most_kills: int) -> None:
        run = f"kill{number}"
        manifest = write_manifest(folder, self.items)
        common = ["-o", "json", "--address", self.address, "--settle", self.settle, "--state-dir", f"{folder}/state"]
        first = [*DISPATCHFILE, "run", str(manifest), "--wait", "--run-id", run, *common]
        killed, output = 0, b""
        while True:
            output, ended = self._start(first, may_kill=killed < most_kills)
            if ended:
                break
            killed += 1
        self.kills += killed
        self._judge(run, killed, json.loads(output))

    def _start(self, command: list[str], *, may_kill: bool) -> tuple[bytes, bool]:
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=without_nomad_variables()
        )
        try:
            output, errors = process.communicate(timeout=self.random.uniform(0.2, LATEST_KILL_S) if may_kill else 300)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.communicate()
            return b"", False
        if process.returncode not in (0, 2):
            print(errors.decode(), file=sys.stderr)
        return output, True

    def _judge(self, run: str, killed: int, summary: dict) -> None:
        mine = f"{JOB}/dispatch-{run}-"
        children = Counter(stem for stem in listed_children(self.address) if stem.startswith(mine))
        expected = expected_children(run, self.items)
        missing, doubled = expected - children, children - expected
        outcomes = Counter(item["outcome"] for item in summary["items"])
        ends = {item["id"]: (item["outcome"], item["exit_code"], item["attempt"]) for item in summary["items"]}
        fine = not missing and not doubled and ends == expected_ends(self.items)
        self.wrong += not fine
        print(
            f"run {run}: {'ok' if fine else 'WRONG'}: killed {killed} times, {sum(children.values())} children, "
            f"{sum(missing.values())} missing, {sum(doubled.values())} doubled, {dict(outcomes)}",
            flush=True,
        )


def listed_children(address: str) -> list[str]:
    """Children of the bench's job, read from a server: their IDs, less Nomad's suffix."""
    query = urllib.parse.urlencode({"prefix": f"{JOB}/dispatch-"})
    with urllib.request.urlopen(f"{address}/v1/jobs?{query}", timeout=60) as answer:
        rows = json.load(answer)
    return [row["ID"].rsplit("-", 2)[0] for row in rows]


def register(address: str, run_for: str = "50ms") -> None:
    body = json.dumps({"Job": mock_job(run_for=run_for)}).encode()
    request = urllib.request.Request(f"{address}/v1/jobs", data=body, method="PUT")
    urllib.request.urlopen(request, timeout=10).close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200, help="at least so many in all")
    parser.add_argument("--items", type=int, default=400, help="of each run")
    parser.add_argument("--settle", default="2s")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--address", help="a real agent with mock_driver; none: an embedded one with faults, a process of its own"
    )
    options = parser.parse_args()
    with contextlib.ExitStack() as stack:
        address = options.address or stack.enter_context(agent_process([mock_job()], FAULTS))
        if options.address:
            register(address)
        campaign = Campaign(address, options.items, options.settle, options.seed)
        started, number = time.monotonic(), 0
        while campaign.kills < options.kills:
            number += 1
            with tempfile.TemporaryDirectory() as folder:
                campaign.play(number, Path(folder), most_kills=12)
        minutes = (time.monotonic() - started) / 60
        print(f"{campaign.kills} kills in {number} runs, {campaign.wrong} runs wrong, {minutes:.1f} minutes")
    sys.exit(1 if campaign.wrong else 0)


if __name__ == "__main__":
    main()
