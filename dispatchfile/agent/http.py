"""
Requests and answers in Nomad's HTTP dialect, without any socket.

A route takes a `HttpRequest` and returns what is to be answered: a `Reply`, a `Read` that may wait for a change, or a
`Stream`. Refusals are raised as `HttpError`. Source: hashicorp/nomad, command/agent/http.go.
"""

import json
import random
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Final, TypeVar
from urllib.parse import parse_qs

from dispatchfile.agent.filter_matching import FilterError, Matcher
from dispatchfile.agent.filters import compile_filter
from dispatchfile.agent.golang import GoError, Kind, decode_object, parse_bool, parse_duration, parse_int, quote
from dispatchfile.agent.watches import WatchSet

_T = TypeVar("_T")

MAX_WAIT_SECONDS: Final = 300.0


class HttpError(Exception):
    """An answer that is no success: a status and Nomad's text."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status, self.text = status, text


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request. path: decoded, without the query. query: the values of each parameter, at least one."""

    method: str
    path: str
    query: Mapping[str, Sequence[str]] = field(default_factory=dict)
    body: bytes = b""

    def get(self, name: str) -> str:
        """The first value of a query parameter, "" where it is absent."""
        return self.query.get(name, ("",))[0]

    def flag(self, name: str) -> bool:
        """A boolean parameter; Nomad answers 500 to one it cannot read."""
        text = self.get(name)
        if not text:
            return False
        try:
            return parse_bool(text)
        except GoError as exc:
            raise HttpError(500, f"Failed to parse value of {quote(name)} ({text}) as a bool: {exc}") from exc

    @property
    def namespace(self) -> str:
        return self.get("namespace") or "default"

    @property
    def wanted_namespace(self) -> str | None:
        """None for all of them."""
        return None if self.namespace == "*" else self.namespace

    @property
    def is_stale(self) -> bool:
        """Return whether any server may answer. Raises HttpError for a value that is neither true nor false."""
        text = self.get("stale")
        try:
            return "stale" in self.query and (not text or parse_bool(text))
        except GoError as exc:
            raise HttpError(400, "Expect `true` or `false` for `stale` query string parameter") from exc

    def require(self, *methods: str) -> None:
        if self.method not in methods:
            raise HttpError(405, "Invalid method")


@dataclass(frozen=True, slots=True)
class Reply:
    """
    body: a JSON document, or with *is_text* a text; it is left out without *has_body*.

    index: for `X-Nomad-Index`; a query's answer (*is_query*) also tells whether there is a leader.
    """

    body: object = None
    status: int = 200
    index: int | None = None
    is_query: bool = False
    is_text: bool = False
    has_body: bool = True
    next_token: str = ""


@dataclass(frozen=True, slots=True)
class Read:
    """An answer that a client may wait for: what it depends on, and how it is made now."""

    watch: WatchSet
    make: Callable[[], Reply]

    def answer(self) -> Reply:
        """The answer now, which may be a refusal that only shows at the objects."""
        try:
            return self.make()
        except HttpError as exc:
            return refusal(exc)


@dataclass(frozen=True, slots=True)
class Stream:
    """
    A body that is written bit by bit.

    hijacks: it takes the connection over, which is then closed at its end and not counted any more.
    """

    content_type: str
    chunks: AsyncGenerator[bytes]
    hijacks: bool = False


Answer = Reply | Read | Stream


def found(body: object, index: int, next_token: str = "") -> Reply:
    """The answer to a query."""
    return Reply(body, index=index, is_query=True, next_token=next_token)


def refusal(error: HttpError) -> Reply:
    return Reply(error.text, error.status, is_text=True)


def missing(text: str, index: int) -> Reply:
    """The answer to a query for an object that is not there; it has an index to wait on, too."""
    return Reply(text, 404, index, is_query=True, is_text=True)


def decoded(call: HttpRequest, type_name: str, fields: Mapping[str, Kind]) -> dict[str, object]:
    """The named fields of a JSON body; raises HttpError with Go's text."""
    try:
        return decode_object(call.body, type_name, fields)
    except GoError as exc:
        raise HttpError(400, str(exc)) from exc


