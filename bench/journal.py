"""
What the journal costs: the same run with it and with --no-journal, in turn; and how long a finished run takes to tell.

Against a null server (one that answers at once) nothing hides the cost.
"""

from __future__ import annotations

import argparse
import re
import statistics
import subprocess
import tempfile
from pathlib import Path

from dispatch import JOB, register
from manifests import write_plain
from processes import DISPATCHFILE, measure, without_nomad_variables


def run(manifest: Path, address: str, state: Path, *extra: str) -> float:
    """Seconds of the run by its own summary."""
    command = [*DISPATCHFILE, "run", str(manifest), "--report", f"json={state}.json", "--address", address]
    command += ["--state-dir", str(state), "--logs", "none", "-q", *extra]
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True, env=without_nomad_variables())
    with Path(f"{state}.json").open("rb") as report:
        return float(re.findall(rb'"duration_s": ([0-9.]+)', report.read(2_000))[0])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--address", required=True)
    parser.add_argument("--items", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--wait", default="completion", help="how far items are followed")
    parser.add_argument("--resume-items", type=int, default=100_000)
    options = parser.parse_args()
    register(options.address)
    with tempfile.TemporaryDirectory() as name:
        folder, state = Path(name), Path(name, "state")
        manifest = write_plain(folder, options.items, JOB)
        wait = f"--wait={options.wait}"
        pairs = [
            (run(manifest, options.address, state, wait), run(manifest, options.address, state, wait, "--no-journal"))
            for _ in range(options.rounds)
        ]
    journal, without = (statistics.median(column) for column in zip(*pairs, strict=True))
    ratio = statistics.median(one / other for one, other in pairs)
    print(f"{options.items} items: {journal:.2f} s with the journal, {without:.2f} s without: {ratio:.2f} (medians)")
    if options.resume_items:
        tell_resume(options.address, options.resume_items)


def tell_resume(address: str, items: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder, state = Path(name), Path(name, "state")
        run(write_plain(folder, items, JOB), address, state, "--detach", "--run-id", "finished")
        command = [*DISPATCHFILE, "resume", "finished", "-o", "json", "--address", address, "--state-dir", str(state)]
        resumed = measure(command, env=without_nomad_variables())
    print(f"resume of a finished run of {items} items: {resumed.wall_s:.2f} s, peak {resumed.peak_mb:.0f} MB")
    assert resumed.exit_code == 0, resumed


if __name__ == "__main__":
    main()
