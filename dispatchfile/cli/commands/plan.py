"""`plan`: what a run would send, checked and compared; nothing is sent."""

from __future__ import annotations

import os
import sys
from dataclasses import asdict
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from dispatchfile.cli.option_groups import ConnectionFlags, Display, JobVariableFlags, ManifestFlags, SelectionFlags
from dispatchfile.cli.options import OUTPUT, Changed, PlanOrManifest, SkipSucceeded, StateDir
from dispatchfile.cli.terminal import width_of, write_result

if TYPE_CHECKING:
    from dispatchfile.planfile import Review
    from dispatchfile.usecases.plan import PlanEnd, PlanOptions

SOMETHING_TO_SEND = 2


class PlanFormat(StrEnum):
    """The format of a plan on standard output."""

    TEXT = "text"
    JSON = "json"
    MARKDOWN = "markdown"


def plan(
    *,
    manifest: PlanOrManifest = None,
    out: Annotated[str | None, typer.Option("--out", metavar="FILE", help="Also write the plan to a file.")] = None,
    changed: Changed = None,
    against: Annotated[
        str | None,
        typer.Option("--against", metavar="REF|PLAN", help="Compare with a git ref or plan; the items stay the same."),
    ] = None,
    show: Annotated[str | None, typer.Option("--show", metavar="ID", help="Show one request in full.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Show every item on a line of its own.")] = False,
    show_values: Annotated[
        bool,
        typer.Option(
            "--show-values", help="Show values of env, templates and meta in which a job file differs from Nomad's job."
        ),
    ] = False,
    offline: Annotated[
        bool, typer.Option("--offline", help="Ask no server: nothing is checked there, and no job's version is named.")
    ] = False,
    detailed_exitcode: Annotated[
        bool,
        typer.Option(
            "--detailed-exitcode", help="Exit with 2 if there is something to send, else with 0; 1 is an error."
        ),
    ] = False,
    skip_succeeded: SkipSucceeded = False,
    selection: SelectionFlags,
    given: ManifestFlags,
    job_variables: JobVariableFlags,
    state_dir: StateDir = None,
    connection: ConnectionFlags,
    output: Annotated[
        PlanFormat, typer.Option("--output", "-o", rich_help_panel=OUTPUT, help="Format of the plan.")
    ] = PlanFormat.TEXT,
    display: Display,
) -> int:
    """
    Show what a run would send, and send nothing.

    The plan can be written to a file, reviewed, and sent as it is with `dispatchfile run FILE`. A plan file is shown.
    Exit code: 0, or 1 for an error; with --detailed-exitcode 2 if there is something to send (with --against: if
    something differs).
    """
    from dispatchfile.cli.conflicts import check_plan_file, check_plan_output
    from dispatchfile.cli.sources import default_manifest
    from dispatchfile.planfile import is_plan

    check_plan_output(show=show, every=every, output=output)
    path = default_manifest() if manifest is None else manifest
    if is_plan(path):
        options = {"out": out, "changed": changed, "offline": offline, "skip_succeeded": skip_succeeded}
        options["show_values"] = show_values
        options |= {"state_dir": state_dir, **asdict(job_variables)}
        check_plan_file(options, selection, given, connection)
        review = _read(path, against)
    else:
        made = _options(
            path,
            selection=selection,
            given=given,
            job_variables=job_variables,
            connection=connection,
            changed=changed,
            against=against,
            out=out,
            state_dir=state_dir,
            offline=offline,
            skip_succeeded=skip_succeeded,
            show_values=show_values,
        )
        end = _make(made)
        _print_plan(end, path, output, display)
        if end.review is None:
            return 1
        review = end.review
    write_result(_shown(review, show, output, display, every=every))
    return SOMETHING_TO_SEND if detailed_exitcode and review.has_changes else 0


def _read(path: str, against: str | None) -> Review:
    from dispatchfile.errors import UsageError
    from dispatchfile.planfile import is_plan
    from dispatchfile.usecases.plan import review_plan

    if against is not None and not is_plan(against):
        raise UsageError(f"--against {against}: a plan file can only be compared with another plan file")
    return review_plan(path, compare_with=against)


def _options(
    path: str,
    *,
    selection: SelectionFlags,
    given: ManifestFlags,
    job_variables: JobVariableFlags,
    connection: ConnectionFlags,
    changed: str | None,
    against: str | None,
    out: str | None,
    state_dir: str | None,
    offline: bool,
    skip_succeeded: bool,
    show_values: bool,
) -> PlanOptions:
    from dispatchfile.cli.conflicts import check_plan, refuse_without_effect
    from dispatchfile.cli.conflicts import given as given_names
    from dispatchfile.cli.job_files import read_job_values
    from dispatchfile.cli.sources import read_scope, read_sources
    from dispatchfile.nomad.connection import Connection, read_connection
    from dispatchfile.usecases.plan import PlanOptions
    from dispatchfile.usecases.running.prepare import JobFilesUse, RunOptions

    check_plan(connection, changed=changed, against=against, offline=offline, skip_succeeded=skip_succeeded)
    if offline:
        refuse_without_effect(given_names({"show_values": show_values}), "with --offline, which asks no server")
    scope = read_scope(connection.namespace, connection.region, os.environ)
    values = read_job_values(job_variables)
    (source,) = read_sources([path], given, scope=scope, environ=os.environ, job_values=values)
    run = RunOptions(
        connection=Connection() if offline else read_connection(connection.as_mapping(), os.environ),
        source=source,
        only=selection.only or (),
        skip=selection.skip or (),
        changed=changed or "",
        state_dir=state_dir,
        skip_succeeded=skip_succeeded,
        job_files=JobFilesUse.CHECKED if offline else JobFilesUse.READ,
    )
    return PlanOptions(run=run, offline=offline, against=against or "", out=out, show_values=show_values)


def _make(options: PlanOptions) -> PlanEnd:
    import asyncio

    from dispatchfile.usecases.plan import make_plan

    return asyncio.run(make_plan(options))


def _print_plan(end: PlanEnd, path: str, output: PlanFormat, display: Display) -> None:
    """Show the problems: for a script, those of a plan that cannot be made are the result."""
    from dispatchfile.cli.session import print_problems, show_problems
    from dispatchfile.reports.formats import OutputFormat

    if end.review is None:
        form = OutputFormat.JSON if output is PlanFormat.JSON else OutputFormat.TEXT
        show_problems(end.problems, path, form, display)
    elif end.problems and not display.quiet:
        print_problems(end.problems, display)


def _shown(review: Review, show: str | None, output: PlanFormat, display: Display, *, every: bool) -> str:
    from dispatchfile.cli.session import palette_for
    from dispatchfile.errors import UsageError
    from dispatchfile.reports.plan import plan_json, plan_markdown, plan_text
    from dispatchfile.reports.requests import render_request

    if output is PlanFormat.JSON:
        return plan_json(review)
    if output is PlanFormat.MARKDOWN:
        return plan_markdown(review)
    palette = palette_for(display, sys.stdout)
    if show is None:
        return plan_text(review, every=every, palette=palette, width=width_of(sys.stdout))
    found = next((item for item in review.items if item.id == show), None)
    if found is None:
        raise UsageError(f"--show {show}: the plan sends no item of this ID")
    return render_request(found, palette=palette)
