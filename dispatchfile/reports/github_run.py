"""A run as annotations of the manifest, one for each group of items that ended alike."""

from __future__ import annotations

from dispatchfile.problems import Severity
from dispatchfile.reports.again import rerun_group
from dispatchfile.reports.endings import cause_of
from dispatchfile.reports.failures import words_of
from dispatchfile.reports.github import SHOWN_OF_A_KIND, annotation
from dispatchfile.reports.names import label, listed_names
from dispatchfile.reports.summary import ways_on
from dispatchfile.reports.text import count_of, shorten
from dispatchfile.results import Group, Summary, bad_endings

LONGEST_WORDS = 1000


def annotate_run(summary: Summary) -> str:
    """Return at most 10 errors, and a warning if the run was interrupted; empty where all items ended well."""
    groups = bad_endings(summary)
    shown = groups if len(groups) <= SHOWN_OF_A_KIND else groups[: SHOWN_OF_A_KIND - 1]
    lines = [_annotate(summary, group) for group in shown]
    if left_out := sum(group.count for group in groups[len(shown) :]):
        more = f"{count_of(left_out, 'item')} in smaller groups: `dispatchfile status {summary.run}` shows all"
        lines.append(annotation(Severity.ERROR, more, title="More items did not succeed"))
    if summary.state == "interrupted":
        title = f"Run {summary.run} was interrupted"
        lines.append(annotation(Severity.WARNING, "\n".join(ways_on(summary)), title=title))
    return "".join(lines)


def _annotate(summary: Summary, group: Group) -> str:
    """Return what the items said, their names, and the command that runs them again, at the place of the first."""
    who = label(group.example) if group.count == 1 else count_of(group.count, "item")
    names = [] if group.count == 1 else [listed_names(group.items, None).strip()]
    command = rerun_group(summary, group)
    message = [shorten(words_of(group), LONGEST_WORDS), *names, *([f"run again with: {command}"] if command else [])]
    title = f"{who} {group.outcome}" + (f": {cause_of(group.cause, group.exit_code)}" if group.cause else "")
    place = group.example.position
    if place is None:
        return annotation(Severity.ERROR, "\n".join(message), title=title)
    return annotation(
        Severity.ERROR, "\n".join(message), title=title, file=place.file, line=place.line, column=place.column
    )
