"""The syntax of a job file: blocks with labels, arguments and places."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final, Self, TypeAlias

WAY_ROUND: Final = "let Nomad read the file: nomad job run -output FILE > jobs/NAME.nomad.json"

WITHOUT: Final = "to try the job here, use a copy of the file without it"


class WrittenNumber(float):
    """A number with a fraction, or beyond 64 bits, and the text that HCL makes of it."""

    __slots__ = ("text",)
    text: str

    def __new__(cls, value: float, text: str) -> Self:
        number = super().__new__(cls, value)
        number.text = text
        return number


class HiddenText(str):
    """A text that comes from a variable, and that no message may show: it may be a secret."""

    __slots__ = ()


Value: TypeAlias = str | int | float | bool | list["Value"] | dict[str, "Value"] | None


@dataclass(frozen=True, slots=True)
class FilePosition:
    """A position in the file; lines and columns count from 1."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Argument:
    """An argument, ``name = value``."""

    value: Value
    place: FilePosition | None


@dataclass(frozen=True, slots=True)
class Body:
    """The arguments and blocks between two braces."""

    arguments: Mapping[str, Argument] = field(default_factory=dict)
    blocks: tuple["Block", ...] = ()


@dataclass(frozen=True, slots=True)
class Block:
    """A block, ``type "label" { … }``."""

    type: str
    labels: tuple[str, ...]
    body: Body
    place: FilePosition | None


@dataclass(frozen=True, slots=True)
class JobFileProblem:
    """A problem of a file, and its place."""

    message: str
    place: FilePosition | None = None


class UnreadableJobError(Exception):
    """
    A job file that cannot be understood, before it is known which file it is. others: its further problems.

    unsupported: what this reader lacks, where Nomad may well read the file.
    """

    def __init__(
        self,
        message: str,
        place: FilePosition | None = None,
        others: Iterable[JobFileProblem] = (),
        *,
        unsupported: str = "",
    ) -> None:
        super().__init__(message)
        self.message = message
        self.place = place
        self.others = tuple(others)
        self.unsupported = unsupported


def text_of(value: Value) -> str | None:
    """Return a primitive value as a string, the way HCL converts it; None for anything that has no such form."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, WrittenNumber):
        return value.text
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else f"{Decimal(repr(value)):f}"
    return str(value) if isinstance(value, str | int) else None
