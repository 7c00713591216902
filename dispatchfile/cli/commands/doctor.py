"""`doctor`: what is wrong, before anything is sent."""

from __future__ import annotations

import os
import sys
from dataclasses import asdict
from typing import Annotated

import typer

from dispatchfile.cli.candidates import complete_manifests
from dispatchfile.cli.option_groups import ConnectionFlags, Display, ManifestFlags, SettingFlags, WaitFlags
from dispatchfile.cli.options import OutputAtOnce
from dispatchfile.cli.terminal import wants_color, width_of, write_result
from dispatchfile.reports.formats import OutputFormat


def doctor(
    *,
    manifest: Annotated[
        str | None,
        typer.Argument(
            metavar="[MANIFEST]",
            autocompletion=complete_manifests,
            help="Also check what this manifest needs.",
            show_default=False,
        ),
    ] = None,
    wait: WaitFlags,
    given: ManifestFlags,
    settings: SettingFlags,
    connection: ConnectionFlags,
    output: OutputAtOnce = OutputFormat.TEXT,
    display: Display,
) -> int:
    """
    Check the connection to Nomad, and what a manifest needs.

    Shows whether Nomad can be reached, its version, the token and missing capabilities; with a manifest, also problems
    with its jobs and the load of a run. Changes nothing. Exit code: 0 if everything is all right, else 1.
    """
    import asyncio

    from dispatchfile.cli.conflicts import check_no_manifest
    from dispatchfile.cli.sources import read_scope, read_sources
    from dispatchfile.clock import Clock
    from dispatchfile.reports.doctor import render_examination
    from dispatchfile.reports.text import Palette
    from dispatchfile.usecases.doctor import DoctorOptions, examine

    checked = settings.as_mapping() | {"wait": wait.as_setting()}
    if not manifest:
        check_no_manifest({**asdict(given), **checked})
    source = None
    if manifest:
        scope = read_scope(connection.namespace, connection.region, os.environ)
        (source,) = read_sources([manifest], given, scope=scope, environ=os.environ)
    options = DoctorOptions(
        flags=connection.as_mapping(),
        environ=os.environ,
        source=source,
        settings=checked,
    )
    exam = asyncio.run(examine(options, clock=Clock()))
    palette = Palette(wants_color(display.color, os.environ, is_terminal=sys.stdout.isatty()))
    width = width_of(sys.stdout)
    write_result(render_examination(exam, output, palette=palette, width=width, quiet=display.quiet))
    return exam.exit_code
