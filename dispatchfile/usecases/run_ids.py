"""IDs of runs."""

from __future__ import annotations

import re
import secrets

RUN_ID_LENGTH = 8
RUN_ID_CHARACTERS = "abcdefghijklmnopqrstuvwxyz0123456789"

RUN_ID_RULE = "use 1 to 20 characters, a-z and 0-9"
_RUN_ID = re.compile(r"[a-z0-9]{1,20}")


def is_run_id(text: str) -> bool:
    """Return whether *text* can be the ID of a run, or the beginning of one."""
    return _RUN_ID.fullmatch(text) is not None


def new_run_id() -> str:
    """Return a random ID, so that two runs never share a child-ID prefix; a letter first, for people."""
    first = secrets.choice(RUN_ID_CHARACTERS[:26])
    return first + "".join(secrets.choice(RUN_ID_CHARACTERS) for _ in range(RUN_ID_LENGTH - 1))
