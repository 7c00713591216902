"""
A manifest's document against its JSON schema: all problems, in our words, at their places.

jsonschema-rs says within a microsecond whether an item is valid; jsonschema, which takes a hundred times as long and
90 ms to import, explains those that are not.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

from dispatchfile.manifest import Document
from dispatchfile.problems import SHOWN_PROBLEMS, Problem
from dispatchfile.schema.checks import first_violation, item_check, known_keys, manifest_check, read_schema
from dispatchfile.schema.explain import PATTERN_HINTS, Route, Subject, explain, shown
from dispatchfile.settings import PARSERS, SettingError, parse_duration, parse_timeout, resolve_settings

__all__ = ["ROW_SOURCES", "check_document", "first_violation", "read_schema", "sound_dispatches", "trouble_with_name"]

PLAIN_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
ROW_SOURCES = ("list", "csv", "json", "ndjson", "lines", "range", "glob", "matrix")
BESIDE_ROWS = frozenset({"where", "allow_empty"})
NOT_OF_ITEMS = frozenset(
    {"version", "name", "description", "settings", "jobs", "job_vars"}
)  # wrong ones keep no item from being read


def check_document(document: Document, *, as_written: bool = False) -> tuple[Problem, ...]:
    """
    Return the problems that the schema and the settings' own rules find in *document*, the most important first.

    as_written: no flag says how far to wait, so settings have to fit what the manifest says of it, or its default. Left
    out is what stands where the reading met a problem already; past 200 problems, one more says how many items
    have others.
    """
    problems = _manifest_problems(document, as_written=as_written)
    dispatches = document.data.get("dispatches")
    items = dispatches if isinstance(dispatches, list) else []
    wrong = [index for index, item in enumerate(items) if not _is_fine(item)]
    for done, index in enumerate(wrong):
        if len(problems) >= SHOWN_PROBLEMS:
            return (*problems[:SHOWN_PROBLEMS], _unshown(document, wrong[done:]))
        problems += _item_problems(document, index, items[index])
    return tuple(problems[:SHOWN_PROBLEMS])


def sound_dispatches(document: Document) -> tuple[int, ...]:
    """
    Return the dispatches of a *document* with problems that items can still be made of, so that one slip does not hide
    others.

    None at all where a problem may reach into every item, as one of the defaults does.
    """
    dispatches = document.data.get("dispatches")
    if not isinstance(dispatches, list) or not dispatches or not _shares_are_sound(document.data):
        return ()
    met = _met_in(document, dispatches)
    return () if met is None else tuple(n for n, item in enumerate(dispatches) if n not in met and _is_fine(item))


def trouble_with_name(kind: str, text: str) -> str:
    """Return why *text* cannot be a manifest's "namespace" or "region", and what would be right. Empty: it can."""
    if re.search(read_schema("manifest")["definitions"][kind]["pattern"], text):
        return ""
    return f"{shown(text)} cannot be a {kind}: {PATTERN_HINTS[kind]}"


def _shares_are_sound(data: Mapping[str, Any]) -> bool:
    """Return whether the keys that items share have no problems."""
    harmless = NOT_OF_ITEMS | known_keys()["settings"]  # which are misplaced at the top, and nothing else
    shares = {key: value for key, value in data.items() if key not in harmless}
    shell = {**shares, "version": 1, "dispatches": data["dispatches"][:1]}
    return manifest_check().accepts(shell) and not any(
        (*_durations(data.get("defaults")), *_retries(data.get("defaults")))
    )


def _met_in(document: Document, dispatches: list[object]) -> frozenset[int] | None:
    """Return the dispatches in which the reading met its problems; None where one may stand elsewhere as well."""
    if not document.reported:
        return frozenset()
    top = document.position()
    is_block = document.line(top.line)[top.column - 1 : top.column] != "{"
    if not is_block or len(document.reported) >= SHOWN_PROBLEMS or "*" in document.source.text:
        return None
    starts = [document.entry_position(dispatches, number) for number in range(len(dispatches))]
    keys = [document.key_position(key) for key in document.data]
    end = next((key for key in sorted(keys) if key > starts[0]), None)
    if any(met.column <= top.column or met < starts[0] or (end and met > end) for met in document.reported):
        return None
    return frozenset(bisect_right(starts, met) - 1 for met in document.reported)


def _manifest_problems(document: Document, *, as_written: bool) -> list[Problem]:
    """Yield the problems of everything except the items."""
    data = document.data
    dispatches = data.get("dispatches")
    shell = data | {"dispatches": dispatches[:1]} if isinstance(dispatches, list) else data
    check, subject = manifest_check(), Subject(document, "the manifest")
    problems = [] if check.accepts(shell) else explain(subject, check.errors(shell))
    defaults = data.get("defaults")
    own_rules = [*_durations(defaults, "defaults"), *_retries(defaults, "defaults")]
    return _with_unreadable(subject, problems, [*own_rules, *_settings(data, as_written=as_written)])


