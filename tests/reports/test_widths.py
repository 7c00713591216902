"""Results that are no table fit the terminal, too; what is to be copied is never broken."""

import re

import pytest
from rich.cells import cell_len

from dispatchfile.journal import RunState
from dispatchfile.names import JobKey
from dispatchfile.planfile import PlanHead, PlannedJob, Review
from dispatchfile.reports.explained import render_entries
from dispatchfile.reports.formats import OutputFormat
from dispatchfile.reports.handbook import find_entries
from dispatchfile.reports.plan.as_text import plan_text
from dispatchfile.reports.pruned import render_pruned
from dispatchfile.reports.text import Palette
from tests.making import make_item
from tests.reports.test_history import stored

WIDTHS = [40, 60, 80]
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
HEAD = PlanHead("nightly", "m.yaml", "a" * 64, {}, (PlannedJob(JobKey("default", "", "encode"), 12),))


def wide(text: str, width: int) -> list[str]:
    """The lines that do not fit."""
    return [line for line in COLOUR.sub("", text).splitlines() if cell_len(line) > width]


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("coloured", [False, True])
def test_a_plan_is_wrapped_and_its_digest_whole(width: int, coloured: bool) -> None:
    """What the journal knows of an item is not cut off; the command that sends the plan has a line of its own."""
    items = tuple(make_item(f"film-from-the-archive-{number:04}") for number in range(3))
    known = dict.fromkeys((item.id for item in items), "succeeded in nlj5df26")
    review = Review(HEAD, "m.yaml", "b" * 64, items, "http://127.0.0.1:4646", known, out="a-long-name-of-a-plan.plan")
    text = plan_text(review, every=True, palette=Palette(coloured), width=width)
    copied = {f"digest {'b' * 64}", "  dispatchfile run a-long-name-of-a-plan.plan"}
    assert set(wide(text, width)) <= copied
    assert COLOUR.sub("", text).count("nlj5df26]") == 3


@pytest.mark.parametrize("width", WIDTHS)
def test_the_reasons_why_journals_stay_are_wrapped(width: int) -> None:
    """They stand below the table."""
    run = stored("k3v9x2ab", RunState.FINISHED)
    needed = [(run, "finished", "it has items whose end was not seen (40 placed)")]
    text = render_pruned([], needed, OutputFormat.TEXT, kept=3, dry_run=True, width=width)
    assert wide(text, width) == []
    assert " ".join(text.split()).startswith("kept run k3v9x2ab: it has items whose end was not seen (40 placed) would")


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("coloured", [False, True])
def test_an_explanation_is_wrapped_and_its_examples_are_whole(width: int, coloured: bool) -> None:
    """An example is to be copied: its lines are indented and never broken."""
    text = render_entries(find_entries("exit"), OutputFormat.TEXT, width=width, palette=Palette(coloured))
    assert wide(text, width) == []
    code = render_entries(find_entries("DF017"), OutputFormat.TEXT, width=width, palette=Palette(coloured))
    assert [line for line in wide(code, width) if not line.startswith("    ")] == []
