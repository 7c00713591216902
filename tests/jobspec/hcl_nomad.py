"""What Nomad's parser makes of a job file, and how that compares with what our reader makes of it."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from dispatchfile.jobspec.body import UnreadableJobError
from dispatchfile.jobspec.hcl.document import HclDocument
from dispatchfile.jobspec.hcl.source import HclError
from dispatchfile.jobspec.hcl.variables import GivenValues
from dispatchfile.jobspec.reading import read_blocks

REFUSED: Final = "refused"
SUPPLIED: Final = ("Name", "ChangeMode", "Splay", "Perms", "SpecType", "Timeout")
"""Keys that Nomad's parser fills in where the file does not have them."""


def ours(text: str) -> Any:
    """Return what the file says, by the API's names, or REFUSED."""
    try:
        return read_blocks(HclDocument(text, Path(), reads_files=False).read(GivenValues()))
    except (HclError, UnreadableJobError, RecursionError):
        return REFUSED


def nomads(address: str, text: str) -> Any:
    """Return the job that `PUT /v1/jobs/parse` gives back, without its empty keys, or REFUSED."""
    body = json.dumps({"JobHCL": text}).encode()
    request = urllib.request.Request(f"{address}/v1/jobs/parse", body, method="PUT")
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return without_empty(json.load(answer))
    except urllib.error.HTTPError as exc:
        exc.read()
        return REFUSED


def without_empty(value: Any) -> Any:
    """Leave out what a parser's Go types add to every job: nulls, and zero values of plain fields."""
    if isinstance(value, Mapping):
        kept = {key: without_empty(one) if key != "Config" else one for key, one in value.items()}
        return {key: one for key, one in kept.items() if not _is_empty(one)}
    return [without_empty(one) for one in value] if isinstance(value, list) else value


def differences(read: Any, parsed: Any, where: str = "") -> Iterator[str]:
    """Yield each key whose value differs; what is empty for one may be missing for the other."""
    if isinstance(read, Mapping) and isinstance(parsed, Mapping) and not where.endswith(".Config"):
        for key in read.keys() | (parsed.keys() - set(SUPPLIED)):
            yield from differences(without_empty(read.get(key)), without_empty(parsed.get(key)), f"{where}.{key}")
    elif isinstance(read, list) and isinstance(parsed, list) and len(read) == len(parsed):
        for number, pair in enumerate(zip(read, parsed, strict=True)):
            yield from differences(*pair, f"{where}[{number}]")
    elif read != parsed and not (_is_empty(read) and _is_empty(parsed)):
        yield f"{where}: {read!r}, Nomad has {parsed!r}"


def _is_empty(value: Any) -> bool:
    return value in (None, "", [], {}) or value is False or value == 0
