"""`--logs` where a run reads no log: items that are not watched to their end have none that is read."""

from __future__ import annotations

from collections.abc import Mapping

from dispatchfile.errors import UsageError
from dispatchfile.settings import Settings, Wait

READ_NOTHING = frozenset({"", "none"})


def check_logs(logs: str, settings: Settings, flags: Mapping[str, str | None], *, is_written: bool = True) -> str:
    """
    Return a note if the *logs* asked for are not read because of what the manifest says; "" if they are read.

    Canaries are watched to their end, and their logs read. flags: the settings given as options. is_written: the
    manifest, or the run that goes on, says how far to wait. Raises UsageError where nothing but options is the reason.
    """
    if logs in READ_NOTHING or settings.wait is Wait.COMPLETION or settings.canary is not None:
        return ""
    if flags.get("wait") is not None:
        option = "--detach" if settings.wait is Wait.DETACH else "--no-wait"
        raise UsageError(f"--logs has no effect with {option}, which reads no logs: remove one of them")
    if not is_written:
        raise UsageError("--logs has no effect without --wait, which reads the logs: add --wait, or leave it out")
    return f"--logs has no effect, because items are not watched to their end (wait: {settings.wait}): add --wait"
