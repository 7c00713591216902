"""Tests the installed package without the checkout: the program, its schemas, and everything in examples/."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from dispatchfile.cli.commands.schema import SchemaName
from dispatchfile.schema import read_schema
from tests.docs.pages import ROOT, read_sections
from tests.docs.terminal import run_example
from tests.interpreter import PYTHON

SCHEMAS = sorted(path.name for path in (ROOT / "schemas").glob("*.schema.json"))
EXAMPLES = sorted(path.parent.name for path in (ROOT / "examples").glob("*/dispatchfile.yaml"))


def _installed_files() -> list[str]:
    show = "from importlib.metadata import distribution; print(*distribution('dispatchfile').files or (), sep='\\n')"
    done = subprocess.run([PYTHON, "-I", "-c", show], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def test_the_wheel_has_the_schemas() -> None:
    """They lie outside of the package in the checkout."""
    files = _installed_files()
    if not any(file.endswith("dispatchfile/__init__.py") for file in files):
        pytest.skip("an editable install has no files of its own")
    assert sorted(file.removeprefix("dispatchfile/schemas/") for file in files if "/schemas/" in file) == SCHEMAS


def test_the_wheel_is_typed() -> None:
    """Type checkers read the package's own types only where this file is."""
    files = _installed_files()
    if not any(file.endswith("dispatchfile/__init__.py") for file in files):
        pytest.skip("an editable install has no files of its own")
    assert "dispatchfile/py.typed" in files


def test_the_wheel_has_the_pages_that_explain_reads() -> None:
    """They lie outside of the package in the checkout, too."""
    files = _installed_files()
    if not any(file.endswith("dispatchfile/__init__.py") for file in files):
        pytest.skip("an editable install has no files of its own")
    assert {"dispatchfile/docs/errors.md", "dispatchfile/docs/outcomes.md"} <= set(files)


def test_the_installed_program_explains_codes(tmp_path: Path) -> None:
    """`explain` works from any folder, without the checkout on the path."""
    command = [PYTHON, "-I", "-m", "dispatchfile", "explain", "DF004"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("DF004: ")


@pytest.mark.parametrize("name", list(SchemaName))
def test_the_installed_program_prints_its_schemas(name: str, tmp_path: Path) -> None:
    """`schema` works from any folder, without the checkout on the path."""
    command = [PYTHON, "-I", "-m", "dispatchfile", "schema", name]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == read_schema(name)


def _run_without(package: str, call: list[str], folder: Path) -> tuple[int, str]:
    """The exit code and what standard error gets, where there is no such *package*."""
    start = f"import sys; sys.modules[{package!r}] = None; from dispatchfile.cli.exits import run_to_exit_code as run"
    command = [sys.executable, "-c", f"{start}; sys.exit(run({call}))"]
    environ = os.environ | {"DISPATCHFILE_STATE_DIR": str(folder / "state")}
    done = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=False)
    return done.returncode, done.stderr


@pytest.mark.parametrize("call", [["run", "--local"], ["agent"], ["rerun", "--only", "*"]])
def test_without_the_packages_of_the_agent_they_are_named(call: list[str], tmp_path: Path) -> None:
    """The client alone can be installed, and does all but that."""
    assert _run_without("none", ["init"], tmp_path)[0] == 0
    if call[0] == "rerun":
        assert _run_without("none", ["run", "--local"], tmp_path)[0] == 0
    assert _run_without("aiohttp", call, tmp_path) == (
        1,
        "Error: the embedded agent needs aiohttp, which is not installed: pip install 'dispatchfile[local]'\n",
    )


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_end_as_the_readme_says(name: str) -> None:
    """The examples run on the embedded agent, with real processes."""
    printed, exit_code = run_example(name)
    ended, promised_code = _promised()[name]
    assert str(exit_code) == promised_code
    assert [line for line in printed if line.startswith(f"{ended} of ")] != []


def test_the_readme_has_every_example() -> None:
    """The README lists every example and no other."""
    assert sorted(_promised()) == EXAMPLES


def _promised() -> dict[str, tuple[str, str]]:
    """Return how each example ends, and its exit code, according to the README."""
    (section,) = (section for section in read_sections(ROOT / "README.md") if section.title == "Examples")
    rows = re.findall(r"^\| `examples/([a-z-]+)` \| .* \| (.*) \| ([0-9]+) \|$", section.prose, re.MULTILINE)
    return {name: (ended, code) for name, ended, code in rows}


def test_the_wheel_has_the_page_of_the_html_report() -> None:
    """Its template, style and script are no Python files."""
    files = _installed_files()
    if not any(file.endswith("dispatchfile/__init__.py") for file in files):
        pytest.skip("an editable install has no files of its own")
    parts = {f"dispatchfile/reports/html/page.{ending}" for ending in ("html.j2", "css", "js")}
    assert parts <= set(files)
