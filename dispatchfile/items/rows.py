"""The rows of a dispatch that `where` keeps, and how many those are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from dispatchfile.expand import Names, Row, UnusableSource, expand, source_of
from dispatchfile.items.builder import ItemBuilder, ItemContext
from dispatchfile.items.template import DispatchTemplate
from dispatchfile.problems import Problem
from dispatchfile.render import TemplateTrouble
from dispatchfile.secrecy import shown_name
from dispatchfile.source import Position


@dataclass(frozen=True, slots=True)
class RowCount:
    """The number of rows of a `for_each`, and the number that `where` keeps."""

    position: Position  # of the for_each
    source: str  # its file, else its key
    rows: int
    kept: int
    has_where: bool


class GivenText(str):
    """The text of a variable from outside the manifest: where a list is needed, one with commas."""

    __slots__ = ()


class RowReader:
    """Reads the rows of one dispatch of a manifest, and counts them."""

    def __init__(self, context: ItemContext, template: DispatchTemplate, given: frozenset[str]) -> None:
        self._context, self._template, self._given = context, template, given
        self._for_each = context.for_each(template.index)
        self._where: str | None = self._for_each.get("where")
        self.total = self.kept = 0

    def rows(self) -> Iterator[Row | Problem]:
        """Yield the rows that are kept, and every problem with one."""
        none_met = True
        for row in expand(self._context.document, self._template.index, self._context.files, self._evaluated):
            none_met = none_met and isinstance(row, Row)
            if isinstance(row, Problem):
                yield row
                continue
            self.total += 1
            yield from self._kept(row)
        if self._where is not None and none_met and self.total and not self.kept:
            yield from self._nothing_kept()

    def count(self) -> RowCount | None:
        """Return how many rows there were, once all were read; None without a `for_each`."""
        if not self._for_each:
            return None
        document = self._context.document
        position = document.position("dispatches", self._template.index, "for_each")
        return RowCount(position, shown_name(self._source()), self.total, self.kept, self._where is not None)

    def _kept(self, row: Row) -> Iterator[Row | Problem]:
        keeps = self._where is None or self._decided(self._where, row)
        if isinstance(keeps, list):
            self.kept += 1  # who knows
            yield from keeps
        elif keeps:
            self.kept += 1
            yield row if row.doubt is None else row.doubt

    def _decided(self, where: str, row: Row) -> bool | list[Problem]:
        builder = ItemBuilder(self._context, self._template, row)
        try:
            names = {name: value for name, value in builder.readable.items() if name != "item"}  # which is not made yet
            value = self._context.renderer.evaluate(where, names, name="")
        except TemplateTrouble as exc:
            builder.report(exc.trouble.code, exc.trouble.found, exc.trouble.hint, "for_each", "where")
            return builder.problems
        if isinstance(value, bool):
            return value
        shown = "" if self._template.policy.sensitive else f", got {_shown(value)}"
        hint = "compare something, as in where: each.size | int > 100"
        builder.report("DF028", f"where must give true or false{shown}", hint, "for_each", "where")
        return builder.problems

    def _nothing_kept(self) -> Iterator[Problem]:
        if not self._for_each.get("allow_empty", False):
            position = self._context.document.position("dispatches", self._template.index, "for_each", "where")
            found = f"where drops every row of {self._source()} ({self.total:,} in all)"
            yield self._context.document.problem("DF022", position, found, "if that is fine, set allow_empty: true")

    def _source(self) -> str:
        return source_of(self._context.document, self._template.index, self._context.files).origin

    def _evaluated(self, source: str) -> object:
        """Return the value of a template that names a list: a text from outside is split at its commas."""
        variables = {
            name: GivenText(value) if name in self._given and isinstance(value, str) else value
            for name, value in self._template.vars.items()
        }
        names = {
            "vars": Names("vars", variables, self._template.vars.origin),
            "name": self._context.name,
            "env": self._context.env,
        }
        try:
            value = self._context.renderer.evaluate(source, names, name="")
        except TemplateTrouble as exc:
            raise UnusableSource(exc.trouble.code, exc.trouble.found, exc.trouble.hint) from exc
        if isinstance(value, GivenText):
            return [part for text in value.split(",") if (part := text.strip())]
        return value


def _shown(value: object) -> str:
    """Return a text in quotes, else the kind of value."""
    if isinstance(value, str):
        return repr(value[:40])
    return "null" if value is None else f"{value}" if isinstance(value, int | float) else f"a {type(value).__name__}"
