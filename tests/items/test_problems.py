"""Manifests whose shape is right and whose items are not."""

from __future__ import annotations

from pathlib import Path

import pytest

from dispatchfile.items import Item, TargetScope
from dispatchfile.items.identity import short_id
from dispatchfile.problems import Problem
from dispatchfile.render.renderer import MAX_BROKEN, NOT_LOOKED_AT
from tests.items.manifests import read, told


def problems_of(folder: Path, dispatch: str, **more: object) -> list[str]:
    """Return the problems of a manifest with a single dispatch in line 3, a flow mapping without its braces."""
    return told(read(folder, f"dispatches:\n- {{{dispatch}}}\n", **more))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("dispatch", "expected"),
    [
        pytest.param("id: a", "DF025 m.yaml:3:3: the dispatch has no job: add job here or in defaults", id="no-job"),
        pytest.param(
            "job: '{{ \"\" }}'", "DF046 m.yaml:3:9: the job is empty: name a parameterized job", id="empty-job"
        ),
        pytest.param(r'job: "a\nb"', r"DF046 m.yaml:3:9: job 'a\nb' contains control characters", id="control-job"),
        pytest.param(
            f"job: {'x' * 1001}",
            "DF046 m.yaml:3:9: the job's ID has 1,001 bytes, at most 1,000 are allowed",
            id="long-job",
        ),
        pytest.param(
            "job: j, id: '{{ \"a/b\" }}'",
            "DF021 m.yaml:3:16: id cannot be 'a/b': use 1 to 128 letters, digits, dots, underscores and hyphens",
            id="slash-in-id",
        ),
        pytest.param(
            "job: j, id: '{{ \"x\" * 129 }}'",
            f"DF021 m.yaml:3:16: id cannot be '{'x' * 129}':"
            " use 1 to 128 letters, digits, dots, underscores and hyphens",
            id="long-id",
        ),
        pytest.param(
            "job: j, payload: gone.json", "DF030 m.yaml:3:21: gone.json: does not exist", id="missing-payload"
        ),
        pytest.param("job: j, payload: {file: .}", "DF030 m.yaml:3:28: .: is a directory", id="folder-payload"),
        pytest.param(
            "job: j, payload: {template: ../x.j2}",
            "DF031 m.yaml:3:32: ../x.j2: is outside the manifest's folder: "
            "move it into the folder, or pass --allow-outside",
            id="outside-payload",
        ),
        pytest.param(
            "job: j, payload: {base64: aGVsbG8}",
            "DF045 m.yaml:3:30: not base64: Incorrect padding",
            id="unpadded-base64",
        ),
        pytest.param(
            "job: j, payload: {base64: 'aGVs_G8='}",
            "DF045 m.yaml:3:30: not base64: Only base64 data is allowed",
            id="url-safe-base64",
        ),
        pytest.param(
            'job: j, idempotency_token: "a\\tb"',
            r"DF043 m.yaml:3:31: token 'a\tb' contains control characters",
            id="control-token",
        ),
        pytest.param(
            "job: j, idempotency_token: '{{ \"\" }}'",
            "DF043 m.yaml:3:31: the idempotency token is empty: Nomad would treat it as no token",
            id="empty-token",
        ),
        pytest.param(
            "job: j, id_prefix_template: a/b",
            "DF044 m.yaml:3:32: prefix 'a/b' contains '/': it becomes part of a job's ID "
            "and cannot contain blanks, slashes or control characters",
            id="slash-in-prefix",
        ),
        pytest.param(
            "job: j, id_prefix_template: a b",
            "DF044 m.yaml:3:32: prefix 'a b' contains ' ': it becomes part of a job's ID "
            "and cannot contain blanks, slashes or control characters",
            id="blank-in-prefix",
        ),
        pytest.param(
            'job: j, id_prefix_template: "a\\0b"',
            r"DF044 m.yaml:3:32: prefix 'a\x00b' contains '\x00': it becomes part of a job's ID "
            "and cannot contain blanks, slashes or control characters",
            id="control-in-prefix",
        ),
        pytest.param(
            "job: j, id_prefix_exact: true, id_prefix_template: a",
            "DF013 m.yaml:3:12: id_prefix_exact needs idempotency_token: without one, its child cannot be found again",
            id="exact-without-token",
        ),
        pytest.param(
            "job: j, id_prefix_exact: true, idempotency_token: t",
            "DF013 m.yaml:3:12: id_prefix_exact needs id_prefix_template: this is the prefix to send",
            id="exact-without-prefix",
        ),
        pytest.param(
            "job: j, meta: {a-b: x, a_b: y}",
            "DF042 m.yaml:3:27: meta keys 'a-b' and 'a_b' both become NOMAD_META_a_b in the task's environment:"
            " rename one of them",
            id="colliding-meta",
        ),
        pytest.param(
            "job: j, meta: {key: x, KEY: y}",
            "DF042 m.yaml:3:27: meta keys 'key' and 'KEY' both become NOMAD_META_KEY in the task's environment:"
            " rename one of them",
            id="meta-in-two-cases",
        ),
        pytest.param(
            "job: j, meta: {api_key: x}, sensitive: [meta.apikey]",
            "DF015 m.yaml:3:44: the dispatch has no meta.apikey: did you mean meta.api_key?",
            id="unknown-secret",
        ),
        pytest.param(
            "job: j, meta: {m: '{{ nope }}'}",
            "DF033 m.yaml:3:22: nope is not defined: templates can read vars, item, name, env",
            id="undefined",
        ),
        pytest.param(
            "job: j, meta: {m: '{{ each.x }}'}",
            "DF033 m.yaml:3:22: each is not defined: it exists only in a dispatch with for_each",
            id="no-rows",
        ),
        pytest.param(
            "job: j, meta: {m: '{{ item.id }}'}",
            "DF033 m.yaml:3:22: item.id is not defined: an item without a written id has job",
            id="no-id",
        ),
        pytest.param(
            "job: j, meta: {m: '{{ env.HOME }}'}",
            "DF033 m.yaml:3:22: env.HOME is not defined: the manifest's list `env` has nothing",
            id="unlisted-variable",
        ),
        pytest.param(
            "job: j, meta: {m: '{{ vars.x | }}'}",
            "DF032 m.yaml:3:22: expected token 'name', got 'end of print statement'",
            id="syntax",
        ),
        pytest.param(
            "job: j, meta: {m: \"{{ 'a' * 10**9 }}\"}",
            "DF035 m.yaml:3:22: creates a value of 1,000,000,000 characters, at most 65,536 are allowed",
            id="bomb",
        ),
        pytest.param(
            "job: j, vars: {x: [1]}, meta: {m: '{{ vars.x }}'}",
            "DF034 m.yaml:3:38: a list cannot be printed: use `| tojson`, or print one of its values",
            id="list-in-meta",
        ),
        pytest.param(
            "job: j, meta: {k: a, m: \"{{ 'b' ~ '\\0' }}\"}",
            "DF041 m.yaml:3:28: meta.m contains a NUL character: "
            "the task gets it as an environment variable, which cannot contain one",
            id="nul-in-meta",
        ),
        pytest.param(
            "job: j, payload: {json: {a: [x, '{{ nope }}']}}",
            "DF033 m.yaml:3:36: nope is not defined: templates can read vars, item, name, env",
            id="undefined-in-json",
        ),
    ],
)
def test_one_wrong_dispatch(tmp_path: Path, dispatch: str, expected: str) -> None:
    """Each mistake is told with its place, what was found, and what would be right."""
    assert problems_of(tmp_path, dispatch) == [expected]


