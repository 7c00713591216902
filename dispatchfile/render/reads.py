"""The variables that a template reads, found without rendering it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from jinja2 import Environment, TemplateSyntaxError, nodes

from dispatchfile.errors import FileError
from dispatchfile.files import Files
from dispatchfile.render.sandbox import read_template

VARIABLES = "vars"
ROW = "each"
MAX_FILES = 1_000  # templates that include each other
_OTHER_FILES = (nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends)


@dataclass(frozen=True, slots=True)
class _Reads:
    """The names that one source reads, without those of other files."""

    names: frozenset[str] | None  # None: `vars` is read in a way that does not show a name
    files: frozenset[str] | None  # templates that it includes, imports or extends; None: which ones is not written
    row: bool  # whether it reads `each`


_NOTHING_KNOWN = _Reads(None, None, row=True)


def variables_read(source: str) -> frozenset[str] | None:
    """
    Return the names of all `vars.NAME` in *source*; None where `vars` is read in any way that does
    not show a name.
    """
    reads = _reads_of(source)
    return None if reads.files is None or reads.files else reads.names


def variables_read_with_files(source: str, files: Files) -> frozenset[str] | None:
    """Return the variables read by *source* and by the templates that it includes, imports or extends."""
    names = frozenset[str]()
    for reads in _reads_with_files(source, files):
        if reads.names is None or reads.files is None:
            return None
        names |= reads.names
    return names


def may_read_row(source: str, files: Files) -> bool:
    """Tell whether *source*, or a template that it includes, imports or extends, may read `each`."""
    return any(reads.row or reads.files is None for reads in _reads_with_files(source, files))


def _reads_with_files(source: str, files: Files) -> Iterator[_Reads]:
    """Yield what *source* and all templates below it read; nothing known of one that cannot be read."""
    waiting, seen = [_reads_of(source)], set[str]()
    while waiting:
        reads = waiting.pop()
        yield reads if len(seen) <= MAX_FILES else _NOTHING_KNOWN
        if reads.files is None or len(seen) > MAX_FILES:
            return
        for path in reads.files - seen:
            seen.add(path)
            try:
                waiting.append(_reads_of(read_template(files, path)))
            except FileError:
                yield _NOTHING_KNOWN


@lru_cache(maxsize=1024)  # most items of a manifest have the same
def _reads_of(source: str) -> _Reads:
    try:
        tree = Environment(autoescape=False).parse(source)  # noqa: S701  # nothing is rendered
    except TemplateSyntaxError:
        return _NOTHING_KNOWN
    lookups: list[nodes.Getattr | nodes.Getitem] = [*tree.find_all(nodes.Getattr), *tree.find_all(nodes.Getitem)]
    names = [_name(lookup) for lookup in lookups if _is_variables(lookup.node)]
    mentions = sum(_is_variables(node) for node in tree.find_all(nodes.Name))
    shown = {name for name in names if name is not None}
    hides_names = mentions > len(names) or len(shown) < len(set(names))
    row = any(node.name == ROW for node in tree.find_all(nodes.Name))
    return _Reads(None if hides_names else frozenset(shown), _files_of(tree), row)


def _files_of(tree: nodes.Template) -> frozenset[str] | None:
    paths: set[str] = set()
    for node in tree.find_all(_OTHER_FILES):
        named = getattr(node, "template", None)
        if not (isinstance(named, nodes.Const) and isinstance(named.value, str)):
            return None
        paths.add(named.value)
    return frozenset(paths)


def _is_variables(node: nodes.Node) -> bool:
    return isinstance(node, nodes.Name) and node.name == VARIABLES


def _name(lookup: nodes.Getattr | nodes.Getitem) -> str | None:
    if isinstance(lookup, nodes.Getattr):
        return None if hasattr(dict, lookup.attr) else lookup.attr  # such as vars.get("name")
    return lookup.arg.value if isinstance(lookup.arg, nodes.Const) and isinstance(lookup.arg.value, str) else None
