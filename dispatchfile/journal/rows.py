"""Entries of the log, items and headers to what a row holds, and back."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeVar, cast

from dispatchfile.events import Accepted, Doubled, Doubted, Ended, Event, Intent, Moved, Notice, Repeated, Sending
from dispatchfile.items import Item
from dispatchfile.journal.codec import Plain, decode, decoder, encode
from dispatchfile.journal.masking import Mask
from dispatchfile.journal.records import Mark, RunHeader, RunStatus, StoredBaseline
from dispatchfile.results import ItemFacts
from dispatchfile.source import Position

Entry = Event | Intent | Mark | StoredBaseline
Record = TypeVar("Record", RunHeader, RunStatus)

ENTRIES: Mapping[str, type[Entry]] = {
    "intent": Intent,
    "may_send": Mark,
    "baseline": StoredBaseline,
    "sending": Sending,
    "accepted": Accepted,
    "doubted": Doubted,
    "repeated": Repeated,
    "moved": Moved,
    "ended": Ended,
    "doubled": Doubled,
    "notice": Notice,
}
KINDS = {kind: name for name, kind in ENTRIES.items()}


def dumps(plain: object) -> str:
    """ASCII only, so that even half a surrogate pair, as in the name of a file, survives."""
    return json.dumps(plain, separators=(",", ":"), allow_nan=False)


def encode_record(record: RunHeader | RunStatus) -> str:
    return dumps(encode(record))


def decode_record(kind: type[Record], body: str) -> Record:
    return cast("Record", decode(kind, json.loads(body)))


def encode_entry(entry: Entry, mask: Mask) -> tuple[str, object, object, Plain]:
    """Kind, item, attempt and the rest."""
    plain = encode(mask.silenced(entry) if isinstance(entry, Ended) else entry)
    item, attempt = plain.pop("item", None), plain.pop("attempt", None)
    mask.cover(plain, cast("str | None", item))
    return KINDS[type(entry)], item, attempt, plain


def decode_entries(rows: Sequence[tuple[int, str, str | None, int | None, str]]) -> Iterator[tuple[int, Entry]]:
    """Numbers and entries of rows that hold number, kind, item, attempt and the rest."""
    plains, decoders = _load_all([body for *_, body in rows]), _decoders()
    for (number, name, item, attempt, _), plain in zip(rows, plains, strict=True):
        if item is not None:
            plain["item"], plain["attempt"] = item, attempt
        if name == "ended":
            _part_log_line(cast("Plain", plain["verdict"]))
        yield number, decoders[name](plain)


def _part_log_line(verdict: Plain) -> None:
    """Take the last log line out of the message, to whose end dispatchfile 0.1.0 added it."""
    if line := verdict.get("last_log_line"):
        verdict["message"] = cast("str", verdict.get("message", "")).removesuffix(f': "{line}"')


@functools.cache
def _decoders() -> Mapping[str, Callable[[Plain], Entry]]:
    return {
        name: cast("Callable[[Plain], Entry]", decoder(kind))  # type: ignore[arg-type]  # a class is hashable
        for name, kind in ENTRIES.items()
    }


def encode_item(item: Item) -> tuple[str, bytes | None]:
    """
    Return the item without its payload, and that; both without what is sensitive.

    Of the names of sensitive values those are kept of which the item has one: whoever reads it has to ask for these.
    """
    plain = encode(item)
    request = cast("Plain", plain["request"])
    payload = cast("bytes | None", request.pop("payload", None))
    request["meta"] = {key: value for key, value in item.request.meta.items() if f"meta.{key}" not in item.sensitive}
    if item.sensitive:
        present = {f"meta.{key}" for key in item.request.meta} | ({"payload"} if payload else set())
        plain["sensitive"] = sorted(item.sensitive & present)
    return dumps(plain), None if "payload" in item.sensitive else payload


def decode_items(rows: Sequence[tuple[str, bytes | None]]) -> Iterator[Item]:
    """Yield the items of rows that hold what `encode_item` made."""
    plains = _load_all([body for body, _ in rows])
    for (_, payload), plain in zip(rows, plains, strict=True):
        cast("Plain", plain["request"])["payload"] = payload
        yield cast("Item", decode(Item, plain))


def decode_facts(bodies: Sequence[str]) -> Iterator[ItemFacts]:
    """Return the facts about items that `encode_item` encoded, in a third of the time that decoding the items takes."""
    place_of = cast("Callable[[Plain], Position]", decoder(Position))
    for plain in _load_all(bodies):
        request, place = cast("Plain", plain["request"]), cast("Plain", plain.get("row") or plain["position"])
        yield ItemFacts(
            id=cast("str", plain["id"]),
            job=cast("str", request["job"]),
            namespace=cast("str", request["namespace"]),
            region=cast("str", request["region"]),
            tags=tuple(cast("list[str]", plain["tags"])),
            position=place_of(place),
            source=cast("str", plain.get("source", "")),
            max_starts=cast("int | None", plain.get("max_starts")),
        )


def _load_all(bodies: Sequence[str]) -> list[Plain]:
    """Load all values as one document, which takes a third of the time that a document for each takes."""
    return cast("list[Plain]", json.loads(f"[{','.join(bodies)}]"))
