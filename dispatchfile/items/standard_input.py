"""Sensitive values beside rows from standard input: these are stored nowhere, so they can be read only once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from dispatchfile.expand import Row
from dispatchfile.items.builder import ItemBuilder, ItemContext
from dispatchfile.items.model import Item
from dispatchfile.items.origins import templates_of
from dispatchfile.items.template import DispatchTemplate, route_of
from dispatchfile.problems import Problem
from dispatchfile.render import may_read_row


def sensitive_rows(context: ItemContext, template: DispatchTemplate) -> Iterator[Problem]:
    """Yield the problem with sensitive values that may be made of a row of standard input, if there are any."""
    if not template.policy.sensitive:
        return
    sources = (source for source, is_sensitive in templates_of(template, context.files) if is_sensitive)
    if any(source is None or may_read_row(source, context.files) for source in sources):
        position = context.document.position(*route_of(context.document, template.index, "sensitive"))
        found = "a sensitive value reads a row of standard input, which could not be read again to resume the run"
        hint = "take the rows from a file, or the value from vars or env"
        yield context.document.problem("DF029", position, found, hint)


def made_again(context: ItemContext, template: DispatchTemplate, stored: Sequence[Item]) -> Iterator[Item | Problem]:
    """Yield the *stored* items of the template's dispatch, of which only sensitive values are made again."""
    here = (template.position.line, template.position.column)  # the file may be shown in another way now
    for item in stored:
        if (item.position.line, item.position.column) == here:
            builder = ItemBuilder(context, _sensitive_part(template, item), Row(template.index, None, None))
            made = builder.item()
            yield from builder.problems if made is None else (made,)


def _sensitive_part(template: DispatchTemplate, item: Item) -> DispatchTemplate:
    sensitive = template.policy.sensitive
    meta = {key: text for key, text in template.meta.items() if f"meta.{key}" in sensitive}
    payload = template.payload if "payload" in sensitive else None
    job = item.request.job
    return replace(template, id=item.id, job=job, meta=meta, payload=payload, token=None, prefix="", tags=())
