"""Shows the findings of `doctor`: aligned lines for people, one object for scripts."""

from __future__ import annotations

import json
from dataclasses import asdict

from dispatchfile.findings import Examination, Level
from dispatchfile.reports.formats import OutputFormat
from dispatchfile.reports.table import fit, lay_out
from dispatchfile.reports.text import PLAIN, Palette, count_of, one_line

SCHEMA = "dispatchfile/doctor/v1"
SHOWN_QUIETLY = frozenset({Level.FAIL, Level.WARN})
SHOWN = {Level.FAIL: "FAIL"}  # what has to be seen


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
    shown = [each for each in exam.findings if not quiet or each.level in SHOWN_QUIETLY]
    rows = [(SHOWN.get(each.level, each.level.value), each.check, one_line(each.message)) for each in shown]
    lines = [_painted(line, palette) for line in lay_out(rows, width=width)] if rows else []
    return "\n".join(fit([*lines, _closing(exam, palette)], width)) + "\n"


def _painted(line: str, palette: Palette) -> str:
    level, blank, rest = line.partition(" ")
    paint = {"ok": palette.good, "warn": palette.doubtful, "FAIL": palette.bad, "skip": palette.faint}.get(level, str)
    return f"{paint(level)}{blank}{rest}"


def _closing(exam: Examination, palette: Palette) -> str:
    counts = {level: sum(each.level is level for each in exam.findings) for level in Level}
    unknown = f", {count_of(counts[Level.SKIP], 'check')} not possible" if counts[Level.SKIP] else ""
    rest = f"{count_of(counts[Level.WARN], 'warning')}{unknown}"
    return (
        palette.bad(f"{count_of(counts[Level.FAIL], 'problem')}, {rest}")
        if counts[Level.FAIL]
        else f"no problems, {rest}"
    )


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
