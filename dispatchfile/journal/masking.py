"""Sensitive values, kept out of all that is stored or shown."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator
from dataclasses import replace

from dispatchfile.events import Cause, Ended, Event, Notice
from dispatchfile.items import Item
from dispatchfile.secrecy import forms_of, masked

NOT_TOLD = "Nomad's message is hidden, because it may contain a sensitive value"
WORDS_OF_OTHERS = frozenset({Cause.DRIVER, Cause.ARTIFACT, Cause.TEMPLATE, Cause.SETUP})  # told in Nomad's words
FREE_TEXTS = frozenset({"message", "reason", "last_log_line"})  # fields whose words come from Nomad or from a task


class Mask:
    """Knows the sensitive values of a run's items, and hides them where a text repeats them."""

    def __init__(self, items: Iterable[Item] = ()) -> None:
        self._secrets: dict[str, tuple[str, ...]] = {}  # by item
        self._unknown: frozenset[str] = frozenset()  # items
        self.learn(items)

    def learn(self, items: Iterable[Item]) -> None:
        """May be called while another thread covers."""
        found = {item.id: _forms_of(item) for item in items if item.sensitive}
        self._secrets = self._secrets | {item: forms for item, forms in found.items() if forms}

    def silence(self, items: Iterable[Item]) -> None:
        """Leave out texts of these items that may repeat a sensitive value, because the values are not known here."""
        self._unknown |= {item.id for item in items if item.sensitive}

    def silenced(self, ended: Ended) -> Ended:
        """Return the end without the words of others, if a sensitive value that is not at hand may be among them."""
        if ended.item not in self._unknown:
            return ended
        verdict, message = ended.verdict, ended.verdict.message
        if verdict.cause in WORDS_OF_OTHERS:
            message = f"{verdict.cause}: {NOT_TOLD}"
        return replace(ended, verdict=replace(verdict, message=message, last_log_line=""))

    def cover(self, plain: dict[str, object], item: str | None) -> None:
        """Hide in the free texts of an encoded event of *item*, or of the run if that is None."""
        if not self._secrets:
            return
        for key, value in plain.items():
            if isinstance(value, dict):
                self.cover(value, item)
            elif key in FREE_TEXTS and isinstance(value, str):
                plain[key] = self.covered(value, item)

    def hide(self, event: Event) -> Event:
        """Return the event without the secrets that its free texts repeat."""
        if isinstance(event, Ended):
            event = self.silenced(event)
        if not self._secrets:
            return event
        if isinstance(event, Notice):
            return replace(event, message=self.covered(event.message, None))
        changes: dict[str, object] = {
            name: self.covered(text, event.item)
            for name in FREE_TEXTS
            if isinstance(text := getattr(event, name, None), str)
        }
        if isinstance(event, Ended):
            verdict = event.verdict
            changes["verdict"] = replace(
                verdict,
                message=self.covered(verdict.message, event.item),
                last_log_line=self.covered(verdict.last_log_line, event.item),
            )
        return replace(event, **changes) if changes else event  # type: ignore[arg-type]  # the event's own fields

    def covered(self, text: str, item: str | None) -> str:
        """Return the *text* without the secrets of *item*, or without any secret if that is None."""
        known = self._secrets.values() if item is None else [self._secrets.get(item, ())]
        for secrets in known:
            text = masked(text, secrets)
        return text


def _forms_of(item: Item) -> tuple[str, ...]:
    """Return every text that may repeat a sensitive value of the item, or a line of it, the longest first."""
    return forms_of(text for value in _sensitive_values(item) for text in (value, *map(str.strip, value.splitlines())))


def _sensitive_values(item: Item) -> Iterator[str]:
    for name in item.sensitive:
        if name == "payload":
            payload = item.request.payload or b""
            yield payload.decode(errors="replace")
            yield base64.b64encode(payload).decode().rstrip("=")  # as it is sent, whatever bytes it has
        else:
            yield item.request.meta.get(name.removeprefix("meta."), "")
