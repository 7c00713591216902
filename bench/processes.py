"""Commands timed as whole processes, by the operating system's own accounting."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

DISPATCHFILE = [sys.executable, "-m", "dispatchfile"]


@dataclass(frozen=True, slots=True)
class Measured:
    """One finished process."""

    exit_code: int
    wall_s: float
    cpu_s: float
    peak_mb: float


def measure(command: list[str], **options) -> Measured:
    """Run the command to its end, its output thrown away unless *options* say otherwise."""
    options = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, **options}
    started = time.perf_counter()
    process = subprocess.Popen(command, **options)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - started
    scale = 1024 * 1024 if sys.platform == "darwin" else 1024
    return Measured(process.returncode, wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / scale)


def without_nomad_variables() -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if not key.startswith("NOMAD_")}


def root() -> Path:
    return Path(__file__).resolve().parent.parent
