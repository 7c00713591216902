"""docs/python.md: its programs run on an agent, and `mypy --strict` accepts them."""

import ast
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import dispatchfile
from tests.api.conftest import MANIFEST, address  # noqa: F401  a fixture
from tests.docs.pages import ROOT, Block, read_sections
from tests.interpreter import PYTHON

PAGE = ROOT / "docs" / "python.md"
PROGRAMS = {
    section.title: block for section in read_sections(PAGE) for block in section.blocks if block.language == "python"
}
PRINTED = {
    "In a notebook": "2 items\n[('given', <Cause.EXIT: 'exit'>, 'no film')]\n",
    "In a scheduler's task": "",
    "In an async program": "plan DIGEST: 2 items\nexit code 2\n",
}
CALLS = {  # behind a program that only defines a function
    "In a scheduler's task": """
try:
    dispatch_films("2026-12-01")
except RuntimeError as error:
    print(error)
""",
}
PRINTED["In a scheduler's task"] = "run films20261201 ended with exit code 2: COUNTS\n"
FAILS = MANIFEST.replace('{end: "true"}', '{end: "echo no film; exit 7", day: none}')


def _python(folder: Path, code: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run *code* as a file in *folder*, outside the checkout."""
    (folder / "program.py").write_text(code, encoding="utf-8")
    environment = {**os.environ, "DISPATCHFILE_STATE_DIR": str(folder / "state"), **environ}
    command = [PYTHON, "program.py"]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=50)


def _steady(text: str) -> str:
    return re.sub(r"\{'.*\}", "COUNTS", re.sub(r"\b[0-9a-f]{64}\b", "DIGEST", text))


@pytest.mark.parametrize("title", PROGRAMS)
def test_each_program_does_what_it_is_shown_for(title: str, tmp_path: Path, address: str) -> None:  # noqa: F811
    """Each runs as it stands, on a manifest of which one item fails."""
    (tmp_path / "dispatchfile.yaml").write_text(FAILS, encoding="utf-8")
    done = _python(tmp_path, PROGRAMS[title].text + CALLS.get(title, ""), NOMAD_ADDR=address)
    assert (_steady(done.stdout), done.stderr) == (PRINTED[title], "")


def test_the_notebooks_program_runs_in_a_cell(tmp_path: Path, address: str) -> None:  # noqa: F811
    """A cell is run by a running event loop, as IPython does it."""
    (tmp_path / "dispatchfile.yaml").write_text(FAILS, encoding="utf-8")
    cell = "\n".join(f"    {line}" for line in PROGRAMS["In a notebook"].text.splitlines())
    done = _python(tmp_path, f"import asyncio\nasync def cell():\n{cell}\nasyncio.run(cell())\n", NOMAD_ADDR=address)
    assert (done.stdout, done.stderr) == (PRINTED["In a notebook"], "")


@pytest.mark.timeout(240)
def test_mypy_strict_accepts_the_programs(tmp_path: Path) -> None:
    """It does so outside the checkout, where it sees the package as users have it; a mistake is found."""
    for number, block in enumerate(PROGRAMS.values()):
        (tmp_path / f"program{number}.py").write_text(block.text, encoding="utf-8")
    (tmp_path / "typed_use.py").write_text((ROOT / "tests" / "api" / "typed_use.py").read_text(encoding="utf-8"))
    (tmp_path / "mistaken.py").write_text("import dispatchfile\n\ndispatchfile.lod('a')\n", encoding="utf-8")
    cache = ROOT / ".mypy_cache" / "programs"
    command = [sys.executable, "-m", "mypy", "--strict", f"--python-executable={PYTHON}", f"--cache-dir={cache}", "."]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stdout.splitlines() == [
        'mistaken.py:3: error: Module has no attribute "lod"; maybe "load"?  [attr-defined]',
        f"Found 1 error in 1 file (checked {len(PROGRAMS) + 2} source files)",
    ]


def test_the_typed_program_uses_every_name() -> None:
    """None of the API is left out of the check."""
    tree = ast.parse((ROOT / "tests" / "api" / "typed_use.py").read_text(encoding="utf-8"))
    used = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    used |= {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    assert set(dispatchfile.__all__) - used == set()


def test_the_page_has_a_five_line_example_for_each_place() -> None:
    """Five lines of code, but for imports and empty ones, are enough for a notebook and for a scheduler."""

    def lines(block: Block) -> int:
        return len([line for line in block.text.splitlines() if line and not line.startswith("import ")])

    assert {title: lines(PROGRAMS[title]) <= 5 for title in list(PROGRAMS)[:2]} == {
        "In a notebook": True,
        "In a scheduler's task": True,
    }


def test_every_argument_and_exception_is_explained() -> None:
    """The page names the parameters of all functions, and every exception of the API."""
    text = PAGE.read_text(encoding="utf-8")
    show = (
        "import dispatchfile, inspect, json; f = [getattr(dispatchfile, n) for n in ('load', 'plan', 'run')];"
        "print(json.dumps(sorted({p for x in f for p in inspect.signature(x).parameters})))"
    )
    done = subprocess.run([PYTHON, "-c", show], capture_output=True, text=True, check=True)
    errors = [
        name
        for name in dispatchfile.__all__
        if isinstance(found := getattr(dispatchfile, name), type) and issubclass(found, Exception)
    ]
    wanted = {*json.loads(done.stdout), *errors, "load_async", "plan_async", "run_async"} - {"manifest"}
    assert {name for name in wanted if f"`{name}`" not in text} == set()
