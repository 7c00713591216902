"""What `doctor` finds, one thing at a time: well, doubtful, wrong, or not to be known."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How a check came out. What could not be checked is neither well nor wrong."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    SKIP = "skip"


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: its name, how it came out, and a sentence."""

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
