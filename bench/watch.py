"""
What watching costs, and how soon an end is known.

A run of short tasks is followed to completion, as a whole process. Printed: requests an item, and how long after a
child's end the tool knew it: after its task ended on the node, and after the server had recorded that (both as Nomad's
own records date them; a busy node takes a while to report).
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import urllib.parse
import urllib.request
from datetime import datetime
from pathlib import Path

from agents import JOB
from kill import register
from processes import DISPATCHFILE, without_nomad_variables


def write_manifest(folder: Path, items: int) -> Path:
    manifest = folder / "dispatchfile.yaml"
    with manifest.open("w", encoding="utf-8") as out:
        out.write(f"version: 1\nname: watch\ndefaults: {{job: {JOB}}}\ndispatches:\n")
        out.writelines(f"  - id: item-{number:05}\n" for number in range(items))
    return manifest


def ends(address: str, run: str) -> dict[str, tuple[float, float]]:
    """When each child's task ended, and when the server recorded it, in seconds since the epoch."""
    found = {}
    query = urllib.parse.urlencode({"filter": f'JobID contains "dispatch-{run}-"'})
    with urllib.request.urlopen(f"{address}/v1/allocations?{query}", timeout=120) as answer:
        for alloc in json.load(answer):
            task_ended = max(seconds(state["FinishedAt"]) for state in alloc["TaskStates"].values())
            found[alloc["JobID"]] = task_ended, alloc["ModifyTime"] / 1e9
    return found


def seconds(timestamp: str) -> float:
    head, _, fraction = timestamp.rstrip("Z").partition(".")
    return datetime.fromisoformat(f"{head}+00:00").timestamp() + float(f"0.{fraction or 0}")


def tell(what: str, delays: list[float]) -> None:
    delays.sort()
    rank = delays[int(len(delays) * 0.95)]
    print(f"known after {what}: {statistics.median(delays):.2f} s (median), {rank:.2f} s (95th percentile)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--address", required=True)
    parser.add_argument("--items", type=int, default=1000)
    parser.add_argument("--run-for", default="2s")
    options = parser.parse_args()
    register(options.address, options.run_for)
    with tempfile.TemporaryDirectory() as folder:
        manifest = write_manifest(Path(folder), options.items)
        command = [*DISPATCHFILE, "run", str(manifest), "--wait", "-o", "json", "--logs", "none"]
        command += ["--address", options.address, "--state-dir", f"{folder}/state"]
        output = subprocess.run(command, capture_output=True, check=False, env=without_nomad_variables())
    summary = json.loads(output.stdout)
    known_ends = ends(options.address, summary["run"])
    known = [(seconds(item["finished_at"]), *known_ends[item["child"]]) for item in summary["items"]]
    total = summary["requests"]["total"]
    print(f"{summary['counts']['succeeded']} of {options.items} items succeeded in {summary['duration_s']:.0f} s")
    print(f"{total} requests: {total / options.items:.2f} an item, peak {summary['requests']['peak_connections']}")
    tell("the server recorded the end", [at - recorded for at, _, recorded in known])
    tell("the task ended", [at - ended for at, ended, _ in known])
    sys.exit(output.returncode)


if __name__ == "__main__":
    main()
