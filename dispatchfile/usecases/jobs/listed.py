"""A manifest's source to the job files that it lists."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from dispatchfile.files import Files
from dispatchfile.manifest import Document
from dispatchfile.settings import SettingError, Settings, Wait, resolve_settings
from dispatchfile.usecases.jobs.files import NO_JOBS, ManifestJobs, has_jobs, read_jobs, unknown_job_variables
from dispatchfile.usecases.load import ManifestSource, read_source
from dispatchfile.usecases.variables import NO_VARIABLES


def read_listed_jobs(
    source: ManifestSource, document: Document | None, files: Files, *, checks: bool = False
) -> ManifestJobs:
    """
    Return the job files of the manifest; their problems include those with variables.

    checks: refuse what the embedded agent cannot run, too.
    """
    if document is None:
        return NO_JOBS
    jobs = NO_JOBS
    if has_jobs(document):
        jobs = read_jobs(document, files, source.job_values, source.environ, checks=checks)
    unknown = unknown_job_variables(
        document, source.job_values, jobs.declared, elsewhere=source.job_variables_elsewhere
    )
    return replace(jobs, problems=(*jobs.problems, *unknown))


def read_declared(source: ManifestSource) -> frozenset[str] | None:
    """Return the HCL variables that the manifest's job files declare; None if that cannot be told."""
    document, files, _ = read_source(replace(source, given=NO_VARIABLES))
    if document is None:
        return None
    return read_jobs(document, files, source.job_values, source.environ).declared


def wait_of(document: Document | None) -> Wait:
    """Return how far a run of the manifest waits, if its settings can be read."""
    written: object = None if document is None else document.data.get("settings")
    try:
        return resolve_settings({}, written if isinstance(written, Mapping) else {}).wait
    except (SettingError, ValueError):
        return Settings().wait
