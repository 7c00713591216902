"""docs/errors.md: every code, with what the tool says."""

import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from dispatchfile.items import Item
from dispatchfile.nomad.models import Job, Parameterized, PlacementRule, TaskGroup
from dispatchfile.preflight import ParentState, check_items
from dispatchfile.problems import CODES
from dispatchfile.settings import Wait
from tests.docs.pages import MANIFEST, ROOT, Call, Section, agrees, calls_of, read_sections
from tests.docs.terminal import folder_with, run_shown
from tests.making import make_item

SECTIONS = [section for section in read_sections(ROOT / "docs" / "errors.md") if section.level == 3]
BY_CODE = {section.title.partition(":")[0]: section for section in SECTIONS}
WITHOUT_OUTPUT = {"DF102", "DF107", "DF110", "DF112", "DF113"}  # no embedded agent says these, or a run that goes on
ONLY_WARNED = {"DF039", "DF052"}


def test_every_code_has_a_section_of_its_own() -> None:
    """The sections are in the order of the codes, and each title has the title of its code."""
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
    assert exit_code == (0 if code in ONLY_WARNED else 1)
    assert any(code in line for line in shown[-1].output) or code == "DF019"


@pytest.mark.parametrize("code", CODES)
def test_every_code_has_a_right_example(code: str) -> None:
    """One, and it is the last."""
    assert [block.language.endswith(" right") for block in BY_CODE[code].blocks].count(True) == 1
    assert BY_CODE[code].blocks[-1].language.endswith(" right")


def _with_right(section: Section) -> dict[str, str]:
    """The section's files, with the one that has the problem corrected."""
    right = section.blocks[-1]
    language = right.language.removesuffix(" right")
    names = [block.file or MANIFEST for block in section.blocks if block.language == language]
    return {**section.files, (names[-1] if names else MANIFEST): right.text}


@pytest.mark.parametrize(
    "code",
    [code for code in CODES if BY_CODE[code].blocks[-1].language in {"yaml right", "csv right", "ndjson right"}],
)
def test_right_examples_have_no_problem(code: str, tmp_path: Path) -> None:
    """The command that shows the problem of the wrong example finds none in the right one."""
    section = BY_CODE[code]
    commands = [call.command for call in _console(section) if call.command.startswith("dispatchfile ")]
    with folder_with(_with_right(section), tmp_path):
        printed, exit_code = run_shown(
            (commands or ["dispatchfile validate"])[-1], environ={"DISPATCHFILE_STATE_DIR": str(tmp_path / "state")}
        )
    assert (exit_code, [line for line in printed if "DF" in line]) == (0, []), printed


@pytest.mark.parametrize("code", ["DF002", "DF010", "DF036", "DF037"])
def test_right_commands_work(code: str, tmp_path: Path) -> None:
    """After those that show the problem."""
    section = BY_CODE[code]
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    with folder_with(section.files, tmp_path):
        for call in _console(section):
            run_shown(call.command)
        script = ["bash", "-ec", section.blocks[-1].text]
        done = subprocess.run(script, env=os.environ | {"PATH": path}, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


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

RULE = PlacementRule("constraint", "", "${meta.codec}", "=", "${NOMAD_META_codec}")
OVERRIDING = replace(JOB, groups=(TaskGroup("encode", 1, meta={"codec": "h264"}),))


@pytest.mark.parametrize(
    ("code", "item", "state"),
    [
        pytest.param("DF102", make_item("intro"), ParentState(JOB), id="DF102"),
        pytest.param("DF107", make_item("intro", namespace="media"), ParentState(JOB, may_dispatch=False), id="DF107"),
        pytest.param("DF110", make_item("intro", priority=70), ParentState(JOB), id="DF110"),
        pytest.param("DF112", make_item("intro"), ParentState(replace(JOB, rules=(RULE,))), id="DF112"),
        pytest.param("DF113", make_item("intro", meta={"codec": "av1"}), ParentState(OVERRIDING), id="DF113"),
    ],
)
def test_what_cannot_be_shown_is_quoted(code: str, item: Item, state: ParentState) -> None:
    """Preflight's words, of a server or a job as it would have to be."""
    problems = check_items([item], {item.request.job_key: state}, wait=Wait.PLACEMENT, version=(1, 9, 7))
    block = BY_CODE[code].blocks[0]
    assert block.text.strip() in [problem.text for problem in problems if problem.code == code]


def _console(section: Section) -> list[Call]:
    return [call for block in section.blocks if block.language == "console" for call in calls_of(block)]
