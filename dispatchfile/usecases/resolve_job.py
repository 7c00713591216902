"""
Finds the job that an ID, or the beginning of one, names, as `nomad job dispatch` does.

Source: hashicorp/nomad, command/meta.go, jobIDByPrefix.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dispatchfile.errors import NomadError, NomadForbidden, NomadRefused, UsageError
from dispatchfile.nomad.client import Client
from dispatchfile.nomad.models import JobStub
from dispatchfile.nomad.quoting import quoted
from dispatchfile.secrecy import shown_name

ALL_NAMESPACES = "*"
NO_CHILDREN = 'ParentID == ""'
PARAMETERIZED = f"{NO_CHILDREN} and ParameterizedJob is not nil"
MOST_SHOWN = 20  # rows of one page
REFUSED_FILTER = "failed to create result paginator"  # what servers before 1.11.3 say to `is not nil`


class NoSuchJob(UsageError):
    """No parameterized job has this ID or begins with it."""

    def __init__(self, text: str) -> None:
        super().__init__(f"No parameterized job(s) with prefix or ID {quoted(shown_name(text))} found")
        self.text = text


class SeveralJobs(UsageError):
    """Several parameterized jobs have an ID with this prefix. *truncated*: there may be more."""

    def __init__(self, text: str, rows: Sequence[JobStub], *, with_namespaces: bool, truncated: bool) -> None:
        super().__init__(f"Prefix {quoted(text)} matched multiple jobs")
        self.text, self.rows, self.with_namespaces, self.truncated = text, tuple(rows), with_namespaces, truncated


class JobsUnlisted(UsageError):
    """The jobs that begin so could not be asked for."""

    def __init__(self, text: str, error: NomadError) -> None:
        super().__init__(f"Error querying job prefix {quoted(text)}: {error.message}")
        self.text, self.error = text, error


@dataclass(frozen=True, slots=True)
class FoundJob:
    """The job that is meant."""

    id: str
    namespace: str  # empty: the connection's own


async def resolve_job(client: Client, text: str, *, namespace: str) -> FoundJob:
    """
    Return the parameterized job whose ID is *text*, else the only one whose ID begins with it.

    namespace: of the connection; "*" looks in all that the token may see. A token that may not list jobs is believed
    to mean an exact ID. Raises NoSuchJob, SeveralJobs and JobsUnlisted.
    """
    try:
        rows, truncated = await _list_parameterized(client, text)
    except NomadForbidden:
        return FoundJob(text, "")
    except NomadError as error:
        raise JobsUnlisted(text, error) from error
    if not rows:
        raise NoSuchJob(text)
    everywhere = namespace == ALL_NAMESPACES
    exact: Sequence[JobStub] = [row for row in rows if row.id == text]
    if everywhere and truncated:
        exact = await _list_exact(client, text)
    if len(exact or rows) > 1:
        raise SeveralJobs(text, exact or rows, with_namespaces=everywhere, truncated=truncated and not exact)
    (found,) = exact or rows
    return FoundJob(found.id, found.namespace)


async def _list_parameterized(client: Client, prefix: str) -> tuple[Sequence[JobStub], bool]:
    """Return the rows, and whether there may be more."""
    try:
        page = await client.list_jobs(prefix=prefix, filter=PARAMETERIZED, per_page=MOST_SHOWN)
    except NomadRefused as error:
        if REFUSED_FILTER not in error.message:
            raise
        return await _list_without_filter(client, prefix), False
    return page.rows, len(page.rows) >= MOST_SHOWN


async def _list_without_filter(client: Client, prefix: str) -> Sequence[JobStub]:
    """Select the parameterized jobs here, for a server that refuses the filter; it may still take a simpler one."""
    try:
        rows = await client.list_all_jobs(prefix=prefix, filter=NO_CHILDREN)
    except NomadRefused as error:
        if REFUSED_FILTER not in error.message:
            raise
        rows = await client.list_all_jobs(prefix=prefix)
    return [row for row in rows if row.parameterized and not row.parent_id]


async def _list_exact(client: Client, text: str) -> Sequence[JobStub]:
    """
    Return the rows with exactly this ID: all namespaces are listed one after the other, so they may
    be on a later page.
    """
    page = await client.list_jobs(prefix=text, filter=f"{PARAMETERIZED} and ID == {quoted(text)}", per_page=MOST_SHOWN)
    return page.rows
