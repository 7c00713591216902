"""A manifest on the command line to where its text, its variables and its environment come from."""

from __future__ import annotations

import errno
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

from dispatchfile.cli.conflicts import LEAVE_IT_OUT, refuse_without_effect
from dispatchfile.cli.option_groups import ManifestFlags
from dispatchfile.errors import FileError, StandardInputError, UsageError
from dispatchfile.files import MAX_FILE_SIZE, STANDARD_INPUT, StandardInput
from dispatchfile.items import TargetScope
from dispatchfile.nomad.connection import checked_text
from dispatchfile.schema import trouble_with_name
from dispatchfile.secrecy import kind_of_secret
from dispatchfile.usecases.jobs.values import NO_JOB_VALUES, JobValues
from dispatchfile.usecases.load import ManifestSource
from dispatchfile.usecases.variables import GivenVariables, read_variables

DEFAULT_MANIFEST = "dispatchfile.yaml"
ENDINGS = (".yaml", ".yml")


def manifest_here() -> str | None:
    """Return the name of this folder's manifest: the default one, else the only one there is."""
    for ending in ENDINGS:
        if Path(f"dispatchfile{ending}").exists():
            return f"dispatchfile{ending}"
    found = [path for ending in ENDINGS for path in Path().glob(f"*.dispatchfile{ending}")]
    return str(found[0]) if len(found) == 1 else None


def default_manifest() -> str:
    """Return the manifest to use if none is named, whether it exists or not."""
    return manifest_here() or DEFAULT_MANIFEST


def read_sources(
    paths: Sequence[str],
    given: ManifestFlags,
    *,
    scope: TargetScope,
    environ: Mapping[str, str],
    job_values: JobValues = NO_JOB_VALUES,
) -> list[ManifestSource]:
    """Return one source for each path. Raises UsageError for impossible paths and variables, and FileError."""
    if "" in paths:
        raise UsageError("the manifest's name is empty: name one, or leave it out for dispatchfile.yaml")
    if list(paths).count(STANDARD_INPUT) > 1:
        raise UsageError("- : standard input can be read only once")
    variables = read_given_variables(given)
    rows = StandardInput(_refuse_rows if STANDARD_INPUT in paths else _read_rows)
    return [
        ManifestSource(
            path=path,
            content=_read_standard_input() if path == STANDARD_INPUT else None,
            variables=variables.values,
            given=variables,
            environ=environ,
            scope=scope,
            allow_outside=given.allow_outside,
            standard_input=rows,
            job_values=job_values,
        )
        for path in paths
    ]


def read_given_variables(given: ManifestFlags) -> GivenVariables:
    """Raises UsageError and FileError for variables that cannot be read."""
    pairs = _read_pairs("--var", given.var or ())
    if given.strict_vars and not given.var_file:
        refuse_without_effect(["strict_vars"], "without --var-file", f"add --var-file, or {LEAVE_IT_OUT}")
    return read_variables(given.var_file or (), pairs, strict=given.strict_vars)


def _read_standard_input() -> bytes:
    """Return the manifest. Raises FileError."""
    try:
        content = _standard_input().read(MAX_FILE_SIZE + 1)
    except OSError as exc:
        raise FileError("standard input", exc.strerror or "cannot be read") from exc
    if len(content) > MAX_FILE_SIZE:
        raise FileError("standard input", f"has more than {MAX_FILE_SIZE:,} bytes")
    return content


def _read_rows(size: int) -> bytes:
    """Return at most *size* bytes of rows. Raises FileError."""
    hint = "pipe the rows in, as in `cat urls.txt | dispatchfile run`"
    try:
        stream = _standard_input()
        if stream.isatty():
            raise StandardInputError("is a terminal", hint)
        return stream.read(size)
    except StandardInputError:
        raise
    except FileError as exc:
        raise StandardInputError(exc.reason, hint) from exc
    except OSError as exc:
        reason = "is closed" if exc.errno == errno.EBADF else f"cannot be read: {exc.strerror or exc}"
        raise StandardInputError(reason, hint) from exc


def _refuse_rows(_: int) -> bytes:
    raise StandardInputError("is the manifest", "name the manifest by its file, or take the rows from a file")


def _standard_input() -> BinaryIO:
    if sys.stdin is None:  # the caller has closed it
        raise FileError("standard input", "is closed")
    return sys.stdin.buffer


def read_scope(namespace: str | None, region: str | None, environ: Mapping[str, str]) -> TargetScope:
    """
    Namespace and region of flags, else of the environment; an empty one is none.

    Raises UsageError for what can be neither.
    """
    namespace_env = None if namespace else environ.get("NOMAD_NAMESPACE")
    region_env = None if region else environ.get("NOMAD_REGION")
    return TargetScope(
        namespace_flag=_checked_name("namespace", namespace, "--namespace"),
        region_flag=_checked_name("region", region, "--region"),
        namespace_env=_checked_name("namespace", namespace_env, "NOMAD_NAMESPACE"),
        region_env=_checked_name("region", region_env, "NOMAD_REGION"),
    )


def _checked_name(kind: str, text: str | None, source: str) -> str | None:
    if not text:
        return None
    if trouble := trouble_with_name(kind, checked_text(text, source)):
        raise UsageError(f"{source}: {trouble}")
    return text


def _read_pairs(option: str, texts: Iterable[str]) -> dict[str, str]:
    """
    Convert `key=value` texts to a mapping, in which the last value of a key wins. Raises UsageError
    that names the *option*.
    """
    pairs = {}
    for text in texts:
        key, separator, value = text.partition("=")
        if not separator or not key:
            raise UsageError(
                f"{option}: write it as KEY=VALUE (the given text is not shown, because it may be a secret)"
            )
        if kind := kind_of_secret(key):
            raise UsageError(f"{option}: this holds {kind}, not KEY=VALUE: write it as KEY=VALUE")
        pairs[key] = value
    return pairs
