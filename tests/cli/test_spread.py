"""Options declared once, spread over a command's signature."""

import inspect
from dataclasses import dataclass
from typing import Annotated

from dispatchfile.cli.spread import spread


@dataclass(frozen=True)
class Shared:
    loud: Annotated[bool, "help"] = False
    name: str = "x"


def _command(first: str, shared: Shared, last: int = 3) -> int:
    assert shared == Shared(loud=True, name="n")
    return last + len(first)


def test_a_dataclass_becomes_one_parameter_a_field() -> None:
    """In the place of the dataclass, with its fields' defaults and annotations."""
    assert [(p.name, p.default, p.annotation) for p in inspect.signature(spread(_command)).parameters.values()] == [
        ("first", inspect.Parameter.empty, str),
        ("loud", False, Annotated[bool, "help"]),
        ("name", "x", str),
        ("last", 3, int),
    ]


def test_the_command_gets_its_dataclass_back() -> None:
    """Typer calls with keywords only."""
    assert spread(_command)(first="ab", loud=True, name="n", last=5) == 7
