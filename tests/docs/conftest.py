"""Runs the commands of the pages without the user's own Nomad variables."""

import os

import pytest


@pytest.fixture(autouse=True)
def without_nomad(monkeypatch: pytest.MonkeyPatch) -> None:
    """No NOMAD_* variable, and no colours."""
    for name in [name for name in os.environ if name.startswith("NOMAD_") or name.endswith("_COLOR")]:
        monkeypatch.delenv(name)
