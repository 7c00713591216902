"""
Compare the environment of the checks with its lock, `.ci/constraints.txt`, and fail for any difference.

Each requirement of the package has to be locked in a version that it allows, and each installed package has to be
locked in the version that is installed. This needs no network.
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import distributions
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
LOCK = Path(__file__).parent / "constraints.txt"
NOT_LOCKED = frozenset({"dispatchfile", "pip", "setuptools"})  # the package itself, and what comes with Python


def read_lock(text: str) -> dict[str, str]:
    """Return the version of each package that this Python would get."""
    lines = (line.split("#")[0].strip() for line in text.splitlines())
    pins = [Requirement(line) for line in lines if line]
    wanted = [pin for pin in pins if pin.marker is None or pin.marker.evaluate()]
    return {canonicalize_name(pin.name): str(pin.specifier).removeprefix("==") for pin in wanted}


def differences(lock: Mapping[str, str], wanted: Iterable[str], installed: Mapping[str, str]) -> Iterator[str]:
    """Yield a line for each requirement and each installed package that the lock does not fit."""
    for text in wanted:
        requirement = Requirement(text)
        name = canonicalize_name(requirement.name)
        if name in NOT_LOCKED or (requirement.marker and not requirement.marker.evaluate()):
            continue
        if name not in lock:
            yield f"{name} is required and not locked"
        elif not requirement.specifier.contains(lock[name], prereleases=True):
            yield f"{name} is locked in version {lock[name]}, required is {requirement.specifier}"
    for name, version in sorted(installed.items()):
        if name not in NOT_LOCKED and lock.get(name) != version:
            yield f"{name} {version} is installed, locked is {lock.get(name, 'no version')}"


def main() -> int:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"].values()
    wanted = [*project["dependencies"], *(each for extra in extras for each in extra)]
    installed = {canonicalize_name(each.metadata["Name"]): each.version for each in distributions()}
    found = list(differences(read_lock(LOCK.read_text(encoding="utf-8")), wanted, installed))
    if found:
        print(*found, "update the lock: docs/developing.md, Locks", sep="\n")
    else:
        print(f"the lock fits {len(installed)} installed packages")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
