"""Every word that users meet is explained: outcomes, causes, states, variables, keys of reports."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from dispatchfile.agent.faults import parse_fault
from dispatchfile.cli.terminal import FORBIDDING, FORCING
from dispatchfile.events import Cause, NoticeKind, Outcome, State
from dispatchfile.journal.folder import ENVIRONMENT
from dispatchfile.nomad.connection import VARIABLES
from dispatchfile.nomad.proxies import EXCEPTIONS
from dispatchfile.nomad.proxies import VARIABLES as PROXIES
from dispatchfile.reports.formats import OutputFormat, ProblemFormat, ReportKind
from dispatchfile.schema import read_schema
from tests.docs.pages import ROOT, read_sections

Schema = Mapping[str, Any]
PACKAGE = ROOT / "dispatchfile"
READS_A_VARIABLE = re.compile(r'environ(?:\.get\(|\[)"([A-Za-z_]+)"(?!\] = )')


def _table(page: str, title: str) -> list[list[str]]:
    """The rows of the tables in a section."""
    (section,) = (section for section in read_sections(ROOT / page) if section.title == title)
    rows = [line.strip("| ").split(" | ") for line in section.prose.splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in row] for row in rows]


def _words(rows: Iterable[list[str]]) -> list[str]:
    return [word for row in rows for word in re.findall(r"`([^`]+)`", row[0])]


@pytest.mark.parametrize("page", ["README.md", "docs/outcomes.md"])
def test_every_outcome_has_its_meaning_and_class(page: str) -> None:
    """The tables list the outcomes in the order of the code."""
    rows = _table(page, "Outcomes and exit codes" if page == "README.md" else "Outcomes")
    assert [(row[0], row[-1]) for row in rows] == [(f"`{outcome}`", str(outcome.exit_class)) for outcome in Outcome]


def test_every_cause_and_state_has_its_meaning() -> None:
    """The tables list them in the order of the code."""
    assert _words(_table("docs/outcomes.md", "Causes")) == list(Cause)
    assert _words(_table("docs/outcomes.md", "States")) == list(State)


def test_every_exit_code_is_explained() -> None:
    """The table lists all exit codes that scripts may see."""
    (section,) = (s for s in read_sections(ROOT / "docs/outcomes.md") if s.title == "Exit codes")
    assert re.findall(r"^\| ([0-9]+) \|", section.prose, re.MULTILINE) == ["0", "2", "1", "130", "143", "129"]


def test_every_variable_is_explained() -> None:
    """The README explains every environment variable that the package reads."""
    told = set(_words(_table("README.md", "Environment")))
    upper = [names[0] for names in PROXIES.values()] + [EXCEPTIONS[0]]
    assert {*VARIABLES.values(), *FORCING, *FORBIDDING, ENVIRONMENT, *upper} <= told
    assert {name for name in _looked_up() if name not in told} == set()


def _looked_up() -> set[str]:
    sources = [path for path in PACKAGE.rglob("*.py") if "agent" not in path.relative_to(PACKAGE).parts[:1]]
    return {name for path in sources for name in READS_A_VARIABLE.findall(path.read_text(encoding="utf-8"))}


def test_every_key_of_a_summary_is_explained() -> None:
    """The summary's own, and those of its items."""
    schema = read_schema("summary")
    told = _words(_table("docs/output.md", "JSON"))
    item = schema["properties"]["items"]["items"]
    assert set(told) >= set(schema["properties"]) | set(_resolved(schema, item)["properties"])


def _resolved(schema: Schema, part: Schema) -> Schema:
    return schema["definitions"][part["$ref"].rpartition("/")[2]] if "$ref" in part else part


def test_every_state_of_a_run_is_named() -> None:
    """The row of the summary's key `state` names all of them."""
    (row,) = (row for row in _table("docs/output.md", "JSON") if row[0] == "`state`")
    assert set(read_schema("summary")["properties"]["state"]["enum"]) <= set(re.findall(r"`(.*?)`", row[1]))


def test_every_event_is_explained() -> None:
    """The table lists the events by their names in the output."""
    assert _words(_table("docs/output.md", "NDJSON")) == read_schema("event")["properties"]["event"]["enum"]


def test_every_kind_of_notice_is_named() -> None:
    """The row of `notice` names every kind that a run can report."""
    (row,) = (row for row in _table("docs/output.md", "NDJSON") if row[0] == "`notice`")
    sources = [path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py")]
    kinds = {NoticeKind[name] for text in sources for name in re.findall(r"NoticeKind\.([A-Z_]+)", text)}
    assert kinds <= set(re.findall(r"`(.*?)`", row[1]))


def test_every_object_is_listed() -> None:
    """The table lists every `schema` name that the package prints."""
    sources = [path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py")]
    names = {name for text in sources for name in re.findall(r'"(dispatchfile/[a-z]+/v1)"', text)}
    assert sorted(_words(row for row in _table("docs/output.md", "Objects") if "/v1" in row[0])) == sorted(names)


def test_every_format_is_named() -> None:
    """The page names the formats of problems, of runs and of reports."""
    text = Path(ROOT / "docs/output.md").read_text(encoding="utf-8").partition("## Text")[0]
    assert {f"`{name}`" for kind in (ProblemFormat, OutputFormat, ReportKind) for name in kind} <= set(
        re.findall(r"`[a-z]+`", text)
    )


def test_every_fault_is_explained_and_can_be_read() -> None:
    """Each fault of the table can be parsed as it is written there."""
    words = _words(row for row in _table("docs/local-agent.md", "Faults"))
    told = {parse_fault(word).kind for word in words}
    with pytest.raises(ValueError, match="there is no fault") as refusal:
        parse_fault("none=1%")
    assert told == set(str(refusal.value).partition("there are ")[2].split(", "))
