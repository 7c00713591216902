"""The names of the package: those of `__all__` and no others, imported when they are used."""

import ast
import inspect
import json
import subprocess
import sys
from pathlib import Path

import pytest

import dispatchfile

SOURCE = Path(inspect.getfile(dispatchfile)).read_text(encoding="utf-8")
FUNCTIONS = ["load", "load_async", "plan", "plan_async", "run", "run_async"]


def test_the_package_offers_the_names_of_all_and_no_others() -> None:
    """`dir` and completion show the API alone, and every name of it exists."""
    assert dir(dispatchfile) == sorted(dispatchfile.__all__)
    assert [name for name in dispatchfile.__all__ if not hasattr(dispatchfile, name)] == []


def test_type_checkers_see_the_same_names() -> None:
    """The imports for type checkers and the table of modules name the same."""
    imports = [node for node in ast.walk(ast.parse(SOURCE)) if isinstance(node, ast.ImportFrom)]
    seen = {
        (node.module, alias.name)
        for node in imports
        for alias in node.names
        if node.module and node.module.startswith("dispatchfile.") and alias.asname is None
    }
    assert seen == {(f"dispatchfile.{module}", name) for name, module in dispatchfile._MODULE_OF.items()}
    assert {name for _, name in seen} | {"__version__"} == set(dispatchfile.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    """A misspelled name fails as in any module."""
    with pytest.raises(AttributeError, match="module 'dispatchfile' has no attribute 'lod'"):
        dispatchfile.lod  # type: ignore[attr-defined]  # noqa: B018


def test_importing_the_package_imports_none_of_its_modules() -> None:
    """What a program does not use costs it nothing."""
    show = "import sys; before = set(sys.modules); import dispatchfile; print(*sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", show], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["dispatchfile", "dispatchfile.version"]


def test_a_star_import_gives_the_api() -> None:
    """`from dispatchfile import *` imports each name of `__all__`."""
    show = "from dispatchfile import *; import json; print(json.dumps(sorted(set(globals()) - {'json'})))"
    done = subprocess.run([sys.executable, "-c", show], capture_output=True, text=True, check=True)
    assert set(json.loads(done.stdout)) >= set(dispatchfile.__all__)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_blocking_and_the_async_form_take_the_same(name: str) -> None:
    """One signature for both, and help that explains every argument."""
    function = getattr(dispatchfile, name)
    parameters = inspect.signature(function).parameters
    assert function.__name__ == name
    twin = getattr(dispatchfile, name.removesuffix("_async"))
    assert inspect.signature(twin).parameters == parameters
    told = str(twin.__doc__)
    assert [key for key in parameters if f"{key}:" not in told and f"{key}," not in told] == []
