"""An HTTP answer as it came, before anybody says what it means."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import field

from dispatchfile.record import record
from dispatchfile.secrecy import CUT, masked

LONGEST_TEXT = 600  # characters of a foreign text that are shown
PERHAPS_DONE = "the request may have been carried out"  # a write that got no answer that tells


@record
class Answer:
    """Status, headers by lower-case name, and the whole body, decompressed."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    secrets: tuple[str, ...] = field(default=(), repr=False)  # of the request: a server or proxy may repeat them

    @property
    def text(self) -> str:
        """The body as words on one line."""
        return " ".join(self.body.decode("utf-8", "replace").split())

    def shown(self, text: str) -> str:
        """
        Return a *text* of this answer as it may be shown.

        The request's secrets are hidden, long text is cut, and characters that do something to a terminal are replaced.
        """
        safe = masked(text, self.secrets)
        cut = safe if len(safe) <= LONGEST_TEXT else safe[:LONGEST_TEXT] + CUT
        return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in cut)

    @property
    def is_html(self) -> bool:
        return "html" in self.headers.get("content-type", "") or self.body[:256].lstrip()[:1] == b"<"

    def json(self) -> object:
        """The body's JSON value. Raises ValueError where there is none."""
        try:
            value: object = json.loads(self.body.decode("utf-8"))
        except RecursionError as exc:
            raise ValueError("nested too deeply") from exc
        return value
