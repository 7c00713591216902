"""`rerun --export`: items of a past run as a manifest of their own, to be reviewed, committed, and run."""

from __future__ import annotations

import base64
import re
import shlex
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields
from datetime import timedelta
from pathlib import Path

from dispatchfile.errors import FileError, UsageError
from dispatchfile.events import Cause
from dispatchfile.items import Item, Retry
from dispatchfile.render import has_template
from dispatchfile.results import ItemResult
from dispatchfile.settings import UNLIMITED, Settings, format_duration
from dispatchfile.usecases.init import MODELINES, SCHEMA_FILE, quoted, write_new_files
from dispatchfile.usecases.rerun import Again, RerunOptions, check_given_variables, read_again, restored_items

Entry = dict[str, list[str]]  # YAML by key: what follows the colon, and lines below it

SHARED_KEYS = ("job", "namespace", "region", "priority", "timeout", "on_timeout", "retry", "max_starts", "tags")
AGAIN = "again"  # no run sends a token that ends so, and Nomad makes a new child for it
MOST_ESCAPES = 100  # in a payload; with more of them it says more in base64

_TOUCHED_BY_JINJA = re.compile(r"\{(?=[{%#\r])|\r")  # a \r becomes {{ too


def export_items(options: RerunOptions, path: Path) -> int:
    """
    Write a manifest that, when it is run, does what the rerun would do; how many items it has.

    Raises what `read_again` raises, and FileError where there is such a file already or it cannot be written.
    """
    if not path.absolute().parent.is_dir():
        raise FileError(str(path), "is in a folder that does not exist")
    again = read_again(options)
    check_given_variables(options, again.stored.header, again.items)
    text = manifest_of(again, _restored_or_not(options, again))
    modelines = MODELINES if (path.parent / SCHEMA_FILE).exists() else ""  # a schema that is missing is an error
    write_new_files(path.parent, {path.name: modelines + text})
    return len(again.items)


def _restored_or_not(options: RerunOptions, again: Again) -> Sequence[Item]:
    """Items whose sensitive values are known can share variables; the values themselves are never written."""
    try:
        return restored_items(options, again)
    except UsageError:
        return again.items


def manifest_of(again: Again, items: Sequence[Item]) -> str:
    """
    Return the text of a manifest of these *items*, from which the same requests are read, but for tokens and secrets.

    again: where they come from. items: with their sensitive values if these are known, which are not written.
    """
    secrets = Secrets(items)
    entries = [_entry(item, again.run, secrets) for item in items]
    shared = _take_shared(entries)
    lines = [
        *_header_lines(again, items, secrets),
        "version: 1",
        f"name: {quoted(again.stored.header.name)}",
        *_block("settings", _settings(again.settings)),
        *_block("defaults", shared),
        "dispatches:",
    ]
    for item, entry in zip(items, entries, strict=True):
        lines += [f"  {line}" for line in _item_lines(again.results.item(item.id), item, entry)]
    return "\n".join(lines) + "\n"


def _header_lines(again: Again, items: Sequence[Item], secrets: Secrets) -> Iterator[str]:
    header, total = again.stored.header, again.results.total
    yield "#"
    yield f"# {len(items):,} of the {total:,} items of run {header.id} ({header.name}), as that run stored them."
    if any(item.request.token for item in items):
        yield f"# Idempotency tokens end in @{header.id}-{AGAIN}: Nomad already knows those of the run."
    if secrets.names:
        yield "# Sensitive values are not stored. Pass them with --var or --var-file:"
        yield from (f"#   {name}, {used}" for name, used in secrets.names.items())


def _block(key: str, entry: Entry) -> list[str]:
    return [f"{key}:", *(f"  {line}" for line in _entry_lines(entry))] if entry else []


def _entry_lines(entry: Entry) -> Iterator[str]:
    for key, (first, *below) in entry.items():
        yield f"{key}: {first}".rstrip()
        yield from below


def _item_lines(result: ItemResult, item: Item, entry: Entry) -> Iterator[str]:
    yield f"# {_ending(result)}"
    outcome = result.outcome
    if outcome and (outcome.may_still_live or outcome.is_detached) and result.child:
        yield f"# Its child may still be running. To stop it: nomad job stop {shlex.quote(result.child)}"
    yield f"- id: {quoted(item.id)}"
    yield from (f"  {line}".rstrip() for line in _entry_lines(entry))


def _ending(result: ItemResult) -> str:
    """Return `failed (exit 3)`."""
    if result.cause is None:
        return str(result.outcome)
    code = f" {result.exit_code}" if result.cause is Cause.EXIT else ""
    return f"{result.outcome} ({result.cause}{code})"


def _take_shared(entries: Sequence[Entry]) -> Entry:
    """Take out of the *entries* what all of them have, for the defaults."""
    first, *others = entries
    shared = {key: first[key] for key in SHARED_KEYS if key in first and all(o.get(key) == first[key] for o in others)}
    if not others:
        return {}
    for entry in entries:
        for key in shared:
            del entry[key]
    return shared


def _settings(settings: Settings) -> Entry:
    """Return the settings that differ from the tool's own defaults."""
    default = Settings()
    given = {field.name: getattr(settings, field.name) for field in fields(Settings)}
    changed = {key: value for key, value in given.items() if value != getattr(default, key)}
    return {key: [_setting(key, value)] for key, value in changed.items()}


