"""`init`: a first manifest."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from dispatchfile.cli.option_groups import ConnectionFlags, Display
from dispatchfile.cli.terminal import write_result
from dispatchfile.reports.text import visible


def init(
    *,
    connection: ConnectionFlags,
    display: Display,
    folder: Annotated[
        Path, typer.Argument(metavar="[DIR]", help="Folder to write to; created if necessary.", show_default=False)
    ] = Path(),
    from_job: Annotated[
        str | None,
        typer.Option("--from-job", metavar="JOB", help="Write a manifest for this registered parameterized job."),
    ] = None,
) -> int:
    """
    Write a commented manifest to start from.

    Writes a manifest that runs anywhere, with its template, its job and the schema for editors. With --from-job, asks
    Nomad what the job requires and writes a manifest for it. Never overwrites a file.
    """
    import asyncio

    from dispatchfile.cli.conflicts import check_unasked
    from dispatchfile.nomad.connection import checked_text, read_connection
    from dispatchfile.usecases import init as usecase

    if from_job is None:
        check_unasked(connection, "--from-job", "without --from-job: no server is asked")
    name = folder.resolve().name
    if from_job is None:
        texts = usecase.starter_files(name)
    else:
        reach = read_connection(connection.as_mapping(), os.environ)
        texts = asyncio.run(usecase.read_files_for_job(reach, checked_text(from_job, "--from-job"), name))
    written = usecase.write_new_files(folder, texts)
    schema = usecase.write_schema(folder)
    written = written if schema is None else (*written, schema)
    if not display.quiet:
        write_result("".join(f"wrote {visible(str(path))}\n" for path in written))
    return 0
