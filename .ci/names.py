"""
Find the class names that stand for two classes of the package, and fail for them.

A leading underscore makes no difference: a reader who has met `Watch` takes `_Watch` for the same.
"""

from __future__ import annotations

import ast
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

PACKAGE = Path(__file__).parent.parent / "dispatchfile"


def shared_names(files: Mapping[Path, str]) -> Iterator[str]:
    """Yield a line for each name of more than one class. *files*: the text of each."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for path, text in files.items():
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ClassDef):
                found[node.name.lstrip("_")].append(f"{path}:{node.lineno}")
    for name, places in sorted(found.items()):
        if len(places) > 1:
            yield f"{name} is the name of {len(places)} classes: {', '.join(places)}"


def main() -> int:
    paths = sorted(PACKAGE.rglob("*.py"))
    found = list(shared_names({path.relative_to(PACKAGE.parent): path.read_text(encoding="utf-8") for path in paths}))
    print("\n".join(found) or "every class has a name of its own")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
