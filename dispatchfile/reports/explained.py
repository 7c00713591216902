"""Shows the meaning of a code or a word, for people and for scripts."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from itertools import groupby

from dispatchfile.reports.formats import OutputFormat
from dispatchfile.reports.handbook import HandbookEntry, Part
from dispatchfile.reports.text import PLAIN, Palette

EXPLANATIONS_SCHEMA = "dispatchfile/explanations/v1"
WIDEST = 100  # cells of a paragraph; longer lines are hard to read
NARROWEST = 20  # cells of a paragraph
INDENT = "    "
FILE_NAME = re.compile(r"`[^`]+`:")


def render_entries(
    entries: Sequence[HandbookEntry], form: OutputFormat, *, width: int | None = None, palette: Palette = PLAIN
) -> str:
    """Return each entry in full, or one JSON object with all of them."""
    if form is OutputFormat.TEXT:
        return "\n".join(_text_of(entry, width, palette) for entry in entries)
    return _json_of(entries, form)


def render_index(entries: Sequence[HandbookEntry], form: OutputFormat, *, width: int | None = None) -> str:
    """Return a line for each entry, by kind, or one JSON object with all of them."""
    if form is not OutputFormat.TEXT:
        return _json_of(entries, form)
    blocks = []
    for kind, group in groupby(entries, key=lambda entry: entry.kind):
        lines = list(_index_lines(list(group), width))
        blocks.append("".join(f"{line}\n" for line in [f"{kind.capitalize()}s:", *lines]))
    return "\n".join(blocks)


def _index_lines(entries: Sequence[HandbookEntry], width: int | None) -> Iterator[str]:
    column = max(len(entry.name) for entry in entries) + 2
    for entry in entries:
        start = f"  {entry.name:<{column}}"
        yield from _wrapped(entry.title, width, first=start, others=" " * len(start))


def _text_of(entry: HandbookEntry, terminal: int | None, palette: Palette) -> str:
    kind = "" if entry.kind == "code" else f" ({entry.kind})"
    width = min(terminal or WIDEST, WIDEST)
    lines = _wrapped(f"{entry.name}{kind}: {entry.title}", width)
    lines[0] = lines[0].replace(entry.name, palette.strong(entry.name), 1)
    for part, label in zip(entry.parts, _labels(entry.parts), strict=True):
        lines.append("")
        if label:
            lines += [label, ""]
        lines += _example(part) if part.is_example else _wrapped(part.text, width)
    return "".join(f"{line}\n" for line in lines)


def _labels(parts: Sequence[Part]) -> Iterator[str]:
    """Yield "Wrong:" above the first example, or the name of its file, and "Right:" above the last one."""
    is_first = True
    for part in parts:
        if part.is_right:
            yield "Right:"
        elif is_first and (part.is_example or FILE_NAME.fullmatch(part.text)):
            is_first = False
            yield "Wrong:"
        else:
            yield ""


def _example(part: Part) -> list[str]:
    return [f"{INDENT}{line}".rstrip() for line in part.text.splitlines()]


def _wrapped(text: str, width: int | None, *, first: str = "", others: str = "") -> list[str]:
    if width is None:
        return [first + text]
    from dispatchfile.reports.table import wrap_at_words  # noqa: PLC0415  only terminals need Rich

    start, *rest = wrap_at_words(text, max(width - len(others), NARROWEST))
    return [first + start, *(others + line for line in rest)]


def _json_of(entries: Sequence[HandbookEntry], form: OutputFormat) -> str:
    record = {"schema": EXPLANATIONS_SCHEMA, "entries": [_record(entry) for entry in entries]}
    return json.dumps(record, indent=2 if form is OutputFormat.JSON else None) + "\n"


def _record(entry: HandbookEntry) -> dict[str, object]:
    return {
        "name": entry.name,
        "kind": entry.kind,
        "title": entry.title,
        "text": "\n\n".join(part.text for part in entry.parts if not part.is_example),
        "wrong": [part.text for part in entry.parts if part.is_example and not part.is_right],
        "right": [part.text for part in entry.parts if part.is_right],
    }
