"""`agent`: the embedded agent on its own."""

from __future__ import annotations

from typing import Annotated

import typer

from dispatchfile.cli.options import AgentFlags, Display


def agent(
    *,
    bind: Annotated[
        str, typer.Option("--bind", metavar="HOST:PORT", help="Where to listen; port 0 takes a free one.")
    ] = "127.0.0.1:4646",
    allow_remote: Annotated[
        bool,
        typer.Option("--allow-remote", help="Listen on other than loopback: whoever reaches it can run commands here."),
    ] = False,
    flags: AgentFlags,
    display: Display,
) -> int:
    """
    Serve Nomad's HTTP API from this machine.

    For rehearsals and tests, until interrupted. It speaks what dispatchfile and the plain nomad CLI's status, job,
    eval and alloc commands need, and runs tasks of raw_exec, exec and mock_driver as children of its own. It has no
    access control and keeps nothing.
    """
    from dispatchfile.cli.serving import serve  # noqa: PLC0415  --help needs none of it

    return serve(bind, flags, display, allow_remote=allow_remote)
