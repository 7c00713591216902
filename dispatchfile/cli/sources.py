"""A manifest on the command line to where its text, its variables and its environment come from."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence

from dispatchfile.cli.options import ManifestFlags, read_pairs
from dispatchfile.errors import UsageError
from dispatchfile.items import Scope
from dispatchfile.usecases.load import STANDARD_INPUT, ManifestSource
from dispatchfile.usecases.variables import read_variables


def read_sources(
    paths: Sequence[str], given: ManifestFlags, *, scope: Scope, environ: Mapping[str, str]
) -> list[ManifestSource]:
    """One source a path. Raises UsageError for paths and variables that cannot be meant, and FileError."""
    if "" in paths:
        raise UsageError("the manifest's name is empty: name one, or leave it out for dispatchfile.yaml")
    if list(paths).count(STANDARD_INPUT) > 1:
        raise UsageError("- : standard input can be read only once")
    values = read_variables(given.var_file or (), read_pairs("--var", given.var or ()))
    return [
        ManifestSource(
            path=path,
            content=sys.stdin.buffer.read() if path == STANDARD_INPUT else None,
            variables=values,
            environ=environ,
            scope=scope,
            allow_outside=given.allow_outside,
        )
        for path in paths
    ]


def read_scope(namespace: str | None, region: str | None, environ: Mapping[str, str]) -> Scope:
    """Namespace and region of flags and environment; an empty one is none."""
    return Scope(
        namespace_flag=namespace or None,
        region_flag=region or None,
        namespace_env=environ.get("NOMAD_NAMESPACE") or None,
        region_env=environ.get("NOMAD_REGION") or None,
    )
