"""What callers pass to the Python API, checked and in the form that use cases take."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import NoReturn, TypeAlias

from dispatchfile.errors import StandardInputError, UsageError
from dispatchfile.files import STANDARD_INPUT, StandardInput
from dispatchfile.items import TargetScope
from dispatchfile.nomad.connection import VARIABLES, checked_text
from dispatchfile.schema import trouble_with_name
from dispatchfile.settings import PARSERS, format_duration
from dispatchfile.similar import did_you_mean
from dispatchfile.source import Position
from dispatchfile.usecases.load import ManifestSource
from dispatchfile.usecases.run_ids import RUN_ID_RULE, is_run_id
from dispatchfile.usecases.variables import GivenVariables

FilePath: TypeAlias = "str | os.PathLike[str]"
Variables: TypeAlias = "Mapping[str, object]"
PASSED = Position("variables", 1, 1)  # the place of a problem with a variable that the caller passes
MOST_LEVELS = 64


def read_environ(environ: Mapping[str, str] | None, **given: str) -> dict[str, str]:
    """
    Return the environment, in which what the caller passes replaces a variable of Nomad.

    given: by the names of `nomad.connection.VARIABLES`, such as `address`; an empty text is not given.
    """
    replaced = {VARIABLES[name]: value for name, value in given.items() if value}
    return {**(os.environ if environ is None else environ), **replaced}


def _read_scope(environ: Mapping[str, str]) -> TargetScope:
    """Return the namespace and region of items that set none. Raises UsageError for what can be neither."""
    return TargetScope(namespace_env=_read_name("namespace", environ), region_env=_read_name("region", environ))


def _read_name(kind: str, environ: Mapping[str, str]) -> str | None:
    variable = VARIABLES[kind]
    text = environ.get(variable) or None
    if text and (trouble := trouble_with_name(kind, checked_text(text, variable))):
        raise UsageError(f"{variable}: {trouble}")
    return text


def read_source(
    manifest: FilePath, variables: Variables | None, environ: Mapping[str, str], *, allow_outside: bool
) -> ManifestSource:
    """Return the manifest with the values that its templates can read. Raises UsageError for impossible ones."""
    path = read_path(manifest, "the manifest's name")
    given = _read_variables(variables or {})
    return ManifestSource(
        path=os.path.join(os.curdir, path) if path == STANDARD_INPUT else path,  # noqa: PTH118  a file called "-"
        content=None,
        variables=given.values,
        given=given,
        environ=environ,
        scope=_read_scope(environ),
        allow_outside=allow_outside,
        standard_input=StandardInput(_refuse_rows),
    )


def read_path(path: FilePath, what: str) -> str:
    """Return the path as text. Raises UsageError, which says of *what* it is."""
    text = os.fspath(path)
    if not isinstance(text, str):
        raise UsageError(f"{what} is of type {type(text).__name__}: pass text or a pathlib.Path")
    if not text:
        raise UsageError(f"{what} is empty: name a file")
    return text


def read_selectors(selectors: str | Sequence[str]) -> Sequence[str]:
    """Return the selectors; a text is a single one, not a sequence of characters."""
    return (selectors,) if isinstance(selectors, str) else selectors


def _refuse_rows(_: int) -> NoReturn:
    raise StandardInputError("is not read by the Python API", "name a file of rows, or pass them as a variable")


def _read_variables(variables: Variables) -> GivenVariables:
    """Return the variables as a file of them would give them."""
    values = {}
    for name, value in variables.items():
        if not isinstance(name, str):
            raise UsageError(f"variables: the name {name!r} is not text")
        values[name] = _plain(value, f"variables[{name!r}]", MOST_LEVELS)
    return GivenVariables(values, dict.fromkeys(values, PASSED), strict=True)


def _plain(value: object, place: str, levels: int) -> object:
    """Return a copy of *value*, if a manifest could hold it. Raises UsageError, which does not show the value."""
    if not levels:
        raise UsageError(f"{place}: nested more than {MOST_LEVELS} levels deep")
    if value is None or type(value) in {str, int, float, bool}:
        return value
    if isinstance(value, Mapping):
        return {_key(key, place): _plain(each, f"{place}[{key!r}]", levels - 1) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each, f"{place}[{number}]", levels - 1) for number, each in enumerate(value)]
    kind = type(value).__name__
    raise UsageError(f"{place} is of type {kind}: use text, a number, True, False, None, a list or a dict")


def _key(key: object, place: str) -> str:
    if not isinstance(key, str):
        raise UsageError(f"{place}: the key {key!r} is not text")
    return key


def read_run_id(run_id: str) -> str:
    """Return the ID, which may be empty. Raises UsageError for what can be none."""
    if run_id and not is_run_id(run_id):
        raise UsageError(f"run_id {run_id!r}: {RUN_ID_RULE}")
    return run_id


def read_settings(settings: Mapping[str, object] | None) -> dict[str, str | None]:
    """Return the settings as flags would give them. Raises UsageError for a name that is none."""
    given = settings or {}
    for name in given:
        if name not in PARSERS:
            hint = did_you_mean(str(name), PARSERS, otherwise=f"there are {', '.join(PARSERS)}")
            raise UsageError(f"settings: there is no setting {name!r}: {hint}")
    return {name: None if value is None else _written(value) for name, value in given.items()}


def _written(value: object) -> str:
    return format_duration(value) if isinstance(value, timedelta) else str(value)
