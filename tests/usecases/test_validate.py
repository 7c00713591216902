"""Manifests checked without a server."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from dispatchfile.errors import FileError
from dispatchfile.items import TargetScope
from dispatchfile.problems import Severity
from dispatchfile.usecases.load import ManifestSource, load_items
from dispatchfile.usecases.validate import CheckedManifest, exit_code, validate
from dispatchfile.usecases.variables import read_variables
from tests.schema.test_check_document import spoilt_manifests

GOOD = b"version: 1\ndispatches: [{id: a, job: enc}, {id: b, job: enc}]\n"
TWO_WRONG = b"version: 1\ndispatches: [{id: a, job: enc}, {id: a, job: enc}, {id: c, job: '{{ vars.x }}'}]\n"


def _source(content: bytes) -> ManifestSource:
    return ManifestSource(path="-", content=content, variables={}, environ={}, scope=TargetScope())


def test_a_good_manifest_has_items_and_no_problems() -> None:
    """Nothing is kept of the items but their number."""
    assert validate([_source(GOOD)]) == (CheckedManifest("<stdin>", 2, ()),)


def test_all_problems_of_all_manifests_are_found_at_once() -> None:
    """A manifest that is no YAML at all keeps nobody from looking at the next."""
    broken, wrong, good = validate([_source(b"{"), _source(TWO_WRONG), _source(GOOD)])
    assert [problem.code for problem in broken.problems] == ["DF001"]
    assert [problem.code for problem in wrong.problems] == ["DF020", "DF033"]
    assert good.problems == ()
    assert [exit_code(checked) for checked in ([broken, good], [wrong], [good], [])] == [1, 1, 0, 0]


SLIPS = """
version: 1
{top}
dispatches:
  - {{id: a, job: enc, jop: x, meta: {{t: "{{{{ vars.nope }}}}"}}}}
  - {{id: b, job: enc, meta: {{t: "{{{{ vars.nope }}}}"}}}}
  - {{id: c, job: enc, tags: [{tag}]}}
  - {{id: a, job: enc}}
  - {{id: b, job: enc}}
{end}
"""


@pytest.mark.parametrize(
    ("top", "tag", "end", "found"),
    [
        pytest.param("", "x", "", [(5, "DF011"), (6, "DF033"), (9, "DF020")], id="a wrong entry"),
        pytest.param(
            "rate: 5/s", "{{ x }}", "settings: {wait: maybe}",
            [(3, "DF011"), (5, "DF011"), (6, "DF033"), (7, "DF007"), (9, "DF020"), (10, "DF016")],
            id="a template without quotes, and what no item is made of",
        ),
        pytest.param("variables: {nope: 1}", "x", "", [(3, "DF011"), (5, "DF011")], id="perhaps variables"),
        pytest.param("vars: []", "x", "", [(3, "DF012"), (5, "DF011")], id="no variables"),
        pytest.param("", "x", "vars: {a: {{ x }}}", [(5, "DF011"), (10, "DF007")], id="variables below"),
        pytest.param("", "x", "vars: {}\nvars: {nope: 1}", [(5, "DF011"), (11, "DF004")], id="variables twice"),
        pytest.param("defaults: {timeout: 99999999999999h}", "x", "", [(3, "DF015"), (5, "DF011")], id="defaults"),
    ],
)  # fmt: skip
def test_one_slip_hides_no_problems_of_other_dispatches(
    top: str, tag: str, end: str, found: list[tuple[int, str]]
) -> None:
    """The entry with the slip is left out; where a slip could reach into every item, none is looked at."""
    (checked,) = validate([_source(SLIPS.format(top=top, tag=tag, end=end).encode())])
    assert [(problem.position.line, problem.code) for problem in checked.problems] == found


def test_settings_have_to_fit_how_far_the_manifest_waits() -> None:
    """`run` without flags would refuse them; one that says how far to wait is no matter of the manifest's."""
    text = b"version: 1\nsettings: {unplaced_after: 5m}\ndispatches: [{id: a, job: enc}]\n"
    (checked,) = validate([_source(text)])
    assert [(problem.code, problem.position.column) for problem in checked.problems] == [("DF017", 28)]
    assert load_items(_source(text)).problems == ()


