"""A folder, and a renderer of what lies in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from dispatchfile.files import Files
from dispatchfile.render import Renderer


@pytest.fixture
def renderer(tmp_path: Path) -> Renderer:
    return Renderer(Files(tmp_path))
