"""
Templates that only look values up, such as `film-{{ each.slug }}`, filled in without Jinja.

Most templates are like this, and a generated manifest may hold 100,000 different ones: compiling each would take a
minute. Whatever is not a plain hit (a missing key, a list, a method) is left to Jinja, which knows all the rules.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from dispatchfile.render.limits import MAX_TEXT
from dispatchfile.render.texts import NotText, print_value

Lookups = tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]  # texts, and between each two of them a route

_LOOKUP = re.compile(r"\{\{ *([A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*) *\}\}")
_OTHER_TAG = re.compile(r"\{[{%#]|\{$")


def read_lookups(source: str) -> Lookups | None:
    """The texts and routes that *source* is made of; None where there is more to it."""
    parts = _LOOKUP.split(source)
    if any(map(_OTHER_TAG.search, parts[::2])):
        return None
    return tuple(parts[::2]), tuple(tuple(route.split(".")) for route in parts[1::2])


def fill_lookups(lookups: Lookups, context: Mapping[str, object]) -> str | None:
    """The text with the values in their places; None where Jinja has to have a look."""
    texts, routes = lookups
    pieces = [texts[0]]
    try:
        for text, route in zip(texts[1:], routes, strict=True):
            value: object = context
            for key in route:
                value = value[key]  # type: ignore[index]  # a TypeError is an answer
            pieces += (print_value(value), text)
        filled = "".join(pieces)
        filled.encode()
    except (LookupError, TypeError, NotText, UnicodeEncodeError):
        return None
    return filled if len(filled) <= MAX_TEXT else None
