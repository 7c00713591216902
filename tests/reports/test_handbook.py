"""Codes and words explained from the pages of the documentation."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatchfile.events import Cause, Outcome, State
from dispatchfile.problems import CODES
from dispatchfile.reports.explained import render_entries, render_index
from dispatchfile.reports.formats import OutputFormat
from dispatchfile.reports.handbook import find_entries, near_names, read_handbook
from tests.docs.pages import ROOT, read_sections

BY_KIND = {
    kind: [entry.name for entry in read_handbook() if entry.kind == kind]
    for kind in ("code", "state", "outcome", "cause", "exit code")
}


def test_every_code_state_outcome_cause_and_exit_code_has_an_entry() -> None:
    """There are no other entries."""
    assert {
        "code": list(CODES),
        "state": list(State),
        "outcome": list(Outcome),
        "cause": list(Cause),
        "exit code": ["0", "2", "1", "130", "143", "129"],
    } == BY_KIND
    assert {entry.kind for entry in read_handbook()} == set(BY_KIND)


@pytest.mark.parametrize("code", CODES)
def test_a_code_is_explained_as_on_its_page(code: str) -> None:
    """The title and the examples are the same, the wrong one first and the right one last."""
    (entry,) = find_entries(code)
    (section,) = (s for s in read_sections(ROOT / "docs/errors.md") if s.title.startswith(f"{code}: "))
    examples = [part for part in entry.parts if part.is_example]
    assert entry.title == CODES[code]
    assert [part.text for part in examples] == [block.text for block in section.blocks]
    assert [part.is_right for part in examples] == [False] * (len(examples) - 1) + [True]
    assert len(examples) >= 2
    prose = [part.text for part in entry.parts if not part.is_example]
    assert prose
    assert [text for text in prose if "](" in text] == []


@pytest.mark.parametrize("name", ["DF033", "df033", " Df033 "])
def test_case_does_not_matter(name: str) -> None:
    """Nor does white space around the name."""
    assert [entry.name for entry in find_entries(name)] == ["DF033"]


@pytest.mark.parametrize(
    ("typed", "names"),
    [("timed-out", ["timed_out"]), ("NODE LOST", ["node_lost"]), ("2", ["2"]), ("df33", []), ("", []), ("x", [])],
)
def test_words_are_found_with_other_separators(typed: str, names: list[str]) -> None:
    """A person may remember a word with another separator."""
    assert [entry.name for entry in find_entries(typed)] == names


@pytest.mark.parametrize(
    ("typed", "near"),
    [
        ("df33", ["DF033"]),
        ("DF0033", ["DF033"]),
        ("33", ["DF033"]),
        ("DF034x", ["DF034"]),
        ("faild", ["failed"]),
        ("time", ["timed_out"]),
        ("zebra", []),
        ("", []),
    ],
)
def test_names_that_resemble_what_was_typed_are_found(typed: str, near: list[str]) -> None:
    """A name can resemble by its number, its beginning or its letters."""
    assert near_names(typed)[: len(near) or 3] == near


def test_a_code_is_shown_with_both_examples() -> None:
    """The wrong one with what the tool prints."""
    assert render_entries(find_entries("DF009"), OutputFormat.TEXT, width=100).splitlines()[2:] == (
        read_section("DF009")
    )


def read_section(code: str) -> list[str]:
    """The lines that are to be shown below the title."""
    (section,) = (s for s in read_sections(ROOT / "docs/errors.md") if s.title.startswith(f"{code}: "))
    before, after = (text.strip() for text in re.split(r"\n{2,}", section.prose.strip()))
    wrong, printed, right = (block.text.splitlines() for block in section.blocks)
    return [before, "", "Wrong:", "", *_code(wrong), "", *_code(printed), "", after, "", "Right:", "", *_code(right)]


def _code(lines: list[str]) -> list[str]:
    return [f"    {line}" for line in lines]


@given(width=st.integers(20, 300))
def test_paragraphs_fit_the_terminal(width: int) -> None:
    """Only a word, or an example, can be wider."""
    for entry in read_handbook():
        text = render_entries([entry], OutputFormat.TEXT, width=width)
        too_wide = [line for line in text.splitlines() if len(line) > width and not line.startswith("    ")]
        assert [line for line in too_wide if " " in line.strip()] == []


def test_the_index_has_a_line_for_each() -> None:
    """The lines are grouped by kind, each with its title."""
    lines = render_index(read_handbook(), OutputFormat.TEXT).splitlines()
    kinds = [line for line in lines if line.endswith("s:")]
    assert kinds == ["Codes:", "States:", "Outcomes:", "Causes:", "Exit codes:"]
    assert [line.split()[0] for line in lines if line.startswith("  ")] == [entry.name for entry in read_handbook()]


def test_scripts_get_one_object() -> None:
    """The object has text and examples as separate keys."""
    (line,) = render_entries(find_entries("failed"), OutputFormat.NDJSON).splitlines()
    record = json.loads(line)
    (entry,) = record["entries"]
    assert (record["schema"], entry["name"], entry["kind"], entry["wrong"], entry["right"]) == (
        "dispatchfile/explanations/v1",
        "failed",
        "outcome",
        [],
        [],
    )
    (code,) = json.loads(render_entries(find_entries("DF009"), OutputFormat.JSON))["entries"]
    assert (code["kind"], len(code["wrong"]), len(code["right"])) == ("code", 2, 1)
