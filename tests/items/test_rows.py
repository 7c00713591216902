"""Rows that are chosen, that variables give, and that come from standard input."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from dispatchfile.files import Files, StandardInput
from dispatchfile.items import Item, RowCount, TargetScope, read_items
from dispatchfile.problems import Problem
from dispatchfile.source import Position
from tests.items.manifests import items, load, read, told

HEAD = "vars: {least: 2, tickers: [AAPL, MSFT]}\ndefaults: {job: encode}\ndispatches:\n"


def ids(results: list[Item | Problem]) -> list[str]:
    return [item.id for item in items(results)]


@pytest.mark.parametrize("where", ["{{ each.value >= vars.least }}", "each.value >= vars.least", "each.index > 0"])
def test_where_keeps_rows_and_their_numbers(tmp_path: Path, where: str) -> None:
    """With or without braces; `each.index` counts before any row is dropped."""
    text = f"{HEAD}- {{id: 'i{{{{ each.index }}}}', for_each: {{list: [1, 2, 3]}}}}\n".replace(
        "[1, 2, 3]", f"[1, 2, 3], where: '{where}'"
    )
    assert ids(read(tmp_path, text)) == ["i1", "i2"]


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        pytest.param("each.value", "DF028 m.yaml:5:32: where must give true or false, got 1 (row m.yaml:5:21): "
                     "compare something, as in where: each.size | int > 100", id="number"),
        pytest.param("each.nope", "DF033 m.yaml:5:32: each.nope is not defined (row m.yaml:5:21): "
                     "for_each.list has index, value", id="missing key"),
        pytest.param("each.value = 1", "DF032 m.yaml:5:32: expected token ')', got '=' (row m.yaml:5:21)", id="syntax"),
        pytest.param("item.id == 1", "DF033 m.yaml:5:32: item is not defined (row m.yaml:5:21): "
                     "templates can read vars, name, env, each", id="item"),
        pytest.param("false", "DF022 m.yaml:5:32: where drops every row of for_each.list (1 in all): "
                     "if that is fine, set allow_empty: true", id="none"),
    ],
)  # fmt: skip
def test_a_where_that_does_not_choose(tmp_path: Path, where: str, expected: str) -> None:
    """It is told at its place, with the row."""
    assert told(read(tmp_path, f"{HEAD}- for_each: {{list: [1], where: '{where}'}}\n")) == [expected]


def test_a_where_on_secrets_quotes_nothing(tmp_path: Path) -> None:
    """The row's value stays out of the message."""
    text = f"{HEAD}- {{for_each: {{list: [hush], where: each.value}}, sensitive: [meta.k], meta: {{k: x}}}}\n"
    [problem] = told(read(tmp_path, text))
    assert (problem[:6], "hush" in problem) == ("DF028 ", False)


def test_where_may_keep_nothing_where_that_is_allowed(tmp_path: Path) -> None:
    """Then there are no items, and no problems."""
    assert read(tmp_path, f"{HEAD}- for_each: {{list: [1], where: 'false', allow_empty: true}}\n") == []


def test_where_drops_rows_of_empty_cells(tmp_path: Path) -> None:
    """Rows of empty cells are errors only if `where` keeps them."""
    text = HEAD + "- {id: '{{ each.a }}', for_each: {csv: f.csv%s}}\n"
    files = {"f.csv": "a,b\nx,1\n,\n"}
    assert ids(read(tmp_path, text % ", where: each.a != ''", files=files)) == ["x"]
    assert told(read(tmp_path, text % "", files=files)) == [
        "DF024 f.csv:3:1: all cells of this row are empty: remove it, or drop it with `where`"
    ]


def test_every_source_is_counted(tmp_path: Path) -> None:
    """The count has all rows of the source, and those that are kept."""
    document = load(tmp_path, f"{HEAD}- for_each: {{range: {{to: 4}}, where: each.value > 1}}\n- id: one\n")
    counts: list[RowCount] = []
    list(read_items(document, files=Files(tmp_path), overrides={}, env={}, scope=TargetScope(), counted=counts.append))
    assert counts == [RowCount(Position("m.yaml", 5, 13), "for_each.range", 4, 3, has_where=True)]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param({}, ["AAPL", "MSFT"], id="the manifest's"),
        pytest.param({"tickers": "TSLA, NVDA,"}, ["TSLA", "NVDA"], id="a text from outside"),
        pytest.param({"tickers": "TSLA"}, ["TSLA"], id="one text from outside"),
        pytest.param({"tickers": ["A"]}, ["A"], id="a list from outside"),
    ],
)
@pytest.mark.parametrize("source", ["list: '{{ vars.tickers }}'", "matrix: {value: '{{ vars.tickers }}'}"])
def test_a_variable_gives_rows(tmp_path: Path, source: str, given: dict[str, object], expected: list[str]) -> None:
    """A list of the manifest or from outside, where a text is split at its commas."""
    text = f"{HEAD}- {{id: '{{{{ each.value }}}}', for_each: {{{source}}}}}\n".replace(
        "'{{ each.value }}'", '"{{ each.value }}"'
    )
    found = read(tmp_path, text, overrides=given)
    wanted = expected if source.startswith("list") else None
    assert wanted is None or ids(found) == wanted
    assert len(found) == len(expected)


