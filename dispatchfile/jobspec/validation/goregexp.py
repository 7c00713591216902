"""Why Go cannot compile a regular expression. Source: the Go standard library, regexp/syntax."""

import re
from typing import Final

_PERL_ONLY: Final = re.compile(r"\((\?(?:=|!|<=|<!|>|P=|#|\())")
_BACKREFERENCE: Final = re.compile(r"\\[1-9]")
_NAMED_GROUP: Final = re.compile(r"\(\?<(?=[A-Za-z_])")
_BY_PYTHON: Final = (
    (re.compile("missing \\), unterminated subpattern"), "missing closing ): `{text}`"),
    (re.compile("unbalanced parenthesis"), "unexpected ): `{text}`"),
    (re.compile("unterminated character set"), "missing closing ]: `{rest}`"),
    (re.compile("nothing to repeat"), "missing argument to repetition operator: `{operator}`"),
    (re.compile("multiple repeat"), "invalid nested repetition operator: `{operators}`"),
    (re.compile("bad character range"), "invalid character class range: `{detail}`"),
    (re.compile("bad escape \\(end of pattern\\)"), "trailing backslash at end of expression: ``"),
    (re.compile("bad escape"), "invalid escape sequence: `{detail}`"),
)
_DETAIL: Final = re.compile(r"(?:bad character range|bad escape) (\S+)")


def regexp_error(text: str) -> str:
    """Go's words for a broken regular expression; empty for one that is fine."""
    if unsupported := _PERL_ONLY.search(text):
        return f"error parsing regexp: invalid or unsupported Perl syntax: `({unsupported[1]}`"
    if reference := _BACKREFERENCE.search(text):
        return f"error parsing regexp: invalid escape sequence: `{reference[0]}`"
    try:
        re.compile(_NAMED_GROUP.sub("(?P<", text).replace("\\z", "\\Z"))
    except re.error as exc:
        return f"error parsing regexp: {_translated(text, exc)}"
    return ""


def _translated(text: str, error: re.error) -> str:
    position = error.pos or 0
    detail = _DETAIL.match(error.msg)
    values = {
        "text": text,
        "rest": text[position:],
        "operator": text[position : position + 1],
        "operators": text[max(0, position - 1) : position + 1],
        "detail": detail[1] if detail else "",
    }
    for pattern, words in _BY_PYTHON:
        if pattern.search(error.msg):
            return words.format_map(values)
    return f"{error.msg}: `{text}`"
