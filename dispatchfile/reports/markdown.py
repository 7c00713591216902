"""
A run for a pull request or a job's page, as GitHub's Markdown.

Source: GitHub Docs, "Workflow commands for GitHub Actions": a step's summary over 1 MiB is dropped whole, so the table
is cut long before.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from dispatchfile.reports.again import rerun_group
from dispatchfile.reports.endings import cause_of
from dispatchfile.reports.failures import LOG_NOT_READ
from dispatchfile.reports.figures import SHARE_HEADS, duration_figures, share_cells, shares_by
from dispatchfile.reports.names import label
from dispatchfile.reports.summary import PROGRAM, counts_line, requests_line, wait_lines, watch_lines, ways_on
from dispatchfile.reports.text import count_of, one_line, shorten, span
from dispatchfile.results import Group, Summary, bad_endings
from dispatchfile.results.figures import Figures, GroupFigures, figures_of

SHOWN_GROUPS = 100
LONGEST_CELL = 1000
CUT = "\n\n*The rest is left out: this page has as much as GitHub shows. `dispatchfile report` writes all of it.*\n"
FOLDED, FOLD_END = "<details>", "</details>"
SHOWN_SHARES = 50
LONGEST_NAME = 200
MARKS = {0: "✅", 1: "⚠️", 2: "❌"}


def markdown_of_run(summary: Summary) -> str:
    """Return a heading, the counts, a table of what did not succeed, how long items took, and the run."""
    groups, figures = bad_endings(summary), figures_of(summary.items)
    name = escaped(summary.name)
    lines = [
        f"### {MARKS.get(summary.exit_code, MARKS[1])} {name}: {summary.state.replace('_', ' ')}",
        "",
        escaped(counts_line(summary)),
        "",
        *_table(summary, groups),
        *_durations(figures),
        *_details(summary),
        *_shares(figures),
    ]
    return "\n".join(lines) + "\n"


def _table(summary: Summary, groups: tuple[Group, ...]) -> list[str]:
    if not groups:
        return []
    lines = [
        "| items | outcome | cause | example | message | last log line | run again with |",
        "| ---: | --- | --- | --- | --- | --- | --- |",
    ]
    lines += [_row(summary, group) for group in groups[:SHOWN_GROUPS]]
    if left_out := sum(group.count for group in groups[SHOWN_GROUPS:]):
        lines += ["", f"and {count_of(left_out, 'item')} in smaller groups"]
    return [*lines, ""]


def _row(summary: Summary, group: Group) -> str:
    command = rerun_group(summary, group)
    message, line = group.message or group.example.message, LOG_NOT_READ if group.log_unread else group.last_line
    cells = (
        f"{group.count:,}",
        f"{MARKS[group.outcome.exit_class]} {group.outcome}",
        escaped(cause_of(group.cause, group.exit_code)),
        escaped(label(group.example)),
        escaped(shorten(message, LONGEST_CELL)),
        escaped(shorten(line, LONGEST_CELL)),
        f"`{command}`" if command else "",
    )
    return f"| {' | '.join(cells)} |"


def _durations(figures: Figures) -> list[str]:
    if figures.durations is None or figures.longest is None:
        return []
    shown = ", ".join(f"{name} {text}" for name, text in duration_figures(figures.durations))
    longest = f"longest: {escaped(label(figures.longest))}"
    return [f"From dispatch to end, {count_of(figures.durations.count, 'item')}: {shown} ({longest}).", ""]


def _shares(figures: Figures) -> list[str]:
    """Return a folded table for jobs, nodes and tags where there are several."""
    tables = [_share_table(noun, shares) for noun, shares in shares_by(figures) if len(shares) > 1]
    return [line for table in tables for line in table]


def _share_table(noun: str, shares: Sequence[GroupFigures]) -> list[str]:
    heads = " | ".join([noun.capitalize(), *SHARE_HEADS])
    rows = [[escaped(shorten(share.name, LONGEST_NAME)), *share_cells(share)] for share in shares[:SHOWN_SHARES]]
    left_out = len(shares) - SHOWN_SHARES
    return [
        "",
        f"{FOLDED}<summary>By {noun}</summary>",
        "",
        f"| {heads} |",
        f"| --- |{' ---: |' * len(SHARE_HEADS)}",
        *(f"| {' | '.join(row)} |" for row in rows),
        *(["", f"and {count_of(left_out, noun)} with fewer items"] if left_out > 0 else []),
        "",
        FOLD_END,
    ]


def _details(summary: Summary) -> list[str]:
    took = "" if summary.duration_s is None else f", {span(summary.duration_s)}"
    cost = f", {requests_line(summary)}" if summary.requests.total else ""  # a past run's is not on record
    lines = [f"Run `{summary.run}` of {escaped(summary.manifest or summary.name)}{took}{cost}."]
    for wait in wait_lines(summary):
        lines += ["", f"{escaped(wait)}."]
    for way in ways_on(summary) if summary.state == "interrupted" else watch_lines(summary):
        words, _, command = way.rpartition(": ")
        sentence = f"{words} `{command}`" if command.startswith(PROGRAM) else way
        lines += ["", f"{sentence[:1].upper()}{sentence[1:]}."]
    return lines


def fit_page(page: str, room: int) -> str:
    """Return the page, or as many whole lines of it as fit into *room* bytes, and a line that says so."""
    if len(page.encode(errors="backslashreplace")) <= room:
        return page
    room -= len(CUT.encode()) + len(FOLD_END) + 1
    lines: list[str] = []
    for line in page.splitlines(keepends=True):
        room -= len(line.encode(errors="backslashreplace"))
        if room < 0:
            break
        lines.append(line)
    text = "".join(lines)
    is_folded = text.count(FOLDED) > text.count(FOLD_END)
    return f"{text}\n{FOLD_END}{CUT}" if is_folded else f"{text}{CUT}" if text else ""


def escaped(text: str) -> str:
    """Return the *text* on one line and as text: no markup, no HTML, no mention, no end of a table's cell."""
    plain = one_line(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    plain = re.sub(r"([\\`*_{}\[\]()#+!|~$])", r"\\\1", plain)
    return plain.replace("@", "@\N{ZERO WIDTH NON-JOINER}").replace("://", ":\N{ZERO WIDTH NON-JOINER}//")
