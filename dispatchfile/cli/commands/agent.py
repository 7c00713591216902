"""`agent`: the embedded agent on its own."""

from __future__ import annotations

from typing import Annotated

import typer

from dispatchfile.cli.options import AgentFlags, Display


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
    from dispatchfile.cli.serving import serve  # noqa: PLC0415  --help needs none of it

    return serve(bind, flags, display, allow_remote=allow_remote)