def test_rows_of_a_written_list_have_their_places(tmp_path: Path) -> None:
    """A row's place is in the list in the manifest."""
    found = items(read(tmp_path, HEAD + "- {id: \"{{ each.value }}\", for_each: {list: '{{ vars.tickers }}'}}\n"))
    assert [item.row for item in found] == [Position("m.yaml", 2, 28), Position("m.yaml", 2, 34)]


@pytest.mark.parametrize(
    ("written", "given", "found"),
    [
        pytest.param("vars.least", {}, "DF012 m.yaml:5:20: {{ vars.least }} must be a list, got a number", id="number"),
        pytest.param("vars.job", {}, "DF033 m.yaml:5:20: vars.job is not defined", id="missing"),
        pytest.param("name", {}, "DF012 m.yaml:5:20: {{ name }} must be a list, got text", id="text of the manifest"),
        pytest.param("vars.tickers", {"tickers": ""}, "DF022 m.yaml:5:20: for_each.list gives no rows", id="empty"),
        pytest.param("vars.tickers", {"tickers": {}}, "DF012 m.yaml:5:20: {{ vars.tickers }} must be a list, "
                     "got a mapping", id="mapping"),
    ],
)  # fmt: skip
def test_a_variable_that_is_not_a_list(tmp_path: Path, written: str, given: dict[str, object], found: str) -> None:
    """It is told at the key that reads it."""
    [problem] = told(read(tmp_path, f"{HEAD}- for_each: {{list: '{{{{ {written} }}}}'}}\n", overrides=given))
    assert problem.startswith(found)


def test_two_rows_with_one_id_are_told_with_both_places(tmp_path: Path) -> None:
    """The message has the places of the rows, not of the dispatch that they share."""
    text = HEAD + "- {id: '{{ each.value | slug }}', for_each: {lines: f}}\n"
    [problem] = told([row for row in read(tmp_path, text, files={"f": "a b\nc\nA/b\n"}) if isinstance(row, Problem)])
    assert "(row f:3:1)" in problem
    assert "f:1:1" in problem


SECRET = HEAD + "- {id: '{{ each.value }}', for_each: {lines: '-'}, sensitive: [meta.k], meta: {k: '%s', open: x}}\n"


def piped(folder: Path, text: str, lines: bytes, stored: list[Item] | None = None) -> list[Item | Problem]:
    """Return what the manifest gives when *lines* are piped in."""
    files = Files(folder, standard_input=StandardInput(lambda _: lines))
    document = load(folder, text)
    env = {"KEY": "hush"}
    return list(read_items(document, files=files, overrides={}, env=env, scope=TargetScope(), stored=stored))


@pytest.mark.parametrize("value", ["{{ each.value }}", "{% include vars.least ~ '' %}", "{{ each | tojson }}"])
def test_a_secret_cannot_be_a_row_of_standard_input(tmp_path: Path, value: str) -> None:
    """Nor anything that might read one: it is stored nowhere, and could not be read again."""
    found = piped(tmp_path, SECRET % value.replace("'", "''"), b"a\n")
    assert "DF029" in [result.code for result in found if isinstance(result, Problem)]


def test_a_secret_beside_rows_of_standard_input_is_made_again(tmp_path: Path) -> None:
    """Stored items get their sensitive values again, although the rows are gone."""
    text = "env: [KEY]\n" + SECRET % "{{ env.KEY }}-{{ item.id }}"
    made = items(piped(tmp_path, text, b"a\nb\n"))
    assert [item.request.meta["k"] for item in made] == ["hush-a", "hush-b"]
    stored = [replace(item, request=replace(item.request, meta={"open": "x"})) for item in made]
    moved = [replace(item, position=replace(item.position, file="/else/where.yaml")) for item in stored]
    again = items(piped(tmp_path, text, b"", moved))
    assert [(item.id, item.request.meta) for item in again] == [("a", {"k": "hush-a"}), ("b", {"k": "hush-b"})]
