"""Texts as Go and hashicorp/go-multierror write them."""

import json
from collections.abc import Iterable, Sequence
from typing import Any


def quote(text: str) -> str:
    """Return a text as Go's %q prints it."""
    return json.dumps(text, ensure_ascii=False)


def joined_problems(problems: Sequence[str]) -> str:
    """Several problems as one text, as hashicorp/go-multierror prints them."""
    count = "1 error" if len(problems) == 1 else f"{len(problems)} errors"
    return f"{count} occurred:\n\t" + "\n\t".join(f"* {problem}" for problem in problems) + "\n\n"


def nested(title: str, problems: Iterable[str]) -> list[str]:
    """Return all *problems* as one, below *title*; none if there are none."""
    found = list(problems)
    return [f"{title}{joined_problems(found)}"] if found else []


def numbered(kind: str, items: Any, check: Any) -> list[str]:
    """Return the problems of each of *items*, which are counted from 1."""
    return [
        problem
        for number, item in enumerate(items or (), 1)
        for problem in nested(f"{kind} {number} validation failed: ", check(item))
    ]
