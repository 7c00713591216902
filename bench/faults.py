"""
Runs under scripted faults: 429s, resets, answers lost after the write, phantom answers.

Afterwards there is exactly one child for each item, and every item has the verdict of its child's end.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from agents import JOB, embedded_agent, mock_job
from processes import DISPATCHFILE, without_nomad_variables

FAULTS = ("429=5%", "reset=2%", "drop-after-write=2%", "phantom=2%")
ITEM = """  - id: item-%05d
    idempotency_token: token-%05d
    meta: {code: "%d"}
"""
FAILS_EVERY = 50


def write_manifest(folder: Path, items: int) -> Path:
    manifest = folder / "dispatchfile.yaml"
    with manifest.open("w", encoding="utf-8") as out:
        out.write(f"version: 1\nname: faults\ndefaults: {{job: {JOB}}}\ndispatches:\n")
        out.writelines(ITEM % (n, n, 3 if n % FAILS_EVERY == 0 else 0) for n in range(items))
    return manifest


def run_once(items: int, seed: int, settle: str) -> bool:
    with tempfile.TemporaryDirectory() as name, embedded_agent([mock_job()], FAULTS, seed) as agent:
        manifest = write_manifest(Path(name), items)
        command = [*DISPATCHFILE, "run", str(manifest), "--wait", "-o", "json", "--address", agent.address]
        command += ["--settle", settle, "--state-dir", f"{name}/state"]
        output = subprocess.run(command, capture_output=True, check=False, env=without_nomad_variables())
        summary = json.loads(output.stdout)
        children = agent.children()
        wrong = [
            item["id"]
            for number, item in enumerate(summary["items"])
            if item["outcome"] != ("failed" if number % FAILS_EVERY == 0 else "succeeded")
        ]
    doubled = sum(count - 1 for count in children.values())
    requests = summary["requests"]
    fine = len(children) == items and not doubled and not wrong and output.returncode == 2
    print(
        f"seed {seed}: {'ok' if fine else 'WRONG'}: {sum(children.values())} children of {items} items, "
        f"{doubled} doubled, {len(wrong)} wrong verdicts, {summary['duration_s']:.0f} s, "
        f"{requests['total']} requests, {requests['throttled']} throttled, {requests['retried']} repeated",
        flush=True,
    )
    return fine


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=2000)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--settle", default="45s")
    options = parser.parse_args()
    fine = [run_once(options.items, seed, options.settle) for seed in range(options.seeds)]
    sys.exit(0 if all(fine) else 1)


if __name__ == "__main__":
    main()
