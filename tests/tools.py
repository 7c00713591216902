"""Programs outside Python that tests drive. Where one is missing, its tests are skipped, but never in `.ci/run`."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import NoReturn

import pytest

NODE_PACKAGES = Path(__file__).parent / "node"
REQUIRED = "TEST_TOOLS"  # the variable that `.ci/run` sets to "required"
NO_NETWORK = ("NewConnectionError", "Temporary failure in name resolution", "Name or service not known")
INSTALL = "install Node.js 20 or newer, then run `npm ci --prefix tests/node`"


def node_command(program: str) -> list[str]:
    """Return how to start a *program*, a path below `node_modules`; skip the test if it is not installed."""
    node, file = shutil.which("node"), node_file(program)
    if node is None:
        missing(f"node is not installed: {INSTALL}")
    return [str(node), str(file)]


def node_file(name: str) -> Path:
    """Return a file by its path below `node_modules`; skip the test if it is not installed."""
    file = NODE_PACKAGES / "node_modules" / name
    if not file.is_file():
        missing(f"{name} is not installed: {INSTALL}")
    return file


def installed(program: str, package: str) -> str:
    """Return the path of a *program* of a Debian package; skip the test if it is not installed."""
    found = shutil.which(program)
    if found is None:
        missing(f"{program} is not installed: `apt-get install {package}` installs it on Debian")
    return found


def missing(message: str) -> NoReturn:
    """Skip the test, or fail it where every tool has to be there."""
    if os.environ.get(REQUIRED) == "required":
        pytest.fail(message)
    pytest.skip(message)


def is_offline(output: str) -> bool:
    """Return whether pip failed because it could not reach a package registry."""
    return any(words in output for words in NO_NETWORK)
