"""
The limits of one rendering: the steps and time it may take, and the size of its results.

The authors of templates are the operators themselves: this is no wall against an enemy. It turns a slip (a loop with no
end, a text that doubles, a width with three digits too many) into a message with a line, before memory runs out.
"""

from __future__ import annotations

import re
import string
from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

MAX_TEXT = 65_536  # characters of the output and of every text on the way; Nomad takes payloads of 16,384 bytes
MAX_ELEMENTS = 100_000  # of a list or mapping that a template makes
MAX_STEPS = 1_000_000  # rounds of loops, calls, filters; what they make costs by its size
MAX_SECONDS = 1.0  # of processor time: for what steps do not count, such as comparing long lists
STEPS_A_LOOK = 64  # at the clock
MAX_GROWTH = 1 << 22  # characters that one operation may make before its result is measured
MAX_INTEGER_BITS = 4_096
MAX_WIDTH_DIGITS = 3
CHARACTERS_A_STEP = 16

CHECKED_FILTERS = frozenset({"batch", "center", "format", "indent", "replace", "round", "slice", "wordwrap"})

_CONVERSION = re.compile(r"%(\([^)]*\))?[-#0 +]*(\*|[0-9]*)(?:\.(\*|[0-9]*))?[hlL]?.?", re.DOTALL)
_WIDE_FIELD = re.compile(r"\d{4,}|\{")

Value = TypeVar("Value")


class TooMuch(Exception):
    """A template wants more than a rendering may have."""


class TooLong(TooMuch):
    """A template does not come to its end."""


