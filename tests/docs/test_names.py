"""The program that finds class names which stand for two classes."""

import runpy
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

PROGRAM = Path(__file__).parents[2] / ".ci" / "names.py"
A, B = Path("a.py"), Path("b.py")


@pytest.fixture(scope="module")
def shared_names() -> Callable[[Mapping[Path, str]], Iterator[str]]:
    return runpy.run_path(str(PROGRAM))["shared_names"]


@pytest.mark.parametrize(
    ("files", "found"),
    [
        pytest.param({A: "class Job: ...\n", B: "class Group: ...\n"}, [], id="two-names"),
        pytest.param(
            {A: "class Job: ...\n", B: "\nclass Job: ...\n"}, ["Job is the name of 2 classes: a.py:1, b.py:2"], id="one"
        ),
        pytest.param(
            {A: "class Job: ...\nclass _Job: ...\n"}, ["Job is the name of 2 classes: a.py:1, a.py:2"], id="underscore"
        ),
        pytest.param(
            {A: "def f():\n    class Job: ...\n", B: "class Job: ...\n"},
            ["Job is the name of 2 classes: a.py:2, b.py:1"],
            id="within-a-function",
        ),
        pytest.param({A: "from b import Job\n", B: "class Job: ...\n"}, [], id="imported"),
    ],
)
def test_a_name_of_two_classes_is_found(shared_names, files: Mapping[Path, str], found: list[str]) -> None:
    """Each class has a name that no other class of the package has."""
    assert list(shared_names(files)) == found


def test_every_class_of_the_package_has_a_name_of_its_own(shared_names) -> None:
    """The same check, without `.ci/run`."""
    package = PROGRAM.parents[1] / "dispatchfile"
    files = {path.relative_to(package.parent): path.read_text(encoding="utf-8") for path in package.rglob("*.py")}
    assert list(shared_names(files)) == []
