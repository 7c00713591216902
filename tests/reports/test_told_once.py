"""Problems are reported once, in order, with their message and their true count."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from dispatchfile.reports.formats import ProblemFormat
from dispatchfile.reports.problems import render_problems
from dispatchfile.usecases.load import ManifestSource
from dispatchfile.usecases.validate import CheckedManifest, validate

ROWS = """\
version: 1
defaults: {job: nap}
dispatches:
  - id: "s-{{ each.n }}"
    for_each: {csv: slow.csv}
    meta: {seconds: "{{ each.secs }}"}
"""


@dataclass(frozen=True, slots=True)
class Folder:
    """The working folder."""

    path: Path

    def check(self, text: str, rows: int = 0) -> CheckedManifest:
        (self.path / "dispatchfile.yaml").write_text(text)
        lines = "".join(f"{number},1\n" for number in range(rows))
        (self.path / "slow.csv").write_text(f"n,sec\n{lines}")
        (checked,) = validate([ManifestSource("dispatchfile.yaml", None, {}, {})])
        return checked


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folder:
    monkeypatch.chdir(tmp_path)
    return Folder(tmp_path)


@pytest.mark.parametrize("rows", [2, 12, 60])
def test_one_typo_in_many_rows_is_one_annotation(folder: Folder, rows: int) -> None:
    """It has the message, the number of rows and the first row."""
    annotations = render_problems([folder.check(ROWS, rows)], ProblemFormat.GITHUB).splitlines()
    assert annotations == [
        (
            "::error file=dispatchfile.yaml,line=6,col=21,title=DF033%3A a template uses something that is not "
            "defined::"
            "each.secs is not defined: did you mean each.sec? slow.csv has n, sec, index, value"
            f"%0A{rows} rows, first: slow.csv:2"
        ),
        f"{rows} errors in 1 manifest",
    ]


def test_rows_sort_as_numbers_and_the_count_comes_last(folder: Folder) -> None:
    """Every format has the order of the problems."""
    problems = folder.check(ROWS, 60).problems
    assert [problem.row.line if problem.row else problem.text for problem in problems] == [
        *range(2, 22),
        "and 40 more like this",
    ]


def test_all_mistaken_dispatches_are_counted_and_the_rest_is_named(folder: Folder) -> None:
    """However many are shown."""
    wrong = "".join(f"  - {{job: encode, colour: {number}}}\n" for number in range(300))
    text = render_problems([folder.check(f"version: 1\ndispatches:\n{wrong}")], ProblemFormat.TEXT).splitlines()
    assert [line for line in text if "DF019" in line] == [
        "dispatchfile.yaml:203:5: DF019 100 more dispatches have problems: correct those above to see them"
    ]
    assert text[-1] == "300 errors in 1 manifest"


def test_an_item_is_named_even_if_its_id_is_a_word_of_the_message(folder: Folder) -> None:
    """Only an id in quotes counts as named."""
    text = (
        "version: 1\ndefaults: {job: encode}\ndispatches:\n"
        '  - {id: "{{ each.value }}", for_each: {list: [a, it, in, b1]}, id_prefix_template: "x y"}\n'
    )
    lines = render_problems([folder.check(text)], ProblemFormat.TEXT).splitlines()
    assert [line.rpartition(" (item ")[2] for line in lines if "DF044" in line] == ["'a')", "'it')", "'in')", "'b1')"]
