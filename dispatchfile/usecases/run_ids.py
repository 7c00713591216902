"""IDs of new runs."""

from __future__ import annotations

import secrets

RUN_ID_LENGTH = 8
RUN_ID_CHARACTERS = "abcdefghijklmnopqrstuvwxyz0123456789"


def new_run_id() -> str:
    """Return a random ID, so that two runs never share a child-ID prefix; a letter first, for people."""
    first = secrets.choice(RUN_ID_CHARACTERS[:26])
    return first + "".join(secrets.choice(RUN_ID_CHARACTERS) for _ in range(RUN_ID_LENGTH - 1))
