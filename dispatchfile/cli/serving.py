"""What `agent` does: serve until a signal comes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from dispatchfile.cli.embedded_agent import read_agent_files, started_agent
from dispatchfile.cli.job_files import JobFiles
from dispatchfile.cli.options import AgentFlags, Display
from dispatchfile.cli.session import tell
from dispatchfile.cli.signals import Signals
from dispatchfile.cli.terminal import write_result
from dispatchfile.errors import UsageError
from dispatchfile.reports.text import count_of
from dispatchfile.reports.words import Level

DEFAULT_PORT = 4646
HIGHEST_PORT = 65535


def serve(bind: str, flags: AgentFlags, display: Display, *, allow_remote: bool) -> int:
    """0 when a signal has ended it, as that is how it is meant to end."""
    host, port = parse_bind(bind)
    files = read_agent_files(flags, Path("jobs"))
    with Signals(on_first=lambda: None, before_exit=lambda: None) as signals:
        try:
            asyncio.run(_serve(host, port, flags, files, display, allow_remote=allow_remote, signals=signals))
        except KeyboardInterrupt:
            if signals.received is None:
                raise
    return 0


class _Ending:
    """The end of serving, which the first signal asks for: it must not break off what the event loop is doing."""

    def __init__(self, close: Callable[[], None]) -> None:
        self.exit_code: int | None = None
        self._close = close

    @property
    def is_attached(self) -> bool:
        return True

    def interrupt(self, exit_code: int) -> None:
        self._close()


async def _serve(
    host: str, port: int, flags: AgentFlags, files: JobFiles, display: Display, *, allow_remote: bool, signals: Signals
) -> None:
    def warn(job: str, warning: str) -> None:
        if not display.quiet:
            tell(Level.WARNING, f"{job}: {warning}", display)

    for file in files.unread:
        tell(Level.WARNING, file.warning, display)
    async with started_agent(flags, files.jobs, warn, host=host, port=port, allow_remote=allow_remote) as agent:
        signals.watch_over(_Ending(agent.close))
        for job, advice in (*agent.warnings(), *agent.advice().items()):
            warn(job, advice)
        if not display.quiet:
            write_result(f"agent with {count_of(len(files.jobs), 'job')}: export NOMAD_ADDR={agent.address}\n")
        await agent.wait_closed()


def parse_bind(text: str) -> tuple[str, int]:
    """
    `host:port`, `[v6]:port`, or a host alone for Nomad's own port.

    Raises UsageError with what would be right.
    """
    host, colon, port = text.rpartition(":") if not text.endswith("]") else (text, "", "")
    if not colon:
        host, port = text, str(DEFAULT_PORT)
    if not host or not port.isascii() or not port.isdigit() or int(port) > HIGHEST_PORT:
        raise UsageError(f"--bind {text}: write it as HOST:PORT, such as 127.0.0.1:4646 or [::1]:4646")
    return host.removeprefix("[").removesuffix("]"), int(port)