def parse_query(text: str) -> dict[str, list[str]]:
    return parse_qs(text, keep_blank_values=True, encoding="utf-8", errors="replace") if text else {}


def encode(body: object, *, pretty: bool = False) -> bytes:
    """JSON as Nomad writes it: compact, or indented by four with a line end."""
    if pretty:
        text = json.dumps(body, ensure_ascii=False, indent=4) + "\n"
    else:
        text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "replace")


# IDs

_UUID_LENGTH: Final = 36
_HEX: Final = frozenset("0123456789abcdefABCDEF-")


def check_uuid(text: str, failed: str = "") -> None:
    """Raises HttpError for what is no whole ID; *failed* names the look-up."""
    if len(text) != _UUID_LENGTH:
        raise HttpError(500, f"{failed}: index error: UUID must be 36 characters".removeprefix(": "))


def check_uuid_prefix(text: str, failed: str) -> None:
    """Nomad looks IDs up by their bytes, so a prefix must be whole bytes in hexadecimal."""
    bad = next((character for character in text if character not in _HEX), None)
    if bad is not None:
        reason = f"Invalid UUID: encoding/hex: invalid byte: U+{ord(bad):04X} '{bad}'"
        raise HttpError(500, f"{failed}: index error: {reason}")
    if len(text.replace("-", "")) % 2:
        raise HttpError(500, f"{failed}: index error: Input (without hyphens) must be even length")


# waiting


@dataclass(frozen=True, slots=True)
class BlockingQuery:
    """The index that a query waits for, and how long it waits at most; index 0 does not wait."""

    index: int = 0
    seconds: float = 0.0


def read_blocking_query(call: HttpRequest, rng: random.Random) -> BlockingQuery:
    """`index` and `wait` of a query; Nomad adds up to a sixteenth of the wait at random."""
    seconds = MAX_WAIT_SECONDS
    if wait := call.get("wait"):
        try:
            seconds = parse_duration(wait)
        except GoError as exc:
            raise HttpError(400, "Invalid wait time") from exc
    index = 0
    if call.get("index"):
        try:
            index = parse_int(call.get("index"), "ParseUint")
        except GoError as exc:
            raise HttpError(400, "Invalid index") from exc
    if not 0 < seconds <= MAX_WAIT_SECONDS:
        seconds = MAX_WAIT_SECONDS
    return BlockingQuery(index, seconds * (1 + rng.random() / 16))


# lists


@dataclass(frozen=True, slots=True)
class Paging:
    """
    per_page: None for all. start: the token of the first item, "" for the beginning.

    bad_filter: the status of the answer where the filter does not fit the objects.
    """

    matches: Matcher
    per_page: int | None
    start: str
    reverse: bool
    bad_filter: int


def read_paging(call: HttpRequest, *, bad_filter: int = 400) -> Paging:
    """`filter`, `per_page`, `next_token` and `reverse` of a list; raises HttpError."""
    per_page = None
    if text := call.get("per_page"):
        try:
            per_page = parse_int(text)
        except GoError as exc:
            raise HttpError(400, "Expect a number for `per_page` query string parameter") from exc
    try:
        matches = compile_filter(call.get("filter"))
    except FilterError as exc:
        raise HttpError(bad_filter, str(exc)) from exc
    reverse = call.get("reverse") == "true"
    return Paging(matches, per_page or None, call.get("next_token"), reverse, bad_filter)


def page_of(
    items: Iterable[_T], paging: Paging, seen: Callable[[_T], Mapping[str, object]], token: Callable[[_T], str]
) -> tuple[list[_T], str]:
    """
    The items of one page that pass the filter, and the token of the next page, "" on the last one.

    items: already begin at the page's token. seen: the whole object, as the filter sees it.
    """
    passing = _passing(items, paging, seen)
    if paging.per_page is None:
        return list(passing), ""
    page = list(islice(passing, max(0, paging.per_page)))
    following = next(passing, None)
    return page, "" if following is None else token(following)


def _passing(items: Iterable[_T], paging: Paging, seen: Callable[[_T], Mapping[str, object]]) -> Iterator[_T]:
    try:
        for item in items:
            if paging.matches(seen(item)):
                yield item
    except FilterError as exc:
        raise HttpError(paging.bad_filter, str(exc)) from exc
