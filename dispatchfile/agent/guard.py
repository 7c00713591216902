"""Tasks die with the agent: a small process beside it outlives it just long enough to see to that."""

import contextlib
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Final, Self

MARK: Final = "DISPATCHFILE_GUARD"
"""The variable in every task's environment by which the watchman finds those that left their process group."""

_WATCHMAN: Final = Path(__file__).with_name("watchman.py")
_PATIENCE_SECONDS: Final = 10.0


class Guard:
    """
    The watchman of one agent.

    It hears of every process group over a pipe. When the pipe ends, because the agent closed it or died in
    whatever way, the watchman kills those groups and, on Linux, every process that carries this guard's mark.
    """

    def __init__(self) -> None:
        self._token = secrets.token_hex(16)
        self._groups: set[int] = set()
        self._closed = False
        self._watchman = self._start()

    @property
    def environment(self) -> Mapping[str, str]:
        """Return the variables that every task's environment must contain."""
        return {MARK: self._token}

    def add(self, group: int) -> None:
        """Watch a process group; once the guard is closed there is nobody to, and it dies at once."""
        if self._closed:
            with contextlib.suppress(OSError):
                os.killpg(group, signal.SIGKILL)
            return
        self._groups.add(group)
        self._send_line(f"+{group}\n")

    def remove(self, group: int) -> None:
        """A process group has ended; its number may soon be another's."""
        self._groups.discard(group)
        if not self._closed:
            self._send_line(f"-{group}\n")

    def close(self) -> None:
        """End the watchman, and with it whatever is still running."""
        self._closed = True
        self._end_watchman()

    def _end_watchman(self) -> None:
        if self._watchman.stdin:
            self._watchman.stdin.close()
        try:
            self._watchman.wait(_PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            self._watchman.kill()
            self._watchman.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _start(self) -> "subprocess.Popen[bytes]":
        environment = {key: value for key, value in os.environ.items() if key != MARK}
        return subprocess.Popen(
            [sys.executable, "-I", "-S", str(_WATCHMAN), f"{MARK}={self._token}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            cwd="/",
            env=environment,  # not the mark of an agent that this one may be a task of: that one's end would reach it
            start_new_session=True,
        )

    def _send_line(self, line: str) -> None:
        try:
            self._write(line)
        except OSError:  # somebody killed the watchman
            self._end_watchman()
            self._watchman = self._start()
            self._write("".join(f"+{group}\n" for group in self._groups))

    def _write(self, text: str) -> None:
        if self._watchman.stdin:
            self._watchman.stdin.write(text.encode())
