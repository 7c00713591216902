"""
Finds out which capabilities a token has in a namespace, without changing anything.

Nomad looks at a token's rights before it looks for what is asked: with the right, a job that does not exist is "not
found", without it "Permission denied"; a stop that names no job is refused for the one or the other. What only a
write that takes effect could tell is not asked.
Source: hashicorp/nomad, nomad/job_endpoint.go.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass

from dispatchfile.engine import NO_TOKEN
from dispatchfile.errors import NomadAmbiguous, NomadError, NomadForbidden, NomadRefused
from dispatchfile.findings import Finding, fail, ok, skip, warn
from dispatchfile.nomad.client import Client
from dispatchfile.usecases.parents import PROBE_KEY

NO_JOB = "dispatchfile-doctor-asks-for-a-job-that-is-not-there"
Place = tuple[str, str]  # namespace and region, empty for the agent's own


@dataclass(frozen=True, slots=True)
class Need:
    """The commands that need a capability, and what they lack without it."""

    by: str
    is_vital: bool = True
    without: str = ""


NEEDS: Mapping[str, Need] = {
    "dispatch-job": Need("run, resume, rerun and dispatch need it"),
    "read-job": Need("run, resume, rerun, dispatch --wait and init --from-job need it"),
    "list-jobs": Need(
        "run, resume, rerun and stop need it to look up children, dispatch to complete a prefix of a job's ID",
        is_vital=False,
        without="without it run and resume read evaluations and allocations instead, which is slower for the server",
    ),
    "submit-job": Need(
        "stop, on_timeout: stop and retries after a child that may still be running need it", is_vital=False
    ),
    "read-logs": Need("logs and the last log line of failed items need it"),
}
ONLY_BY_DOING = ("read-logs",)


async def probe_rights(client: Client, place: Place) -> AsyncIterator[Finding]:
    """Yield a finding for each capability in the namespace."""
    for capability, probe in PROBES.items():
        yield await _examine(client, capability, place, probe(client, place))
    for capability in ONLY_BY_DOING:
        yield skip(capability, f"cannot be checked; {NEEDS[capability].by}")


async def _examine(client: Client, capability: str, place: Place, probe: Awaitable[object]) -> Finding:
    need, where = NEEDS[capability], f"in namespace {place[0]}"
    try:
        await probe
    except NomadForbidden:
        told = f"not {where}: {need.by}{'; ' if need.without else ''}{need.without}"
        told = told if client.has_token else f"{told}; {NO_TOKEN}"
        return fail(capability, told) if need.is_vital else warn(capability, told)
    except (NomadAmbiguous, NomadRefused):
        return ok(capability, where)
    except NomadError as error:
        return skip(capability, f"could not be checked {where}: {error.message}")
    return ok(capability, where)


async def _dispatch(client: Client, place: Place) -> object:
    """Dispatch a job that does not exist, with a meta key that no job permits. Nomad refuses this in every case."""
    namespace, region = place
    return await client.dispatch_job(NO_JOB, namespace=namespace, region=region, payload=None, meta={PROBE_KEY: ""})


async def _read(client: Client, place: Place) -> object:
    namespace, region = place
    return await client.read_job(NO_JOB, namespace=namespace, region=region)


async def _list(client: Client, place: Place) -> object:
    namespace, region = place
    return await client.list_jobs(prefix=NO_JOB, namespace=namespace, region=region, per_page=1)


async def _stop(client: Client, place: Place) -> None:
    namespace, region = place
    await client.stop_nothing(namespace=namespace, region=region)


PROBES: Mapping[str, Callable[[Client, Place], Awaitable[object]]] = {
    "dispatch-job": _dispatch,
    "read-job": _read,
    "list-jobs": _list,
    "submit-job": _stop,
}
