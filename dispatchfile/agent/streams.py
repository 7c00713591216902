"""
The event stream: what each step changed, line by line, to whoever listens.

Source: hashicorp/nomad, nomad/stream and nomad/state/events.go; shapes and quirks as observed on 2.0.5.
"""

import asyncio
import base64
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from dispatchfile.agent.http import encode
from dispatchfile.agent.records import Allocation, StoredEvaluation, StoredJob
from dispatchfile.agent.state import EVENT_BUFFER_SIZE, Changed, StateStore, StreamEntry
from dispatchfile.agent.views import View, alloc_view, eval_view, job_view

HEARTBEAT_SECONDS: Final = 30.0
_BEHIND: Final = StreamEntry(0, "", ())
_TIMED_OUT: Final = "allocation exceeded max_run_duration"


class TopicError(ValueError):
    """A topic that cannot be read; the message is Nomad's."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """
    topics: for each topic the keys that are asked for.

    A star counts only as the sole key of a topic: asked for twice, or beside another key, it matches nothing.
    namespace: None for all. index: where to begin, 0 for all that is remembered.
    """

    topics: Mapping[str, Sequence[str]]
    namespace: str | None
    index: int

    def deliveries(self, topic: str, keys: Sequence[str]) -> int:
        """Return how often an event with these keys is delivered: once for each listed key that it has."""
        wanted = self.topics.get(topic) or self.topics.get("*") or ()
        if list(wanted) == ["*"]:
            return 1
        return sum(key != "*" and key in keys for key in wanted)


def read_topics(texts: Sequence[str]) -> dict[str, list[str]]:
    """`Topic` or `Topic:key`, repeated; nothing at all is everything. Raises TopicError."""
    topics: dict[str, list[str]] = {}
    for text in texts or ["*"]:
        topic, colon, key = text.partition(":")
        if ":" in key:
            message = f"Invalid key value pair for topic, topic: {text}"
            raise TopicError(f"Invalid topic query: error parsing topics: {message}")
        topics.setdefault(topic, []).append(key if colon else "*")
    return topics


async def event_lines(state: StateStore, subscription: Subscription) -> AsyncGenerator[bytes]:
    """
    The body of a stream: `{}` at once and every 30 s, a line for each change that was asked for.

    It ends when the reader falls further behind than the buffer is long.
    """
    entries: asyncio.Queue[StreamEntry] = asyncio.Queue()

    def listen(entry: StreamEntry) -> None:
        entries.put_nowait(entry if entries.qsize() < EVENT_BUFFER_SIZE else _BEHIND)

    for remembered in _replayed(state, subscription.index):
        entries.put_nowait(remembered)
    state.listeners.add(listen)
    try:
        yield b"{}\n"
        while (entry := await _next(entries)) is not _BEHIND:
            lines = [{}] if entry is None else lines_of(entry, subscription)
            for line in lines:
                yield encode(line) + b"\n"
    finally:
        state.listeners.discard(listen)


async def _next(entries: asyncio.Queue[StreamEntry]) -> StreamEntry | None:
    """The next entry, None when nothing happened for a while."""
    with suppress(TimeoutError):
        async with asyncio.timeout(HEARTBEAT_SECONDS):
            return await entries.get()
    return None


def _replayed(state: StateStore, index: int) -> list[StreamEntry]:
    """Return the stored entries from *index* on. If there are none, return the newest one, as Nomad delivers it."""
    remembered = [entry for entry in state.entries if entry.index >= index]
    return remembered or list(state.entries)[-1:]


def lines_of(entry: StreamEntry, subscription: Subscription) -> Iterator[View]:
    """A registration is two lines, its job and its evaluation; all else is one."""
    groups: list[list[Changed]] = [list(entry.changed)]
    if entry.message == "JobRegistered":
        jobs: list[Changed] = [one for one in entry.changed if isinstance(one, StoredJob)]
        groups = [jobs, [one for one in entry.changed if not isinstance(one, StoredJob)]]
    for group in groups:
        events = [event for changed in group for event in _delivered(changed, entry, subscription)]
        if events:
            yield {"Index": entry.index, "Events": events}


def _delivered(changed: Changed, entry: StreamEntry, subscription: Subscription) -> list[View]:
    namespace = changed.job.namespace if isinstance(changed, Allocation) else changed.namespace
    if subscription.namespace not in {None, namespace}:
        return []
    filter_keys = None if isinstance(changed, StoredJob) else [_job_id(changed), ""]
    topic, payload = _payload(changed, entry)
    times = subscription.deliveries(topic, [changed.id, *(filter_keys or ())])
    event: View = {
        "FilterKeys": filter_keys,
        "Index": entry.index,
        "Key": changed.id,
        "Namespace": namespace,
        "Payload": payload,
        "Topic": topic,
        "Type": entry.message,
    }
    return [event] * times


def _job_id(changed: StoredEvaluation | Allocation) -> str:
    return changed.job.id if isinstance(changed, Allocation) else changed.job_id


def _payload(changed: Changed, entry: StreamEntry) -> tuple[str, View]:
    if isinstance(changed, StoredJob):
        deleted: View = {"Deleted": True} if changed.key in entry.deleted else {}
        return "Job", {"Job": {**job_view(changed), "Payload": _compressed(changed.payload)}, **deleted}
    if isinstance(changed, StoredEvaluation):
        return "Evaluation", {"Evaluation": eval_view(changed)}
    payload: View = {"Allocation": alloc_view(changed, with_job=False)}
    if changed.client_description == _TIMED_OUT:
        payload |= {"Timeout": True, "TimeoutReason": _TIMED_OUT}
    return "Allocation", payload


def _compressed(payload: str | None) -> str | None:
    """Streams show a payload as it is stored, in snappy's block format; here as literals only."""
    if payload is None:
        return None
    data = base64.b64decode(payload)
    return base64.b64encode(_varint(len(data)) + _literal_tag(len(data) - 1) + data).decode()


def _literal_tag(size: int) -> bytes:
    """size: of the literal, less one; at most what two bytes hold."""
    return bytes([size << 2]) if size < 60 else bytes([61 << 2]) + size.to_bytes(2, "little")


def _varint(number: int) -> bytes:
    encoded = bytearray()
    while number >= 0x80:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*encoded, number])
