"""
Estimates the requests that a run of these items would send at least. Pure.

How long children take is not known, so lists while they live are told as a rate, not counted.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from dispatchfile.findings import LoadEstimate, StoredJobs
from dispatchfile.items import Item
from dispatchfile.names import JobKey
from dispatchfile.preflight import find_stops
from dispatchfile.settings import Settings, Wait

# Job, summary, and a dispatch that is refused in every case; where children may have to be stopped, such a stop.
READS_BEFORE_EACH_JOB = 3
HEAD_BYTES = 250  # of a request, about
# Nomad looks at every job whose ID begins like the parent's, twice, for each dispatch with a token. Measured on one
# development agent: 54 dispatches a second beside 10,240 children with tokens, 226 without.
TOKEN_S_PER_JOB = (1 / 54 - 1 / 226) / 10_240
MOST_LOG_READS, LOG_READS_SHARE = 20, 0.05


def added_token_s(stored: StoredJobs) -> float:
    """Return the seconds of the server's time that a token adds to each dispatch."""
    return stored.jobs * TOKEN_S_PER_JOB


def estimate_load(
    items: Sequence[Item], settings: Settings, *, stored: Mapping[JobKey, StoredJobs], round_trip_s: float
) -> LoadEstimate:
    """
    Return the load of a run of *items*.

    round_trip_s: of one small request, as measured now. stored: by parent; one that is missing has no jobs.
    """
    jobs = len({item.request.job_key for item in items})
    watched = 0 if settings.wait is Wait.DETACH else len(items)
    completion = settings.wait is Wait.COMPLETION
    tokened = [item for item in items if item.request.token]
    return LoadEstimate(
        items=len(items),
        jobs=jobs,
        reads_before=_reads_before(items, jobs, settings),
        dispatches=len(items),
        reads_while=watched,
        log_reads=min(len(items), max(MOST_LOG_READS, int(len(items) * LOG_READS_SHARE))) if completion else 0,
        lists_at_end=jobs,
        lists_a_second=jobs if completion else 0,
        payload_bytes=sum(len(item.request.payload or b"") for item in items),
        sent_bytes=sum(map(_sent_bytes, items)),
        sending_s=_sending_s(len(items), settings, round_trip_s),
        tokens=len(tokened),
        token_s=_token_s(tokened, stored),
    )


def _reads_before(items: Sequence[Item], jobs: int, settings: Settings) -> int:
    """Read the agent, once, and the scheduler's configuration where an item has a priority of its own."""
    if not items:
        return 0
    stops = find_stops(items, settings)
    stopped = {item.request.job_key for item in items if item.id in stops}
    prioritized = any(item.request.priority is not None for item in items)
    return 1 + prioritized + READS_BEFORE_EACH_JOB * jobs + len(stopped)


def _sent_bytes(item: Item) -> int:
    payload = 4 * -(-len(item.request.payload or b"") // 3)  # in base64
    return HEAD_BYTES + payload + len(json.dumps(dict(item.request.meta)))


def _sending_s(count: int, settings: Settings, round_trip_s: float) -> float:
    by_rate = max(0, count - 1) / settings.rate.per_second if settings.rate else 0.0
    return max(by_rate, count * round_trip_s / settings.concurrency)


def _token_s(items: Sequence[Item], stored: Mapping[JobKey, StoredJobs]) -> float:
    """Each dispatch adds a job that the next one has to look at as well."""
    there: dict[JobKey, int] = {}
    looked_at = 0
    for item in items:
        parent = item.request.job_key
        there.setdefault(parent, stored[parent].jobs if parent in stored else 0)
        looked_at += there[parent]
        there[parent] += 1
    return looked_at * TOKEN_S_PER_JOB
