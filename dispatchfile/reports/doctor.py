"""Shows the findings of `doctor`: aligned lines for people, one object for scripts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Protocol

from dispatchfile.reports.formats import OutputFormat
from dispatchfile.reports.table import fit, lay_out
from dispatchfile.reports.text import PLAIN, Palette, count_of, one_line

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

SCHEMA = "dispatchfile/doctor/v1"
TOLD_QUIETLY = frozenset({"fail", "warn"})
SHOWN = {"fail": "FAIL"}  # what has to be seen


class Finding(Protocol):
    """A check: its name, its result (ok, warn, fail or skip), and a sentence."""

    @property
    def level(self) -> str: ...

    @property
    def check(self) -> str: ...

    @property
    def message(self) -> str: ...


class Examination(Protocol):
    """The findings of all checks."""

    @property
    def address(self) -> str: ...

    @property
    def findings(self) -> Sequence[Finding]: ...

    @property
    def children(self) -> Sequence[DataclassInstance]: ...

    @property
    def load(self) -> DataclassInstance | None: ...

    @property
    def exit_code(self) -> int: ...


def render_examination(
    exam: Examination,
    form: OutputFormat,
    *,
    palette: Palette = PLAIN,
    width: int | None = None,
    quiet: bool = False,
) -> str:
    """
    Render the findings as text, as one JSON object, or as that object on one line.

    width: of the terminal; None lets lines grow. quiet: only what is wrong or doubtful.
    """
    if form is OutputFormat.TEXT:
        return _text_of(exam, palette, width, quiet=quiet)
    return json.dumps(_json_of(exam), indent=2 if form is OutputFormat.JSON else None) + "\n"


def _text_of(exam: Examination, palette: Palette, width: int | None, *, quiet: bool) -> str:
    told = [each for each in exam.findings if not quiet or each.level in TOLD_QUIETLY]
    rows = [(SHOWN.get(each.level, str(each.level)), each.check, one_line(each.message)) for each in told]
    lines = [_painted(line, palette) for line in lay_out(rows, width=width)] if rows else []
    return "\n".join(fit([*lines, _closing(exam, palette)], width)) + "\n"


def _painted(line: str, palette: Palette) -> str:
    level, blank, rest = line.partition(" ")
    paint = {"ok": palette.good, "warn": palette.doubtful, "FAIL": palette.bad, "skip": palette.faint}.get(level, str)
    return f"{paint(level)}{blank}{rest}"


def _closing(exam: Examination, palette: Palette) -> str:
    counts = {level: sum(each.level == level for each in exam.findings) for level in ("fail", "warn", "skip")}
    unknown = f", {count_of(counts['skip'], 'check')} not possible" if counts["skip"] else ""
    rest = f"{count_of(counts['warn'], 'warning')}{unknown}"
    return palette.bad(f"{count_of(counts['fail'], 'problem')}, {rest}") if counts["fail"] else f"no problems, {rest}"


def _json_of(exam: Examination) -> dict[str, object]:
    checks = [{"level": str(each.level), "check": each.check, "message": each.message} for each in exam.findings]
    return {
        "schema": SCHEMA,
        "address": exam.address or None,
        "ok": exam.exit_code == 0,
        "checks": checks,
        "children": [asdict(each) for each in exam.children],
        "load": None if exam.load is None else asdict(exam.load),
    }