@pytest.mark.parametrize("form", ["file", "template", "text", "json", "base64"])
def test_a_payload_over_the_limit(tmp_path: Path, form: str) -> None:
    """One byte more than Nomad takes is told with both numbers, whatever the payload is made of."""
    values = {
        "json": "x" * 16_383,
        "text": "x" * 16_385,
        "base64": "eHh4" * 5_461 + "eHg=",
        "file": "p",
        "template": "p",
    }
    [problem] = problems_of(tmp_path, f"job: j, payload: {{{form}: {values[form]}}}", files={"p": "x" * 16_385})
    assert problem.startswith("DF040 m.yaml:3:21: the payload has 16,385 bytes, Nomad allows 16,384: ")


def test_a_variable_that_is_not_set(tmp_path: Path) -> None:
    """A listed variable is needed, so its absence is told where it is listed, once."""
    text = "env: [A, B]\ndispatches: [{job: '{{ env.B }}'}, {job: k}]"
    assert told(read(tmp_path, text, env={"A": ""})) == ["DF036 m.yaml:2:10: B is not set in the environment"]


@pytest.mark.parametrize("place", ["own", "defaults"])
def test_a_flag_that_differs_from_an_items_own(tmp_path: Path, place: str) -> None:
    """A flag must not silently move an item that says where it belongs."""
    text = {
        "own": "dispatches:\n- {job: j, namespace: a}",
        "defaults": "defaults: {namespace: a}\ndispatches: [{job: j}]",
    }
    expected = {"own": "m.yaml:3:12", "defaults": "m.yaml:2:12"}
    assert told(read(tmp_path, text[place], scope=TargetScope(namespace_flag="b"))) == [
        f"DF026 {expected[place]}: namespace 'a' differs from the flag's 'b': remove one of them"
    ]


