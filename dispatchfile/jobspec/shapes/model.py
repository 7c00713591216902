"""The model of a block of a job file: arguments and blocks, their types, API names and defaults."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from dispatchfile.jobspec.durations import UNITS_NS

SECOND: Final = UNITS_NS["s"]
MINUTE: Final = UNITS_NS["m"]
HOUR: Final = UNITS_NS["h"]


class ValueKind(StrEnum):
    """The kind of value in a field; its own value is the name in messages."""

    TEXT = "a string"
    NUMBER = "a whole number"
    BOOL = "true or false"
    DURATION = 'a duration such as "1h30m"'
    TEXTS = "a list of strings"
    TEXT_MAP = "a map of strings"
    TEXTS_MAP = "a map of lists of strings"
    ANY_MAP = "a map"


FREE_FORM: Final = frozenset({ValueKind.TEXT_MAP, ValueKind.TEXTS_MAP, ValueKind.ANY_MAP})


@dataclass(frozen=True, slots=True)
class Field:
    """
    An argument: its name in the API, its type, and the default that Nomad fills in.

    fills_empty: Nomad takes ``""`` and 0 for missing, too. keeps_empty: it keeps an empty list or map, which it else
    takes for missing.
    """

    key: str
    kind: ValueKind = ValueKind.TEXT
    default: object = None
    required: bool = False
    fills_empty: bool = False
    keeps_empty: bool = False


@dataclass(frozen=True, slots=True)
class BlockSchema:
    """A type of block."""

    key: str
    fields: Mapping[str, Field]
    blocks: Mapping[str, "BlockSchema"] = field(default_factory=dict)
    label: str | None = None  # the API name of what stands in the block's label
    many: bool = False
    mapped: bool = False  # the API has a map by label where others have a list
    always: bool = False  # Nomad fills it in where it is missing
    constants: Mapping[str, object] = field(default_factory=dict)  # keys of the API that no argument sets
    unsupported: frozenset[str] = frozenset()  # blocks of Nomad that this reader refuses by name
    shortcuts: Mapping[str, ValueKind] = field(default_factory=dict)  # ``regexp = "x"`` for operator and value
    left_aside: bool = False  # tasks run here without it, and get a warning


def text(key: str, default: object = "", *, fills_empty: bool = False) -> Field:
    return Field(key, ValueKind.TEXT, default, fills_empty=fills_empty)


def number(key: str, default: object = 0) -> Field:
    return Field(key, ValueKind.NUMBER, default)


def flag(key: str, *, default: bool = False) -> Field:
    return Field(key, ValueKind.BOOL, default)


def duration(key: str, default: object = 0) -> Field:
    return Field(key, ValueKind.DURATION, default)