def _setting(key: str, value: object) -> str:
    text = UNLIMITED if value is None else format_duration(value) if isinstance(value, timedelta) else str(value)
    shown = text if text.isdecimal() else quoted(text)
    return f"{{failures: {shown}}}" if key == "stop_on" else shown


# One item


def _entry(item: Item, run: str, secrets: Secrets) -> Entry:
    request = item.request
    found: dict[str, list[str] | None] = {
        "job": [quoted(escaped(request.job))],
        "namespace": [quoted(request.namespace)],
        "region": [quoted(request.region)] if request.region else None,
        "payload": _payload(item, secrets),
        "meta": _meta(item, secrets),
        "idempotency_token": [quoted(escaped(f"{request.token}@{run}-{AGAIN}"))] if request.token else None,
        "id_prefix_template": [quoted(escaped(item.written_prefix))] if item.written_prefix else None,
        "id_prefix_exact": ["true"] if item.exact_prefix else None,
        "priority": None if request.priority is None else [str(request.priority)],
        "timeout": None if item.deadline is None else [quoted(format_duration(item.deadline))],
        "on_timeout": ["stop"] if item.stop_on_deadline else None,
        "retry": None if item.retry.attempts == 1 else [_retry(item.retry)],
        "max_starts": None if item.max_starts is None else [str(item.max_starts)],
        "tags": [_list(map(escaped, item.tags))] if item.tags else None,
        "sensitive": [_list(sorted(item.sensitive))] if item.sensitive else None,
    }
    return {key: value for key, value in found.items() if value is not None}


def _retry(retry: Retry) -> str:
    delay = quoted(format_duration(retry.delay))
    return f"{{attempts: {retry.attempts}, on: {_list(sorted(retry.on))}, delay: {delay}}}"


def _list(texts: Iterable[str]) -> str:
    return f"[{', '.join(map(quoted, texts))}]"


def _meta(item: Item, secrets: Secrets) -> list[str] | None:
    values = {key: escaped(value) for key, value in item.request.meta.items()}
    values |= {name.removeprefix("meta."): secrets.template(item, name) for name in item.sensitive if name != "payload"}
    return ["", *(f"  {quoted(key)}: {quoted(value)}" for key, value in values.items())] if values else None


def _payload(item: Item, secrets: Secrets) -> list[str] | None:
    if "payload" in item.sensitive:
        return [f"{{text: {quoted(secrets.template(item, 'payload'))}}}"]
    payload = item.request.payload
    if not payload:
        return None
    text = _readable(payload)
    if text is None:
        return [f"{{base64: {quoted(base64.b64encode(payload).decode('ascii'))}}}"]
    source = escaped(text)
    if not _is_plain_block(source):
        return [f"{{text: {quoted(source)}}}"]
    lines, strip = source.removesuffix("\n").split("\n"), "" if source.endswith("\n") else "-"
    return ["", f"  text: |{strip}", *(f"    {line}" for line in lines)]


def _readable(payload: bytes) -> str | None:
    """Return the payload as text, unless it is none that a person reads."""
    try:
        text = payload.decode()
    except UnicodeDecodeError:
        return None
    shown = all(char.isprintable() or char in "\n\t\r" for char in text)
    return text if shown and len(_TOUCHED_BY_JINJA.findall(text)) <= MOST_ESCAPES else None


def _is_plain_block(text: str) -> bool:
    """Return whether YAML's literal block can hold exactly this text. Source: YAML 1.2.2, 8.1.2."""
    lines = text.removesuffix("\n").split("\n")
    if len(lines) < 2 or not lines[0] or lines[0][0] in " \t" or not lines[-1]:
        return False
    return all((line.isprintable() or not line) and line == line.rstrip() for line in lines)


def escaped(text: str) -> str:
    """Return a template that renders to *text*: the text itself, unless a template would change it."""
    if not has_template(text):
        return text
    return _TOUCHED_BY_JINJA.sub(lambda found: "{{ '{' }}" if found[0] == "{" else r"{{ '\r' }}", text)


class Secrets:
    """
    Variables in the place of sensitive values: items with the same value of the same key share one.

    items: with their values where they are known; each item whose value is not gets a variable of its own.
    """

    def __init__(self, items: Sequence[Item]) -> None:
        groups: dict[str, dict[object, list[str]]] = {}
        for item in items:
            for name in sorted(item.sensitive):
                groups.setdefault(name, {}).setdefault(_value_of(item, name), []).append(item.id)
        self._variables: dict[tuple[str, object], str] = {}
        self.names: dict[str, str] = {}  # of the variables, with who needs them
        for name, values in groups.items():
            for number, (value, ids) in enumerate(values.items(), 1):
                variable = self._new_name(name, number if len(values) > 1 else 0)
                self._variables[name, value] = variable
                self.names[variable] = f"{quoted(name)} of {ids[0]}" + (
                    f" and {len(ids) - 1:,} more" if len(ids) > 1 else ""
                )

    def _new_name(self, name: str, number: int) -> str:
        base = "secret_" + re.sub(r"[^A-Za-z0-9_]", "_", name.removeprefix("meta."))
        variable = f"{base}_{number}" if number else base
        while variable in self.names:
            variable += "_"
        return variable

    def template(self, item: Item, name: str) -> str:
        return f"{{{{ vars.{self._variables[name, _value_of(item, name)]} }}}}"


def _value_of(item: Item, name: str) -> object:
    """Return the identity of a sensitive value: the value itself, or the item that it belongs to."""
    request = item.request
    value = request.payload if name == "payload" else request.meta.get(name.removeprefix("meta."))
    return (item.id,) if value is None else value
