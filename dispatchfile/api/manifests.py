"""`load`: a manifest checked without a server, its problems as values."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

from dispatchfile import items as rendered
from dispatchfile.api.inputs import FilePath, Variables, read_environ, read_source
from dispatchfile.items import manifest_name
from dispatchfile.problems import Problem, has_errors
from dispatchfile.secrecy import MASKED
from dispatchfile.source import Position
from dispatchfile.usecases.load import load_items


@dataclass(frozen=True, slots=True)
class ManifestItem:
    """
    One dispatch that a manifest asks for.

    A meta value that the manifest marks as sensitive is "***" here, and a sensitive payload is None.
    """

    id: str
    job: str
    namespace: str
    region: str  # empty: the region of the agent
    meta: Mapping[str, str]
    payload: bytes | None = field(repr=False)  # None: none is sent, or it is sensitive
    priority: int | None
    tags: tuple[str, ...]
    sensitive: frozenset[str]  # "payload" or "meta.KEY"
    position: Position  # where the item starts in the manifest


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest that was read and checked without a server."""

    path: str
    name: str  # empty if the manifest cannot be read
    items: tuple[ManifestItem, ...] = field(repr=False)  # those that could be read, in the order of the file
    problems: tuple[Problem, ...]  # errors and warnings, in the order of the file

    @property
    def is_valid(self) -> bool:
        """Return whether the manifest can be run: it has no errors."""
        return not has_errors(self.problems)


def load(
    manifest: FilePath,
    *,
    variables: Variables | None = None,
    namespace: str = "",
    region: str = "",
    environ: Mapping[str, str] | None = None,
    allow_outside: bool = False,
) -> Manifest:
    """
    Read and check a manifest, as `dispatchfile validate` does. No server is asked, and nothing is sent.

    manifest: the path of a file.
    variables: values for the manifest's `vars`: text, numbers, True, False, None, and lists and dicts of these.
    namespace, region: for items that set none.
    environ: the environment to use instead of `os.environ`.
    allow_outside: allow files outside the manifest's folder.

    What is wrong with the manifest is in `problems`. Raises UsageError for arguments that cannot be used.
    """
    environ = read_environ(environ, namespace=namespace, region=region)
    source = read_source(manifest, variables, environ, allow_outside=allow_outside)
    loaded = load_items(source)
    name = "" if loaded.document is None else manifest_name(loaded.document)
    return Manifest(source.shown, name, tuple(map(shown_item, loaded.items)), loaded.problems)


async def load_async(
    manifest: FilePath,
    *,
    variables: Variables | None = None,
    namespace: str = "",
    region: str = "",
    environ: Mapping[str, str] | None = None,
    allow_outside: bool = False,
) -> Manifest:
    """Read and check a manifest as `load` does, in a thread, so that the event loop goes on meanwhile."""
    return await asyncio.to_thread(
        load,
        manifest,
        variables=variables,
        namespace=namespace,
        region=region,
        environ=environ,
        allow_outside=allow_outside,
    )


def shown_item(item: rendered.Item) -> ManifestItem:
    """Return the item without its sensitive values."""
    request = item.request
    return ManifestItem(
        id=item.id,
        job=request.job,
        namespace=request.namespace,
        region=request.region,
        meta={key: MASKED if f"meta.{key}" in item.sensitive else value for key, value in request.meta.items()},
        payload=None if "payload" in item.sensitive else request.payload,
        priority=request.priority,
        tags=item.tags,
        sensitive=item.sensitive,
        position=item.position,
    )
