"""Sensitive values are stored nowhere: a run that goes on renders them again from its manifest."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from dispatchfile.errors import UsageError
from dispatchfile.items import Item, known_variables
from dispatchfile.journal import STANDARD_INPUT, RunHeader
from dispatchfile.problems import Problem, Severity
from dispatchfile.source import Position
from dispatchfile.usecases.load import ManifestSource, load_items, read_source
from dispatchfile.usecases.variables import NO_VARIABLES, UNKNOWN, GivenVariables, unknown_variables

PAYLOAD, META = "payload", "meta."
NOT_IN_ENVIRONMENT = "DF036"
LEAVE_IT_OUT = "leave it out"
STORED_NOWHERE = "has sensitive values, which are not stored, and"


def source_of(
    header: RunHeader, *, variables: GivenVariables, environ: Mapping[str, str], allow_outside: bool
) -> ManifestSource:
    """
    Return the manifest that a run's sensitive values are rendered from, with what the run was given
    besides these.
    """
    return ManifestSource(
        path=header.manifest,
        content=None,
        variables={**header.variables, **variables.values},
        given=variables,
        environ=environ,
        allow_outside=allow_outside,
    )


class Origin(Protocol):
    """What sensitive values were rendered from: the header of a run, or a plan."""

    @property
    def id(self) -> str: ...
    @property
    def manifest(self) -> str: ...
    @property
    def variables(self) -> Mapping[str, str]: ...
    @property
    def hidden_variables(self) -> tuple[str, ...]: ...


def check_variables(header: Origin, source: ManifestSource, items: Sequence[Item]) -> list[str]:
    """
    Refuse variables that neither the run nor its manifest knows, and those that would change nothing.

    The stored requests are sent; only sensitive values are made again. Return notes about variables in a file that may
    be for another manifest. items: those to send, or all of the run if nothing is to be sent. Raises UsageError.
    """
    given = source.given
    if not given.places:
        return []
    known, place = _known_variables(header, source)
    problems = [] if known is None or place is None else list(unknown_variables(given, known, place))
    for problem in problems:
        if problem.severity is Severity.ERROR:
            raise UsageError(str(problem))
    foreign = [] if known is None else given.foreign_to(known)
    _check_effect(header, given, [name for name in given.places if name not in foreign], items)
    if known is not None and place is None:
        for name in given.unknown_to(known):
            raise UsageError(
                f"variable {name!r} has no effect: run {header.id} was not given it, and its manifest cannot be read: "
                f"{LEAVE_IT_OUT}"
            )
    return [f"{problem.position}: {problem.severity}: {problem.text}" for problem in problems]


def _known_variables(header: Origin, source: ManifestSource) -> tuple[frozenset[str] | None, Position | None]:
    """
    Return the variables that the run was given or that its manifest has, and the place of the latter.

    The names are None if the manifest may read any. The place is None if the manifest cannot be read.
    """
    given = frozenset({*header.variables, *header.hidden_variables})
    if header.manifest == STANDARD_INPUT:
        return given, None
    document, files, _ = read_source(replace(source, given=NO_VARIABLES))
    if document is None:
        return given, None
    known = known_variables(document, files)
    return None if known is None else known | given, document.key_position("vars")


def _check_effect(header: Origin, given: GivenVariables, names: Sequence[str], items: Sequence[Item]) -> None:
    """Raise UsageError for the first of the *names* whose value changes nothing about the *items*."""
    anew = f"{LEAVE_IT_OUT}, or send other values with `dispatchfile run`"
    if names and not any(item.sensitive for item in items):
        raise UsageError(
            f"variable {names[0]!r} has no effect: no selected item of run {header.id} has sensitive values, and "
            f"stored requests are sent as they are: {anew}"
        )
    for name in names:
        if name in header.variables and given.values[name] != header.variables[name]:
            raise UsageError(
                f"variable {name!r} is not what run {header.id} was given, whose stored requests are sent as they "
                f"are: {anew}"
            )


def restore_sensitive(items: Sequence[Item], header: Origin, source: ManifestSource) -> tuple[Item, ...]:
    """
    Return the stored items of the run with their sensitive values, rendered again.

    Raises UsageError where a variable is missing that the run was given for such values, and where an item that needs
    one is not in the manifest any more, or no longer renders.
    """
    first = next((item for item in items if item.sensitive), None)
    if first is None:
        return tuple(items)
    if missing := [name for name in header.hidden_variables if name not in source.variables]:
        flags = " ".join(f"--var {name}=…" for name in missing)
        raise UsageError(
            f"item {first.id!r} {STORED_NOWHERE} run {header.id} got variables that they may depend on: "
            f"pass them again with {flags} or --var-file"
        )
    loaded = load_items(replace(source, stored=items))
    rendered = {item.id: item for item in loaded.items}
    for problem in loaded.problems:
        if problem.code == UNKNOWN and problem.severity is Severity.ERROR:
            raise UsageError(str(problem))
        if problem.code == NOT_IN_ENVIRONMENT or not loaded.items:
            raise _not_given(first, problem)
    wrong = {problem.item: problem for problem in loaded.problems}
    return tuple(
        _restored(item, rendered.get(item.id), wrong.get(item.id)) if item.sensitive else item for item in items
    )


def _restored(item: Item, rendered: Item | None, wrong: Problem | None) -> Item:
    if rendered is None or not item.sensitive <= _names_of(rendered):
        raise _not_given(item, wrong)
    request = item.request
    keys = [name.removeprefix(META) for name in item.sensitive if name.startswith(META)]
    meta = {**request.meta, **{key: rendered.request.meta[key] for key in keys}}
    payload = rendered.request.payload if PAYLOAD in item.sensitive else request.payload
    return replace(item, request=replace(request, meta=meta, payload=payload))


def _not_given(item: Item, wrong: Problem | None) -> UsageError:
    why = f" ({wrong})" if wrong else ""
    return UsageError(
        f"item {item.id!r} {STORED_NOWHERE} its manifest no longer gives them{why}: "
        "restore the manifest, or pass the variables with --var"
    )


def _names_of(item: Item) -> set[str]:
    """Return the names, as `sensitive` has them, of the values that the item has."""
    names = {f"{META}{key}" for key in item.request.meta}
    return names | {PAYLOAD} if item.request.payload else names


def manifest_change(header: RunHeader, items: Sequence[Item]) -> str:
    """Return a sentence if the manifest is not what it was when the run started, of which *items* are to go on."""
    if header.manifest == STANDARD_INPUT:
        return ""
    try:
        digest = hashlib.sha256(Path(header.manifest).read_bytes()).hexdigest()
    except OSError:
        return f"{header.shown_manifest} can no longer be read: continuing with the stored requests"
    if digest == header.manifest_digest:
        return ""
    sentence = f"{header.shown_manifest} has changed since the run started: continuing with the stored requests"
    if any(item.sensitive for item in items):
        return f"{sentence}, and with the sensitive values of the current manifest"
    return sentence