def test_all_problems_of_an_item_come_at_once(tmp_path: Path) -> None:
    """Nobody has to fix one mistake to see the next, and no mistake is told twice."""
    text = """\
defaults: {meta: {first: "{{ nope }}"}}
dispatches:
- job: "{{ nope }}"
  id: "{{ item.job }}/"
  meta: {second: "{{ item.id }}{{ item.job }}", third: "{{ nope }}"}
  payload: gone
  idempotency_token: "{{ nope }}"
  id_prefix_template: "a b"
  tags: [x, "{{ nope }}"]
"""
    assert [problem.split(": ")[0] for problem in told(read(tmp_path, text))] == [
        "DF033 m.yaml:4:8",
        "DF021 m.yaml:5:7",
        "DF033 m.yaml:2:26",
        "DF033 m.yaml:6:56",
        "DF030 m.yaml:7:12",
        "DF033 m.yaml:8:22",
        "DF044 m.yaml:9:23",
        "DF033 m.yaml:10:13",
    ]


def test_a_bad_item_does_not_hide_the_others(tmp_path: Path) -> None:
    """Items and problems come in the manifest's order."""
    text = "dispatches: [{id: a, job: j}, {id: b, job: '{{ x }}'}, {id: c}, {id: d, job: j}]"
    results = read(tmp_path, text)
    assert [result.id if isinstance(result, Item) else result.code for result in results] == [
        "a",
        "DF033",
        "DF025",
        "d",
    ]


def test_a_template_file_is_told_with_its_line_and_its_item(tmp_path: Path) -> None:
    """The place is the template's; the text says for which item of the manifest, and for which row."""
    text = """\
dispatches:
- id: "film-{{ each.slug }}"
  job: j
  for_each: {csv: films.csv}
  payload: {template: payloads/encode.json.j2}
"""
    files: dict[str, str | bytes] = {
        "films.csv": "slug,title\na,A\n",
        "payloads/encode.json.j2": "{\n\n  {{ each.titel }}\n}",
    }
    [problem] = read(tmp_path, text, files=files, path="jobs/m.yaml")
    assert isinstance(problem, Problem)
    assert (problem.code, problem.item, str(problem)) == (
        "DF033",
        "film-a",
        (
            "jobs/payloads/encode.json.j2:3:1: each.titel is not defined,"
            " for film-a at jobs/m.yaml:3:3 (row jobs/films.csv:2:1):"
            " did you mean each.title? films.csv has slug, title, index, value"
        ),
    )
    assert "{{ each.titel }}" in problem.excerpt


def test_a_line_within_a_written_template_is_told(tmp_path: Path) -> None:
    """A template in the manifest stands at its key, with the line in it."""
    text = "dispatches:\n- job: j\n  payload:\n    text: |\n      a\n      {{ nope }}\n"
    [problem] = told(read(tmp_path, text))
    assert problem.startswith("DF033 m.yaml:5:11: nope is not defined, in line 2 of the template: ")


