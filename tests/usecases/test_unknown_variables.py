"""Variables from outside that a manifest does not have: a misspelt one never leaves the default in its place."""

from pathlib import Path

import pytest

from dispatchfile.source import Position
from dispatchfile.usecases.load import ManifestSource
from dispatchfile.usecases.validate import validate
from dispatchfile.usecases.variables import GivenVariables

MANIFEST = """\
version: 1
vars: {action: restart}
defaults: {job: ctl, vars: {Region: eu}}
dispatches:
  - {id: web, meta: {action: "{{ vars.action }}", size: "{{ vars.size | default('s') }}"}, vars: {own: 1}}
  - {id: db, payload: {template: t.j2}}
"""
PLACE = Position("v.yaml", 3, 1)


def problems(
    tmp_path: Path, *names: str, places: dict[str, Position] | None = None, strict: bool = False, text: str = MANIFEST
) -> list[str]:
    """What is said of variables of these *names*, by --var unless they have a place."""
    (tmp_path / "t.j2").write_text("{% include 'below.j2' %}{{ vars.deep }}")
    (tmp_path / "below.j2").write_text("{{ vars['deeper'] }}")
    (tmp_path / "m.yaml").write_text(text)
    given = GivenVariables(dict.fromkeys(names, "x"), dict.fromkeys(names) | (places or {}), strict)
    source = ManifestSource(str(tmp_path / "m.yaml"), None, given.values, {}, given=given)
    (checked,) = validate([source])
    return [
        f"{problem.severity} {Path(problem.position.file).name}:{problem.position.line} {problem.text}"
        for problem in checked.problems
        if problem.code == "DF037"
    ]


@pytest.mark.parametrize("name", ["action", "Region", "own", "size", "deep", "deeper"])
def test_a_variable_is_known_if_it_is_declared_or_read_anywhere(tmp_path: Path, name: str) -> None:
    """Any `vars` can declare it; a template, its file or an included file can read it, with a default, too."""
    assert problems(tmp_path, name) == []


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        pytest.param("acton", "did you mean action?", id="a letter is missing"),
        pytest.param("ACTION", "did you mean action?", id="another case"),
        pytest.param("region", "did you mean Region?", id="a known one has capitals"),
        pytest.param("act", "did you mean action?", id="the beginning of one"),
        pytest.param("zzz", "it has Region, action, deep, deeper, own, size", id="like none"),
    ],
)
def test_an_unknown_one_on_the_command_line_is_an_error(tmp_path: Path, name: str, hint: str) -> None:
    """The error is at the manifest's variables, with a near miss, or else all names."""
    assert problems(tmp_path, name) == [f"error m.yaml:2 --var {name}: the manifest has no such variable: {hint}"]


def test_in_a_file_only_what_resembles_a_known_one_is_an_error(tmp_path: Path) -> None:
    """Others may be for other manifests, and are one warning; with --strict-vars each is an error."""
    places = {"acton": PLACE, "zzz": Position("v.yaml", 4, 1), "yyy": Position("v.yaml", 5, 1)}
    error = "error v.yaml:3 the manifest has no variable 'acton': did you mean action?"
    assert sorted(problems(tmp_path, places=places)) == [
        error,
        "warning v.yaml:4 the manifest has no variables 'zzz', 'yyy': --strict-vars makes this an error",
    ]
    strict = problems(tmp_path, places=places, strict=True)
    assert [line.partition(":")[0] + line.partition("'")[1] for line in strict] == ["error v.yaml'"] * 3


@pytest.mark.parametrize(
    "reading",
    [
        "{{ vars[item.job] }}",
        "{{ vars | tojson }}",
        "{{ vars.get('a') }}",
        "{% for k in vars %}{{ k }}{% endfor %}",
        "{% include name %}",
    ],
)
def test_a_template_that_reads_any_name_makes_every_name_known(tmp_path: Path, reading: str) -> None:
    """What it reads is not written in it."""
    text = MANIFEST.replace("id: web, meta: {", f'id: web, meta: {{any: "{reading}", ')
    assert problems(tmp_path, "zzz", text=text) == []


def test_with_several_manifests_one_that_knows_it_is_enough(tmp_path: Path) -> None:
    """What none knows is told once."""
    given = GivenVariables({"action": "x", "other": "x", "acton": "x"}, dict.fromkeys(["action", "other", "acton"]))
    sources = []
    for name in ("action", "other"):
        (tmp_path / f"{name}.yaml").write_text(f"version: 1\nvars: {{{name}: 1}}\ndispatches: [{{job: a}}]\n")
        sources.append(ManifestSource(str(tmp_path / f"{name}.yaml"), None, given.values, {}, given=given))
    first, second = validate(sources)
    assert [problem.text for problem in first.problems] == [
        "--var acton: the manifest has no such variable: did you mean action?"
    ]
    assert second.problems == ()
