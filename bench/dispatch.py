"""
Dispatches per second: `run --detach` beside a loop over plain httpx and, where named, one over Nomad's Go client.

All three send the same requests (512 bytes of payload, one meta key, an ID prefix) with the same concurrency, in turn.
The job has a constraint that no node meets, so no task runs and only dispatching is measured.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import os
import re
import statistics
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

import httpx
from manifests import write_plain
from processes import DISPATCHFILE, without_nomad_variables

JOB = "dispatchfile-bench"
PAYLOAD = base64.b64encode(bytes(ord("a") + index % 26 for index in range(512))).decode()


def register(address: str) -> None:
    """A parameterized job that never runs; a server that takes no jobs (a null server) is left as it is."""
    task = {"Name": "t", "Driver": "raw_exec", "Config": {"command": "/bin/true"}}
    job = {
        "ID": JOB,
        "Name": JOB,
        "Type": "batch",
        "Datacenters": ["*"],
        "ParameterizedJob": {"Payload": "optional", "MetaOptional": ["quality"]},
        "Constraints": [{"LTarget": "${meta.never}", "RTarget": "yes", "Operand": "="}],
        "TaskGroups": [{"Name": "g", "Count": 1, "Tasks": [task]}],
    }
    request = urllib.request.Request(f"{address}/v1/jobs", data=json.dumps({"Job": job}).encode(), method="PUT")
    try:
        urllib.request.urlopen(request, timeout=10).close()
    except urllib.error.HTTPError as error:
        print(f"(the server takes no jobs: {error.code}; measuring with what it has)")


def run_dispatchfile(address: str, items: int, concurrency: int) -> float:
    with tempfile.TemporaryDirectory() as folder:
        manifest = write_plain(Path(folder), items, JOB)
        command = [*DISPATCHFILE, "run", str(manifest), "--detach", "-o", "json", "--address", address]
        command += ["--concurrency", str(concurrency), "--state-dir", f"{folder}/state"]
        output = subprocess.run(command, capture_output=True, check=False, env=without_nomad_variables())
        summary = json.loads(output.stdout)
        assert summary["counts"]["dispatched"] == items, summary["counts"]
        return items / summary["duration_s"]


def run_httpx(address: str, items: int, concurrency: int) -> float:
    async def send_all() -> float:
        left = iter(range(items))
        limits = httpx.Limits(max_connections=concurrency, max_keepalive_connections=concurrency)
        async with httpx.AsyncClient(base_url=address, limits=limits, timeout=60) as client:

            async def work() -> None:
                for number in left:
                    body = {"Payload": PAYLOAD, "Meta": {"quality": "1080p"}, "IdPrefixTemplate": f"x-{number}"}
                    answer = await client.put(f"/v1/job/{JOB}/dispatch", json=body)
                    answer.raise_for_status()

            started = time.perf_counter()
            await asyncio.gather(*(work() for _ in range(concurrency)))
            return items / (time.perf_counter() - started)

    return asyncio.run(send_all())


def run_goload(binary: str, address: str, items: int, concurrency: int) -> float:
    command = [binary, "-job", JOB, "-n", str(items), "-c", str(concurrency), "-prefix", "go"]
    environ = {**without_nomad_variables(), "NOMAD_ADDR": address}
    output = subprocess.run(command, capture_output=True, text=True, check=True, env=environ).stdout
    match = re.search(r"(\d+)/s failed=0", output)
    assert match, output
    return float(match[1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--address", required=True)
    parser.add_argument("--goload", help="binary of a loop over Nomad's Go client")
    parser.add_argument("--items", type=int, default=2000)
    parser.add_argument("--concurrency", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    address, items, concurrency = options.address, options.items, options.concurrency
    register(address)
    runners = {"dispatchfile": run_dispatchfile, "plain httpx": run_httpx}
    if options.goload:
        runners["Nomad's Go client"] = lambda *args: run_goload(options.goload, *args)
    rates: dict[str, list[float]] = {name: [] for name in runners}
    for _ in range(options.rounds):
        for name, runner in runners.items():
            rates[name].append(runner(address, items, concurrency))
    ours = statistics.median(rates["dispatchfile"])
    print(f"{items} dispatches, {concurrency} at the same time, medians of {options.rounds}, {os.cpu_count()} cores")
    for name, values in rates.items():
        rate = statistics.median(values)
        ratio = "" if values is rates["dispatchfile"] else f"; dispatchfile / {name} = {ours / rate:.2f}"
        print(f"{name}: {rate:.0f}/s{ratio}")


if __name__ == "__main__":
    main()
