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


@dataclass(frozen=True, slots=True)
class StoredJobs:
    """The jobs that Nomad has below a parent's ID. *is_all*: there are not more."""

    jobs: int
    is_all: bool


@dataclass(frozen=True, slots=True)
class ParentChildren:
    """The children that a parent already has."""

    job: str
    namespace: str
    region: str
    made: int  # all ever
    stored: StoredJobs | None  # None: they may not be listed


@dataclass(frozen=True, slots=True)
class LoadEstimate:
    """The requests of a run, and the shortest time in which they can be sent."""

    items: int
    jobs: int
    reads_before: int
    dispatches: int
    reads_while: int  # one for each child that is watched
    log_reads: int  # at most
    lists_at_end: int
    lists_a_second: int  # at most, while children live
    payload_bytes: int
    sent_bytes: int
    sending_s: float  # at least
    tokens: int
    token_s: float  # of the server's time, in all


@dataclass(frozen=True, slots=True)
class Examination:
    """The findings of all checks, in the order of the checks."""

    address: str  # empty: it cannot be read
    findings: tuple[Finding, ...]
    children: tuple[ParentChildren, ...] = ()  # by job of the manifest
    load: LoadEstimate | None = None

    @property
    def exit_code(self) -> int:
        return int(has_failed(self.findings))
