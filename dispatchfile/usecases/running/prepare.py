"""Prepares a run without a server: its items, its settings, and the items that it takes."""

from __future__ import annotations

import os.path
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path

from dispatchfile.errors import UsageError
from dispatchfile.files import STANDARD_INPUT, Files
from dispatchfile.items import Item, Origins, read_origins, unfollowed_keys
from dispatchfile.journal import JournalReader, Target, list_runs, state_folder
from dispatchfile.manifest import Document
from dispatchfile.nomad.connection import Connection
from dispatchfile.planfile import Change, Comparison, Plan, compare_items
from dispatchfile.preflight import parents_in
from dispatchfile.problems import Problem, has_errors, sort_problems
from dispatchfile.results import LOCAL, ItemResult
from dispatchfile.settings import NONE, SettingError, Settings, Wait, resolve_settings
from dispatchfile.usecases.folding import fold_past
from dispatchfile.usecases.jobs.checks import check_against_files
from dispatchfile.usecases.jobs.files import NO_JOBS, ManifestJobs
from dispatchfile.usecases.jobs.listed import read_listed_jobs
from dispatchfile.usecases.load import Loaded, ManifestSource, load_items, without_their_secrets
from dispatchfile.usecases.planning.apply import load_plan
from dispatchfile.usecases.planning.base import read_base
from dispatchfile.usecases.select import Selection, asks_for_endings, select_items


class JobFilesUse(StrEnum):
    """The use that a run makes of the job files of its manifest."""

    NONE = "none"  # the server's jobs are the truth
    READ = "read"  # to compare them with the server's jobs
    CHECKED = "checked"  # items are checked against them


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """The options of `run`."""

    source: ManifestSource
    connection: Connection
    settings: Mapping[str, str | None] = field(default_factory=dict)  # flags by manifest key, as typed
    only: Sequence[str] = ()
    skip: Sequence[str] = ()
    run_id: str = ""  # empty: a new random one
    local: bool = False  # on an embedded agent that ends with the run
    logs: str = ""  # "failed", "all", "none"; empty: of failed ones, where it is cheap
    state_dir: str | None = None
    journal: bool = True
    stop_on_interrupt: bool = False  # what lives of the run then; who runs it does so
    skip_succeeded: bool = False
    changed: str = ""  # a git ref or plan file: take only items that are new or changed since; empty: all
    plan: Plan | None = None  # to send as it is, of the manifest `source`
    allow_unpinned: bool = False  # a plan that was made without a server
    job_files: JobFilesUse = JobFilesUse.NONE  # of the manifest
    new: bool = False  # even beside an unfinished run of the same manifest and target

    @property
    def folder(self) -> Path:
        """Return the state folder. Raises JournalError where there can be none."""
        return state_folder(self.state_dir, self.source.environ)

    @property
    def address(self) -> str:
        """Return the run's target without credentials, which shows whether two runs have the same target."""
        address = LOCAL if self.local else self.connection.address
        return Target(address, "", ()).without_credentials().address


@dataclass(frozen=True, slots=True)
class Prepared:
    """A manifest read, checked and selected from; nothing has been asked of a server yet."""

    document: Document
    selection: Selection
    items: tuple[Item, ...]
    settings: Settings
    origins: Origins
    problems: tuple[Problem, ...]  # warnings
    files: Files
    comparison: Comparison | None = None  # with what `--changed` names
    jobs: ManifestJobs = NO_JOBS  # read only if the run uses job files


def prepare(options: RunOptions) -> Prepared | tuple[Problem, ...]:
    """
    Return everything that can be known without a server, or the problems if there is an error among them.

    Raises UsageError for flags and selectors that cannot be meant.
    """
    if options.plan is not None:
        return _prepare_plan(options, options.plan)
    has_timeout = options.settings.get("timeout") not in (None, NONE)
    loaded = load_items(replace(options.source, timeout_given=has_timeout))
    if loaded.document is None or has_errors(loaded.problems):
        return loaded.problems
    try:
        settings = _settings(options, loaded.document)
    except SettingError as error:
        return (*loaded.problems, _misfit(error, options, loaded.document))
    selection = select_items(loaded.items, only=options.only, skip=options.skip, earlier=_last_results(options))
    comparison = None
    if options.changed:
        comparison = compare_items(options.changed, read_base(options.changed, options.source), loaded.items)
        selection = _take_changed(selection, comparison)
    jobs, found = _read_jobs(options, loaded, selection, settings)
    if has_errors(found):
        return sort_problems((*loaded.problems, *found))
    origins = read_origins(loaded.document, loaded.files, options.source.variables)
    return Prepared(
        loaded.document,
        selection,
        loaded.items,
        settings,
        origins,
        sort_problems(
            (
                *loaded.problems,
                *found,
                *without_their_secrets(loaded.document, [*unfollowed_keys(loaded.document, settings)]),
            )
        ),
        loaded.files,
        comparison,
        jobs,
    )


