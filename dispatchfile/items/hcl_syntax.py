"""References in HCL's syntax, such as `${var.x}`, which a manifest sends as they are."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from dispatchfile.manifest import Document
from dispatchfile.problems import Problem, Severity

HCL_REFERENCE = re.compile(r"\$\{vars?\.([A-Za-z_][A-Za-z0-9_-]{0,99})")
TEMPLATED = ("vars", "defaults", "dispatches")


def hcl_references(document: Document) -> Iterator[Problem]:
    """Yield a warning for each text of the manifest that has a variable in HCL's syntax."""
    if not HCL_REFERENCE.search(document.source.text):  # most manifests have none, and may have 100,000 items
        return
    for key in TEMPLATED:
        for route, text in _texts(document.data.get(key), (key,)):
            if found := HCL_REFERENCE.search(text):
                reference, name = found[0].removeprefix("${"), found[1]
                variable = f"vars.{name}" if name.isidentifier() else f"vars['{name}']"
                told = f"${{{reference}}} is HCL syntax, which is sent as it is"
                hint = f'write "{{{{ {variable} }}}}"'
                problem = document.problem("DF039", document.position(*route), told, hint)
                yield replace(problem, severity=Severity.WARNING)


def _texts(value: object, route: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    if isinstance(value, str):
        yield route, value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _texts(inner, (*route, key))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _texts(inner, (*route, number))
