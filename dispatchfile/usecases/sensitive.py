"""Sensitive values are stored nowhere: a run that goes on renders them again from its manifest."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from dispatchfile.errors import UsageError
from dispatchfile.items import Item
from dispatchfile.journal import STANDARD_INPUT, RunHeader
from dispatchfile.problems import Problem, Severity
from dispatchfile.usecases.load import ManifestSource, load_items
from dispatchfile.usecases.variables import UNKNOWN, GivenVariables

PAYLOAD, META = "payload", "meta."
NOT_IN_ENVIRONMENT = "DF036"
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


def check_variables(header: RunHeader, variables: GivenVariables, items: Sequence[Item]) -> None:
    """
    Refuse variables that would change nothing: the stored requests are sent, and only sensitive values are made again.

    Raises UsageError.
    """
    if not variables.places:
        return
    anew = "send other values with `dispatchfile run`"
    if not any(item.sensitive for item in items):
        name = next(iter(variables.places))
        raise UsageError(
            f"variable {name!r} has no effect: no selected item of run {header.id} has sensitive values, and "
            f"stored requests are sent as they are: leave it out, or {anew}"
        )
    for name in variables.places:
        if name in header.variables and variables.values[name] != header.variables[name]:
            raise UsageError(
                f"variable {name!r} is not what run {header.id} was given, whose stored requests are sent as they "
                f"are: leave it out, or {anew}"
            )


def restore_sensitive(items: Sequence[Item], header: RunHeader, source: ManifestSource) -> tuple[Item, ...]:
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
