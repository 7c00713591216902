"""A plan: the items to send, and the inputs that they were made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from dispatchfile.items import Item
from dispatchfile.names import JobKey

RUN_ID_DIGITS = 12


@dataclass(frozen=True, slots=True)
class PlannedJob:
    """A job that items of the plan dispatch, and its version when the plan was made; None: made without a server."""

    key: JobKey
    job_modify_index: int | None


@dataclass(frozen=True, slots=True)
class PlanHead:
    """The inputs of a plan. It holds no time, no address and no path of a machine."""

    name: str  # the manifest's
    manifest: str  # the name of its file, without a folder
    manifest_sha256: str
    settings: Mapping[str, str]  # by manifest key, as the manifest would write them
    jobs: tuple[PlannedJob, ...]
    files: Mapping[str, str] = field(default_factory=dict)  # SHA-256 by name, relative to the manifest's folder
    globs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # the matches of each pattern
    left_out: int = 0  # items of the manifest that the plan does not send
    allow_outside: bool = False
    variables: Mapping[str, str] = field(default_factory=dict)  # that sensitive values need besides hidden ones
    hidden_variables: tuple[str, ...] = ()  # names of variables that sensitive values are made of

    @property
    def is_pinned(self) -> bool:
        """Return whether the plan names the version of every job."""
        return all(job.job_modify_index is not None for job in self.jobs)


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan that was read. Sensitive values are missing from its items."""

    head: PlanHead
    items: tuple[Item, ...]  # positions are relative to the manifest's folder
    digest: str  # 64 hex digits: the plan's name in output, journal and reports

    @property
    def run_id(self) -> str:
        """Return the ID of the run that applies the plan."""
        return f"p{self.digest[:RUN_ID_DIGITS]}"
