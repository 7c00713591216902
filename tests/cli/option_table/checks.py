"""What a row is made of, and the check of an option that has nothing to change."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TypeAlias

from tests.cli.option_table.stage import Answer, Stage

Check: TypeAlias = Callable[[Stage], None]
Row: TypeAlias = Mapping[tuple[str, str], Check]


def nothing(_: Stage) -> None:
    """No preparation is needed."""


def changes_nothing(*call: str, flag: tuple[str, ...], prepare: Callable[[Stage], None] = nothing) -> Check:
    """The *call* says the same with and without the *flag*: a common option that has nothing to change here."""

    def check(stage: Stage) -> None:
        prepare(stage)
        without = stage.call(*call)
        assert timeless(stage.call(*call, *flag)) == timeless(without)

    return check


def timeless(answer: Answer) -> Answer:
    """The answer without what differs from call to call."""
    return Answer(answer.code, *(re.sub(r"\b[0-9.]+ ?m?s\b", "TIME", text) for text in (answer.out, answer.err)))