@settings(
    max_examples=100,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(spoilt_manifests())
def test_whatever_the_schema_refuses_can_be_looked_into(data: dict[str, object]) -> None:
    """Never an exception; and what `validate` says `run` does, but for settings that a flag may mend."""
    source = _source(json.dumps(data).encode())
    (checked,) = validate([source])
    loaded = load_items(source)
    assert {problem for problem in checked.problems if problem.code != "DF017"} == {
        problem for problem in loaded.problems if problem.code != "DF017"
    }


def test_no_excerpt_shows_what_is_sensitive() -> None:
    """Neither a line with a sensitive key nor one of its value's, whichever problem stands there; others are shown."""
    text = b"""version: 1
defaults:
  meta: {token: sekrit, level: [1]}
dispatches:
  - {id: a, job: enc, meta: {api_key: sekrit}, tags: 7, sensitive: [meta.api_key, meta.token]}
  - id: b
    job: enc
    meta:
      api_key: [sekrit,
        sekrit]
      title: [1]
    sensitive: [meta.api_key]
  - id: c
    jop: enc
    payload:
      json:
        key: sekrit
      jsn: sekrit
    tags: 7
    sensitive: payload
  - {id: d, job: enc, meta: {api_key: shown}, tags: 7}
"""
    (checked,) = validate([_source(text)])
    assert [(problem.position.line, problem.excerpt != "") for problem in checked.problems] == [
        (3, False),
        (5, False),
        (9, False),
        (11, True),
        (14, True),
        (18, False),
        (18, False),
        (19, True),
        (20, True),
        (21, True),
    ]
    assert "sekrit" not in str(checked.problems)
    assert load_items(_source(text)).problems == checked.problems


def test_warnings_are_no_errors() -> None:
    """They are told, and the manifest can be run."""
    (wrong,) = validate([_source(TWO_WRONG)])
    warnings = tuple(replace(problem, severity=Severity.WARNING) for problem in wrong.problems)
    assert exit_code([replace(wrong, problems=warnings)]) == 0


def test_a_manifest_that_is_not_there_is_a_problem_like_others(tmp_path: Path) -> None:
    """It has a code and a place, so that every format can tell it."""
    path = str(tmp_path / "no.yaml")
    (checked,) = validate([ManifestSource(path, None, {}, {}, TargetScope())])
    assert [(problem.code, problem.position.file) for problem in checked.problems] == [("DF010", path)]


def test_later_variables_go_over_earlier_ones(tmp_path: Path) -> None:
    """Files in their order, single ones over all of them; YAML and JSON alike."""
    (tmp_path / "a.yaml").write_text("x: 1\ny: [1, 2]\nz: a\n")
    (tmp_path / "b.json").write_text('{"x": 2, "w": {"k": null}}')
    assert read_variables([tmp_path / "a.yaml", tmp_path / "b.json"], {"z": "b"}).values == {
        "x": 2,
        "y": [1, 2],
        "z": "b",
        "w": {"k": None},
    }


@pytest.mark.parametrize("quotes", ["", '"k": "v", '])
def test_variables_are_read_alike_whatever_their_names_are(tmp_path: Path, quotes: str) -> None:
    """Only a manifest's own meta values stay text."""
    (tmp_path / "v.yaml").write_text(f"defaults: {{{quotes}meta: {{a: 1}}}}\ndispatches: [{{meta: {{b: true}}}}]\n")
    variables: Any = read_variables([tmp_path / "v.yaml"], {}).values
    assert (variables["defaults"]["meta"], variables["dispatches"]) == ({"a": 1}, [{"meta": {"b": True}}])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param("x: [", r"v.yaml:1:5: .*the file must contain a mapping of variables", id="no YAML"),
        pytest.param("- x", r"v.yaml:1:1: the file must contain a mapping of variables$", id="a list"),
        pytest.param(None, r"^/.*/v.yaml: does not exist", id="missing"),
    ],
)
def test_a_file_of_variables_that_cannot_be_read_is_an_error(tmp_path: Path, content: str | None, message: str) -> None:
    """The error has its place."""
    if content is not None:
        (tmp_path / "v.yaml").write_text(content)
    with pytest.raises(FileError, match=message):
        read_variables([tmp_path / "v.yaml"], {})