def test_an_id_that_stands_twice_names_both_places(tmp_path: Path) -> None:
    """The second one is the problem, and tells where the first is."""
    text = """\
dispatches:
- {id: a, job: j}
- {id: "{{ each.value }}", job: j, for_each: {list: [b, a, b]}}
- {id: a, job: k}
"""
    assert told(read(tmp_path, text)) == [
        "DF020 m.yaml:4:8: duplicate id 'a' (row m.yaml:4:57): first used at m.yaml:3:3",
        "DF020 m.yaml:4:8: duplicate id 'b' (row m.yaml:4:60): first used at m.yaml:4:54",
        "DF020 m.yaml:5:8: duplicate id 'a': first used at m.yaml:3:3",
    ]


def test_two_equal_dispatches_without_ids_ask_for_ids(tmp_path: Path) -> None:
    """What is the same twice may be meant or not: an id each says that it is."""
    text = "dispatches:\n- {job: j, meta: {a: b}}\n- {job: j, meta: {a: b}, priority: 5}\n"
    assert told(read(tmp_path, text)) == [
        "DF020 m.yaml:4:3: job, meta and payload are the same as at m.yaml:3:3: give each an id"
    ]


def test_ids_that_would_be_cut_alike_stand_twice(tmp_path: Path) -> None:
    """An id that is written as another one is cut would share its children."""
    long = "x" * 100
    text = f"dispatches: [{{id: {long}, job: j}}, {{id: {short_id(long)}, job: j}}]"
    assert [problem[:5] for problem in told(read(tmp_path, text))] == ["DF020"]


def test_a_token_that_stands_twice_for_one_job(tmp_path: Path) -> None:
    """Nomad would answer the second dispatch with the first one's child, and do nothing."""
    text = """\
dispatches:
- {id: a, job: j, idempotency_token: t}
- {id: b, job: k, idempotency_token: t}
- {id: c, job: j, namespace: other, idempotency_token: t}
- {id: d, job: j, idempotency_token: "{{ 't' }}"}
"""
    assert told(read(tmp_path, text)) == [
        (
            "DF027 m.yaml:6:38: duplicate token 't' for job 'j': "
            "first used at m.yaml:3:3; Nomad would return that item's child"
        )
    ]


def test_the_same_problem_in_many_rows_is_told_twenty_times(tmp_path: Path) -> None:
    """A misspelt column in a long list gives a readable number of problems, and the number of all."""
    text = """\
dispatches:
- job: j
  for_each: {csv: films.csv}
  meta: {m: "{{ each.x }}", n: "{{ each.slug }}"}
- {id: b, job: "{{ y }}"}
"""
    rows = "slug\n" + "".join(f"s{number}\n" for number in range(1_234))
    problems = told(read(tmp_path, text, files={"films.csv": rows}))
    assert len(problems) == 22
    assert problems[19].startswith("DF033 m.yaml:5:13: each.x is not defined (row films.csv:21:1)")
    assert problems[20].startswith("DF033 m.yaml:6:16: y is not defined")
    assert problems[21] == "DF033 m.yaml:5:13: and 1,214 more like this"


def test_a_template_that_does_not_compile_is_told_once(tmp_path: Path) -> None:
    """A syntax error is the same for all rows, so one row is enough to show it."""
    text = "dispatches: [{job: j, for_each: {list: [1, 2, 3]}, payload: {template: t}}]"
    assert told(read(tmp_path, text, files={"t": "\n{% if %}"})) == [
        (
            "DF032 t:2:1: Expected an expression, got 'end of statement block',"
            " for the dispatch at m.yaml:2:14 (row m.yaml:2:41)"
        ),
        "DF032 t:2:1: and 2 more like this",
    ]


