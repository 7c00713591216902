"""Options declared once, spread over a command's signature."""

import inspect
from dataclasses import dataclass
from typing import Annotated, ClassVar, get_args, get_type_hints

import typer

from dispatchfile.cli.spread import spread


@dataclass(frozen=True)
class Shared:
    panel: ClassVar[str] = "Volume"
    loud: Annotated[bool, typer.Option("--loud")] = False
    name: Annotated[str, typer.Option("--name", rich_help_panel="Names")] = "x"


def _command(first: str, shared: Shared, last: int = 3) -> int:
    assert shared == Shared(loud=True, name="n")
    return last + len(first)


def test_a_dataclass_becomes_one_parameter_a_field() -> None:
    """The parameters replace the dataclass, with its fields' defaults and annotations."""
    parameters = inspect.signature(spread(_command)).parameters.values()
    assert [(p.name, p.default, get_args(p.annotation)[:1] or p.annotation) for p in parameters] == [
        ("first", inspect.Parameter.empty, str),
        ("loud", False, (bool,)),
        ("name", "x", (str,)),
        ("last", 3, int),
    ]


def test_the_options_of_a_dataclass_share_a_group_of_the_help() -> None:
    """Unless an option names a group itself; the dataclass's own options are not changed."""
    parameters = inspect.signature(spread(_command)).parameters
    groups = [get_args(parameters[name].annotation)[1].rich_help_panel for name in ("loud", "name")]
    assert groups == ["Volume", "Names"]
    assert get_args(get_type_hints(Shared, include_extras=True)["loud"])[1].rich_help_panel is None


def test_the_command_gets_its_dataclass_back() -> None:
    """Typer calls with keywords only."""
    assert spread(_command)(first="ab", loud=True, name="n", last=5) == 7
