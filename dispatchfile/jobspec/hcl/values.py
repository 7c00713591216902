"""Values as the text of HCL expressions. Source: hashicorp/hcl, hclsyntax/spec.md (template literals)."""

import re
from typing import Final

from dispatchfile.jobspec.hcl.types import TypeKind, Value

_SHORT: Final = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_SPECIAL: Final = re.compile(r'[\\"\x00-\x1f\x7f\u2028\u2029]|[$%](?=\{)')


def hcl_text(value: Value) -> str:
    """Return the expression, on one line, whose value this is."""
    if value.is_null or not value.is_known:
        return "null"
    if value.type.kind is TypeKind.STRING:
        return _quoted(value.text)
    if value.type.kind is TypeKind.NUMBER:
        return value.number.text()
    if value.type.kind is TypeKind.BOOL:
        return "true" if value.content else "false"
    if value.type.is_sequence:
        return f"[{', '.join(hcl_text(item) for item in value.items)}]"
    pairs = (f"{_quoted(name)} = {hcl_text(item)}" for name, item in value.entries.items())
    return f"{{{', '.join(pairs)}}}"


def _quoted(text: str) -> str:
    return f'"{_SPECIAL.sub(_escaped, text)}"'


def _escaped(match: re.Match[str]) -> str:
    found = match.group()
    if found in "$%":
        return found * 2  # an interpolation or a directive begins with one
    return _SHORT.get(found) or f"\\u{ord(found):04x}"
