"""
Artifacts from this machine.

A real client downloads from anywhere; the embedded agent only asks its own machine, and refuses by name whatever
else an artifact wants. Source of the texts: a 2.0.5 client and hashicorp/nomad,
client/allocrunner/taskrunner/artifact_hook.go.
"""

import ipaddress
import os
import posixpath
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp

from dispatchfile.agent.outcomes import DownloadError, SetupError
from dispatchfile.agent.taskdir import TaskFolders
from dispatchfile.agent.taskenv import TaskEnvironment

TIMEOUT_SECONDS: Final = 60.0

_ARCHIVES: Final = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".tbz2", ".xz", ".txz", ".zst", ".tzst")
_CHUNK_BYTES: Final = 1 << 16


class _RefusedError(Exception):
    """Why there is no download; the rest of the text is the same for all."""


class _LimitError(Exception):
    """The embedded agent can never download this, however often it is tried."""


async def download(artifact: Mapping[str, Any], folders: TaskFolders, environment: TaskEnvironment) -> None:
    """Fetch one artifact of the API into the task's folder. Raises DownloadError."""
    source = environment.fill(str(artifact.get("GetterSource") or ""))
    try:
        _check(artifact, source)
        target = _target(artifact, source, folders, environment)
        headers = {key: environment.fill(value) for key, value in (artifact.get("GetterHeaders") or {}).items()}
        await _fetch(source, headers, target)
    except _LimitError as exc:
        remedy = "to try the job here, use a copy without the artifact"
        raise DownloadError(f'{exc}: {remedy} "{artifact.get("GetterSource")}"') from exc
    except _RefusedError as exc:
        why = f"getter subprocess failed: exit status 1: failed to download artifact: {exc}"
        text = f'failed to download artifact "{artifact.get("GetterSource")}": {why}'
        raise DownloadError(text, recoverable=True) from exc


def _check(artifact: Mapping[str, Any], source: str) -> None:
    url = urlsplit(source)
    if url.scheme in ("", "file"):
        raise _RefusedError("download not supported for scheme 'file'")
    if url.scheme not in ("http", "https"):
        raise _LimitError(f"the embedded agent downloads only by HTTP, not by {url.scheme}")
    if not _is_loopback(url.hostname or ""):
        raise _LimitError(f"the embedded agent downloads only from its own machine, not from {url.hostname}")
    options = dict(artifact.get("GetterOptions") or {})
    if options.pop("archive", "false") != "false" or options:
        raise _LimitError("options are not supported by the embedded agent")
    unpacks = artifact.get("GetterMode") != "file" and not artifact.get("GetterOptions")
    if artifact.get("GetterMode") == "dir" or (unpacks and url.path.endswith(_ARCHIVES)):
        raise _LimitError("unpacking is not supported by the embedded agent")


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _target(artifact: Mapping[str, Any], source: str, folders: TaskFolders, environment: TaskEnvironment) -> Path:
    try:
        destination = folders.inside(environment.fill(str(artifact.get("RelativeDest") or "local/")))
    except SetupError as exc:
        raise _RefusedError(exc.text) from exc
    if artifact.get("GetterMode") == "file":
        return destination
    return destination / (posixpath.basename(urlsplit(source).path) or "index")


async def _fetch(source: str, headers: Mapping[str, str], target: Path) -> None:
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout, auto_decompress=False) as session,
            session.get(source, headers=headers, allow_redirects=False) as response,
        ):
            if response.status != 200:
                raise _RefusedError(f"bad response code: {response.status}")
            await _save(response, target)
    except aiohttp.ClientConnectorError as exc:
        reason = os.strerror(exc.os_error.errno) if exc.os_error.errno else str(exc.os_error)
        raise _RefusedError(f'Get "{source}": dial tcp {exc.host}:{exc.port}: connect: {reason.lower()}') from exc
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as exc:
        raise _RefusedError(f'Get "{source}": {exc or "timed out"}') from exc


async def _save(response: aiohttp.ClientResponse, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("wb") as file:
        async for chunk in response.content.iter_chunked(_CHUNK_BYTES):
            file.write(chunk)
