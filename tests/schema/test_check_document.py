"""The schema's answers beyond the whole manifests in tests/manifests."""

import json
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from dispatchfile.manifest import Document, load_manifest
from dispatchfile.problems import SHOWN_PROBLEMS, Problem
from dispatchfile.schema import check_document, read_schema


def document(text: str) -> Document:
    read, _ = load_manifest(text.encode(), path="a.yaml", folder=Path("/batch"))
    assert read is not None
    return read


def lines(text: str) -> list[str]:
    return [str(problem) for problem in check_document(document(text))]


def test_what_explains_the_rest_comes_first() -> None:
    """A misspelled key before the wrong value above it, and what is missing last."""
    text = "name: A B\ndispatches: [{id: a}]\nvars: []\nnamspace: x\n"
    assert [problem.code for problem in check_document(document(text))] == ["DF011", "DF015", "DF012", "DF013"]


def test_a_misspelled_key_is_not_missing_as_well() -> None:
    """One mistake, one problem."""
    assert lines("verison: 1\ndispatches: [{id: a}]\n") == [
        'a.yaml:1:1: unknown key "verison" in the manifest: did you mean version?'
    ]


def test_problems_of_items_come_in_the_order_of_the_file() -> None:
    """After those of the manifest itself, each with the item's id where it has a usable one."""
    text = """
version: 1
dispatches:
  - {id: a, jop: x}
  - {id: b c, job: x}
  - {id: "{{ each.a }}", jop: x}
  - {id: 7, jop: x}
name: A B
"""
    found = [(problem.position.line, problem.item) for problem in check_document(document(text))]
    assert found == [(8, None), (4, "a"), (5, None), (6, None), (7, None), (7, None)]


def test_items_that_are_fine_are_not_mentioned() -> None:
    """One bad item among many is one problem."""
    items = "\n".join(f"  - {{id: i{number}, job: {'' if number == 77 else 'x'}}}" for number in range(100))
    assert lines(f"version: 1\ndispatches:\n{items}\n") == [
        "a.yaml:80:15: job must be text, got nothing: write a value or leave the key out"
    ]


def test_null_among_others_is_not_told_to_leave_its_key_out() -> None:
    """It has none."""
    assert lines("version: 1\nenv: [~]\ndispatches: [~]\n") == [
        "a.yaml:2:7: env[0] must be text, got nothing",
        "a.yaml:3:14: the dispatch must be a mapping, got nothing",
    ]


def test_problems_are_capped_and_the_rest_is_counted() -> None:
    """A mistake in ten thousand items is shown some times, and quickly."""
    items = "\n".join(f"  - {{id: i{number}, jop: x}}" for number in range(10_000))
    problems = check_document(document(f"version: 1\ndispatches:\n{items}\n"))
    assert (len(problems), problems[-1].code, str(problems[-1])) == (
        SHOWN_PROBLEMS + 1,
        "DF019",
        "a.yaml:203:5: 9,800 more dispatches have problems: correct those above to see them",
    )


def test_what_the_reading_reported_is_not_reported_again() -> None:
    """A template without its quotes stands for a number and a duration, too."""
    text = "version: 1\ndispatches:\n  - {job: x, priority: {{ p }}, timeout: {{ t }}, max_starts: .nan}\n"
    assert lines(text) == []


def test_numbers_as_written_are_numbers_to_the_schema() -> None:
    """The fast validator does not know them; the other one does."""
    text = "version: 0x1\ndefaults: {priority: 0x32}\ndispatches: [{job: x, max_starts: 007, vars: {take: 1.10}}]\n"
    assert lines(text) == []


def test_a_number_as_written_can_still_be_wrong() -> None:
    """The message shows it as it is written."""
    text = "version: 1\ndispatches: [{job: x, priority: 0x0, tags: [1.10]}]\n"
    assert lines(text) == [
        "a.yaml:2:33: priority must be a whole number from 1 to 32766, got 0x0",
        'a.yaml:2:45: tags[0] must be text, got a number: quote it, as in "1.10"',
    ]


