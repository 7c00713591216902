"""`agent`: the embedded agent on its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dispatchfile.cli.option_groups import AgentFlags, Display
from dispatchfile.cli.terminal import write_result
from dispatchfile.errors import UsageError

if TYPE_CHECKING:
    from dispatchfile.cli.job_files import JobFiles
    from dispatchfile.cli.signals import Signals

DEFAULT_PORT = 4646
HIGHEST_PORT = 65535


def agent(
    *,
    bind: Annotated[
        str, typer.Option("--bind", metavar="HOST:PORT", help="Address to listen on; port 0 picks a free port.")
    ] = "127.0.0.1:4646",
    allow_remote: Annotated[
        bool,
        typer.Option(
            "--allow-remote",
            help="Allow --bind to other than loopback; anyone who can connect can then run commands here.",
        ),
    ] = False,
    flags: AgentFlags,
    display: Display,
) -> int:
    """
    Run the embedded agent, a stand-in for Nomad on this machine.

    For rehearsals and tests; it runs until interrupted. It serves the part of Nomad's HTTP API that dispatchfile and
    the nomad CLI's status, job, eval and alloc commands need. It runs raw_exec, exec and mock_driver tasks as child
    processes. It has no access control and stores nothing.
    """
    import asyncio

    from dispatchfile.cli.embedded_agent import read_agent_files
    from dispatchfile.cli.signals import Signals

    host, port = parse_bind(bind)
    files = read_agent_files(flags, Path("jobs"))
    with Signals(on_first=lambda: None, before_exit=lambda: None) as signals:
        try:
            asyncio.run(_serve(host, port, flags, files, display, allow_remote=allow_remote, signals=signals))
        except KeyboardInterrupt:
            if signals.received is None:
                raise
    return 0


class _ServeEnd:
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
    from dispatchfile.cli.embedded_agent import started_agent
    from dispatchfile.cli.session import print_message
    from dispatchfile.reports.text import count_of
    from dispatchfile.reports.words import LogLevel

    def warn(job: str, warning: str) -> None:
        if not display.quiet:
            print_message(LogLevel.WARNING, f"{job}: {warning}", display)

    for file in files.unread:
        print_message(LogLevel.WARNING, file.warning, display)
    async with started_agent(flags, files.jobs, warn, host=host, port=port, allow_remote=allow_remote) as agent:
        signals.watch_over(_ServeEnd(agent.close))
        for job, advice in (*agent.warnings(), *agent.advice().items()):
            warn(job, advice)
        if not display.quiet:
            write_result(f"agent with {count_of(len(files.jobs), 'job')}: export NOMAD_ADDR={agent.address}\n")
        await agent.wait_closed()


def parse_bind(text: str) -> tuple[str, int]:
    """
    Return `host:port`, `[v6]:port`, or a host alone for Nomad's own port.

    Raises UsageError with what would be right.
    """
    host, colon, port = text.rpartition(":") if not text.endswith("]") else (text, "", "")
    if not colon:
        host, port = text, str(DEFAULT_PORT)
    if not host or not port.isascii() or not port.isdigit() or int(port) > HIGHEST_PORT:
        raise UsageError(f"--bind {text}: write it as HOST:PORT, such as 127.0.0.1:4646 or [::1]:4646")
    return host.removeprefix("[").removesuffix("]"), int(port)
