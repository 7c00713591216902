"""
Ask an advisory service about the locked packages, and fail for those with known vulnerabilities.

A package that could not be checked is not a package without vulnerabilities. If the service answers about none of them,
as where only a mirror of the package registry can be reached, nothing is known: that is reported, and fails only where
AUDIT=required. A release has to be made where the service can be reached, with AUDIT=required.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
LOCKS = ("constraints.txt", "tools.txt")
PROGRAM = FOLDER.parent / ".ci-venv" / "bin" / "pip-audit"
UNREACHABLE = ("ConnectionError", "ConnectTimeout", "ReadTimeout", "NameResolutionError", "Could not connect")
NOT_CHECKED = "NOT CHECKED: the advisory service cannot be reached, so nothing is known of {lock}"


def judge(lock: str, report: Mapping[str, Any] | None, fault: str, *, required: bool) -> tuple[int, list[str]]:
    """
    Return the exit code, and the lines to print.

    report: what pip-audit found, if it ended in good order; fault: what it printed as an error.
    """
    if report is None and not any(word in fault for word in UNREACHABLE):
        return 1, [f"{lock}: pip-audit failed:", *fault.splitlines()[-5:]]
    packages = report["dependencies"] if report else []
    skipped = [package for package in packages if "skip_reason" in package]
    if len(skipped) == len(packages):
        return int(required), [NOT_CHECKED.format(lock=lock)]
    found = [f"{lock}: {package['skip_reason']}" for package in skipped]
    for package in packages:
        for hole in package.get("vulns", ()):
            fixed = ", ".join(hole["fix_versions"]) or "no version"
            found.append(f"{lock}: {package['name']} {package['version']}: {hole['id']}, fixed in {fixed}")
    return int(bool(found)), found or [f"{lock}: no known vulnerabilities (packages: {len(packages)})"]


def audit(lock: str) -> tuple[Mapping[str, Any] | None, str]:
    """Return pip-audit's report, if there is one, and what it printed as an error."""
    options = ["--no-deps", "--disable-pip", "--format=json", "--progress-spinner=off"]
    command = [str(PROGRAM), *options, f"--requirement={FOLDER / lock}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  our own command
    try:
        return json.loads(done.stdout), done.stderr
    except ValueError:
        return None, done.stderr


def main() -> int:
    worst = 0
    for lock in LOCKS:
        code, lines = judge(lock, *audit(lock), required=os.environ.get("AUDIT") == "required")
        print("\n".join(lines))
        worst = max(worst, code)
    return worst


if __name__ == "__main__":
    sys.exit(main())
