"""
The process beside an agent that kills its tasks once the agent is gone; run as a script, never imported.

Its argument is the agent's mark, as it stands in the environment of every task. On its standard input come lines
of ``+123`` and ``-123``, process groups that began and ended. The input ends with the agent.
"""

import contextlib
import os
import signal
import sys
import time

ROUNDS = 200
PAUSE_SECONDS = 0.01


def main(mark: bytes) -> None:
    """Wait for the end of the agent, then kill."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    for group in _groups_left():
        with contextlib.suppress(OSError):
            os.killpg(group, signal.SIGKILL)
    for _ in range(ROUNDS):  # while there are some, others may be forking
        if not _kill_marked(mark):
            break
        time.sleep(PAUSE_SECONDS)


def _groups_left() -> set[int]:
    groups: set[int] = set()
    for line in sys.stdin.buffer:
        change = groups.add if line.startswith(b"+") else groups.discard
        change(int(line[1:]))
    return groups


def _kill_marked(mark: bytes) -> bool:
    """Kill the processes with the mark. Return whether there were any. Only Linux shows environments of processes."""
    found = False
    for name in os.listdir("/proc") if os.path.isdir("/proc/self") else ():  # noqa: PTH112, PTH208 - starts faster
        if name.isdigit() and mark in _environment(name).split(b"\0"):
            found = True
            with contextlib.suppress(OSError):
                os.kill(int(name), signal.SIGKILL)
    return found


def _environment(pid: str) -> bytes:
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:  # noqa: PTH123 - starts faster
            return file.read()
    except OSError:
        return b""


if __name__ == "__main__":
    main(os.fsencode(sys.argv[1]))
