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

Lookups = tuple[str, tuple[tuple[tuple[str, ...], str], ...]]  # a text, then each route and the text behind it

_LOOKUP = re.compile(r"\{\{ *([A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*) *\}\}")
_OTHER_TAG = re.compile(r"\{[{%#]|\{$")


def read_lookups(source: str) -> Lookups | None:
    """Return the parts of *source*, or None if it has more than texts and lookups."""
    parts = _LOOKUP.split(source)
    if any(map(_OTHER_TAG.search, parts[::2])):
        return None
    routes = [tuple(route.split(".")) for route in parts[1::2]]
    return parts[0], tuple(zip(routes, parts[2::2], strict=True))


def fill_lookups(lookups: Lookups, context: Mapping[str, object]) -> str | None:
    """Return the text with the values in their places; None if Jinja has to render it."""
    filled, following = lookups
    try:
        for route, text in following:
            value: object = context
            for key in route:
                value = value[key]  # type: ignore[index]  # a TypeError is an answer
            filled += print_value(value) + text
        if not filled.isascii():
            filled.encode()
    except (LookupError, TypeError, NotText, UnicodeEncodeError):
        return None
    return filled if len(filled) <= MAX_TEXT else None
