"""Sensitive values beside rows from standard input: these are stored nowhere, so they can be read only once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from dispatchfile.expand import Row
from dispatchfile.items.making import Making, Workshop
from dispatchfile.items.model import Item
from dispatchfile.items.origins import templates_of
from dispatchfile.items.recipe import Recipe, route_of
from dispatchfile.problems import Problem
from dispatchfile.render import may_read_row


def sensitive_rows(shop: Workshop, recipe: Recipe) -> Iterator[Problem]:
    """Yield the problem with sensitive values that may be made of a row of standard input, if there are any."""
    if not recipe.policy.sensitive:
        return
    sources = (source for source, is_sensitive in templates_of(recipe, shop.files) if is_sensitive)
    if any(source is None or may_read_row(source, shop.files) for source in sources):
        position = shop.document.position(*route_of(shop.document, recipe.index, "sensitive"))
        found = "a sensitive value reads a row of standard input, which could not be read again to resume the run"
        hint = "take the rows from a file, or the value from vars or env"
        yield shop.document.problem("DF029", position, found, hint)


def made_again(shop: Workshop, recipe: Recipe, stored: Sequence[Item]) -> Iterator[Item | Problem]:
    """Yield the *stored* items of the recipe's dispatch, of which only sensitive values are made again."""
    here = (recipe.position.line, recipe.position.column)  # the file may be shown in another way now
    for item in stored:
        if (item.position.line, item.position.column) == here:
            making = Making(shop, _sensitive_part(recipe, item), Row(recipe.index, None, None))
            made = making.item()
            yield from making.problems if made is None else (made,)


def _sensitive_part(recipe: Recipe, item: Item) -> Recipe:
    sensitive = recipe.policy.sensitive
    meta = {key: text for key, text in recipe.meta.items() if f"meta.{key}" in sensitive}
    payload = recipe.payload if "payload" in sensitive else None
    job = item.request.job
    return replace(recipe, id=item.id, job=job, meta=meta, payload=payload, token=None, prefix="", tags=())
