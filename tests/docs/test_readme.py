"""The README: its first lines are commands to copy, its sessions are real."""

import contextlib
import os
import re
from pathlib import Path

import pytest

from tests.docs.pages import PAGES, ROOT, agrees, calls_of, links_of, read_sections
from tests.docs.terminal import run_shown, steady

README = ROOT / "README.md"
SHELLS = {"", "sh", "bash", "shell", "console"}
FIRST_LINES = """\
python3 -m venv .venv && .venv/bin/pip install -q '.[local]' && \
.venv/bin/dispatchfile run examples/quickstart/dispatchfile.yaml --local
.venv/bin/pip install -q '.[dev]' && .venv/bin/pytest
"""


def test_the_first_block_installs_runs_and_tests() -> None:
    """Two lines to copy, which the checks run in a clean environment."""
    blocks = [block for section in read_sections(README) for block in section.blocks if block.language in SHELLS]
    assert blocks[0].text == FIRST_LINES


def test_the_first_session_is_real(tmp_path: Path) -> None:
    """Each command prints what is shown, but for run IDs, times, counts of requests and the host's name."""
    (session,) = (section for section in read_sections(README) if section.title == "A first session")
    with contextlib.chdir(tmp_path):
        for block in session.blocks:
            for call in calls_of(block) if block.language == "console" else ():
                if call.command.startswith("cd "):
                    os.chdir(call.command.removeprefix("cd "))
                    continue
                printed, _ = run_shown(call.command, environ={"DISPATCHFILE_STATE_DIR": str(tmp_path / "state")})
                assert agrees(tuple(steady(call.output)), steady(printed)), (call.place, printed)


def test_every_page_is_listed_once() -> None:
    """The table of the documentation lists every page."""
    (section,) = (section for section in read_sections(README) if section.title == "Documentation")
    listed = re.findall(r"^\| \[.*?\]\((.*?)\) \|", section.prose, re.MULTILINE)
    assert sorted(listed) == [page.relative_to(ROOT).as_posix() for page in PAGES if page != README]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    """Each link leads to a file that exists and to a heading that the file has."""
    assert [link for link in links_of(page) if not _leads_somewhere(page, link)] == []


def _leads_somewhere(page: Path, link: str) -> bool:
    if "://" in link:
        return True
    name, _, anchor = link.partition("#")
    target = page.parent / name if name else page
    if not target.resolve().is_file():
        return False
    return not anchor or anchor in {_anchor(section.title) for section in read_sections(target.resolve())}


def _anchor(title: str) -> str:
    """Return the anchor of a heading as GitHub makes it."""
    kept = "".join(char for char in title.lower() if char.isalnum() or char in " -_")
    return kept.replace(" ", "-")
