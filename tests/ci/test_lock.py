"""The program that compares the environment of the checks with its lock."""

import runpy
from pathlib import Path

import pytest

PROGRAM = Path(__file__).parents[2] / ".ci" / "lock.py"
LOCK = {"rich": "14.0.0", "anyio": "4.9.0"}


@pytest.mark.parametrize(
    ("wanted", "installed", "lines"),
    [
        pytest.param(["rich>=13.9"], {"rich": "14.0.0", "anyio": "4.9.0", "pip": "25.0"}, [], id="it fits"),
        pytest.param(["Rich>=13", "dispatchfile[local]"], {}, [], id="another spelling, and the package itself"),
        pytest.param(["rich>=13; python_version < '3'"], {}, [], id="not for this Python"),
        pytest.param(["typer>=0.24"], {}, ["typer is required and not locked"], id="a new requirement"),
        pytest.param(
            ["rich>=15"], {}, ["rich is locked in version 14.0.0, required is >=15"], id="a requirement that has moved"
        ),
        pytest.param([], {"rich": "14.1.0"}, ["rich 14.1.0 is installed, locked is 14.0.0"], id="another version"),
        pytest.param([], {"new": "1.0"}, ["new 1.0 is installed, locked is no version"], id="a package too many"),
    ],
)
def test_each_difference_is_a_line(wanted: list[str], installed: dict[str, str], lines: list[str]) -> None:
    """What is required, what is locked and what is installed have to agree."""
    assert list(runpy.run_path(str(PROGRAM))["differences"](LOCK, wanted, installed)) == lines


def test_a_lock_is_read_for_this_python() -> None:
    """Lines for other versions of Python and other systems are left aside, and so are comments."""
    text = "# made by uv\nh11==0.16.0\npytz==2020.1 ; python_version < '3'\nUn_der==1.0 ; python_version >= '3'  # x\n"
    assert runpy.run_path(str(PROGRAM))["read_lock"](text) == {"h11": "0.16.0", "un-der": "1.0"}
