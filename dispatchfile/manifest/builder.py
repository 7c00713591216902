"""Parse events to plain data and packed places."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from ruamel.yaml.events import (
    CollectionEndEvent,
    CollectionStartEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from dispatchfile.manifest.findings import COLUMN_MASK, LINE_SHIFT, Findings, ManifestRefused
from dispatchfile.manifest.scalars import (
    FIRST_OF_NO_TEXT,
    NULLS,
    ScalarRefused,
    name_type,
    read_tagged,
    resolve_scalar,
)

MAX_DEPTH = 64
TEMPLATE_HINT = 'quote the whole value, as in "{{ vars.name }}"'
PLACEHOLDER = "{{ }}"  # what an unquoted template is read as, so that it is complained about once only

Scalar: TypeAlias = str | int | float | bool | None


class _InList:
    """Stands where a mapping has its pending key: the values go into a list."""


class _Left:
    """A key to be left out, as a problem was reported for it."""


class _TemplateBraces(_Left):
    """The inner braces of an unquoted template, which YAML takes for a mapping as a key."""


class _Merge:
    """The merge key, written `<<`."""


IN_LIST = _InList()


@dataclass(frozen=True, eq=False, slots=True)
class ScalarScope:
    """The way to read scalars in a part of the manifest: whether they stay text, and the scope of each key."""

    keeps_text: bool = False
    below: Mapping[object, ScalarScope] = field(default_factory=dict)
    other: ScalarScope | None = None  # for all other keys; None: this scope itself

    def of(self, key: object) -> ScalarScope:
        """The scope of the value at *key*; what is merged, one mapping or a list, is read as where it goes."""
        if type(key) is _Merge:
            return ScalarScope(self.keeps_text, {IN_LIST: self, **self.below}, self.other or self)
        return self.below.get(key, self.other or self)


PLAIN = ScalarScope()
TEXT = ScalarScope(keeps_text=True)
ITEM = ScalarScope(below={"meta": TEXT}, other=PLAIN)
ITEMS = ScalarScope(below={IN_LIST: ITEM}, other=PLAIN)
MANIFEST = ScalarScope(below={"defaults": ITEM, "dispatches": ITEMS}, other=PLAIN)


class Builder:
    """Builds the data of one manifest, and the places of all its keys and values."""

    def __init__(self, findings: Findings, scope: ScalarScope = MANIFEST) -> None:
        """scope: of the top level."""
        self.tables: dict[int, array[int]] = {}  # as in Document
        self._findings, self._scope = findings, scope
        self._names: dict[str, str] = {}  # plain keys known to be text; each is kept once

    def build(self, events: Iterator[Event]) -> tuple[object, int]:
        """
        The top level, None where there is nothing, and its packed place.

        Raises ManifestRefused where nothing that follows could be understood.
        """
        values, places = self._read(events)
        return (values[0], places[0]) if values else (None, 0)

    def _read(self, events: Iterator[Any]) -> tuple[list[object], list[int]]:  # noqa: C901, PLR0912, PLR0915
        # long: one loop, and no call for what is ordinary: 100,000 items are 2 million events.
        documents: list[object] = []
        container: Any = documents  # a dict or a list; *key* tells which
        places: list[int] = []
        key: object = IN_LIST  # None: a mapping's next key is due
        value: object
        scope = ScalarScope(other=self._scope)
        stack: list[tuple[Any, list[int], object, ScalarScope]] = []
        irregular = False  # whether any mapping had keys to be left out or merged
        names, tables = self._names, self.tables
        for event in events:
            kind = type(event)
            if kind is ScalarEvent:
                mark = event.start_mark
                place = mark.line << LINE_SHIFT | mark.column
                places.append(place)
                text = event.value
                if key is None:
                    key = names.get(text)
                    if key is None or event.ctag is not None:
                        key = self._key(event, scope, place)
                    if key in container:
                        key = self._duplicate(key, container, places)
                    if type(key) is not str:
                        irregular = True
                    continue
                if event.ctag is not None:
                    value = self._tagged(event, scope, place)
                elif event.style:
                    value = text
                    if not text.isascii():
                        value = self._joined(text, place)
                elif not text:
                    value = None
                    if key is not IN_LIST:
                        places[-1] = places[-2]  # shown at its key: the parsers place nothing at different places
                elif scope.keeps_text:
                    value = None if text in NULLS else text
                elif text[:1] in FIRST_OF_NO_TEXT:
                    value = self._resolved(text, place)
                else:
                    value = text
            elif kind is MappingStartEvent or kind is SequenceStartEvent:
                place = _place(event)
                places.append(place)
                if len(stack) >= MAX_DEPTH:
                    raise self._too_deep(place)
                if key is None:
                    key = self._container_key(event, place)
                    self._skip(events, len(stack) + 1, place)
                    irregular = True
                    continue
                if event.ctag is not None:
                    self._check_container_tag(event, place)
                stack.append((container, places, key, scope))
                scope, places = scope.of(key), []
                container, key = ({}, None) if kind is MappingStartEvent else ([], IN_LIST)
                continue
            elif kind is MappingEndEvent or kind is SequenceEndEvent:
                value = container
                if irregular and kind is MappingEndEvent:
                    value, places = self._settle(container, places)
                if places:
                    tables[id(container)] = array("Q", places)
                container, places, key, scope = stack.pop()
            elif kind is DocumentStartEvent and documents:
                raise self._findings.refusal(
                    "DF003", _place(event), "the file has a second document", "keep one manifest per file"
                )
            else:
                continue
            if key is IN_LIST:
                container.append(value)
            else:
                container[key] = value
                key = None
        return documents, places

    def _key(self, event: ScalarEvent, scope: ScalarScope, place: int) -> object:
        """A key met for the first time: text, or what stands for it where it is none."""
        text: str = event.value
        if event.ctag is not None:
            value = self._tagged(event, scope, place)
        elif event.style:
            return self._joined(text, place)
        elif text == "<<":
            return _Merge()
        else:
            value = _resolved_key(text)
            if isinstance(value, str):
                return self._names.setdefault(text, text)
        if isinstance(value, str) or scope.keeps_text:
            return text
        key = "a key" if value is None else f"the key {text}"
        self._findings.add("DF012", place, f"{key} must be text, got {name_type(value)}", f'write "{text}"')
        return _Left()

    def _duplicate(self, key: object, container: dict[object, object], places: list[int]) -> _Left:
        if not self._findings.full:  # else thousands of duplicates would each be looked up among thousands of keys
            first = self._findings.position(places[2 * list(container).index(key)])
            hint = f"first used in line {first.line}, column {first.column}"
            self._findings.add("DF004", places[-1], f"duplicate key {key!r}", hint)
        return _Left()

    def _container_key(self, event: CollectionStartEvent, place: int) -> _Left:
        """Report a mapping or list as a key: nearly always it is a template that lacks its quotes."""
        line, column = self._findings.source.line((place >> LINE_SHIFT) + 1), place & COLUMN_MASK
        for start in (column - 1, column):
            if start >= 0 and line.startswith("{{", start):
                self._findings.add("DF007", place - column + start, "a template needs quotes", TEMPLATE_HINT)
                return _TemplateBraces() if start < column else _Left()
        name = "a mapping" if isinstance(event, MappingStartEvent) else "a list"
        self._findings.add("DF012", place, f"a key must be text, got {name}")
        return _Left()

    def _skip(self, events: Iterator[Event], depth: int, place: int) -> None:
        """Pass over the rest of a mapping or list, up to its end."""
        outside = depth
        for event in events:
            if isinstance(event, CollectionStartEvent):
                depth += 1
            elif isinstance(event, CollectionEndEvent):
                depth -= 1
            if depth < outside:
                return
            if depth > MAX_DEPTH:
                raise self._too_deep(place)

    def _too_deep(self, place: int) -> ManifestRefused:
        return self._findings.refusal("DF005", place, f"nested more than {MAX_DEPTH} levels deep")

    def _settle(self, mapping: dict[object, object], places: list[int]) -> tuple[object, list[int]]:
        """*mapping* without the keys to be left out, and with what it merges; *places* to match."""
        if all(type(key) is str for key in mapping):
            return mapping, places
        if any(type(key) is _TemplateBraces for key in mapping):
            return PLACEHOLDER, []
        entries = [
            (key, value, places[2 * index : 2 * index + 2])
            for index, (key, value) in enumerate(mapping.items())
            if type(key) is not _Left
        ]
        mapping.clear()
        mapping.update((key, value) for key, value, _ in entries if type(key) is str)
        kept = [place for key, _, pair in entries if type(key) is str for place in pair]
        merges = [(value, pair) for key, value, pair in entries if type(key) is _Merge]
        if merges:
            value, (_, place) = merges[0]
            self._merge(mapping, kept, value, place)
        for _, (place, _) in merges[1:]:
            self._findings.add("DF004", place, "duplicate key <<", "merge a list instead, as in <<: [*one, *other]")
        return mapping, kept

    def _merge(self, mapping: dict[object, object], places: list[int], value: object, place: int) -> None:
        sources = value if isinstance(value, list) else [value]
        for source in sources:
            if not isinstance(source, dict):
                listed = "" if source is value else " in the list"
                found = f"<< must be a mapping or a list of mappings, got {name_type(source)}{listed}"
                self._findings.add("DF012", place, found, "for example <<: *base")
                continue
            for index, (key, merged) in enumerate(source.items()):
                if key not in mapping:
                    mapping[key] = merged
                    places += self.tables[id(source)][2 * index : 2 * index + 2]

    def _resolved(self, text: str, place: int) -> Scalar:
        try:
            return resolve_scalar(text)
        except ScalarRefused as exc:
            self._findings.add("DF008", place, str(exc), "quote it to use it as text")
            return 0

    def _tagged(self, event: ScalarEvent, scope: ScalarScope, place: int) -> Scalar:
        """A scalar with a tag of the core schema; where text is kept, the tag is checked and the text stays."""
        text = self._joined(event.value, place)
        try:
            value = read_tagged(str(event.ctag), text)
        except KeyError:
            self._report_tag(str(event.ctag), place)
            return text
        except ScalarRefused as exc:
            self._findings.add("DF008", place, str(exc), "correct it or remove the tag")
            return text
        return text if scope.keeps_text and value is not None else value

    def _check_container_tag(self, event: CollectionStartEvent, place: int) -> None:
        own = "tag:yaml.org,2002:map" if isinstance(event, MappingStartEvent) else "tag:yaml.org,2002:seq"
        if str(event.ctag) not in {"!", own}:
            self._report_tag(str(event.ctag), place)

    def _report_tag(self, tag: str, place: int) -> None:
        shown = tag.replace("tag:yaml.org,2002:", "!!")
        shown = shown if shown.isprintable() else ascii(shown)
        self._findings.add("DF008", place, f"the tag {shown} is not allowed", "remove it")

    def _joined(self, text: str, place: int) -> str:
        """*text* with what JSON escapes as two halves, such as emoji, made whole; a lone half cannot be sent."""
        if not any("\ud800" <= char <= "\udfff" for char in text):
            return text
        try:
            return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le")
        except UnicodeDecodeError:
            hint = r"write the character itself, or an escape such as \U0001F600"
            self._findings.add("DF002", place, "this escape is only half of a character", hint)
            return text


def _resolved_key(text: str) -> Scalar:
    try:
        return resolve_scalar(text)
    except ScalarRefused:
        return 0  # a number, whichever


def _place(event: Event) -> int:
    return int(event.start_mark.line << LINE_SHIFT | event.start_mark.column)
