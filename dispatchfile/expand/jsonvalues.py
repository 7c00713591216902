"""JSON as rows hold it: numbers as they were written, each key once."""

from __future__ import annotations

import json
from collections import Counter

from dispatchfile.manifest.scalars import read_float, read_int


def refuse_surrogates(text: str, value: object) -> None:
    """JSON can name half of a pair that stands for one character; no payload or meta value could hold it."""
    if "\\u" in text:
        try:
            json.dumps(value, ensure_ascii=False).encode()
        except UnicodeEncodeError as exc:
            raise ValueError("a text contains half of a surrogate pair") from exc


def json_trouble(error: Exception) -> str:
    return "nested too deeply" if isinstance(error, RecursionError) else str(error)


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    row = dict(pairs)
    if len(row) < len(pairs):
        key, _ = Counter(key for key, _ in pairs).most_common(1)[0]
        raise ValueError(f"duplicate key {key!r}")
    return row


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is not a JSON number")


JSON = json.JSONDecoder(
    parse_float=read_float, parse_int=read_int, parse_constant=_refuse_constant, object_pairs_hook=_unique
)
