"""The names by which the tool tells things in Nomad apart."""

from __future__ import annotations

from typing import NamedTuple


class JobKey(NamedTuple):
    """A parameterized job: the parent of the children that its dispatches make."""

    namespace: str
    region: str  # empty: the agent's own
    job: str
