"""The published schema of the manifest: what editors show of it, and that it agrees with our own readers."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import jsonschema_rs
import pytest

from dispatchfile.events import Cause, Outcome
from dispatchfile.manifest import load_manifest
from dispatchfile.schema import ROW_SOURCES, read_schema
from dispatchfile.settings import MAX_CONCURRENCY, PARSERS, Settings, Wait, parse_duration

SCHEMA = read_schema("manifest")
DEFINITIONS = SCHEMA["definitions"]
SETTINGS = DEFINITIONS["settings"]["properties"]
DISPATCH = DEFINITIONS["dispatch"]["properties"]
VALID = sorted((Path(__file__).parents[1] / "manifests" / "valid").glob("*.yaml"))


def subschemas(schema: object, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every schema within *schema* that describes a value."""
    if isinstance(schema, dict):
        if ("type" in schema or "title" in schema) and "$ref" not in schema:
            yield path, schema
        for key, value in schema.items():
            if key in {"properties", "definitions"}:
                for name, below in value.items():
                    yield from subschemas(below, f"{path}/{name}")
            elif key in {"items", "additionalProperties"}:
                yield from subschemas(value, f"{path}/{key}")


ALL = list(subschemas(SCHEMA))
PATTERNS = [(path, schema["pattern"]) for path, schema in ALL if "pattern" in schema]


def test_it_is_a_valid_draft_07_schema_under_its_own_name() -> None:
    """Draft 7 is what editors know."""
    jsonschema.Draft7Validator.check_schema(SCHEMA)
    assert (SCHEMA["$id"], SCHEMA["$schema"]) == (
        "urn:dispatchfile:schema:manifest:v1",
        "http://json-schema.org/draft-07/schema#",
    )


@pytest.mark.parametrize(("path", "schema"), [pytest.param(path, schema, id=path or "/") for path, schema in ALL])
def test_every_key_is_described(path: str, schema: dict[str, Any]) -> None:
    """Editors show title, description and examples; the examples and the default are valid themselves."""
    assert [key for key in ("title", "description", "examples") if not schema.get(key)] == []
    check = jsonschema_rs.Draft7Validator({**schema, "definitions": DEFINITIONS})
    shown = [*schema["examples"], *([schema["default"]] if "default" in schema else [])]
    assert [value for value in shown if not check.is_valid(value)] == []


def test_no_choice_hides_what_is_wrong() -> None:
    """With oneOf or anyOf, a validator can only say that nothing fits."""
    assert re.findall(r'"(oneOf|anyOf|allOf|not|if)"', json.dumps(SCHEMA)) == []


def test_editors_can_suggest_keys_where_one_is_to_be_chosen() -> None:
    """yaml-language-server suggests none where maxProperties stands beside properties; each key has it instead."""
    assert [path for path, schema in ALL if "maxProperties" in schema and "properties" in schema] == []
    chosen = {path: schema for path, schema in ALL if "dependencies" in schema}
    rows = chosen.pop("/for_each")
    assert chosen.keys() == {"/payload", "/for_each/matrix/additionalProperties"}
    for schema in chosen.values():
        assert schema["dependencies"] == {key: {"maxProperties": 1} for key in schema["properties"]}
    beside = ["where", "allow_empty"]
    sources = [key for key in rows["properties"] if key not in beside]
    assert rows["dependencies"] == {key: {"propertyNames": {"enum": [key, *beside]}} for key in sources}
    assert tuple(sources) == ROW_SOURCES


def test_unknown_keys_are_refused_but_where_any_are_welcome() -> None:
    """A misspelled key is an error everywhere else."""
    open_to_all = {
        path for path, schema in ALL if "object" in schema.get("type", ()) and "additionalProperties" not in schema
    }
    assert open_to_all == {"/vars", "/job_vars"}


@pytest.mark.parametrize(("path", "pattern"), PATTERNS)
def test_no_pattern_takes_a_line_end(path: str, pattern: str) -> None:
    """Python's $ matches before a final line end, other languages' does not."""
    assert (pattern.startswith("^"), pattern.endswith(r"$(?!\n)")) == (True, True)


def test_each_pattern_says_what_would_be_right() -> None:
    """Editors would show the regular expression."""
    unsaid = [path for path, schema in ALL if "pattern" in schema and not schema.get("patternErrorMessage")]
    assert unsaid == []


def test_defaults_take_every_key_of_a_dispatch_but_two() -> None:
    """An id and rows would be the same for all."""
    assert DEFINITIONS["defaults"]["properties"].keys() == DISPATCH.keys() - {"id", "for_each"}


def test_each_setting_has_a_reader_and_each_reader_a_setting() -> None:
    """The manifest, the flags and the schema know the same settings."""
    assert SETTINGS.keys() == PARSERS.keys() == set(Settings.__dataclass_fields__)


@pytest.mark.parametrize("key", sorted(SETTINGS))
def test_the_schemas_defaults_are_the_settings_own(key: str) -> None:
    """What an editor shows as the default is what happens."""
    default = getattr(Settings(), key)
    written = SETTINGS[key].get("default")
    assert (None if written is None else PARSERS[key](str(written))) == default


@pytest.mark.parametrize("key", sorted(SETTINGS.keys() - {"stop_on"}))
def test_examples_of_settings_can_be_read(key: str) -> None:
    """The schema is never wider than the reader where it gives an example."""
    for example in SETTINGS[key]["examples"]:
        PARSERS[key](str(example))


@pytest.mark.parametrize(
    "text", ["90s", "1h30m", "0.5s", "5us", "5µs", "", "90", "1d", "-5s", " 5s", "5s\n", "5S", "1.s", ".5s"]
)
@pytest.mark.parametrize(
    "schema", [SETTINGS["timeout"], DISPATCH["timeout"], DEFINITIONS["retry"]["properties"]["delay"]]
)
def test_durations_are_the_same_for_schema_and_reader(schema: dict[str, Any], text: str) -> None:
    """What one takes, the other does."""
    try:
        parse_duration(text)
        readable = True
    except ValueError:
        readable = False
    assert (re.search(schema["pattern"], text) is not None) == readable


def test_choices_are_those_of_the_code() -> None:
    """Wait, concurrency's limit, and the outcomes and causes that a retry may name."""
    retried = set(DEFINITIONS["retry"]["properties"]["on"]["items"]["enum"])
    assert (SETTINGS["wait"]["enum"], SETTINGS["concurrency"]["maximum"]) == ([*Wait], MAX_CONCURRENCY)
    assert retried <= {*Outcome, *Cause}
    assert retried & {*Outcome} == {outcome for outcome in Outcome if outcome.exit_class == 2}


@pytest.mark.parametrize("path", [pytest.param(path, id=path.stem) for path in VALID])
def test_both_validators_take_every_valid_manifest_as_a_whole(path: Path) -> None:
    """What editors check is what we check item by item."""
    document, _ = load_manifest(path.read_bytes(), path=path.name, folder=path.parent)
    assert document is not None
    assert list(jsonschema.Draft7Validator(SCHEMA).iter_errors(document.data)) == []


@pytest.mark.parametrize("name", ["", "dispatchfile", "../manifest", "Manifest"])
def test_other_names_are_no_schemas(name: str) -> None:
    """There are no schemas but the published ones."""
    with pytest.raises(ValueError, match="is not one of manifest, summary, event"):
        read_schema(name)


def test_a_schema_may_be_changed_by_who_read_it() -> None:
    """Each reader has its own."""
    read_schema("manifest").clear()
    assert read_schema("manifest") == SCHEMA
