"""Asks the server about the items before anything is sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from dispatchfile.items import Item
from dispatchfile.names import JobKey
from dispatchfile.nomad.client import Client
from dispatchfile.preflight import ParentState, cap_problems, check_items, find_stops, parents_in
from dispatchfile.problems import Problem, has_errors, sort_problems
from dispatchfile.settings import Settings
from dispatchfile.usecases.parents import read_highest_priority, read_parents


@dataclass(frozen=True, slots=True)
class Preflight:
    """The answers of the server, and every problem that it would have with the items."""

    states: Mapping[JobKey, ParentState] = field(default_factory=dict)  # of the items' jobs
    version: tuple[int, int, int] | None = None
    problems: tuple[Problem, ...] = ()

    @property
    def has_errors(self) -> bool:
        return has_errors(self.problems)


async def preflight(
    client: Client, items: Sequence[Item], settings: Settings, *, stop_on_interrupt: bool = False, rights: bool = True
) -> Preflight:
    """
    Ask the server about the jobs of *items*, of which there may be none.

    rights: also ask whether the token may dispatch them and stop their children. Raises NomadError.
    """
    if not items:
        return Preflight()
    client = client.patient(settings.unreachable_after)
    version = await client.read_version()
    highest = await read_highest_priority(client, items)
    stops = find_stops(items, settings, on_interrupt=stop_on_interrupt)
    stopped = {item.request.job_key for item in items if item.id in stops}
    states = await read_parents(
        client, parents_in(items), probe=rights, stopped=stopped if rights else (), at_items=True
    )
    problems = check_items(
        items,
        states,
        wait=settings.wait,
        version=version,
        highest_priority=highest,
        stops=stops,
        has_token=client.has_token,
    )
    return Preflight(states, version, sort_problems(cap_problems(problems)))
