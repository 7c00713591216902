"""Which variables a template reads, told without rendering it."""

from __future__ import annotations

from functools import lru_cache

from jinja2 import Environment, TemplateSyntaxError, nodes

VARIABLES = "vars"
_OTHER_FILES = (nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends)


@lru_cache(maxsize=1024)  # most items of a manifest have the same
def variables_read(source: str) -> frozenset[str] | None:
    """The names of all `vars.NAME` in *source*; None where `vars` is read in any way that does not show a name."""
    try:
        tree = Environment(autoescape=False).parse(source)  # noqa: S701  # nothing is rendered
    except TemplateSyntaxError:
        return None
    lookups: list[nodes.Getattr | nodes.Getitem] = [*tree.find_all(nodes.Getattr), *tree.find_all(nodes.Getitem)]
    names = [_name(lookup) for lookup in lookups if _is_variables(lookup.node)]
    mentions = sum(_is_variables(node) for node in tree.find_all(nodes.Name))
    if mentions > len(names) or None in names or any(tree.find_all(_OTHER_FILES)):
        return None
    return frozenset(name for name in names if name is not None)


def _is_variables(node: nodes.Node) -> bool:
    return isinstance(node, nodes.Name) and node.name == VARIABLES


def _name(lookup: nodes.Getattr | nodes.Getitem) -> str | None:
    if isinstance(lookup, nodes.Getattr):
        return None if hasattr(dict, lookup.attr) else lookup.attr  # such as vars.get("name")
    return lookup.arg.value if isinstance(lookup.arg, nodes.Const) and isinstance(lookup.arg.value, str) else None
