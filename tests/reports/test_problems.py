"""The problems that `validate` found, in each format."""

import json
from dataclasses import dataclass, replace
from xml.etree import ElementTree

import junitparser
import pytest

from dispatchfile.items import RowCount
from dispatchfile.problems import CODES, Problem, Severity
from dispatchfile.reports.formats import ProblemFormat
from dispatchfile.reports.problem_text import list_problems
from dispatchfile.reports.problems import render_problems
from dispatchfile.reports.text import Palette
from dispatchfile.source import Position, excerpt


@dataclass(frozen=True)
class Manifest:
    path: str
    items: int
    problems: tuple[Problem, ...] = ()
    sources: tuple[RowCount, ...] = ()


WRONG_TYPE = Problem(
    "DF012",
    Position("films.yaml", 7, 14),
    "concurrency is a mapping",
    "write a number from 1 to 64",
    excerpt=excerpt("  concurrency: {}", 16),
)
WARNING = Problem(
    "DF007", Position("films.yaml", 9, 3), "an unquoted template", severity=Severity.WARNING, item="intro"
)
GOOD, BAD = Manifest("ok.yaml", 120), Manifest("films.yaml", 3, (WRONG_TYPE, WARNING))


def test_a_person_reads_place_code_and_excerpt_and_then_a_count() -> None:
    """The whole text for one manifest that is fine and one that is not."""
    assert (
        render_problems([GOOD, BAD], ProblemFormat.TEXT)
        == """\
ok.yaml: ok, 120 items
films.yaml:7:14: DF012 concurrency is a mapping: write a number from 1 to 64
      concurrency: {}
                   ^
films.yaml:9:3: DF007 warning: an unquoted template (item 'intro')
1 error and 1 warning in 1 of 2 manifests
"""
    )


def test_a_good_manifest_is_said_to_be_good() -> None:
    """Silence could also mean that nothing was looked at."""
    assert (
        render_problems([GOOD], ProblemFormat.TEXT) == "ok.yaml: ok, 120 items\nno problems in 1 manifest, 120 items\n"
    )


def test_colours_add_codes_and_no_words() -> None:
    """Without the colours it is the same text."""
    coloured = render_problems([GOOD, BAD], ProblemFormat.TEXT, palette=Palette(on=True))
    for code in ("\x1b[1;31m", "\x1b[33m", "\x1b[32m", "\x1b[1m", "\x1b[0m"):
        coloured = coloured.replace(code, "")
    assert coloured == render_problems([GOOD, BAD], ProblemFormat.TEXT)


def test_a_text_of_thousands_of_problems_is_cut() -> None:
    """The rest is counted, and the way to see it is named."""
    assert list_problems([WARNING] * 1300, limit=2).splitlines()[-1] == "and 1,298 more (-o json shows all)"


def test_escapes_in_a_manifest_never_reach_the_terminal() -> None:
    """Found text, paths and excerpts come from outside."""
    hostile = Problem(
        "DF015", Position("a\x1b[2J.yaml", 1, 1), "\x1b]0;title\x07", item="\x1b[1m", excerpt="\x1b[31m\n^"
    )
    for form in ProblemFormat:
        assert "\x1b" not in render_problems([Manifest("a\x1b[2J.yaml", 1, (hostile,))], form)


def test_a_script_reads_every_field() -> None:
    """The whole object."""
    assert json.loads(render_problems([GOOD, BAD], ProblemFormat.JSON)) == {
        "schema": "dispatchfile/problems/v1",
        "errors": 1,
        "warnings": 1,
        "manifests": [
            {"path": "ok.yaml", "items": 120, "sources": [], "problems": []},
            {
                "path": "films.yaml",
                "items": 3,
                "sources": [],
                "problems": [
                    {
                        "code": "DF012",
                        "severity": "error",
                        "message": "concurrency is a mapping: write a number from 1 to 64",
                        "found": "concurrency is a mapping",
                        "hint": "write a number from 1 to 64",
                        "count": 1,
                        "item": None,
                        "file": "films.yaml",
                        "line": 7,
                        "column": 14,
                    },
                    {
                        "code": "DF007",
                        "severity": "warning",
                        "message": "an unquoted template",
                        "found": "an unquoted template",
                        "hint": "",
                        "count": 1,
                        "item": "intro",
                        "file": "films.yaml",
                        "line": 9,
                        "column": 3,
                    },
                ],
            },
        ],
    }


