"""The items of a run made the specification that the engine works off."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from dispatchfile.engine import Baseline, BatchSpec, ListedItems, Listing, LogReads, ParentSpec, Resumption
from dispatchfile.items import Item
from dispatchfile.names import JobKey, child_id_start
from dispatchfile.preflight import ParentState, parents_in
from dispatchfile.settings import Settings

FIRST_WITHOUT_FLAPPING = (2, 0, 1)  # before, a job was `dead` for a moment between a failure and its reschedule
DEFAULT_PRIORITY = 50
FEWEST_LOG_READS, LOG_READS_SHARE = 20, 0.05
NOTHING_BEFORE = Resumption()
RESERVED_LOG_READS = 4  # one of so many is for what ends in a way that is rare


def batch_spec(
    run: str,
    items: Sequence[Item],
    settings: Settings,
    parents: Mapping[JobKey, ParentState],
    *,
    baselines: Mapping[JobKey, Baseline],
    rerun_of: str | None = None,
    everyone: Sequence[Item] = (),
    canaries: Collection[str] = (),
    deadline: float | None = None,
    version: tuple[int, int, int] | None = None,
    logs: str = "",
    sending: bool = True,
    resumption: Resumption = NOTHING_BEFORE,
) -> BatchSpec:
    """
    Return what the engine is to do with the *items*, which are in file order.

    everyone: the whole run's items, if more than these. version: of the server; None: unknown, so taken for an old one.
    logs: "failed", "all" or "none"; empty: of failed ones, where it is cheap.
    """
    everyone = everyone or items
    listings = {parent: listing_of(parent.job, run, everyone) for parent in parents_in(everyone)}
    begun = {item for item, start in resumption.starts.items() if start.has_begun}
    ordered = _in_order(items, parents)
    return BatchSpec(
        run=run,
        settings=settings,
        source=ListedItems(ordered, run=run, begun=begun, canaries=frozenset(canaries), everyone=everyone),
        jobs={
            parent: replace(job_spec(parent, state, run, items), baseline=baselines.get(parent))
            for parent, state in parents.items()
        },
        rerun_of=rerun_of,
        selected=len(everyone),
        deadline=deadline,
        logs=_log_reads(logs, len(items)),
        server_before_2_0_1=is_before_2_0_1(version),
        sending=sending,
        listings=listings,
        resumption=resumption,
    )


def _in_order(items: Sequence[Item], parents: Mapping[JobKey, ParentState]) -> list[Item]:
    """Sort by priority, then as in the file. An item without a priority of its own has its job's."""

    def priority(item: Item) -> int:
        request = item.request
        if request.priority is not None:
            return request.priority
        state = parents.get(request.job_key)
        return state.job.priority if state and state.job else DEFAULT_PRIORITY

    return sorted(items, key=lambda item: -priority(item))


def is_before_2_0_1(version: tuple[int, int, int] | None) -> bool:
    """A version that is not known is taken for an old one."""
    return version is None or version < FIRST_WITHOUT_FLAPPING


def job_spec(parent: JobKey, state: ParentState, run: str, items: Iterable[Item]) -> ParentSpec:
    """Return what the engine needs to know of the job of a run's *items*."""
    listing, job = listing_of(parent.job, run, items), state.job
    if job is None:
        return ParentSpec("batch", {}, listing)
    return ParentSpec(job.type, {group.name: group for group in job.groups}, listing, is_periodic=bool(job.periodic))


def listing_of(job: str, run: str, items: Iterable[Item]) -> Listing:
    """
    Return the prefix and the filter that list the run's children of the job.

    The run stands in front of their IDs, or behind prefixes of the items' own.
    """
    if any(item.written_prefix and item.request.job == job for item in items):
        return Listing(child_id_start(job), f'ID contains "-{run}-"')
    return Listing(child_id_start(job, f"{run}-"))


def _log_reads(wanted: str, items: int) -> LogReads:
    if wanted == "none":
        return LogReads(at_most=0)
    if wanted in ("failed", "all"):
        return LogReads(succeeded=wanted == "all")
    at_most = max(FEWEST_LOG_READS, int(items * LOG_READS_SHARE))
    return LogReads(at_most=at_most, reserved=0 if items <= at_most else at_most // RESERVED_LOG_READS)


def canaries_of(selected: Sequence[Item], settings: Settings) -> list[str]:
    """Return the first items in file order; a percentage is rounded up."""
    if settings.canary is None:
        return []
    return [item.id for item in selected[: math.ceil(settings.canary.of(len(selected)))]]


def run_deadline(settings: Settings, started_at: float) -> float | None:
    return None if settings.timeout is None else started_at + settings.timeout.total_seconds()
