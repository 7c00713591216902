"""Sends, repeats and decodes reads."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import urlencode

import stamina
from stamina.instrumentation import RetryDetails, set_on_retry_hooks

from dispatchfile.errors import NomadError, NomadUnavailable, NomadUnreadable
from dispatchfile.nomad.answers import Answer
from dispatchfile.nomad.decode import Row, as_object, parse_rows
from dispatchfile.nomad.models import Alloc, Evaluation, JobStub, Page
from dispatchfile.nomad.patience import Patience
from dispatchfile.nomad.protocol import Transport
from dispatchfile.nomad.refusals import trouble_of_read

T = TypeVar("T")
R = TypeVar("R", JobStub, Evaluation, Alloc)

READ_ATTEMPTS = 3
log = logging.getLogger(__name__)


def _log_repeat(details: RetryDetails) -> None:
    log.debug("read repeated in %.1f s: %s", details.wait_for, details.caused_by)


set_on_retry_hooks([_log_repeat])  # the default writes warnings to wherever structlog or logging points


def _may_pass(error: Exception) -> bool:
    return isinstance(error, NomadUnavailable) and not error.is_lasting


REPEAT = stamina.AsyncRetryingCaller(
    attempts=READ_ATTEMPTS, timeout=None, wait_initial=0.2, wait_max=2.0, wait_jitter=0.5
).on(_may_pass)


@dataclass(frozen=True, slots=True)
class Reader:
    """
    Sends requests that change nothing, and repeats them where that may help.

    A target is a path and a query, percent-encoded. patience: for what is asked before a command has sent anything.
    """

    transport: Transport
    patience: Patience | None = None

    async def read_object(self, target: str, parse: Callable[[Row], T]) -> T:
        """Return what *parse* makes of the answer's JSON object. Raises NomadError, as all that follow."""
        return await self.read(target, lambda value: parse(as_object(value)))

    async def read(self, target: str, parse: Callable[[object], T]) -> T:
        """Return what *parse* makes of the answer's JSON value."""
        return await self.understand(target, lambda answer: _parsed(target, answer, parse))

    async def read_pages(self, target: str, parse: Callable[[Row], R]) -> tuple[R, ...]:
        """Return the rows of all pages. Pages are separate snapshots: of a row seen twice, what was seen last."""
        rows: dict[tuple[str, str], R] = {}
        token, seen = "", set[str]()
        while token not in seen:
            seen.add(token)
            page = await self.read_page(target, token, parse)
            rows |= {(row.namespace, row.id): row for row in page.rows}
            if not (token := page.next_token):
                return tuple(rows.values())
        raise NomadUnreadable(f"{target.partition('?')[0]}: the pages of the list repeat")

    async def read_page(self, target: str, next_token: str, parse: Callable[[Row], T]) -> Page[T]:
        """Return one page of a list, which has a query already."""

        def page_of(answer: Answer) -> Page[T]:
            return Page(
                rows=_parsed(target, answer, lambda value: parse_rows(value, parse)),
                next_token=answer.headers.get("x-nomad-nexttoken", ""),
                index=_index(answer),
            )

        place = f"{target}&{urlencode({'next_token': next_token})}" if next_token else target
        return await self.understand(place, page_of)

    async def understand(self, target: str, parse: Callable[[Answer], T]) -> T:
        """Return what *parse* makes of the whole answer."""

        async def ask() -> T:
            return parse(await self._read_once(target))

        if self.patience:
            return await self.patience.repeat(ask)
        return parse(await self._read_repeatedly(target))

    async def _read_repeatedly(self, target: str) -> Answer:
        """Nearly every read succeeds at once: what repeats reads is used only then, as it costs more than a read."""
        try:
            return await self._read_once(target)
        except NomadUnavailable as error:
            first: NomadError | None = error

        async def read_again() -> Answer:
            nonlocal first
            error, first = first, None
            if error is not None:  # the first attempt is over
                raise error
            return await self._read_once(target)

        return await REPEAT(read_again)

    async def _read_once(self, target: str) -> Answer:
        answer = await self.transport.send("GET", target)
        if error := trouble_of_read(answer):
            raise error
        return answer


def _parsed(target: str, answer: Answer, parse: Callable[[object], T]) -> T:
    try:
        return parse(answer.json())
    except ValueError as exc:
        story = "a web page" if answer.is_html else exc
        raise NomadUnreadable(f"{target.partition('?')[0]}: not an answer from Nomad: {story}") from exc


def _index(answer: Answer) -> int:
    text = answer.headers.get("x-nomad-index", "")
    return int(text) if re.fullmatch(r"[0-9]{1,20}", text) else 0
