"""docs/errors.md: every code, with what the tool says."""

import re
from pathlib import Path

import pytest

from dispatchfile.flow import parent_of
from dispatchfile.items import Item
from dispatchfile.nomad.models import Job, Parameterized
from dispatchfile.preflight import ParentState, check_items
from dispatchfile.problems import CODES
from dispatchfile.settings import Wait
from tests.docs.pages import ROOT, Call, Section, agrees, calls_of, read_sections
from tests.docs.terminal import folder_with, run_shown
from tests.making import make_item

SECTIONS = [section for section in read_sections(ROOT / "docs" / "errors.md") if section.level == 3]
BY_CODE = {section.title.partition(":")[0]: section for section in SECTIONS}
WITHOUT_OUTPUT = {"DF102", "DF107", "DF110"}  # no embedded agent can be brought to say these


def test_every_code_has_a_section_of_its_own() -> None:
    """In the order of the codes, under the words that stand beside the code."""
    assert [section.title for section in SECTIONS] == [f"{code}: {words}" for code, words in CODES.items()]


@pytest.mark.parametrize("code", CODES)
def test_every_code_says_what_it_means_and_what_to_do(code: str) -> None:
    """A sentence before the example and one after it."""
    paragraphs = [text for text in BY_CODE[code].prose.split("\n\n") if re.search(r"[.:]$", text.strip())]
    assert len(paragraphs) >= 2


@pytest.mark.parametrize("code", sorted(CODES.keys() - WITHOUT_OUTPUT))
def test_examples_print_what_is_shown(code: str, tmp_path: Path) -> None:
    """Each section's manifest has just its problem, told in just these words."""
    section = BY_CODE[code]
    shown = _console(section)
    with folder_with(section.files, tmp_path):
        for call in shown:
            printed, exit_code = run_shown(call.command, environ={"DISPATCHFILE_STATE_DIR": str(tmp_path / "state")})
            assert agrees(call.output, [line for line in printed if not line.startswith("job ")]), call.place
    assert exit_code == 1
    assert any(code in line for line in shown[-1].output) or code == "DF019"


JOB = Job(
    id="encode",
    namespace="default",
    type="batch",
    status="dead",
    stop=True,
    parent_id="",
    dispatched=False,
    token="",
    priority=50,
    meta={},
    payload=b"",
    parameterized=Parameterized("optional", (), ()),
    periodic=False,
    groups=(),
    create_index=1,
    modify_index=1,
    job_modify_index=1,
    submit_time_ns=0,
    version=0,
)


@pytest.mark.parametrize(
    ("code", "item", "state"),
    [
        pytest.param("DF102", make_item("intro"), ParentState(JOB), id="DF102"),
        pytest.param("DF107", make_item("intro", namespace="media"), ParentState(JOB, may_dispatch=False), id="DF107"),
        pytest.param("DF110", make_item("intro", priority=70), ParentState(JOB), id="DF110"),
    ],
)
def test_what_cannot_be_shown_is_quoted(code: str, item: Item, state: ParentState) -> None:
    """Preflight's words for a server that no embedded agent can stand for."""
    problems = check_items([item], {parent_of(item): state}, wait=Wait.PLACEMENT, version=(1, 9, 7))
    (block,) = BY_CODE[code].blocks
    assert block.text.strip() in [problem.text for problem in problems if problem.code == code]


def _console(section: Section) -> list[Call]:
    return [call for block in section.blocks if block.language == "console" for call in calls_of(block)]