def test_github_gets_an_annotation_at_each_place() -> None:
    """Errors and warnings are commands of their own kind; the closing line is for the log."""
    assert render_problems([GOOD, BAD], ProblemFormat.GITHUB).splitlines() == [
        (
            "::error file=films.yaml,line=7,col=14,title=DF012%3A a value of the wrong type"
            "::concurrency is a mapping: write a number from 1 to 64"
        ),
        "::warning file=films.yaml,line=9,col=3,title=DF007%3A an unquoted template::an unquoted template",
        "1 error and 1 warning in 1 of 2 manifests",
    ]


def test_no_text_breaks_out_of_an_annotation() -> None:
    """Percent signs, line breaks, colons and commas are escaped where GitHub reads them as its own."""
    hostile = Problem("DF015", Position("a,b:c.yaml", 1, 2), "100%\n::error::gotcha\r")
    assert render_problems([Manifest("x", 0, (hostile,))], ProblemFormat.GITHUB).splitlines()[0] == (
        "::error file=a%2Cb%3Ac.yaml,line=1,col=2,title=DF015%3A a value that is not allowed"
        "::100%25\\n::error::gotcha\\r"
    )


def test_more_annotations_than_github_shows_are_grouped() -> None:
    """One for each file and code, naming the other lines."""
    many = tuple(replace(WRONG_TYPE, position=Position("films.yaml", line, 1)) for line in range(1, 13))
    first, closing = render_problems([Manifest("films.yaml", 12, many)], ProblemFormat.GITHUB).splitlines()
    assert first.endswith("%0A11 more of the same kind, in lines 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12")
    assert closing == "12 errors in 1 manifest"


def test_lines_that_are_not_named_are_not_counted() -> None:
    """What only counts more problems has no line, so a number of other lines would be wrong."""
    many = [replace(WRONG_TYPE, position=Position("films.yaml", line, 1)) for line in range(1, 202)]
    more = replace(WRONG_TYPE, position=Position("films.yaml", 202, 1), stands_for=99, is_count=True)
    first, closing = render_problems([Manifest("films.yaml", 300, (*many, more))], ProblemFormat.GITHUB).splitlines()
    named = ", ".join(map(str, range(2, 22)))
    assert first.endswith(f"%0A299 more of the same kind, the first in lines {named}")
    assert closing == "300 errors in 1 manifest"


def test_more_groups_than_github_shows_are_counted() -> None:
    """Never more than ten of a kind, and the tenth says how many are missing."""
    many = tuple(replace(WRONG_TYPE, position=Position(f"{n}.csv", 1, 1)) for n in range(30))
    lines = render_problems([Manifest("films.yaml", 12, many)], ProblemFormat.GITHUB).splitlines()
    assert len(lines) == 11
    assert lines[9] == "::error title=More problems::21 more: `dispatchfile validate` shows all"


def test_a_code_scanner_gets_rules_and_results() -> None:
    """Every code is a rule, and every result points at its rule and its place."""
    run = json.loads(render_problems([BAD], ProblemFormat.SARIF))["runs"][0]
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == list(CODES)
    assert [run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] for result in run["results"]] == [
        "DF012",
        "DF007",
    ]
    assert run["results"][0] == {
        "ruleId": "DF012",
        "ruleIndex": list(CODES).index("DF012"),
        "level": "error",
        "message": {"text": "concurrency is a mapping: write a number from 1 to 64"},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": "films.yaml"},
                    "region": {"startLine": 7, "startColumn": 14},
                }
            }
        ],
        "partialFingerprints": run["results"][0]["partialFingerprints"],
    }


def _fingerprints(*problems: Problem) -> list[str]:
    run = json.loads(render_problems([Manifest("m", 1, problems)], ProblemFormat.SARIF))["runs"][0]
    return [result["partialFingerprints"]["primaryLocationLineHash"] for result in run["results"]]


