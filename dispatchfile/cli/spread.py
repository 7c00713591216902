"""Options that many commands share, declared once as a frozen dataclass and spread over a command's signature."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from copy import copy
from dataclasses import fields, is_dataclass
from functools import wraps
from typing import Annotated, get_args


def spread(command: Callable[..., int]) -> Callable[..., int]:
    """
    Return the *command* as Typer is to see it: a parameter that is a dataclass of options becomes one parameter a
    field.

    Typer reads a signature and calls with keywords; the dataclasses are put together again before *command* is called.
    """
    hints = inspect.get_annotations(command, eval_str=True)
    groups = {name: hint for name, hint in hints.items() if isinstance(hint, type) and is_dataclass(hint)}

    @wraps(command)
    def called_by_typer(**options: object) -> int:
        grouped = {name: group(**{key: options.pop(key) for key in _names(group)}) for name, group in groups.items()}
        return command(**options, **grouped)

    parameters = list(_parameters(command, hints, groups))
    called_by_typer.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    called_by_typer.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return called_by_typer


def _names(group: type) -> list[str]:
    return [field.name for field in fields(group)]


def _parameters(
    command: Callable[..., int], hints: Mapping[str, object], groups: Mapping[str, type]
) -> Iterator[inspect.Parameter]:
    for name, parameter in inspect.signature(command).parameters.items():
        if group := groups.get(name):
            inner = _hints(group)
            panel = getattr(group, "panel", None)
            for field in fields(group):
                yield _keyword(field.name, field.default, _in_panel(inner[field.name], panel))
        else:
            yield _keyword(name, parameter.default, hints[name])


def _hints(group: type) -> dict[str, object]:
    """Return the annotations of the class and its bases. `typing.get_type_hints` would take most of a start's time."""
    hints: dict[str, object] = {}
    for each in reversed(group.__mro__):
        hints |= inspect.get_annotations(each, eval_str=True)
    return hints


def _in_panel(hint: object, panel: str | None) -> object:
    """Return the annotated *hint* with its option in this group of the help, unless the option names one itself."""
    kind, option = get_args(hint)
    placed = copy(option)
    placed.rich_help_panel = option.rich_help_panel or panel
    return Annotated[kind, placed]


def _keyword(name: str, default: object, hint: object) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=hint)
