"""`list`: rows written in the manifest, or a variable that is a list."""

from __future__ import annotations

from collections.abc import Iterator

from dispatchfile.expand.rows import Found, UnusableSource
from dispatchfile.expand.site import Site


class ListRows:
    """The elements of a list. A text is a template whose value is the list."""

    def __init__(self, site: Site) -> None:
        self._site = site

    @property
    def origin(self) -> str:
        return self._site.called

    def rows(self) -> Iterator[Found]:
        try:
            values = self._values()
        except UnusableSource as error:
            yield self._site.problem(error.code, error.found, error.hint)
            return
        document = self._site.document
        written = id(values) in document.tables  # a list of the manifest knows the places of its elements
        here = self._site.position
        for number, value in enumerate(values):
            yield value, document.entry_position(values, number) if written else here

    def size(self) -> int | None:
        try:
            return len(self._values())
        except UnusableSource:
            return None

    def _values(self) -> list[object]:
        value = self._site.value
        if not isinstance(value, str):
            return list_of(value, self._site.called)
        return list_of(self._site.evaluate(value), value)


def list_of(value: object, source: str) -> list[object]:
    """Return *value*, which *source* gives, if it is a list. Raises UnusableSource."""
    if isinstance(value, list):
        return value
    hint = "give the variable a list, as in `vars: {tickers: [a, b]}` or --var tickers=a,b"
    raise UnusableSource("DF012", f"{source} must be a list, got {_name(value)}", hint)


def _name(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    names = ((str, "text"), (int | float, "a number"), (dict, "a mapping"))
    return next((name for kind, name in names if isinstance(value, kind)), f"a value of type {type(value).__name__}")
