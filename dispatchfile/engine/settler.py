"""
Looks for the children of attempts in doubt, and counts those of a job: `lifecycle/doubting` decides what follows.

Attempts that ask at the same time share a list.
"""

from __future__ import annotations

import asyncio
import itertools
import os.path
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from dispatchfile.engine.commands import Count, LookFor
from dispatchfile.engine.happenings import Counted, Looked, failure_of
from dispatchfile.errors import NomadError, NomadForbidden, NomadRefused
from dispatchfile.names import JobKey, child_id_start, is_child_of
from dispatchfile.nomad.client import Client
from dispatchfile.nomad.filters import literal, matches, quote

LOOKED_FOR_TOGETHER = 50  # attempts whose children one list shows

Sighting = tuple[int, str]  # of a child: its CreateIndex and its ID
Report = Looked | Counted


@dataclass(slots=True)
class _Lists:
    """The lists of one job: one at a time."""

    asking: dict[str, asyncio.Future[list[Sighting]]] = field(default_factory=dict)  # by the beginning of the ID
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class Settler:
    """Carries out `LookFor` and `Count`: one happening follows on each. Default consistency, never `stale`."""

    def __init__(self, client: Client, group: asyncio.TaskGroup, post: Callable[[Report], None]) -> None:
        self._client, self._group, self._post = client, group, post
        self._lists: dict[JobKey, _Lists] = {}
        self._may_filter = True

    def look_for(self, command: LookFor) -> None:
        self._group.create_task(self._look_for(command))

    def count(self, command: Count) -> None:
        self._group.create_task(self._count(command))

    # Looks

    async def _look_for(self, command: LookFor) -> None:
        try:
            found = await self._find_by_prefix(command) if command.prefix else []
            children = tuple(found or await self._find_by_token(command))
        except NomadError as error:
            is_refused = isinstance(error, NomadRefused) and not isinstance(error, NomadForbidden)
            self._may_filter = self._may_filter and not is_refused
            self._post(Looked(command.key, command.serial, failure=failure_of(error)))
        else:
            self._post(Looked(command.key, command.serial, children))

    async def _find_by_prefix(self, command: LookFor) -> list[str]:
        job = command.job.job
        found = await self._share_list(command.job, child_id_start(job, command.prefix))
        own = [entry for entry in sorted(found) if is_child_of(entry[1], job=job, prefix=command.prefix)]
        return list(dict.fromkeys(child for _, child in own))

    async def _share_list(self, job: JobKey, stem: str) -> list[Sighting]:
        """
        Return children whose IDs begin with *stem*, perhaps with others among them.

        Attempts that ask while a list is under way share the next one: after a kill there may be dozens.
        """
        lists = self._lists.setdefault(job, _Lists())
        answer: asyncio.Future[list[Sighting]] = asyncio.get_running_loop().create_future()
        lists.asking[stem] = answer
        async with lists.lock:
            await asyncio.sleep(0)  # those who ask at this moment share it, too
            if not answer.done():
                await self._answer_together(job, lists, stem)
        return await answer

    async def _answer_together(self, job: JobKey, lists: _Lists, stem: str) -> None:
        at_once = LOOKED_FOR_TOGETHER if self._may_filter else 1
        stems = [stem, *itertools.islice((other for other in lists.asking if other != stem), at_once - 1)]
        answers = [lists.asking.pop(name) for name in stems]
        try:
            found = await self._read_list(job, stems)
        except NomadError as error:
            for answer in answers:
                answer.set_exception(error)
        else:
            for answer in answers:
                answer.set_result(found)

    async def _read_list(self, job: JobKey, stems: Sequence[str]) -> list[Sighting]:
        namespace, region, _ = job
        common = os.path.commonprefix([f"{stem}-" for stem in stems])  # noqa: RUF071  characters are what it is to compare
        pattern = f"^({'|'.join(map(literal, stems))})-[0-9]+-[0-9a-f]+$"
        condition = matches("ID", pattern) if len(stems) > 1 else ""
        try:
            rows = await self._client.list_all_jobs(prefix=common, namespace=namespace, region=region, filter=condition)
        except NomadForbidden:  # no list-jobs: the children's evaluations tell as much, and need read-job only
            evals = await self._client.list_evaluations(
                namespace=namespace, region=region, filter=matches("JobID", pattern)
            )
            return [(evaluation.create_index, evaluation.job_id) for evaluation in evals]
        return [(row.create_index, row.id) for row in rows]

    async def _find_by_token(self, command: LookFor) -> list[str]:
        quoted = quote(command.token) if command.token else None
        if quoted is None:
            return []
        namespace, region, job = command.job
        try:
            rows = await self._client.list_all_jobs(
                prefix=child_id_start(job),
                namespace=namespace,
                region=region,
                filter=f"DispatchIdempotencyToken == {quoted}",
            )
        except NomadForbidden:
            if not command.prefix:
                raise
            return []  # its own child, which the prefix finds, is what counts: with the token a repeat makes no other
        return [row.id for row in sorted(rows, key=lambda row: row.create_index)]

    # Counts

    async def _count(self, command: Count) -> None:
        try:
            counted = await self._read_count(command)
        except NomadError as error:
            counted = Counted(command.job, command.serial, failure_of(error))
        self._post(counted)

    async def _read_count(self, command: Count) -> Counted:
        """The list is read after the total, so that it shows every child that the total counts and Nomad has."""
        namespace, region, job = command.job
        registered = await self._client.read_job(job, namespace=namespace, region=region)
        summary = await self._client.read_summary(job, namespace=namespace, region=region)
        rows = await self._client.list_all_jobs(prefix=child_id_start(job), namespace=namespace, region=region)
        return Counted(
            command.job,
            command.serial,
            registered_at=registered.create_index,
            total=summary.children.total if summary.children else 0,
            counted_at=summary.modify_index,
            listed=tuple((row.create_index, row.id) for row in rows if row.parent_id == job),
        )
