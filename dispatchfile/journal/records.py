"""The records of a journal besides events: the run, its parents, and the progress of each attempt."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path

from dispatchfile.results import NO_REQUESTS, Requests
from dispatchfile.settings import Settings

STANDARD_INPUT = "-"


class RunState(StrEnum):
    """The state of a run. A run that was killed still has the state running."""

    RUNNING = "running"
    FINISHED = "finished"
    INTERRUPTED = "interrupted"  # `resume` goes on
    STOPPED_EARLY = "stopped_early"  # by canary, stop_on or stop: it is over


UNFINISHED = frozenset({RunState.RUNNING, RunState.INTERRUPTED})


@dataclass(frozen=True, slots=True)
class Target:
    """The Nomad cluster, region and namespaces of a run's items."""

    address: str
    region: str  # empty: the agent's own
    namespaces: tuple[str, ...]

    def without_credentials(self) -> Target:
        """Return the same, less a user and password in the address."""
        return replace(self, address=re.sub(r"^(\w+://)?[^/]*@", r"\1", self.address))

    def meets(self, other: Target) -> bool:
        """Return whether the same item may have been sent to both targets."""
        same_cluster = (self.address, self.region) == (other.address, other.region)
        return same_cluster and not set(self.namespaces).isdisjoint(other.namespaces)


@dataclass(frozen=True, slots=True)
class RunHeader:
    """The facts about a run before it starts, which never change."""

    id: str  # [a-z0-9]{1,20}
    name: str
    manifest: str  # its real path, or "-"
    shown_manifest: str  # as the user wrote it
    manifest_digest: str
    target: Target
    settings: Settings
    local: bool
    started_at: float  # seconds since the epoch, as everywhere here
    tool_version: str
    rerun_of: str | None = None  # a run's ID
    variables: Mapping[str, str] = field(default_factory=dict)  # from outside; no sensitive value is made of these
    adopts: bool = False  # its ID was given: Nomad may have children of it that no journal here knows
    hidden_variables: tuple[str, ...] = ()  # names of those of which one may be made
    plan: str = ""  # the digest of the plan that it applies
    commit: str = ""  # that was checked out where the manifest is; empty: none, or git does not know the manifest
    is_dispatch: bool = False  # the record of a `dispatch`: its child's ID does not name the run


@dataclass(frozen=True, slots=True)
class RunStatus:
    """The part of a run's record that changes while it runs."""

    state: RunState
    pid: int  # of the process that works on it, or did last
    host: str
    exit_code: int | None = None
    finished_at: float | None = None
    counts: Mapping[str, int] = field(default_factory=dict)  # items by outcome, once it has ended
    requests: Requests = NO_REQUESTS  # of all processes that let go of it in good order


@dataclass(frozen=True, slots=True)
class StoredRun:
    """A run in the state folder."""

    path: Path
    header: RunHeader
    status: RunStatus
    items: int

    @property
    def is_unfinished(self) -> bool:
        """A dispatch is over with its process: nothing could find its child again."""
        return self.status.state in UNFINISHED and not self.header.is_dispatch


@dataclass(frozen=True, slots=True)
class StoredBaseline:
    """The state of a parent before this run's first dispatch to it."""

    namespace: str
    region: str
    job: str
    job_modify_index: int
    children: int  # pending, running and dead: collection and purging never lower the sum
    index: int  # of the summary; children made later have a higher CreateIndex
    at: float

    @property
    def parent(self) -> tuple[str, str, str]:
        return self.namespace, self.region, self.job


@dataclass(frozen=True, slots=True)
class Mark:
    """A note that the attempt may have been sent from now on."""

    item: str
    attempt: int
