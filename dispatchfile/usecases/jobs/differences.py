"""The job files that items use, compared with the jobs that Nomad has: Nomad's own difference."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from dispatchfile.errors import NomadError, NomadForbidden
from dispatchfile.names import JobKey
from dispatchfile.nomad.client import Client
from dispatchfile.nomad.jobplans import NEW, FieldChange, JobPlan
from dispatchfile.planfile import FileState, JobChange, JobFileReview
from dispatchfile.usecases.jobs.files import ListedFile, ManifestJobs

HIDDEN_PARTS = ("Template",)
HIDDEN_FIELDS = ("Env[", "Meta[")
HIDDEN_WORDS = ("password", "secret", "token")  # in the name of a field, such as auth[0][password]


@dataclass(frozen=True, slots=True)
class ParsedJob:
    """The job of a file as the server reads it."""

    key: JobKey
    file: ListedFile
    document: Mapping[str, object]

    @property
    def digest(self) -> str:
        """Return the SHA-256 of the job, which the same file has everywhere."""
        text = json.dumps(self.document, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


async def parse_file(client: Client, listed: ListedFile, key: JobKey) -> ParsedJob:
    """
    Return the job of the file for the namespace and region of the *key*. Raises NomadError.

    The API's own form needs no parser.
    """
    assert listed.file is not None  # noqa: S101  a file that cannot be read registers nothing
    document = listed.file.api_document()
    if document is None:
        document = await client.registry.parse(
            listed.file.text, listed.file.variables, namespace=key.namespace, region=key.region
        )
    there = {"Namespace": key.namespace} | ({"Region": key.region} if key.region else {})
    return ParsedJob(key, listed, {**document, **there})


async def review_files(
    client: Client, jobs: ManifestJobs, keys: Iterable[JobKey], *, show_values: bool
) -> tuple[JobFileReview, ...]:
    """Return how the file of each job differs from the job that Nomad has; what cannot be asked is a note."""
    found = [(key, listed) for key in keys if (listed := jobs.find(key)) is not None]
    return tuple([await _review(client, key, listed, show_values=show_values) for key, listed in found])


async def _review(client: Client, key: JobKey, listed: ListedFile, *, show_values: bool) -> JobFileReview:
    unknown = JobFileReview(key, listed.name, FileState.UNKNOWN)
    try:
        parsed = await parse_file(client, listed, key)
    except NomadForbidden:
        return replace(unknown, note="not compared: this token may not parse jobs (it needs parse-job)")
    except NomadError as error:
        return replace(unknown, note=f"not compared: Nomad cannot read it: {error.message}")
    try:
        plan = await client.registry.plan(key.job, parsed.document, namespace=key.namespace, region=key.region)
    except NomadForbidden:
        return replace(unknown, note="not compared: this token may not plan jobs (it needs submit-job)")
    except NomadError as error:
        return replace(unknown, note=f"not compared: Nomad does not take it: {error.message}")
    return replace(unknown, state=_state(plan), changes=_changes(plan, show_values=show_values))


def _state(plan: JobPlan) -> FileState:
    if plan.is_unchanged:
        return FileState.SAME
    return FileState.ABSENT if plan.kind == NEW else FileState.DIFFERENT


def _changes(plan: JobPlan, *, show_values: bool) -> tuple[JobChange, ...]:
    """Return the changed fields; all of them are new for a job that Nomad does not have, so none is named."""
    if plan.kind == NEW:
        return ()
    return tuple(_change(each, hides=not show_values and _may_be_secret(each)) for each in plan.changes)


def _change(change: FieldChange, *, hides: bool) -> JobChange:
    path = ", ".join(change.path[:-1])
    name = f"{path}: {change.path[-1]}" if path else change.path[-1]
    before, after = (None, None) if hides else (change.before, change.after)
    return JobChange(name, change.kind.lower(), before, after)


def _may_be_secret(change: FieldChange) -> bool:
    name = change.path[-1].lower()
    return (
        change.path[-1].startswith(HIDDEN_FIELDS)
        or any(part in HIDDEN_PARTS for part in change.path)
        or any(word in name for word in HIDDEN_WORDS)
    )
