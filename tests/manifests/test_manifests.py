"""
Whole manifests: each file in valid/ passes, each in invalid/ gives the problems in the .problems file beside it.

Where ruamel.yaml's pure parser sees a syntax error in another way than its C parser, there is also a .pure file.
"""

from pathlib import Path

import pytest

from dispatchfile.manifest import load_manifest
from dispatchfile.problems import CODES, Problem, sort_problems
from dispatchfile.schema import check_document

HERE = Path(__file__).parent
PARSERS = pytest.mark.parametrize("pure", [pytest.param(False, id="c"), pytest.param(True, id="pure")])


def manifests(folder: str) -> list[object]:
    return [pytest.param(path, id=path.stem) for path in sorted((HERE / folder).glob("*.yaml"))]


def problems_of(path: Path, *, pure: bool) -> tuple[Problem, ...]:
    document, problems = load_manifest(path.read_bytes(), path=path.name, folder=path.parent, pure=pure)
    return sort_problems((*problems, *check_document(document))) if document else problems


def as_text(problems: tuple[Problem, ...]) -> str:
    return "".join(f"{p.position.line}:{p.position.column} {p.code} {p.text}\n" for p in problems)


@PARSERS
@pytest.mark.parametrize("path", manifests("valid"))
def test_a_valid_manifest_has_no_problems(path: Path, pure: bool) -> None:
    """Nothing is said about a manifest that is as it should be."""
    assert as_text(problems_of(path, pure=pure)) == ""


@PARSERS
@pytest.mark.parametrize("path", manifests("invalid"))
def test_an_invalid_manifest_has_exactly_these_problems(path: Path, pure: bool) -> None:
    """Each problem is reported with its place, what was found, and what would be right; and no other."""
    expected = path.with_suffix(".problems")
    other = path.with_suffix(".pure")
    found = as_text(problems_of(path, pure=pure))
    assert found == (other if pure and other.exists() else expected).read_text(encoding="utf-8")


@pytest.mark.parametrize("path", manifests("invalid"))
def test_each_problem_shows_its_line(path: Path) -> None:
    """A problem has an excerpt whose caret stands in it, and a code that is explained."""
    for problem in problems_of(path, pure=False):
        line, caret = problem.excerpt.split("\n")
        assert (problem.code in CODES, caret.strip(), line[:4]) == (True, "^", "    ")