def _item_problems(document: Document, index: int, item: object) -> list[Problem]:
    written = item.get("id") if isinstance(item, dict) else None
    name = written if isinstance(written, str) and PLAIN_ID.fullmatch(written) else None
    subject = Subject(document, "the dispatch", ("dispatches", index), name)
    own_rules = [*_durations(item), *_retries(item), *_rows(item)]
    return _with_unreadable(subject, explain(subject, item_check().errors(item)), own_rules)


def _with_unreadable(
    subject: Subject, problems: list[Problem], unreadable: Iterable[tuple[str, Route, str]]
) -> list[Problem]:
    """*problems*, and what cannot be read at other places than theirs; nothing where the reading met a problem."""
    places = {problem.position for problem in problems}
    found = [subject.problem(code, path, subject.called(path), message) for code, path, message in unreadable]
    problems = problems + [problem for problem in found if problem.position not in places]
    return [problem for problem in problems if problem.position not in subject.document.reported]


def _unshown(document: Document, wrong: list[int]) -> Problem:
    position = document.position("dispatches", wrong[0])
    count = f"{len(wrong):,} more {'dispatch has' if len(wrong) == 1 else 'dispatches have'} problems"
    problem = document.problem("DF019", position, count, "correct those above to see them")
    return replace(problem, stands_for=len(wrong), is_count=True)


def _is_fine(item: object) -> bool:
    return item_check().accepts(item) and not any((*_durations(item), *_retries(item), *_rows(item)))


def _rows(dispatch: object) -> Iterator[tuple[str, Route, str]]:
    """Yield a `for_each` that says which rows to keep, but not where they come from."""
    for_each = dispatch.get("for_each") if isinstance(dispatch, dict) else None
    if isinstance(for_each, dict) and for_each and for_each.keys() <= BESIDE_ROWS:
        yield "DF013", ("for_each",), f"name the rows: add one of the keys {', '.join(ROW_SOURCES)}"


def _retries(dispatch: object, *above: str) -> Iterator[tuple[str, Route, str]]:
    """Yield the problems of a `retry` that describes further attempts where there is only one."""
    retry = dispatch.get("retry") if isinstance(dispatch, dict) else None
    if not isinstance(retry, dict) or retry.get("attempts", 1) != 1:
        return
    for key in ("on", "delay"):
        if key in retry:
            yield "DF014", (*above, "retry", key), "this has no effect with 1 attempt: set retry.attempts to 2 or more"


def _durations(dispatch: object, *above: str) -> Iterator[tuple[str, Route, str]]:
    """Yield the texts that look like durations but cannot be read as one."""
    if not isinstance(dispatch, dict):
        return
    retry = dispatch.get("retry")
    delay = retry.get("delay") if isinstance(retry, dict) else None
    found: tuple[tuple[Route, object, Callable[[str], object]], ...] = (
        (("timeout",), dispatch.get("timeout"), parse_timeout),
        (("retry", "delay"), delay, parse_duration),
    )
    for path, value, parse in found:
        if isinstance(value, str) and (message := _trouble_with_duration(value, parse)):
            yield "DF015", (*above, *path), message


@lru_cache(maxsize=1024)  # most items of a manifest have the same
def _trouble_with_duration(text: str, parse: Callable[[str], object]) -> str:
    try:
        parse(text)
    except ValueError as exc:
        return str(exc)
    return ""


def _settings(data: Mapping[str, object], *, as_written: bool) -> Iterator[tuple[str, Route, str]]:
    """Yield the settings that cannot be read, else the settings that contradict how far to wait."""
    settings = data.get("settings")
    if not isinstance(settings, dict):
        return
    unreadable = list(_unreadable_settings(settings))
    yield from unreadable
    if (as_written or "wait" in settings) and not unreadable:
        try:
            resolve_settings({}, settings)
        except SettingError as exc:
            yield "DF017", ("settings", exc.key), exc.message


def _unreadable_settings(settings: Mapping[str, Any]) -> Iterator[tuple[str, Route, str]]:
    for key, value in settings.items():
        nested = key == "stop_on" and isinstance(value, dict)
        path: Route = ("settings", key, "failures") if nested else ("settings", key)
        if key in PARSERS:
            try:
                PARSERS[key](str(value.get("failures") if nested else value))
            except ValueError as exc:
                yield "DF016", path, str(exc)