class RenderBudget:
    """The steps and time that the current rendering has left. *clock*: seconds of processor time."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.renew()

    def renew(self) -> None:
        self._steps = MAX_STEPS
        self._next_look = MAX_STEPS - STEPS_A_LOOK  # most renderings end before they ask for the time
        self._end: float | None = None

    def spend(self, steps: int = 1) -> None:
        """Raises TooMuch when nothing is left."""
        self._steps -= steps
        if self._steps < self._next_look:
            self._look()

    def _look(self) -> None:
        if self._steps < 0:
            raise TooLong(f"takes more than {MAX_STEPS:,} steps")
        if self._end is None:
            self._end = self._clock() + MAX_SECONDS
        elif self._clock() > self._end:
            raise TooLong(f"takes more than {MAX_SECONDS:g} s of processor time")
        self._next_look = self._steps - STEPS_A_LOOK

    def keep(self, value: Value) -> Value:
        """*value*, which a template has made, when it is not too large. Raises TooMuch."""
        if isinstance(value, str):
            if len(value) > MAX_TEXT:
                raise over(MAX_TEXT, len(value), "characters")
            self.spend(len(value) // CHARACTERS_A_STEP)
        elif isinstance(value, list | tuple | dict | range):
            refuse_size(value, len(value))
            self.spend(len(value))
        return value


def bounded_range(*bounds: int) -> range:
    """Raises TooMuch."""
    numbers = range(*bounds)
    steps = (numbers.stop - numbers.start) // numbers.step  # len() has a limit of its own
    refuse_over(MAX_ELEMENTS, steps, "elements")
    return numbers


def refuse_size(kind: object, size: int) -> None:
    """Raises TooMuch where a text (if *kind* is one), list or mapping of this *size* is too large."""
    if isinstance(kind, str):
        refuse_over(MAX_TEXT, size, "characters")
    else:
        refuse_over(MAX_ELEMENTS, size, "elements")


def refuse_over(limit: int, size: int, unit: str) -> None:
    if size > limit:
        raise over(limit, size, unit)


def over(limit: int, size: int, unit: str) -> TooMuch:
    """Return the exception to raise."""
    return TooMuch(f"creates a value of {size:,} {unit}, at most {limit:,} are allowed")


def check_operator(operator: str, left: object, right: object) -> None:
    """Raises TooMuch where the result would be too large to be made first and measured then."""
    if operator == "%" and isinstance(left, str):
        check_format(left, right)
    elif operator == "**" and isinstance(left, int) and isinstance(right, int):
        refuse_over(MAX_INTEGER_BITS, left.bit_length() * right, "bits")
    elif operator == "*":
        _check_product(left, right)
    elif operator == "+" and isinstance(left, str | list | tuple) and isinstance(right, str | list | tuple):
        refuse_size(left, len(left) + len(right))


def _check_product(left: object, right: object) -> None:
    if isinstance(left, int) and isinstance(right, int):
        refuse_over(MAX_INTEGER_BITS, left.bit_length() + right.bit_length(), "bits")
        return
    for sequence, times in ((left, right), (right, left)):
        if isinstance(sequence, str | list | tuple) and isinstance(times, int):
            refuse_size(sequence, len(sequence) * times)


def check_method(name: str, text: str, arguments: list[object]) -> None:
    """Check that the method *name* of *text* may be called with these arguments. Raises TooMuch."""
    if name in {"center", "ljust", "rjust", "zfill"}:
        refuse_over(MAX_TEXT, _largest(arguments), "characters")
    elif name == "replace":
        _check_replacement(text, arguments)
    elif name == "format":
        _check_fields(text, arguments)


def check_filter(name: str, value: object, arguments: list[object]) -> None:
    """Check that the filter *name*, one of those with limits, may be applied with these arguments. Raises TooMuch."""
    if name in {"center", "batch", "slice", "round"}:
        refuse_over(MAX_TEXT, _largest(arguments), "characters or elements")
    elif isinstance(value, str):
        _check_text_filter(name, value, arguments)


def _check_text_filter(name: str, text: str, arguments: list[object]) -> None:
    if name == "indent":
        refuse_over(MAX_GROWTH, (text.count("\n") + 1) * _largest(arguments), "characters")
    elif name == "wordwrap":
        refuse_over(MAX_GROWTH, len(text) * _longest(arguments), "characters")
    elif name == "replace":
        _check_replacement(text, arguments)
    elif name == "format":
        check_format(text, tuple(arguments))


def check_format(text: str, values: object) -> None:
    """Check that `text % values` may be evaluated. Raises TooMuch."""
    for key, *widths in _CONVERSION.findall(text):
        if "(" in key[1:]:
            raise TooMuch("formats with a bracket in a key")
        if any(width == "*" or len(width) > MAX_WIDTH_DIGITS for width in widths):
            raise TooMuch("formats with a width of four digits or one that is computed")
    refuse_over(MAX_GROWTH, text.count("%") * _longest(_flat(values)), "characters")


def _check_fields(text: str, arguments: list[object]) -> None:
    try:
        specs = [spec for _, _, spec, _ in string.Formatter().parse(text) if spec]
    except ValueError:
        return  # the call itself will say what is wrong
    if any(_WIDE_FIELD.search(spec) for spec in specs):
        raise TooMuch("formats with a width of four digits or one that is computed")
    refuse_over(MAX_GROWTH, text.count("{") * _longest(arguments), "characters")


def _check_replacement(text: str, arguments: list[object]) -> None:
    match arguments:
        case [str(old), str(new), *_]:
            refuse_over(MAX_GROWTH, text.count(old) * len(new), "characters")
        case _:
            refuse_over(MAX_GROWTH, (len(text) + 1) * _longest(arguments), "characters")


def _flat(values: object) -> Iterable[object]:
    if isinstance(values, Mapping):
        return list(values.values())
    return values if isinstance(values, tuple) else (values,)


def _largest(values: Iterable[object]) -> int:
    """Return the largest number or the length of the longest text among *values*."""
    return max((value if isinstance(value, int) else _length(value) for value in values), default=0)


def _longest(values: Iterable[object]) -> int:
    """Return the length of the longest text among *values*."""
    return max(map(_length, values), default=0)


def _length(value: object) -> int:
    return len(value) if isinstance(value, str) else 0
