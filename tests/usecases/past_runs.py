"""Past runs for tests: their journals, and the Nomad that they went to."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self

from dispatchfile.clock import Clock
from dispatchfile.errors import NomadForbidden, NomadNotFound, NomadRefused
from dispatchfile.events import Accepted, Ended, Event, Intent, Sending
from dispatchfile.items import Item, child_prefix
from dispatchfile.journal import Journal, RunHeader, RunState, StoredBaseline, Target
from dispatchfile.nomad.connection import Connection
from dispatchfile.nomad.models import Alloc, Dispatched, Job, JobStub
from dispatchfile.results import NO_REQUESTS, Requests, Results, RunFacts, Summary
from dispatchfile.settings import Settings, Wait
from dispatchfile.usecases.folding import fold_journal
from dispatchfile.usecases.parents import PROBE_KEY
from dispatchfile.usecases.past import RunName
from tests.engine import intent
from tests.fake_nomad import FakeChild, FakeNomad

RUN = "run1"
STARTED_AT = 990.0  # virtual time starts at 1,000 s
HEADER = RunHeader(
    id=RUN,
    name="nightly",
    manifest="/films/dispatchfile.yaml",
    shown_manifest="dispatchfile.yaml",
    manifest_digest="0" * 64,
    target=Target("http://nomad.example:4646", "", ("default",)),
    settings=Settings(wait=Wait.COMPLETION),
    local=False,
    started_at=STARTED_AT,
    tool_version="0.1.0",
)
CONNECTION = Connection(address="http://nomad.example:4646")


class PastNomad(FakeNomad):
    """A Nomad that use cases connect to. *forbidden*: calls that the token may not make, such as "stop" or "list"."""

    def __init__(self, *, forbidden: Iterable[str] = (), **options) -> None:
        super().__init__(**{"lifetime_s": None, **options})
        self.forbidden = set(forbidden)
        self.logs: dict[tuple[str, str], bytes] = {}  # by child and stream; what is not here is gone
        self.refusals: dict[tuple[str, str], str] = {}  # of a log, by allocation and task: the text of the 404
        self.allocs: dict[str, tuple[Alloc, ...]] = {}  # by child, where it is not the one that the fake has
        self.connected = 0

    def connect(self, connection: Connection, settings: Settings) -> AbstractAsyncContextManager[Self]:
        self.connected += 1
        return self

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        return

    def had(self, item: Item, *, attempt: int = 1, run: str = RUN, token: str = "") -> FakeChild:
        """A child that the past run's attempt has made."""
        prefix = child_prefix(item, run=run, attempt=attempt)
        made = self.carry_out(
            item.request.job, namespace=item.request.namespace, token=token, prefix=prefix, payload=b"", meta={}
        )
        return self.children[made.child]

    @property
    def writes(self) -> list[str]:
        return [call for call in self.calls if call.startswith(("dispatch", "stop"))]

    def _refuse(self, name: str) -> None:
        if name in self.forbidden:
            raise NomadForbidden("Permission denied", status=403)

    async def dispatch_job(self, job: str, *, meta: Mapping[str, str], **options) -> Dispatched:
        if PROBE_KEY in meta:
            raise NomadRefused("Dispatch request included unpermitted metadata keys")
        return await super().dispatch_job(job, meta=meta, **options)

    async def stop_job(self, job_id: str, **options) -> None:
        self._refuse("stop")
        await super().stop_job(job_id, **options)

    async def read_highest_priority(self) -> int:
        return 100

    async def stop_nothing(self, **options) -> None:
        self._refuse("stop")
        await super().stop_nothing(**options)

    async def list_all_jobs(self, **options) -> tuple[JobStub, ...]:
        self._refuse("list")
        return await super().list_all_jobs(**options)

    async def list_allocations(self, *, filter: str, **_: object) -> tuple[Alloc, ...]:  # noqa: A002  as the client
        await self._call(f"allocations {filter}")
        pattern = filter.removeprefix('JobID matches "').removesuffix('"')
        return tuple(self._alloc(child) for child in self.children.values() if re.search(pattern, child.id))

    async def read_logs(self, alloc_id: str, task: str, *, stream: str, tail_bytes: int, **_: object) -> bytes:
        await self._call(f"logs {alloc_id}")
        self._refuse("logs")
        if (alloc_id, task) in self.refusals:
            raise NomadNotFound(self.refusals[alloc_id, task], status=404)
        child = next((child for child in self.children.values() if self._alloc(child).id == alloc_id), None)
        if child is None or (child.id, stream) not in self.logs:
            raise NomadNotFound(f"state for allocation {alloc_id} not found on client", status=404)
        return self.logs[child.id, stream][-tail_bytes:]

    async def read_job(self, job_id: str, **options) -> Job:
        self._refuse("job")
        return await super().read_job(job_id, **options)

    async def read_allocations(self, job_id: str, **options) -> tuple[Alloc, ...]:
        self._refuse("allocations")
        found = await super().read_allocations(job_id, **options)
        return self.allocs.get(job_id, found)


