"""`dispatchfile.load`: problems are values, and nothing is asked of a server."""

import asyncio
import datetime
from pathlib import Path

import pytest

import dispatchfile
from tests.api.conftest import MANIFEST, Write


def test_a_valid_manifest_gives_its_items(write: Write) -> None:
    """Items are in the order of the file, rendered."""
    manifest = dispatchfile.load(write(MANIFEST), variables={"end": "exit 3"})
    assert (manifest.name, manifest.is_valid, manifest.problems) == ("films", True, ())
    assert [(item.id, item.job, item.meta, item.tags) for item in manifest.items] == [
        ("good", "shell", {"command": "true"}, ("quick",)),
        ("given", "shell", {"command": "exit 3"}, ()),
    ]


def test_the_async_form_gives_the_same(write: Write) -> None:
    """It differs in nothing but that the event loop goes on."""
    path = write(MANIFEST)
    assert asyncio.run(dispatchfile.load_async(Path(path))) == dispatchfile.load(path)


@pytest.mark.parametrize(
    ("text", "variables", "problems"),
    [
        pytest.param("version: 1\ndispatches: [{id: a}]\n", {}, [("DF025", 2, 14)], id="an item without a job"),
        pytest.param("version: 1\n", {}, [("DF013", 1, 1)], id="a missing key"),
        pytest.param("version: [\n", {}, [("DF001", 1, 11)], id="not YAML"),
        pytest.param(MANIFEST, {"edn": "true"}, [("DF037", 1, 1)], id="an unknown variable"),
    ],
)
def test_problems_are_values(
    write: Write, text: str, variables: dict[str, object], problems: list[tuple[str, int, int]]
) -> None:
    """A manifest with errors raises nothing."""
    manifest = dispatchfile.load(write(text), variables=variables)
    assert not manifest.is_valid
    assert [(each.code, each.position.line, each.position.column) for each in manifest.problems] == problems


def test_a_manifest_that_is_missing_is_a_problem() -> None:
    """It is a value, too, with the name of the file."""
    (problem,) = dispatchfile.load("none.yaml").problems
    assert (problem.code, problem.position.file) == ("DF010", "none.yaml")


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"end": datetime.date(2026, 1, 2)}, r"variables\['end'\] is of type date: use text, a number, True, False"),
        ({"end": b"x"}, r"variables\['end'\] is of type bytes: use text"),
        ({"end": [1, {"a": {2}}]}, r"variables\['end'\]\[1\]\['a'\] is of type set: use text"),
        ({"end": {1: 2}}, r"variables\['end'\]: the key 1 is not text"),
    ],
)
def test_variables_that_no_manifest_could_hold_are_refused(
    write: Write, variables: dict[str, object], message: str
) -> None:
    """The message names the place and the type, and never the value."""
    with pytest.raises(dispatchfile.UsageError, match=message):
        dispatchfile.load(write(MANIFEST), variables=variables)


def test_a_variable_that_contains_itself_is_refused(write: Write) -> None:
    """It ends with an error, not with the stack."""
    loop: list[object] = []
    loop.append(loop)
    with pytest.raises(dispatchfile.UsageError, match="nested more than 64 levels deep"):
        dispatchfile.load(write(MANIFEST), variables={"end": loop})


def test_variables_keep_their_types(write: Write) -> None:
    """Lists, tuples, dicts, numbers and None are what templates see."""
    text = MANIFEST.replace("{{ vars.end }}", "{{ vars.end.a[1] + 1 }}{{ vars.end.b is none }}")
    manifest = dispatchfile.load(write(text), variables={"end": {"a": (1, 2), "b": None}})
    assert [item.meta["command"] for item in manifest.items] == ["true", "3true"]


def test_sensitive_values_are_masked(write: Write) -> None:
    """A notebook that shows an item shows no secret."""
    text = MANIFEST + '  - {id: hidden, payload: {text: "abc-password"}, meta: {command: "true", secret: "abc-key"}, '
    manifest = dispatchfile.load(write(text + "sensitive: [payload, meta.secret]}\n"))
    hidden = manifest.items[-1]
    assert (hidden.payload, hidden.meta["secret"]) == (None, "***")
    assert hidden.sensitive == {"payload", "meta.secret"}
    assert "abc-" not in repr((manifest, manifest.items))


@pytest.mark.parametrize("path", ["", b"dispatchfile.yaml"])
def test_a_path_that_is_none_is_refused(path: str) -> None:
    """The message says what to pass."""
    with pytest.raises(dispatchfile.UsageError, match=r"the manifest.s name is (empty|of type bytes)"):
        dispatchfile.load(path)


def test_a_dash_is_the_name_of_a_file() -> None:
    """A program's standard input is its own."""
    (problem,) = dispatchfile.load("-").problems
    assert (problem.code, problem.position.file) == ("DF010", "./-")


def test_rows_are_not_read_from_standard_input(write: Write) -> None:
    """A manifest that reads its rows there gets a problem with what to do."""
    text = "version: 1\ndispatches: [{job: a, for_each: {lines: '-'}, id: '{{ each.value }}'}]\n"
    (problem,) = dispatchfile.load(write(text)).problems
    assert (problem.code, problem.hint) == ("DF029", "name a file of rows, or pass them as a variable")


def test_namespaces_come_from_the_call_before_the_environment(write: Write) -> None:
    """An argument replaces the variable, also that of an environment that is passed."""
    environ = {"NOMAD_NAMESPACE": "films", "NOMAD_REGION": "eu"}
    manifest = dispatchfile.load(write(MANIFEST), environ=environ, namespace="series")
    assert {(item.namespace, item.region) for item in manifest.items} == {("series", "eu")}
    with pytest.raises(dispatchfile.UsageError, match="NOMAD_NAMESPACE: "):
        dispatchfile.load(write(MANIFEST), namespace="a b")
