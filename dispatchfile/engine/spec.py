"""The specification of a batch: what it is to do, and its state when it begins."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from dispatchfile.engine.source import ItemSource
from dispatchfile.events import Cause, Verdict
from dispatchfile.names import JobKey
from dispatchfile.nomad.models import TaskGroup
from dispatchfile.settings import Settings


class BatchState(StrEnum):
    """The way a batch ended."""

    FINISHED = "finished"
    INTERRUPTED = "interrupted"
    STOPPED_EARLY = "stopped_early"


@dataclass(frozen=True, slots=True)
class Baseline:
    """The state of a job before this run's first dispatch. Neither collection nor purging lowers its total."""

    children: int
    index: int  # children made later have a higher CreateIndex


class Listing(NamedTuple):
    """The prefix and the filter that list a run's children of one job."""

    prefix: str
    condition: str = ""


@dataclass(frozen=True, slots=True)
class ParentSpec:
    """The facts about a parameterized job that the engine needs."""

    type: str
    groups: Mapping[str, TaskGroup]
    listing: Listing
    is_periodic: bool = False  # its children have no end to wait for
    baseline: Baseline | None = None


@dataclass(frozen=True, slots=True)
class LogReads:
    """The children whose last log lines are read when they end."""

    succeeded: bool = False
    at_most: int | None = None  # None: all
    reserved: int = 0  # so many of them are kept for endings of which few have been read: a rare one is read too


NO_MORE_THAN_SOME_LOGS = LogReads(at_most=20)


@dataclass(frozen=True, slots=True)
class Start:
    """The state of an item when the batch begins."""

    attempt: int = 1
    child: str = ""  # of this attempt, if Nomad has one
    existing: bool = False
    adopted: bool = False  # the child was found, not named by an answer: it is known to have existed
    sent_at: float | None = None  # seconds since the epoch
    in_doubt: bool = False  # an earlier process may have sent the attempt
    predecessor: str = ""  # the previous attempt's child, which may still live
    foreign_predecessor: bool = False  # that child existed before the run, so the run does not stop it
    resent: bool = False  # the result of the attempt before is unknown
    in_journal: bool = True  # the journal has the child; else it is news
    seen: Verdict | None = None  # the child's end, as somebody saw it while no process worked on the run
    retry_at: float | None = None  # the attempt may not leave before, in seconds since the epoch

    @property
    def is_under_way(self) -> bool:
        """Return whether the attempt was sent, or may have been."""
        return bool(self.child) or self.in_doubt

    @property
    def has_begun(self) -> bool:
        """Return whether the attempt was sent, may have been, or is a retry whose time is known."""
        return self.is_under_way or self.retry_at is not None


@dataclass(frozen=True, slots=True)
class Resumption:
    """The work that earlier processes of this run did."""

    starts: Mapping[str, Start] = field(default_factory=dict)  # by item; one that is missing here has not begun
    verdicts: Mapping[str, tuple[int, Verdict]] = field(default_factory=dict)  # of attempts before those of *starts*
    made_children: Mapping[JobKey, Collection[str]] = field(default_factory=dict)
    failures: int = 0  # for stop_on
    stopped: Cause | None = None  # why nothing more is started


@dataclass(frozen=True, slots=True)
class BatchSpec:
    """The specification of a batch. It is read once."""

    run: str
    settings: Settings
    source: ItemSource
    jobs: Mapping[JobKey, ParentSpec]
    rerun_of: str | None = None
    selected: int = 0  # how many items stop_on's percentage is of
    deadline: float | None = None  # of the whole run, in seconds since the epoch
    logs: LogReads = NO_MORE_THAN_SOME_LOGS
    server_before_2_0_1: bool = False
    sending: bool = True  # False: nothing is sent any more; what was sent is settled and watched to its end
    listings: Mapping[JobKey, Listing] = field(default_factory=dict)  # of all jobs of the run
    resumption: Resumption = Resumption()