def header(**changes) -> RunHeader:
    return replace(HEADER, **changes)


async def keep_run(
    folder: Path,
    items: Sequence[Item],
    events: Iterable[Event] = (),
    *,
    state: RunState = RunState.FINISHED,
    head: RunHeader = HEADER,
    marked: Iterable[str] = (),
    baselines: Mapping[str, int] | None = None,
    exit_code: int = 1,
    requests: Requests = NO_REQUESTS,
) -> RunName:
    """
    A run in the state folder. *state* RUNNING: it was killed.

    marked: items that may have been sent, beside those of which there are events. baselines: children by parent's job.
    """
    events = list(events)
    parents = {item.request.job_key for item in items}
    counts = baselines or {}
    stored = [StoredBaseline(*parent, 7, counts.get(parent[2], 0), 7, head.started_at) for parent in parents]
    journal = Journal.create(folder, head, items, baselines=stored)
    by_id = {item.id: item for item in items}
    attempts = {(item.id, 1) for item in items} | {key for event in events if (key := _key(event))}
    await journal.add_intents([_intent(by_id[item], attempt, head) for item, attempt in sorted(attempts)])
    sent = {(item, 1) for item in marked} | {
        (event.item, event.attempt) for event in events if isinstance(event, Sending)
    }
    if sent:
        await journal.mark_may_send(sorted(sent))
    for event in events:
        journal.record(event)
    ends = {event.item: event.verdict.outcome for event in events if isinstance(event, Ended)}
    counted = Counter(ends.values())
    await journal.close(state, exit_code=exit_code, finished_at=head.started_at + 5, counts=counted, requests=requests)
    return RunName(head.id, None, str(folder), {})


def _key(event: Event) -> tuple[str, int] | None:
    return (event.item, event.attempt) if hasattr(event, "item") else None


def _intent(item: Item, attempt: int, head: RunHeader) -> Intent:
    return intent(item, attempt, run=head.id, rerun_of=head.rerun_of)


def sent(item: Item, child: FakeChild | str, *, attempt: int = 1, existing: bool = False) -> list[Event]:
    """The events of an attempt that Nomad has a child of."""
    child_id = child if isinstance(child, str) else child.id
    return [
        Sending(item.id, attempt, STARTED_AT + 1),
        Accepted(item.id, attempt, STARTED_AT + 2, child_id, "eval-1", existing=existing),
    ]


@dataclass(slots=True)
class Told:
    """A reporter that keeps what it is told."""

    notes: list[str] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    finished_with: Summary | None = None

    def note(self, message: str) -> None:
        self.notes.append(message)

    def started(self, facts: RunFacts, results: Results) -> None:
        return

    def event(self, event: Event, results: Results) -> None:
        self.events.append(event)

    def finished(self, summary: Summary) -> None:
        self.finished_with = summary


def loop_clock() -> Clock:
    """The loop's time, on the wall too."""
    return Clock(wall=asyncio.get_running_loop().time)


def outcomes_of(name: RunName) -> dict[str, str]:
    """What the journal says of each item: its outcome with its cause, or its state."""
    reader = name.open()
    found = {}
    for item in fold_journal(reader, reader.run()).items():
        found[item.id] = f"{item.outcome}/{item.cause}" if item.outcome else str(item.state)
    return found


def bytes_of(folder: Path) -> dict[str, bytes]:
    """All that lies below the folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