def test_after_many_templates_that_do_not_compile_the_rest_is_counted(tmp_path: Path) -> None:
    """Each takes a while; what is no template is still looked at."""
    items = "".join(
        f"- {{id: i{number}, job: j, tags: ['{{{{ x{number} | no }}}}']}}\n" for number in range(MAX_BROKEN)
    )
    more = """- {id: a, job: j, tags: ["{{ 'a' | no }}"]}
- {id: b, job: j, payload: {text: "{{ 'b' | lower }}"}, sensitive: [payload]}
- {id: c, job: j}
"""
    entries = read(tmp_path, f"dispatches:\n{items}{more}")
    problems = [entry for entry in entries if isinstance(entry, Problem)]
    assert [entry.id for entry in entries if isinstance(entry, Item)] == ["c"]
    assert [problem.code for problem in problems] == ["DF032"] * MAX_BROKEN + ["DF019"] * 2
    place = f"m.yaml:{MAX_BROKEN + 3}:26"
    assert list(map(str, problems[-2:])) == [f"{place}: {NOT_LOOKED_AT}", f"{place}: and 1 more like this"]


def test_many_bad_rows_of_a_file_are_counted_too(tmp_path: Path) -> None:
    """Rows that cannot be read are told twenty times a file."""
    text = "dispatches: [{job: j, for_each: {csv: f}}]"
    problems = told(read(tmp_path, text, files={"f": "a,b\n" + "1\n" * 30}))
    assert len(problems) == 21
    assert problems[-1] == "DF024 f:21:1: and 10 more like this"


def test_secrets_stay_out_of_messages_about_other_keys(tmp_path: Path) -> None:
    """A problem shows the key's own text, never values that a template would have printed."""
    text = "dispatches:\n- {id: a, job: j, meta: {key: '{{ vars.secret }}{{ nope }}'}, sensitive: [meta.key]}"
    [problem] = read(tmp_path, text, overrides={"secret": "hunter2"})
    assert "hunter2" not in repr(problem)


@pytest.mark.parametrize(
    ("listed", "found"),
    [
        ("meta.api_key, meta.title, payload", []),
        (
            "meta.api_kye, meta.zzzzzz",
            [
                "DF015 m.yaml:2:24: no dispatch has meta.api_kye: did you mean meta.api_key?",
                "DF015 m.yaml:2:38: no dispatch has meta.zzzzzz: name a meta key that a dispatch has",
            ],
        ),
    ],
)
def test_the_defaults_name_as_sensitive_what_some_dispatch_has(listed: str, found: list[str], tmp_path: Path) -> None:
    """Not each has to have it, but if none does it is a slip, and would let the secret out."""
    text = f"""defaults: {{sensitive: [{listed}], meta: {{title: t}}}}
dispatches: [{{id: a, job: j, meta: {{api_key: x}}}}, {{id: b, job: j}}]
"""
    problems = [entry for entry in read(tmp_path, text) if isinstance(entry, Problem)]
    assert [f"{problem.code} {problem}" for problem in problems] == found


@pytest.mark.parametrize(
    "payload",
    ['{file: "{{ vars.pw }}"}', '{text: "{{ vars.pw | filesizeformat }}"}', '{template: "{{ vars.pw }}"}'],
)
def test_what_is_sensitive_is_in_no_message(payload: str, tmp_path: Path) -> None:
    """What went wrong with it may say what it is."""
    dispatch = f"{{id: a, job: j, payload: {payload}, sensitive: [payload]}}"
    (problem,) = read(tmp_path, f"vars: {{pw: sekrit}}\ndispatches:\n- {dispatch}\n")
    assert isinstance(problem, Problem)
    assert "sekrit" not in f"{problem} {problem.excerpt}"
    assert "sensitive" in problem.text


@pytest.mark.parametrize("payload", ['{text: "{{ vars.sekrit }}"}', '{template: "t.j2"}'])
def test_a_variable_that_is_not_given_for_what_is_sensitive_is_told_without_its_name(
    payload: str, tmp_path: Path
) -> None:
    """The name may be made of the sensitive value."""
    (tmp_path / "t.j2").write_text("{{ vars.sekrit }}")
    (problem,) = read(tmp_path, f"dispatches: [{{id: a, job: j, payload: {payload}, sensitive: [payload]}}]\n")
    assert isinstance(problem, Problem)
    assert "perhaps a variable to pass with --var or --var-file" in problem.text
    assert "sekrit" not in f"{problem} {problem.excerpt}"
