"""
Count the lines of files, classes and function bodies of the package, and fail for those that are too long.

A body is counted without its signature and docstring. A generated table or a measured hot loop may be longer: the line
that begins it, or a file's first comment, gives the reason: `# long: REASON`.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

LONGEST_FILE = 400
LONGEST_CLASS = 250
LONGEST_BODY = 40
REASON = "# long: "
PACKAGE = Path(__file__).parent.parent / "dispatchfile"


def too_long_in(path: Path, text: str) -> Iterator[str]:
    """Yield a line for each part of a file that is over its limit and gives no reason."""
    lines = text.splitlines()
    if len(lines) > LONGEST_FILE and not any(line.startswith(REASON) for line in lines):
        yield f"{path}: {len(lines)} lines, at most {LONGEST_FILE}"
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        count, limit = _size(node)
        if count > limit and REASON not in "\n".join(lines[node.lineno - 1 : node.body[0].lineno - 1]):
            yield f"{path}:{node.lineno}: {node.name} has {count} lines, at most {limit}"


def _size(node: ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> tuple[int, int]:
    """Return the lines of a class, or of a function's body, and how many it may have."""
    end = node.end_lineno or node.lineno
    if isinstance(node, ast.ClassDef):
        return end - node.lineno + 1, LONGEST_CLASS
    body = node.body[1:] if ast.get_docstring(node, clean=False) is not None else node.body
    return (end - body[0].lineno + 1 if body else 0), LONGEST_BODY


def main() -> int:
    found = [
        line
        for path in sorted(PACKAGE.rglob("*.py"))
        for line in too_long_in(path.relative_to(PACKAGE.parent), path.read_text(encoding="utf-8"))
    ]
    print("\n".join(found) or "every file, class and function is within its limit")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