@pytest.mark.parametrize("wait", ["wait: completion, ", ""])
def test_settings_contradict_only_what_is_written(wait: str) -> None:
    """A flag may still say how far to wait."""
    assert lines(f"version: 1\nsettings: {{{wait}unplaced_after: 5m}}\ndispatches: [{{job: x}}]\n") == []


def test_names_in_messages_cannot_steer_a_terminal() -> None:
    """Keys and values with control characters are shown escaped."""
    payload = 'payload: {a: b, "\\e[2m": c}'
    text = f'version: 1\n"\\e[31m": 1\nname: "\\e[0m"\ndispatches: [{{job: x, meta: {{"\\e[1m": []}}, {payload}}}]\n'
    assert [line for line in lines(text) if not line.isprintable()] == []


def test_a_long_value_is_cut() -> None:
    """The message stays readable; the excerpt shows the place."""
    [line] = lines(f"version: 1\nname: {'x' * 500}\ndispatches: [{{job: x}}]\n")
    hint = "use up to 40 lower-case letters, digits and hyphens; the first must not be a hyphen"
    assert line == f'a.yaml:2:7: name cannot be "{"x" * 58}…: {hint}'


def test_a_valid_manifest_never_imports_the_slow_validator() -> None:
    """It takes longer to import than ten thousand items take to check."""
    program = (
        "import sys; from pathlib import Path; from dispatchfile.manifest import load_manifest;"
        "from dispatchfile.schema import check_document;"
        "read, _ = load_manifest(b'version: 1\\ndispatches: [{job: x}]', path='a', folder=Path());"
        "print(check_document(read), 'jsonschema' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "() False\n"


EVERYTHING = Path(__file__).parents[1] / "manifests" / "valid" / "everything.yaml"
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(
        ["a", "", "5%", "20/s", "5m", "{{ x }}", "failed", "unlimited", "detach", "a\n", "99999999999999h"]
    ),
)
KEYS = st.sampled_from(["id", "job", "file", "json", "list", "csv", "on", "failures", "title", "vars", "x", ""])
VALUES = st.recursive(SCALARS, lambda below: st.lists(below, max_size=2) | st.dictionaries(KEYS, below, max_size=3))


def containers(value: object) -> list[dict[str, object] | list[object]]:
    below = [*value.values()] if isinstance(value, dict) else value if isinstance(value, list) else None
    return [] if below is None else [value, *(found for each in below for found in containers(each))]  # type: ignore[list-item]


@st.composite
def spoilt_manifests(draw: st.DrawFn) -> dict[str, object]:
    """A valid manifest with a few values replaced, added or taken away."""
    data: dict[str, object] = json.loads(json.dumps(document(EVERYTHING.read_text()).data))
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.sampled_from(containers(data)))
        if isinstance(place, list):
            place.insert(0, draw(VALUES))
        elif place and draw(st.booleans()):
            del place[draw(st.sampled_from(sorted(place)))]
        else:
            place[draw(KEYS | st.sampled_from([*place, "x"]))] = draw(VALUES)
    return data


def _is_own_rule(problem: Problem) -> bool:
    """Return whether the rule is in no JSON schema: contradicting settings, a retry of one attempt, a huge duration."""
    return problem.code == "DF017" or "with 1 attempt" in problem.text or "99999999999999h" in problem.text


@hypothesis_settings(max_examples=300, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(spoilt_manifests())
def test_any_document_is_judged_as_the_whole_schema_judges_it(data: dict[str, object]) -> None:
    """Never an exception; a problem for every error of the schema, and no other but what cannot be read."""
    read = document(json.dumps(data))
    problems = check_document(read)
    valid = jsonschema.Draft7Validator(read_schema("manifest")).is_valid(read.data)
    told = [problem for problem in problems if not _is_own_rule(problem)]
    assert (bool(problems) or valid, bool(told)) == (True, not valid)
    assert {problem.position.line for problem in problems} <= {1}
