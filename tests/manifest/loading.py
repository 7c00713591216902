"""Reads manifests for the tests of this folder."""

from pathlib import Path

import pytest

from dispatchfile.manifest import Document, load_manifest
from dispatchfile.problems import Problem

PARSERS = pytest.mark.parametrize("pure", [pytest.param(False, id="c"), pytest.param(True, id="pure")])


def load(text: str | bytes, *, pure: bool = False) -> tuple[Document | None, tuple[Problem, ...]]:
    content = text.encode() if isinstance(text, str) else text
    return load_manifest(content, path="a.yaml", folder=Path("/batch"), pure=pure)


def document(text: str | bytes, *, pure: bool = False) -> Document:
    """The document of a text without problems."""
    read, problems = load(text, pure=pure)
    assert (read is not None, problems) == (True, ())
    assert read is not None
    return read


def refusals(text: str | bytes, *, pure: bool = False) -> list[str]:
    """Code and place of each problem: "DF004 3:1"."""
    return [f"{p.code} {p.position.line}:{p.position.column}" for p in load(text, pure=pure)[1]]
