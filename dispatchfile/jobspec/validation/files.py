"""Validates what puts files into a task's folder: templates, artifacts, the payload. Source: hashicorp/nomad."""

import posixpath
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from dispatchfile.jobspec.durations import format_duration
from dispatchfile.jobspec.validation.words import nested, quote

Api = Mapping[str, Any]

_ESCAPES: Final = "destination escapes allocation directory"
_LARGEST_PERMISSIONS: Final = 0o7777
_REFERENCE: Final = re.compile(r"\$\{[a-zA-Z0-9_\-.]+\}")
_CHECKSUM_BYTES: Final = {"md5": 16, "sha1": 20, "sha256": 32, "sha512": 64}


def template_list_problems(templates: Any) -> Iterator[str]:
    """Why Nomad does not take these templates of one task."""
    destinations: dict[str, int] = {}
    for number, template in enumerate(templates or (), 1):
        yield from nested(f"Template {number} validation failed: ", _template_problems(template))
        destination = template["DestPath"]
        if destination in destinations:
            yield f"Template {number} has same destination as {destinations[destination]}"
        else:
            destinations[destination] = number


def _template_problems(template: Api) -> Iterator[str]:
    if not template["SourcePath"] and not template["EmbeddedTmpl"]:
        yield "Must specify a source path or have an embedded template"
    if not template["DestPath"]:
        yield "Must specify a destination for the template"
    if escapes("task", template["DestPath"]):
        yield _ESCAPES
    yield from _change_problems(template)
    if template["Splay"] < 0:
        yield "Must specify positive splay value"
    yield from _permission_problems(template["Perms"])
    yield from _wait_problems(template["Wait"])


def _change_problems(template: Api) -> Iterator[str]:
    mode = template["ChangeMode"]
    if mode == "signal":
        if not template["ChangeSignal"]:
            yield "Must specify signal value when change mode is signal"
        if template["Envvars"]:
            yield "cannot use signals with env var templates"
    elif mode == "script":
        script = template["ChangeScript"]
        if script is None:
            yield "must specify change script configuration value when change mode is script"
        elif not script["Command"]:
            yield "must specify script path value when change mode is script"
    elif mode not in {"noop", "restart"}:
        yield "Invalid change mode. Must be one of the following: noop, signal, script, restart"


def _permission_problems(text: str) -> Iterator[str]:
    if not text:
        return
    parsing = f"Failed to parse {quote(text)} as octal: strconv.ParseUint: parsing {quote(text)}:"
    if not re.fullmatch("[0-7]+", text):
        yield f"{parsing} invalid syntax"
    elif int(text, 8) > _LARGEST_PERMISSIONS:
        yield f"{parsing} value out of range"


def _wait_problems(wait: Any) -> Iterator[str]:
    if wait is None or wait["Min"] is None or wait["Max"] is None or wait["Min"] <= wait["Max"]:
        return
    yield f"wait min {format_duration(wait['Min'])} is greater than max {format_duration(wait['Max'])}"


def artifact_problems(artifact: Api) -> Iterator[str]:
    """Why Nomad takes no such artifact."""
    if not artifact["GetterSource"]:
        yield "source must be specified"
    if artifact["GetterMode"] not in {"", "any", "file", "dir"}:
        yield f"invalid artifact mode {quote(artifact['GetterMode'])}; must be one of: any, file, dir"
    if escapes("task", artifact["RelativeDest"]):
        yield _ESCAPES
    checksum = (artifact["GetterOptions"] or {}).get("checksum")
    if checksum is not None and not _REFERENCE.search(checksum):
        yield from _checksum_problems(checksum.strip())


def _checksum_problems(checksum: str) -> Iterator[str]:
    kind, colon, value = checksum.partition(":")
    if not checksum:
        yield "checksum value cannot be empty"
    elif not colon or ":" in value:
        yield f'checksum must be given as "type:value"; got {quote(checksum)}'
    elif broken := re.search("[^0-9a-fA-F]", value):
        yield f"invalid checksum: encoding/hex: invalid byte: {_rune(broken[0])}"
    elif len(value) % 2:
        yield "invalid checksum: encoding/hex: odd length hex string"
    elif kind not in _CHECKSUM_BYTES:
        yield f"unsupported checksum type: {kind}"
    elif len(value) != 2 * _CHECKSUM_BYTES[kind]:
        yield f"invalid {kind} checksum: {value}"


def _rune(character: str) -> str:
    byte = character.encode()[0]
    return f"U+{byte:04X} '{chr(byte)}'" if chr(byte).isprintable() else f"U+{byte:04X}"


def payload_problems(payload: Api) -> Iterator[str]:
    """Why Nomad takes no such dispatch_payload."""
    if escapes("task/local", payload["File"]):
        yield f"Dispatch Payload validation failed: {_ESCAPES}"


def escapes(prefix: str, path: str) -> bool:
    """Return whether a path of the job leads out of its allocation. Source: helper/escapingfs/escapes.go."""
    folder = "/alloc-dir/alloc-id"
    absolute = posixpath.normpath(f"{folder}/{prefix}/{path}")
    return not (absolute == folder or absolute.startswith(f"{folder}/"))
