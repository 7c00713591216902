"""The findings of `doctor`: good, doubtful, wrong, or not possible to check."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """The result of a check. A check that was not possible is neither good nor wrong."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    SKIP = "skip"


@dataclass(frozen=True, slots=True)
class Finding:
    """A check: its name, its result, and a sentence."""

    level: Level
    check: str
    message: str


def ok(check: str, message: str) -> Finding:
    return Finding(Level.OK, check, message)


def warn(check: str, message: str) -> Finding:
    return Finding(Level.WARN, check, message)


def fail(check: str, message: str) -> Finding:
    return Finding(Level.FAIL, check, message)


def skip(check: str, message: str) -> Finding:
    return Finding(Level.SKIP, check, message)


def has_failed(findings: Iterable[Finding]) -> bool:
    return any(finding.level is Level.FAIL for finding in findings)
