"""Reading what preflight asks of the server: each parent's job and its children's count, and the rights to go on."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from dataclasses import replace

from dispatchfile.engine import refusal_of_token
from dispatchfile.errors import (
    NomadAmbiguous,
    NomadError,
    NomadForbidden,
    NomadNotFound,
    NomadRefused,
    NomadUnavailable,
    NomadUnreadable,
)
from dispatchfile.items import Item
from dispatchfile.names import JobKey
from dispatchfile.nomad.answers import PERHAPS_DONE
from dispatchfile.nomad.client import Client
from dispatchfile.nomad.refusals import DENIED, NO_REGION
from dispatchfile.preflight import ParentState, near_misses, route_in
from dispatchfile.usecases.tokens import with_advice

PROBE_KEY = "dispatchfile.probe"  # a meta key that no job permits, so the request is refused in every case
PROBE_PAUSES_S = (0.1, 0.3, 1.0, 2.0)
ANSWERED = frozenset({200, 500})  # with a text that is not listed: an answer all the same
PARENTS_AT_ONCE = 8
REGISTERED_SHOWN = 500


async def read_parents(
    client: Client,
    parents: Iterable[JobKey],
    *,
    probe: bool = True,
    stopped: Collection[JobKey] = (),
    at_items: bool | None = None,
) -> dict[JobKey, ParentState]:
    """
    Read each parent twice (job, summary), and, to *probe*, ask whether it may be dispatched.

    stopped: those of which it is asked, too, whether their children may be stopped.

    Raises NomadError if the server cannot be reached, does not answer as Nomad does, or does not know the token, which
    would lack every right. Where it is but one parent that cannot be read, or by its ID, its state tells so if
    *at_items*, which is the default for who wants to *probe*.
    """
    slots = asyncio.Semaphore(PARENTS_AT_ONCE)
    wanted = list(parents)

    async def read(parent: JobKey) -> ParentState:
        async with slots:
            state = await _read_parent(client, parent, probe=probe or (None if at_items else False))
            return replace(state, may_stop=await _may_stop(client, parent)) if parent in stopped else state

    states = await asyncio.gather(*(read(parent) for parent in wanted))
    _check_trouble(dict(zip(wanted, states, strict=True)), is_preflight=probe if at_items is None else at_items)
    if any(_is_denied(state) for state in states) and (refusal := await refusal_of_token(client)):
        raise NomadForbidden(with_advice(refusal))
    return dict(zip(wanted, states, strict=True))


def _check_trouble(states: Mapping[JobKey, ParentState], *, is_preflight: bool) -> None:
    """Raises the NomadError that one parent met, unless preflight can tell of it at an item's place."""
    troubled = {parent: state.trouble for parent, state in states.items() if state.trouble is not None}
    is_named = all(region or route_in(job) for _, region, job in troubled)  # what the manifest says may be the reason
    is_at_a_place = len(troubled) < len(states) or is_named
    if troubled and not (is_preflight and is_at_a_place):
        raise next(iter(troubled.values()))


def _is_denied(state: ParentState) -> bool:
    return not (state.may_read and state.may_dispatch and state.may_stop)


async def read_highest_priority(client: Client, items: Iterable[Item]) -> int | None:
    """Read the limit in the server's configuration, but only if an item has a priority of its own."""
    if all(item.request.priority is None for item in items):
        return None
    return await client.read_highest_priority()


async def _read_parent(client: Client, parent: JobKey, *, probe: bool | None) -> ParentState:
    """Read the parent. probe: None: not even where there is no such job."""
    state = await _read_state(client, parent)
    asks = probe or (probe is not None and state.job is None)
    refusal = await _read_refusal(client, parent) if asks else ""
    return replace(state, may_dispatch=not refusal, refusal=refusal)


async def _read_state(client: Client, parent: JobKey) -> ParentState:
    namespace, region, job_id = parent
    try:
        job = await client.read_job(job_id, namespace=namespace, region=region)
        summary = await client.read_summary(job_id, namespace=namespace, region=region)
    except NomadForbidden:
        return ParentState(may_read=False)
    except NomadUnavailable as error:
        if region and NO_REGION in error.message:
            return ParentState(trouble=error)
        raise
    except (NomadRefused, NomadUnreadable) as error:
        if isinstance(error, NomadNotFound) and not route_in(job_id):
            return ParentState(near_misses=await _near_misses(client, parent))
        return ParentState(trouble=error)
    if job.id != job_id:
        return ParentState(trouble=NomadUnreadable(f"the answer is about {job.id!r}"))
    children = summary.children.total if summary.children else 0
    return ParentState(job=job, children=children, children_index=summary.modify_index)


async def _read_refusal(client: Client, parent: JobKey) -> str:
    """
    Nomad's words if the parent may not be dispatched, none if it may: dispatch with a meta key that no job permits.

    The right is checked before anything else (403), and such a request is refused in every case.
    Source: hashicorp/nomad, nomad/job_endpoint.go, Dispatch and validateDispatchRequest.
    """
    return await _refusal_of(lambda: _probe(client, parent))


async def _may_stop(client: Client, parent: JobKey) -> bool:
    namespace, region, _ = parent
    return not await _refusal_of(lambda: client.stop_nothing(namespace=namespace, region=region))


async def _refusal_of(probe: Callable[[], Awaitable[object]]) -> str:
    """
    Nomad's words where the right is lacking. None where it is there, and where Nomad does not come to say so.

    A lost answer is asked for again, as the probe changes nothing. Raises NomadUnavailable where a proxy refuses, and
    where every answer was lost: the run's own requests would be lost, too.
    """
    lost: NomadUnavailable | None = None
    for pause_s in PROBE_PAUSES_S:
        try:
            await probe()
        except NomadForbidden as error:
            return error.message
        except NomadUnavailable as error:
            if error.status in DENIED:
                raise  # by a proxy, which will not let the run's requests through either
            lost = None
            await asyncio.sleep(pause_s)
        except NomadAmbiguous as error:
            if error.status in ANSWERED:
                return ""
            lost = NomadUnavailable(error.message.removesuffix(PERHAPS_DONE).rstrip(":; "), status=error.status)
            await asyncio.sleep(pause_s)
        except NomadRefused:
            return ""
        else:
            return ""
    if lost is not None:
        raise lost
    return ""


async def _probe(client: Client, parent: JobKey) -> None:
    namespace, region, job = parent
    await client.dispatch_job(
        job,
        namespace=namespace,
        region=region,
        payload=None,
        meta={PROBE_KEY: ""},
        id_prefix="",
        token=None,
        priority=None,
    )


async def _near_misses(client: Client, parent: JobKey) -> tuple[str, ...]:
    namespace, region, job = parent
    try:
        page = await client.list_jobs(
            prefix="", namespace=namespace, region=region, filter='ParentID == ""', per_page=REGISTERED_SHOWN
        )
    except NomadError:
        return ()
    return near_misses(job, [row.id for row in page.rows if row.parameterized])
