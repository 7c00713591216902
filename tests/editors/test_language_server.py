"""The manifest's schema in yaml-language-server, which VS Code and other editors use: problems, completion, hover."""

import itertools
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from dispatchfile.schema import ROW_SOURCES, read_schema
from dispatchfile.settings import PARSERS
from dispatchfile.usecases.init import MODELINES, SCHEMA_FILE
from tests.editors.language_server import LanguageServer, running
from tests.tools import node_command

ROOT = Path(__file__).parents[2]
VALID = [
    *sorted((ROOT / "tests" / "manifests" / "valid").glob("*.yaml")),
    *sorted((ROOT / "examples").glob("*/dispatchfile.yaml")),
]
ITEM = f"{MODELINES}version: 1\ndispatches:\n  - id: intro\n    job: encode\n"
DISPATCH = read_schema("manifest")["definitions"]["dispatch"]["properties"]
PAYLOADS = ["file", "template", "text", "json", "base64"]
BAD_ID = (
    "an id has up to 128 letters, digits, dots, underscores and hyphens, or is a template "
    '(examples: intro, "film-{{ each.slug }}")'
)
_NAMES = (f"manifest{number}.yaml" for number in itertools.count())


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LanguageServer]:
    """A server with a folder as `init` leaves it: the schema beside the manifest."""
    command = node_command("yaml-language-server/bin/yaml-language-server")
    folder = tmp_path_factory.mktemp("editor")
    shutil.copy(ROOT / "schemas" / SCHEMA_FILE, folder)
    with running(command, folder) as found:
        yield found


def problems_of(server: LanguageServer, text: str) -> list[tuple[int, str]]:
    """The line, from 1 below the modelines, and the message of each problem."""
    above = len(MODELINES.splitlines())
    found = server.open(next(_NAMES), text)
    return [(each["range"]["start"]["line"] + 1 - above, each["message"]) for each in found]


def suggestions(server: LanguageServer, text: str) -> dict[str, str]:
    """What is suggested at the end of *text*, and what it would insert."""
    name = next(_NAMES)
    server.open(name, text)
    lines = text.split("\n")
    found = server.complete(name, {"line": len(lines) - 1, "character": len(lines[-1])})
    return {each["label"]: each["insertText"] for each in found}


@pytest.mark.parametrize("path", [pytest.param(path, id=f"{path.parent.name}/{path.stem}") for path in VALID])
def test_valid_manifests_have_no_problems(server: LanguageServer, path: Path) -> None:
    """An editor marks nothing in a manifest that `validate` accepts."""
    text = path.read_bytes().decode("utf-8-sig")
    if path.parent.name == "valid":
        text = text.replace("# yaml-language-server", "# other")
    assert server.open(next(_NAMES), MODELINES + text) == []


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        pytest.param("version: 1\n", [(1, 'Missing property "dispatches".')], id="a missing key"),
        pytest.param(
            "version: 2\ndispatches: [{job: a}]\n", [(1, "Value is not accepted. Valid values: 1.")], id="version"
        ),
        pytest.param(
            "version: 1\ndispatches:\n  - {job: a, timout: 3s}\n",
            [(3, "Property timout is not allowed.")],
            id="a misspelled key",
        ),
        pytest.param(
            "version: 1\ndispatches:\n  - job: a\n    timeout: 1d\n",
            [(4, "not a duration (examples: 30s, 10m, 1h30m)")],
            id="a duration",
        ),
        pytest.param(
            "version: 1\nsettings: {rate: 5, canary: 101%, in_flight: much}\ndispatches: [{job: a}]\n",
            [
                (2, 'Incorrect type. Expected "string".'),
                (2, "use a number of items or a percentage (examples: 5, 5%)"),
                (2, "use a number or unlimited"),
            ],
            id="settings",
        ),
        pytest.param(
            "version: 1\ndispatches:\n  - id: a b\n    namespace: x y\n    job: a\n",
            [
                (
                    3,
                    BAD_ID,
                ),
                (4, "a namespace has up to 128 letters, digits and hyphens"),
            ],
            id="names",
        ),
        pytest.param(
            "version: 1\ndispatches:\n  - job: a\n    payload: {text: a, file: b}\n",
            [(4, "Object has more properties than limit of 1.")],
            id="two payloads",
        ),
        pytest.param(
            "version: 1\ndispatches:\n  - {job: a, priority: high}\n",
            [(3, 'Incorrect type. Expected "integer".')],
            id="a type",
        ),
    ],
)
def test_problems_are_marked_in_their_line(server: LanguageServer, text: str, problems: list[tuple[int, str]]) -> None:
    """A message says what would be right, and never shows a regular expression."""
    assert sorted(problems_of(server, MODELINES + text)) == sorted(problems)


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        pytest.param(f"{ITEM}    payload:\n      ", PAYLOADS, id="payload"),
        pytest.param(f"{ITEM}    for_each:\n      ", [*ROW_SOURCES, "where", "allow_empty"], id="for_each"),
        pytest.param(f"{ITEM}    retry:\n      ", ["attempts", "on", "delay"], id="retry"),
        pytest.param(f"{ITEM}settings:\n  ", list(PARSERS), id="settings"),
        pytest.param(f"{ITEM}    ", [key for key in DISPATCH if key not in {"id", "job"}], id="dispatch"),
    ],
)
def test_keys_are_suggested_on_an_empty_line(server: LanguageServer, text: str, labels: list[str]) -> None:
    """Every key that may stand there, and no other; of a dispatch those that it does not have yet."""
    found = suggestions(server, text)
    assert sorted(found) == sorted(labels)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        (f"{ITEM}settings:\n  wait: ", ["detach", "placement", "completion"]),
        (f"{ITEM}    on_timeout: ", ["stop", "leave"]),
        (f"{ITEM}    id_prefix_exact: ", ["true", "false"]),
    ],
)
def test_values_are_suggested_behind_a_key(server: LanguageServer, text: str, values: list[str]) -> None:
    """Choices are listed."""
    assert set(suggestions(server, text)) >= set(values)


def test_an_empty_file_begins_with_a_whole_manifest(server: LanguageServer) -> None:
    """One suggestion writes all that is required; that of `dispatches` sets no key that is rarely wanted."""
    found = suggestions(server, MODELINES)
    assert found["dispatchfile"] == "version: 1\nname: $1\ndispatches:\n  - id: $2\n    job: $3"
    assert found["dispatches"] == "dispatches:\n  - "
    assert found["defaults"] == "defaults:\n  "


@pytest.mark.parametrize(
    ("line", "title", "text"),
    [
        (2, "Item ID", "Identifies the item in the journal, in reports and in the IDs of its children."),
        (3, "Parameterized job", "ID of the parameterized job to dispatch, as registered in Nomad."),
        (4, "Retry", "When to start another attempt after one that failed."),
        (5, "Attempts", "Number of attempts, including the first."),
    ],
)
def test_a_key_is_explained_where_the_mouse_is(server: LanguageServer, line: int, title: str, text: str) -> None:
    """Hover shows title, description and example."""
    name = next(_NAMES)
    server.open(name, f"{ITEM}    retry:\n      attempts: 2\n")
    shown = server.hover(name, {"line": line + len(MODELINES.splitlines()), "character": 7})
    assert shown.startswith(f"#### {title}\n\n{text}")
    assert "Example" in shown
