"""`validate`: manifests checked, nothing sent."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from dispatchfile.cli.option_groups import Display, JobVariableFlags, ManifestFlags
from dispatchfile.cli.options import OUTPUT, Manifests, Namespace, Region
from dispatchfile.cli.terminal import wants_color, width_of, write_result
from dispatchfile.reports.formats import ProblemFormat


def validate(
    *,
    manifests: Manifests = None,
    output: Annotated[
        ProblemFormat, typer.Option("--output", "-o", rich_help_panel=OUTPUT, help="Format of the problems.")
    ] = ProblemFormat.TEXT,
    namespace: Namespace = None,
    region: Region = None,
    given: ManifestFlags,
    job_variables: JobVariableFlags,
    display: Display,
) -> int:
    """
    Check manifests without a server.

    Checks syntax, schema, templates, limits and the job files under `jobs`, and reports all problems of all files, each
    with its place. Default: the manifest in this folder (dispatchfile.yaml or .yml, else the only *.dispatchfile.yaml
    or .yml). Exit code: 0 if all manifests are valid, 1 if not.
    """
    from dispatchfile.cli.job_files import read_job_values
    from dispatchfile.cli.sources import default_manifest, read_scope, read_sources
    from dispatchfile.clock import Clock
    from dispatchfile.reports.problems import render_problems
    from dispatchfile.reports.text import Palette
    from dispatchfile.usecases import validate as usecase

    sources = read_sources(
        manifests or [default_manifest()],
        given,
        scope=read_scope(namespace, region, os.environ),
        environ=os.environ,
        job_values=read_job_values(job_variables),
    )
    checked = usecase.validate(sources)
    palette = Palette(wants_color(display.color, os.environ, is_terminal=sys.stdout.isatty()))
    width = width_of(sys.stdout)
    write_result(render_problems(checked, output, palette=palette, width=width, at=Clock().wall()))
    return usecase.exit_code(checked)
