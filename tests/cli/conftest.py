"""Where commands are run."""

from pathlib import Path

import pytest

pytest.register_assert_rewrite("tests.cli.option_table")


@pytest.fixture
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with nothing in it, and no NOMAD_* in the environment."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NOMAD_ADDR", raising=False)
    return tmp_path
