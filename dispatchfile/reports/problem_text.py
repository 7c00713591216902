"""Problems for a person: place, code, what was found and what would be right, above the line it is about."""

from __future__ import annotations

from collections.abc import Sequence

from dispatchfile.items import RowCount
from dispatchfile.problems import SHOWN_PROBLEMS, Problem, Severity, has_errors
from dispatchfile.reports.checked import Checked, all_problems, count_problems, text_with_item
from dispatchfile.reports.text import PLAIN, Palette, count_of, visible, visible_lines


def text_of_problems(checked: Sequence[Checked], palette: Palette, width: int | None = None) -> str:
    """Return every problem with its excerpt, a line for each manifest without any, and a count; *width* as in `fit`."""
    return "".join(_text_of(manifest, palette, width) for manifest in checked) + _fit(
        closing_line(checked, palette), width
    )


def _text_of(manifest: Checked, palette: Palette, width: int | None) -> str:
    kept = _fit("".join(map(_rows_kept, manifest.sources)), width)
    if not manifest.problems:
        found = f"{visible(manifest.path)}: {palette.good('ok')}, {count_of(manifest.items, 'item')}\n"
        return _fit(found, width) + kept
    shown = list_problems(manifest.problems, palette=palette, width=width)
    return shown if has_errors(manifest.problems) else shown + kept


def _rows_kept(count: RowCount) -> str:
    """A line for a source of rows that `where` chooses from, or that has none."""
    source, place = visible(count.source), visible(str(count.position))
    if count.has_where:
        return f"  {source}: kept {count.kept:,} of {count_of(count.rows, 'row')} ({place})\n"
    return "" if count.rows else f"  {source}: no rows ({place})\n"


def list_problems(
    problems: Sequence[Problem],
    *,
    palette: Palette = PLAIN,
    width: int | None = None,
    limit: int = SHOWN_PROBLEMS,
) -> str:
    """Return each problem as `path:line:column: CODE text` above its excerpt; past *limit* they are only counted."""
    counts = [problem for problem in problems[limit:] if problem.is_count]
    shown = "".join(_block(problem, palette, width) for problem in [*problems[:limit], *counts])
    left_out = len(problems) - limit - len(counts)
    return shown + (_fit(f"and {left_out:,} more (-o json shows all)", width) if left_out > 0 else "")


def _block(problem: Problem, palette: Palette, width: int | None) -> str:
    is_error = problem.severity is Severity.ERROR
    code = palette.bad(problem.code) if is_error else palette.doubtful(f"{problem.code} warning:")
    place = palette.strong(visible(str(problem.position)) + ":")
    head = f"{place} {code} {visible(text_with_item(problem))}"
    return "\n".join(_fitted(head, visible_lines(problem.excerpt) if problem.excerpt else [], width)) + "\n"


def _fitted(head: str, excerpt: Sequence[str], width: int | None) -> Sequence[str]:
    """Wrap the head at words, and cut the excerpt's two lines around the caret."""
    if width is None:
        return [head, *excerpt]
    from dispatchfile.reports.table import cut_around, fit  # noqa: PLC0415  only terminals need Rich

    return [*fit([head], width), *(cut_around(*excerpt, width=width) if excerpt else ())]


def _fit(lines: str, width: int | None) -> str:
    """Wrap *lines* that are wider than *width* at words."""
    return "".join(f"{part}\n" for line in lines.splitlines() for part in _fitted(line, (), width))


def closing_line(checked: Sequence[Checked], palette: Palette = PLAIN) -> str:
    """Return the counts in one line."""
    problems = all_problems(checked)
    errors, warnings = count_problems(problems, Severity.ERROR), count_problems(problems, Severity.WARNING)
    items = sum(manifest.items for manifest in checked)
    manifests = count_of(len(checked), "manifest")
    if not problems:
        return f"{palette.good('no problems')} in {manifests}, {count_of(items, 'item')}\n"
    found = [palette.bad(count_of(errors, "error"))] if errors else []
    found += [palette.doubtful(count_of(warnings, "warning"))] if warnings else []
    affected = sum(bool(manifest.problems) for manifest in checked)
    where = manifests if affected == len(checked) else f"{affected} of {manifests}"
    complete = "" if errors else f", {count_of(items, 'item')}"
    return f"{' and '.join(found)} in {where}{complete}\n"