def _read_jobs(
    options: RunOptions, loaded: Loaded, selection: Selection, settings: Settings
) -> tuple[ManifestJobs, tuple[Problem, ...]]:
    """Return the job files, if they are used, and what is wrong with them and, without a server, with the items."""
    if options.job_files is JobFilesUse.NONE:
        return NO_JOBS, ()
    jobs = read_listed_jobs(options.source, loaded.document, loaded.files)
    if options.job_files is JobFilesUse.CHECKED:
        return jobs, check_against_files(selection.selected, jobs, settings.wait)
    used = {key: item.id for key, item in parents_in(selection.selected).items()}
    return jobs, (*jobs.problems, *jobs.problems_of(used))


def _take_changed(selection: Selection, comparison: Comparison) -> Selection:
    def has_changed(item: Item) -> bool:
        return comparison.differences[item.id].change is not Change.UNCHANGED

    same = [item for item in selection.selected if not has_changed(item)]
    return Selection(tuple(filter(has_changed, selection.selected)), (*selection.skipped, *same))


def _prepare_plan(options: RunOptions, plan: Plan) -> Prepared | tuple[Problem, ...]:
    """Return the plan, if its inputs are unchanged. Raises PlanError."""
    loaded = load_plan(plan, options.source, allow_unpinned=options.allow_unpinned)
    if loaded.document is None:
        return loaded.problems
    settings = _settings(options, loaded.document)
    origins = Origins(frozenset(plan.head.hidden_variables), plan.head.variables)
    selection = Selection(loaded.items, ())
    return Prepared(loaded.document, selection, loaded.items, settings, origins, loaded.problems, loaded.files)


def _last_results(options: RunOptions) -> dict[str, ItemResult] | None:
    """Return, by item, the results of the manifest's latest run on the same target, if a selector needs them."""
    if not asks_for_endings((*options.only, *options.skip)):
        return None
    runs, _ = list_runs(options.folder)
    for stored in runs:
        if (stored.header.manifest, stored.header.target.address) == (real_path(options.source), options.address):
            results = fold_past(JournalReader(stored.path), stored)
            return {item.id: item for item in results.items()}
    return None


def _settings(options: RunOptions, document: Document) -> Settings:
    written = document.data.get("settings")
    flags = dict(options.settings)
    if options.local:
        if flags.get("wait") not in (None, Wait.COMPLETION):
            raise UsageError("--local: its tasks end with the run, so it always waits for completion")
        flags["wait"] = Wait.COMPLETION
    return resolve_settings(flags, written if isinstance(written, Mapping) else {})


def _misfit(error: SettingError, options: RunOptions, document: Document) -> Problem:
    """Return a setting of the manifest that does not fit the others. Raises UsageError where it is a flag."""
    if options.settings.get(error.key) is not None:
        raise UsageError(f"--{error.key.replace('_', '-')}: {error.message}") from error
    place = document.position("settings", error.key)
    return document.problem("DF017", place, f"settings.{error.key}: {error.message}")


def real_path(source: ManifestSource) -> str:
    """Return the path that shows whether two runs are of the same manifest."""
    return source.path if source.path == STANDARD_INPUT else os.path.realpath(source.path)


def target_of(options: RunOptions, items: Sequence[Item]) -> Target:
    """Return where the *items* go."""
    regions = sorted({item.request.region for item in items})
    return Target(
        address=options.address,
        region=regions[0] if len(regions) == 1 else options.connection.region,
        namespaces=tuple(sorted({item.request.namespace for item in items})),
    ).without_credentials()
