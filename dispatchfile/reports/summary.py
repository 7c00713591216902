"""What a run came to, for a person: what did not end well and how to run just that again, counts, time, cost."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from textwrap import wrap

from dispatchfile.events import GOES_ON, Cause, Outcome
from dispatchfile.reports.formats import OutputFormat
from dispatchfile.reports.table import lay_out
from dispatchfile.reports.text import PLAIN, Palette, count_of, one_line, span, visible
from dispatchfile.results import LOCAL, Group, ItemResult, Summary, group_endings, item_json, summary_head_json

LISTED_ITEMS = 10  # more are shown in groups
LISTED_GROUPS = 20
IDS_OF_A_GROUP = 12
ITEMS_A_PIECE = 1_000
NAMED_IDS = 5  # in a command that could not be shorter
MOST_NAMED_IDS = 50  # in one that would take along what ended well
WIDEST_CELL = 32
AGAIN = frozenset({Outcome.REFUSED, Outcome.UNSENT})  # what `rerun --failed` takes beside class 2
UNFINISHED = frozenset({"running", "interrupted"})
PROGRAM = "dispatchfile"


def render_summary(summary: Summary, form: OutputFormat, *, palette: Palette = PLAIN, width: int | None = None) -> str:
    """The summary as text, as one JSON object, or as that on one line, to end an NDJSON stream."""
    return "".join(summary_pieces(summary, form, palette=palette, width=width))


def summary_pieces(
    summary: Summary, form: OutputFormat, *, palette: Palette = PLAIN, width: int | None = None
) -> Iterator[str]:
    """The same in pieces to be written one after the other: as a whole, 100,000 items take half a gigabyte."""
    match form:
        case OutputFormat.TEXT:
            yield text_of_summary(summary, palette=palette, width=width)
        case OutputFormat.JSON:
            yield from _json_pieces(summary, 2, ("\n  ", "\n    ", "\n  ]\n}\n"))
        case OutputFormat.NDJSON:
            yield from _json_pieces(summary, None, (" ", " ", "]}\n"))


def _json_pieces(summary: Summary, indent: int | None, layout: tuple[str, str, str]) -> Iterator[str]:
    """layout: what stands before a key, before an item, and after the last one. Items take a line each."""
    before_key, before_item, end = layout
    head = json.dumps(summary_head_json(summary), indent=indent)
    yield f'{head[:-1].rstrip()},{before_key}"items": ['
    for start in range(0, len(summary.items), ITEMS_A_PIECE):
        some = summary.items[start : start + ITEMS_A_PIECE]
        yield ("," if start else "") + ",".join(before_item + json.dumps(item_json(item)) for item in some)
    yield end


def text_of_summary(summary: Summary, *, palette: Palette = PLAIN, width: int | None = None) -> str:
    """
    Some lines, ended by a line feed.

    width: of the terminal in cells; None lets lines grow as long as they are.
    """
    lines = [
        *endings_lines(summary, palette, width),
        counts_line(summary, palette),
        *_closing(summary, palette),
    ]
    return "\n".join(lines) + "\n"


# What did not end well


def bad_endings(summary: Summary) -> tuple[Group, ...]:
    """What is worth a row: not what a resume sends anyway."""
    resumed = summary.state == "interrupted"
    return group_endings(
        item for item in summary.items if not (resumed and item.outcome is Outcome.UNSENT and item.cause in GOES_ON)
    )


def endings_lines(summary: Summary, palette: Palette, width: int | None) -> list[str]:
    """A table of what did not end well, and an empty line; no lines where all is well."""
    groups = bad_endings(summary)
    bad = sum(group.count for group in groups)
    if not bad:
        return []
    head = palette.bad(f"{bad:,} of {count_of(summary.counts['total'], 'item')} did not end well:")
    shown = _items(summary, groups, width) if bad <= LISTED_ITEMS else _groups(summary, groups, width)
    return [head, *shown, ""]


def _items(summary: Summary, groups: Sequence[Group], width: int | None) -> list[str]:
    ids = {item_id for group in groups for item_id in group.ids}
    rows = [("ITEM", "OUTCOME", "CAUSE", "MESSAGE")]
    rows += [
        (visible(item.id), str(item.outcome), cause_of(item.cause, item.exit_code), message_of(item))
        for item in summary.items
        if item.id in ids
    ]
    again = rerun_command(summary, ids)
    return [*lay_out(rows, width=width), *([f"run again with: {again}"] if again else [])]


def _groups(summary: Summary, groups: Sequence[Group], width: int | None) -> list[str]:
    shown = groups[:LISTED_GROUPS]
    rows = [("ITEMS", "OUTCOME", "CAUSE", "EXAMPLE", "LAST WORDS")]
    for group in shown:
        cause = cause_of(group.cause, group.exit_code)
        words = one_line(group.last_words or group.example.message)
        rows.append((f"{group.count:,}", str(group.outcome), cause, visible(group.example.id), words))
    commands = dict.fromkeys(command for group in shown if (command := rerun_command(summary, group.ids)))
    again = ["run again with:", *(f"  {command}" for command in commands)] if commands else []
    head, *table = lay_out(rows, width=width, widest=WIDEST_CELL)
    lines = [line for row, group in zip(table, shown, strict=True) for line in (row, *_ids(group, width))]
    return [head, *lines, *_rest(groups[LISTED_GROUPS:]), *again]


def _ids(group: Group, width: int | None) -> list[str]:
    """Who is in the group, below its row."""
    if group.count == 1:
        return []
    names = [visible(item_id) for item_id in group.ids[:IDS_OF_A_GROUP]]
    left_out = [f"and {group.count - IDS_OF_A_GROUP:,} more"] if group.count > IDS_OF_A_GROUP else []
    indent = " " * 7
    return wrap(
        ", ".join([*names, *left_out]),
        width or 100,
        initial_indent=indent,
        subsequent_indent=indent,
        break_on_hyphens=False,
        break_long_words=False,
    )


def _rest(groups: Sequence[Group]) -> list[str]:
    left_out = sum(group.count for group in groups)
    return [f"and {count_of(left_out, 'item')} in {count_of(len(groups), 'smaller group')}"] if groups else []


def cause_of(cause: Cause | None, exit_code: int | None) -> str:
    """`exit 3`, `oom`, or a dash where there is none."""
    if cause is None:
        return "-"
    return f"{cause} {exit_code}" if cause is Cause.EXIT and exit_code is not None else str(cause)


def message_of(item: ItemResult) -> str:
    """What is said of the item, and the last thing it said itself."""
    message, last = one_line(item.message), one_line(item.last_log_line)
    if not last or last in message:
        return message or "-"
    return f"{message}; last log line: {last}" if message else last


def rerun_command(summary: Summary, ids: Collection[str]) -> str:
    """
    The shortest command that runs just these items again; with many of them perhaps one that takes others along.

    Empty while the run is unfinished, as a rerun would be refused, and for a run without a journal. A run of which
    nothing but children goes on that it has let go of is over.
    """
    goes_on = summary.state in UNFINISHED and not (summary.state == "running" and summary.let_go)
    if goes_on or not summary.has_journal:
        return ""
    wanted = set(ids)
    summary = _as_on_record(summary)
    meant = [item for item in summary.items if item.id in wanted]
    choices = _choices(summary, meant)
    start = f"{PROGRAM} rerun {summary.run}"
    for option, taken in choices:
        if taken == wanted:
            return f"{start} {option}"
    if len(wanted) <= NAMED_IDS:
        return " ".join([start, *_naming_unknown(meant), *_naming(wanted)])
    if wanted.isdisjoint(summary.let_go):
        return f"{start} {min(choices, key=lambda choice: len(choice[1]))[0]}"
    command = " ".join([start, *_naming_unknown(meant), *_naming(wanted)[:MOST_NAMED_IDS]])
    return command if len(wanted) <= MOST_NAMED_IDS else f"{command}  # the first {MOST_NAMED_IDS} of {len(wanted):,}"


def _as_on_record(summary: Summary) -> Summary:
    """`rerun` goes by the journal, which has a child as let go of, whatever has become of it since."""
    if not summary.let_go:
        return summary
    items = tuple(
        replace(item, outcome=summary.let_go[item.id], cause=None) if item.id in summary.let_go else item
        for item in summary.items
    )
    return replace(summary, items=items)


def _naming(ids: Iterable[str]) -> list[str]:
    return [f"--only {item_id}" for item_id in sorted(ids)]


def _choices(summary: Summary, meant: Sequence[ItemResult]) -> list[tuple[str, set[str]]]:
    """Options of `rerun` that take all that are *meant*, each with what it takes."""
    outcomes, causes = {item.outcome for item in meant}, {item.cause for item in meant}
    alike = [item for item in summary.items if item.outcome in outcomes]
    choices = [(_options("outcome", outcomes), {item.id for item in alike})]
    if all(causes):
        named = _naming_unknown(meant)
        others = alike if named else [item for item in summary.items if item.outcome is not Outcome.UNKNOWN]
        taken = {item.id for item in others if item.cause in causes}
        choices.append((" ".join([*named, _options("cause", causes)]), taken))
    if all(map(_is_failed, outcomes)):
        choices.insert(0, ("--failed", {item.id for item in summary.items if _is_failed(item.outcome)}))
    return choices


def _naming_unknown(meant: Iterable[ItemResult]) -> list[str]:
    """An unknown item may have run: `rerun` takes it only where that outcome is named, and then those named only."""
    outcomes = {item.outcome for item in meant}
    return [_options("outcome", outcomes)] if Outcome.UNKNOWN in outcomes else []


def _options(name: str, values: Iterable[object]) -> str:
    return " ".join(sorted(f"--{name} {value}" for value in values))


def _is_failed(outcome: Outcome | None) -> bool:
    return outcome is not None and (outcome.exit_class == 2 or outcome in AGAIN)


# What it came to


def counts_line(summary: Summary, palette: Palette = PLAIN) -> str:
    """`997 succeeded, 3 failed of 1,000 items`, worst last."""
    paint = {0: palette.good, 1: palette.doubtful, 2: palette.bad}
    parts = [
        paint[outcome.exit_class](f"{number:,} {outcome}") for outcome in Outcome if (number := summary.counts[outcome])
    ]
    total = summary.counts["total"]
    if living := total - sum(summary.counts[outcome] for outcome in Outcome):
        parts.append(palette.doubtful(f"{living:,} without an outcome"))
    return f"{', '.join(parts) or 'nothing to do'} of {count_of(total, 'item')}"


def _closing(summary: Summary, palette: Palette) -> list[str]:
    how = "still running" if summary.state == "running" else summary.state.replace("_", " ")
    after = "" if summary.duration_s is None else f" after {span(summary.duration_s)}"
    lines = [
        f"run {palette.strong(summary.run)} ({one_line(summary.name)}) {how}{after}: exit code {summary.exit_code}"
    ]
    if summary.doubled:
        names = ", ".join(map(visible, summary.doubled))
        lines.append(palette.bad(f"TWO CHILDREN were made for one attempt, which must never be: {names}"))
    if known := sum(item.existing for item in summary.items):
        lines.append(f"{count_of(known, 'item')} had a child before this run, by its idempotency token")
    if summary.requests.total:  # of a run that was killed, or that an older version made, they are not on record
        lines.append(requests_line(summary))
    if summary.state == "interrupted":
        lines += ways_on(summary, palette)
    return lines


def ways_on(summary: Summary, palette: Palette = PLAIN) -> list[str]:
    """What can be done with an interrupted run."""
    if not summary.has_journal:
        return [f"no journal was kept, so it cannot be resumed; its jobs in Nomad have {summary.run} in their IDs"]
    lines = [f"go on with: {palette.strong(f'{PROGRAM} resume {summary.run}')}"]
    if summary.target != LOCAL and any(item.child and not item.outcome for item in summary.items):
        lines.append(f"stop what it has sent with: {palette.strong(f'{PROGRAM} stop {summary.run}')}")
    return lines


def requests_line(summary: Summary) -> str:
    """`412 requests, peak 9 connections, 0 throttled`."""
    requests = summary.requests
    peak = count_of(requests.peak_connections, "connection")
    return f"{count_of(requests.total, 'request')}, peak {peak}, {requests.throttled:,} throttled"
