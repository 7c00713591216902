"""The names by which the tool tells things in Nomad apart: job keys, and the IDs of children, built and split."""

from __future__ import annotations

import re
from typing import NamedTuple

_ATTEMPT = re.compile(r"[1-9][0-9]{0,5}")
_UNIX = re.compile(r"[0-9]+")
_HEX = re.compile(r"[0-9a-f]{8}")


class JobKey(NamedTuple):
    """A parameterized job: the parent of the children that its dispatches make."""

    namespace: str
    region: str  # empty: the agent's own
    job: str


# The ID of a child: `<job>/dispatch-<prefix>-<unix seconds>-<8 hex digits>`, without `-<prefix>` if none was sent.


def child_id_start(job: str, prefix: str = "") -> str:
    """Return with what the IDs of the job's children begin: of all, or of those with this prefix."""
    return f"{job}/dispatch-{prefix}"


def child_stem(child_id: str) -> str:
    """Return a child's ID without the time and the digits that Nomad appends."""
    return child_id.rsplit("-", 2)[0]


def split_child_id(child_id: str) -> tuple[str, int] | None:
    """Return the part before the attempt's number, and that number, or None if no attempt's child has such an ID."""
    stem, _, attempt = child_stem(child_id).rpartition("-")
    return (stem, int(attempt)) if _ATTEMPT.fullmatch(attempt) else None


def is_child_of(child_id: str, *, job: str, prefix: str) -> bool:
    """
    Return whether Nomad gives *child_id* to a dispatch of *job* with exactly this *prefix*.

    Nomad appends the time in seconds and 8 hex digits. Source: hashicorp/nomad, nomad/structs/structs.go, DispatchedID.
    """
    head, _, digits = child_id.rpartition("-")
    stem, _, unix = head.rpartition("-")
    expected = child_id_start(job, prefix) if prefix else f"{job}/dispatch"
    return stem == expected and bool(_UNIX.fullmatch(unix)) and bool(_HEX.fullmatch(digits))
