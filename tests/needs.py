"""What some tests need and a machine may lack: a skipped test says what to install, and CI never skips it."""

from __future__ import annotations

import os
import shutil
from typing import NoReturn

import pytest

NO_NETWORK = ("NewConnectionError", "Temporary failure in name resolution", "Name or service not known", "ENOTFOUND")


def lacking(what: str) -> NoReturn:
    """Skip the test, and say *what* to install; where CI runs, fail it."""
    if os.environ.get("CI"):
        pytest.fail(f"CI has to have it: {what}", pytrace=False)
    pytest.skip(what)


def program(name: str, how: str) -> str:
    """Return the path of a program; *how* says how to install it."""
    return shutil.which(name) or lacking(f"{name} is missing: {how}")


def is_offline(output: str) -> bool:
    """Return whether an installation failed because the package registry cannot be reached."""
    return any(words in output for words in NO_NETWORK)
