"""`plan`: what a run would send, checked against the server and compared with before. Nothing is sent."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from dispatchfile.errors import FileError, PlanError, UsageError
from dispatchfile.files import STANDARD_INPUT
from dispatchfile.items import Item, manifest_name
from dispatchfile.journal import JournalReader, StoredRun, list_runs
from dispatchfile.names import JobKey
from dispatchfile.planfile import (
    Comparison,
    JobFileReview,
    PlanHead,
    PlannedJob,
    Review,
    compare_items,
    plan_digest,
    read_plan,
    without_folder,
    write_plan,
)
from dispatchfile.preflight import ParentState, parents_in
from dispatchfile.problems import Problem, has_errors, sort_problems
from dispatchfile.secrecy import kind_of_secret
from dispatchfile.settings import written_settings
from dispatchfile.usecases.folding import fold_journal
from dispatchfile.usecases.history import find_succeeded
from dispatchfile.usecases.jobs.checks import name_files
from dispatchfile.usecases.jobs.differences import review_files
from dispatchfile.usecases.places import at_job
from dispatchfile.usecases.planning.base import read_base
from dispatchfile.usecases.running.connect import Connect, connected
from dispatchfile.usecases.running.preflight import Preflight, preflight
from dispatchfile.usecases.running.prepare import Prepared, RunOptions, prepare, real_path, target_of

FEWEST_DIGITS = 12  # of a digest that tells a plan from others


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanOptions:
    """The options of `plan`."""

    run: RunOptions  # what decides which items are sent
    offline: bool = False
    against: str = ""  # a git ref or plan file to compare with
    out: str | None = None
    show_values: bool = False  # of env, templates and meta, where a job file differs from the job in Nomad


@dataclass(frozen=True, slots=True)
class PlanEnd:
    """A plan, or the problems that keep it from being one; with a plan, they are warnings."""

    review: Review | None
    problems: tuple[Problem, ...]


async def make_plan(options: PlanOptions, *, connect: Connect = connected) -> PlanEnd:
    """
    Read, check, compare and write the plan.

    Raises UsageError, PlanError where a plan or a git ref cannot be used, NomadError where the server cannot be asked.
    """
    run = options.run
    if options.out is not None and run.source.path == STANDARD_INPUT:
        raise UsageError("--out: a plan names the file of its manifest, which is standard input here: name a file")
    if options.out is not None and kind_of_secret(options.out):
        raise FileError(options.out, "", source="--out")
    prepared = prepare(run)
    if isinstance(prepared, tuple):
        return PlanEnd(None, prepared)
    comparison = _compare(options, prepared)
    selected = prepared.selection.selected
    server, files = (Preflight(), ()) if options.offline else await _ask(options, prepared, selected, connect)
    problems = (*prepared.problems, *server.problems)
    if has_errors(problems):
        return PlanEnd(None, problems)
    if not options.offline:
        _check_versions(selected, server.states)
    if run.skip_succeeded:
        succeeded = find_succeeded(run.folder, target_of(run, prepared.items), selected, _indexes(server.states))
        selected = tuple(item for item in selected if item.id not in succeeded)
    review = _review(options, prepared, selected, server, comparison)
    return PlanEnd(replace(review, files=files), problems)


def _compare(options: PlanOptions, prepared: Prepared) -> Comparison | None:
    if not options.against:
        return prepared.comparison
    return compare_items(options.against, read_base(options.against, options.run.source), prepared.items)


async def _ask(
    options: PlanOptions, prepared: Prepared, items: Sequence[Item], connect: Connect
) -> tuple[Preflight, tuple[JobFileReview, ...]]:
    """
    Ask the server about the jobs, each problem at its place, and how their files differ from them.

    The right to dispatch is not asked for.
    """
    if not items:
        return Preflight(), ()
    async with connect(options.run.connection, prepared.settings) as client:
        server = await preflight(client, items, prepared.settings, rights=False)
        problems = at_job(server.problems, items, prepared.document)
        server = replace(server, problems=sort_problems(name_files(problems, items, prepared.jobs)))
        if server.has_errors:
            return server, ()
        return server, await review_files(client, prepared.jobs, parents_in(items), show_values=options.show_values)


def _check_versions(items: Iterable[Item], states: Mapping[JobKey, ParentState]) -> None:
    """Refuse a plan that cannot name the version of every job. Raises PlanError."""
    for key in parents_in(items):
        if states[key].job is None:
            raise PlanError(
                f"this token may not read job {key.job!r} in namespace {key.namespace!r}, so the plan cannot name its "
                "version: use a token with read-job, or pass --offline"
            )


def _indexes(states: Mapping[JobKey, ParentState]) -> dict[JobKey, int]:
    return {key: state.job.job_modify_index for key, state in states.items() if state.job}


def _review(
    options: PlanOptions,
    prepared: Prepared,
    selected: Sequence[Item],
    server: Preflight,
    comparison: Comparison | None,
) -> Review:
    source = options.run.source
    head = _head(options, prepared, selected, server)
    plain = [without_folder(item, source.shown) for item in selected]
    if options.out is not None:
        write_plan(Path(options.out), head, plain)
    return Review(
        head=head,
        manifest=source.shown,
        digest=plan_digest(head, plain),
        items=tuple(selected),
        address="" if options.offline else options.run.address,
        known=read_known_ends(options.run, selected),
        comparison=comparison,
        out=options.out or "",
    )


def _head(options: PlanOptions, prepared: Prepared, selected: Iterable[Item], server: Preflight) -> PlanHead:
    source, document = options.run.source, prepared.document
    indexes = _indexes(server.states)
    return PlanHead(
        name=manifest_name(document),
        manifest=os.path.basename(source.path),  # noqa: PTH119  "-" stays what it is
        manifest_sha256=document.digest,
        settings=written_settings(prepared.settings),
        jobs=tuple(PlannedJob(key, indexes.get(key)) for key in sorted(parents_in(selected))),
        files=prepared.files.digests,
        globs=prepared.files.globs,
        left_out=len(prepared.items) - len(list(selected)),
        allow_outside=source.allow_outside,
        variables=prepared.origins.plain,
        hidden_variables=tuple(sorted(prepared.origins.hidden)),
    )


# What the journal knows


def read_known_ends(run: RunOptions, items: Sequence[Item]) -> dict[str, str]:
    """Return how each item ended in the latest run of this manifest on the same target, if its request was the same."""
    stored = _latest_run(run)
    if stored is None:
        return {}
    reader = JournalReader(stored.path)
    before = {item.id: item.fingerprint for item in reader.items(payloads=False)}
    ends = {result.id: result for result in fold_journal(reader, stored).items()}
    known = {}
    for item in items:
        result = ends.get(item.id)
        if result is None or result.outcome is None or before.get(item.id) != item.fingerprint:
            continue
        code = f" (exit {result.exit_code})" if result.exit_code else ""
        known[item.id] = f"{result.outcome} in {stored.header.id}{code}"
    return known


def _latest_run(run: RunOptions) -> StoredRun | None:
    manifest = real_path(run.source)
    for stored in list_runs(run.folder)[0]:
        if (stored.header.manifest, stored.header.target.address) == (manifest, run.address):
            return stored
    return None


# A plan file


def review_plan(path: str, *, compare_with: str | None = None, known: Mapping[str, str] | None = None) -> Review:
    """Return the plan in the file *path*, which need not be current. Raises PlanError."""
    plan = read_plan(path)
    comparison = None
    if compare_with is not None:
        comparison = compare_items(compare_with, read_plan(compare_with).items, plan.items)
    return Review(
        head=plan.head,
        manifest=path,
        digest=plan.digest,
        items=plan.items,
        known=known or {},
        comparison=comparison,
        is_file=True,
    )


def check_digest(path: str, found: str, wanted: str) -> None:
    """Refuse a plan that is not the one that was reviewed: at least the first 12 digits must be given."""
    digits = wanted.lower().removeprefix("sha256:")
    if len(digits) < FEWEST_DIGITS or not found.startswith(digits):
        raise PlanError(
            f"{path}: the plan has the digest {found}, not {wanted!r}: this is not the plan that was reviewed "
            f"(at least {FEWEST_DIGITS} digits are needed)"
        )