def test_a_finding_is_the_same_after_it_moved() -> None:
    """Lines put in above it do not make it new; the same line twice makes two findings."""
    moved = replace(WRONG_TYPE, position=Position("films.yaml", 99, 14))
    assert _fingerprints(moved) == _fingerprints(WRONG_TYPE)
    twice = _fingerprints(WRONG_TYPE, moved)
    assert (twice[0], len(set(twice))) == (_fingerprints(WRONG_TYPE)[0], 2)


@pytest.mark.parametrize(
    ("path", "uri"),
    [
        pytest.param("a b/ü.yaml", "a%20b/%C3%BC.yaml", id="blanks and letters"),
        pytest.param("/abs/m.yaml", "file:///abs/m.yaml", id="absolute"),
        pytest.param("<stdin>", "stdin", id="standard input"),
        pytest.param("\udcff.yaml", "%FF.yaml", id="not UTF-8"),
    ],
)
def test_paths_become_uris(path: str, uri: str) -> None:
    """A scanner takes URIs, not file names."""
    problem = replace(WRONG_TYPE, position=Position(path, 1, 1))
    run = json.loads(render_problems([Manifest(path, 1, (problem,))], ProblemFormat.SARIF))["runs"][0]
    assert run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"] == {"uri": uri}


def test_a_test_report_has_a_case_for_each_manifest() -> None:
    """Errors fail it; warnings are told and pass."""
    text = render_problems([GOOD, BAD, Manifest("w.yaml", 1, (WARNING,))], ProblemFormat.JUNIT)
    report = junitparser.JUnitXml.fromstring(text.encode())
    (suite,) = report
    assert (suite.name, suite.tests, suite.failures) == ("dispatchfile validate", 3, 1)
    good, bad, warned = suite
    assert ([case.name for case in suite], good.result, warned.result) == (["ok.yaml", "films.yaml", "w.yaml"], [], [])
    assert (bad.result[0].message, bad.result[0].type) == ("1 error", "DF012")
    assert bad.result[0].text == list_problems(BAD.problems)
    assert ElementTree.fromstring(text.encode()).findtext(".//system-out") == list_problems([WARNING])


def test_a_test_report_is_xml_whatever_a_manifest_holds() -> None:
    """Characters that XML forbids are replaced, not written."""
    text = render_problems([Manifest("a\x00\ufffe.yaml", 1, (WARNING,))], ProblemFormat.JUNIT)
    assert ElementTree.fromstring(text).find(".//testcase").get("name") == "a\ufffd\ufffd.yaml"


FILMS = RowCount(Position("films.yaml", 4, 15), "films.csv", 5, 2, has_where=True)
URLS = RowCount(Position("films.yaml", 7, 15), "urls.txt", 3, 3, has_where=False)
NONE = RowCount(Position("films.yaml", 9, 15), "standard input", 0, 0, has_where=False)


def test_a_person_reads_how_many_rows_a_choice_keeps() -> None:
    """A source whose rows are all kept earns no line; one without rows does. Errors come first, and alone."""
    kept = Manifest("films.yaml", 5, sources=(FILMS, URLS, NONE))
    assert render_problems([kept], ProblemFormat.TEXT) == (
        "films.yaml: ok, 5 items\n"
        "  films.csv: kept 2 of 5 rows (films.yaml:4:15)\n"
        "  standard input: no rows (films.yaml:9:15)\n"
        "no problems in 1 manifest, 5 items\n"
    )
    assert "kept" not in render_problems([replace(kept, problems=(WRONG_TYPE,))], ProblemFormat.TEXT)


def test_a_script_reads_how_many_rows_each_source_has() -> None:
    """Every source has its place and its counts."""
    [manifest] = json.loads(render_problems([Manifest("m", 2, sources=(FILMS,))], ProblemFormat.JSON))["manifests"]
    assert manifest["sources"] == [
        {"source": "films.csv", "rows": 5, "kept": 2, "file": "films.yaml", "line": 4, "column": 15}
    ]
