"""The variables from outside a manifest that its sensitive values are made of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from dispatchfile.errors import FileError
from dispatchfile.files import Files
from dispatchfile.items.template import DispatchTemplate, DispatchTemplates, TargetScope
from dispatchfile.manifest import Document
from dispatchfile.render import assignment_of, has_template, read_template, variables_read


@dataclass(frozen=True, slots=True)
class Origins:
    """The variables given from outside, divided by whether a sensitive value may be made of them."""

    hidden: frozenset[str] = frozenset()  # names; their values are to be kept nowhere
    plain: Mapping[str, str] = field(default_factory=dict)  # values that all else is made of


def read_origins(document: Document, files: Files, given: Mapping[str, object]) -> Origins:
    """
    Divide those of the *given* variables that the items of *document* are made of, if any value is sensitive.

    What cannot be told counts as hidden; what no template reads is neither.
    """
    data: Any = document.data
    entries = data["dispatches"]
    if not given or not any("sensitive" in entry for entry in (data.get("defaults", {}), *entries)):
        return Origins()
    templates = DispatchTemplates(document, given, TargetScope())
    row_templates = [text for entry in entries for text in templates_of_rows(entry.get("for_each"))]
    read = [template for template, _ in map(templates.read, range(len(entries))) if template is not None]
    hidden: set[str] = set()
    plain: set[str] = set()
    for template in read:
        for source, is_sensitive in templates_of(template, files):
            names = None if source is None else variables_read(source)
            (hidden if is_sensitive or names is None else plain).update(given if names is None else names)
    for source in row_templates:
        names = variables_read(source)
        plain.update(given if names is None else names)
    texts = {name: value for name in plain - hidden if isinstance(value := given.get(name), str)}
    return Origins(frozenset((hidden | plain) & set(given) - set(texts)), texts)


def templates_of(template: DispatchTemplate, files: Files) -> Iterator[tuple[str | None, bool]]:
    """Yield every template, None for one that cannot be read, and whether a sensitive value is made by it."""
    sensitive = template.policy.sensitive
    plain = (template.id or "", template.job, template.token or "", template.prefix, *template.tags)
    yield from ((text, False) for text in plain if has_template(text))
    yield from ((text, f"meta.{key}" in sensitive) for key, text in template.meta.items() if has_template(text))
    form, value = template.payload or ("text", "")
    texts = [text for text in texts_of(value) if has_template(text)]
    yield from ((text, "payload" in sensitive) for text in texts)
    if form == "template":
        yield _template(files, value) if not texts else None, "payload" in sensitive


def templates_of_rows(for_each: object) -> Iterator[str]:
    """Yield the templates of a `for_each`: those that name lists, and `where`; each with its braces."""
    if not isinstance(for_each, dict):
        return
    axes = for_each.get("matrix")
    lists = [for_each.get("list"), *(axes.values() if isinstance(axes, dict) else ())]
    for value in lists:
        written = value.get("list") if isinstance(value, dict) else value
        if isinstance(written, str):
            yield assignment_of(written)
    if isinstance(where := for_each.get("where"), str):
        yield assignment_of(where)


def _template(files: Files, path: str) -> str | None:
    try:
        return read_template(files, path)
    except FileError:
        return None


def texts_of(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        yield from _of_each(value.values())
    elif isinstance(value, list):
        yield from _of_each(value)


def _of_each(values: Iterable[object]) -> Iterator[str]:
    for value in values:
        yield from texts_of(value)
