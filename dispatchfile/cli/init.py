"""`init`: a first manifest."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from dispatchfile.cli.options import ConnectionFlags, Display
from dispatchfile.cli.terminal import write_result
from dispatchfile.reports.text import visible


def init(
    *,
    connection: ConnectionFlags,
    display: Display,
    folder: Annotated[
        Path, typer.Argument(metavar="[DIR]", help="Where to; made if need be.", show_default=False)
    ] = Path(),
    from_job: Annotated[
        str | None, typer.Option("--from-job", metavar="JOB", help="Ask Nomad what this parameterized job takes.")
    ] = None,
) -> int:
    """
    Write a commented manifest to start from.

    Nothing is ever overwritten. With nothing else, one that runs anywhere, with its job and its template. With
    --from-job, one that dispatches a registered job.
    """
    import asyncio  # noqa: PLC0415  --help needs none of it

    from dispatchfile.nomad.connection import checked_text, read_connection  # noqa: PLC0415
    from dispatchfile.usecases import init as usecase  # noqa: PLC0415

    name = folder.resolve().name
    if from_job is None:
        texts = usecase.starter_files(name)
    else:
        reach = read_connection(connection.as_mapping(), os.environ)
        texts = asyncio.run(usecase.read_files_for_job(reach, checked_text(from_job, "--from-job"), name))
    written = usecase.write_new_files(folder, texts)
    if not display.quiet:
        write_result("".join(f"wrote {visible(str(path))}\n" for path in written))
    return 0
