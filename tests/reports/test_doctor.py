"""What `doctor` found, as it is shown."""

import json

import pytest

from dispatchfile.findings import Examination, fail, ok, skip, warn
from dispatchfile.reports.doctor import render_examination
from dispatchfile.reports.formats import OutputFormat
from dispatchfile.reports.text import Palette

ADDRESS = "http://n:4646"

OK = ok("leader", "n1:4647")
WARN = warn("tls", "not\nused")
FAIL = fail("token", "Nomad refuses it")
SKIP = skip("version", "cannot be known")


def test_findings_are_aligned_lines():
    """What is wrong stands out, and the last line counts."""
    assert render_examination(Examination(ADDRESS, (OK, WARN, FAIL, SKIP)), OutputFormat.TEXT).splitlines() == [
        "ok    leader   n1:4647",
        "warn  tls      not used",
        "FAIL  token    Nomad refuses it",
        "skip  version  cannot be known",
        "1 problem, 1 warning, 1 check not possible",
    ]


@pytest.mark.parametrize(
    ("findings", "line"),
    [
        ((OK,), "no problems, 0 warnings"),
        ((WARN, SKIP), "no problems, 1 warning, 1 check not possible"),
        ((FAIL, FAIL), "2 problems, 0 warnings"),
    ],
)
def test_the_last_line_sums_up(findings, line):
    """What could not be checked is neither well nor wrong."""
    assert render_examination(Examination(ADDRESS, findings), OutputFormat.TEXT).splitlines()[-1] == line


def test_quietly_only_what_matters_is_told():
    """The findings stay in order."""
    shown = render_examination(Examination(ADDRESS, (OK, WARN, SKIP)), OutputFormat.TEXT, quiet=True)
    assert shown == "warn  tls  not used\nno problems, 1 warning, 1 check not possible\n"


def test_colours_repeat_what_the_word_says():
    """A terminal shows the colours."""
    shown = render_examination(Examination(ADDRESS, (FAIL,)), OutputFormat.TEXT, palette=Palette(on=True))
    assert shown.startswith("\x1b[1;31mFAIL\x1b[0m  token")


@pytest.mark.parametrize(("form", "lines"), [(OutputFormat.JSON, 14), (OutputFormat.NDJSON, 1)])
def test_scripts_get_one_object(form, lines):
    """With everything that people are told."""
    shown = render_examination(Examination(ADDRESS, (FAIL,)), form)
    assert len(shown.splitlines()) == lines
    assert json.loads(shown) == {
        "schema": "dispatchfile/doctor/v1",
        "address": "http://n:4646",
        "ok": False,
        "checks": [{"level": "fail", "check": "token", "message": "Nomad refuses it"}],
        "children": [],
        "load": None,
    }
