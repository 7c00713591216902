"""The published schemas of what scripts read."""

import json
from collections.abc import Iterator
from pathlib import Path

import jsonschema
import pytest

SCHEMAS = Path(__file__).parents[2] / "schemas"
PUBLISHED = ["summary-v1.schema.json", "event-v1.schema.json", "item-v1.schema.json"]


def read(name: str) -> dict[str, object]:
    return json.loads((SCHEMAS / name).read_text())


def find_keys(schema: object, path: str = "") -> Iterator[tuple[str, dict[str, object]]]:
    """Every key that the schema describes; conditions only repeat them."""
    if not isinstance(schema, dict):
        return
    for name, described in schema.get("properties", {}).items():
        yield f"{path}/{name}", described
        yield from find_keys(described, f"{path}/{name}")
    yield from find_keys(schema.get("items"), f"{path}[]")


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_schema_is_valid_draft_07(name: str) -> None:
    """The examples in a schema match the schema."""
    schema = read(name)
    assert schema["$schema"] == "http://json-schema.org/draft-07/schema#"
    jsonschema.Draft7Validator.check_schema(schema)
    for example in schema["examples"]:
        jsonschema.Draft7Validator(schema).validate(example)


@pytest.mark.parametrize("name", PUBLISHED)
def test_every_key_is_explained(name: str) -> None:
    """With a title, a sentence and examples that fit."""
    schema = read(name)
    keys = list(find_keys(schema))
    assert keys
    for path, described in keys:
        assert described.get("title"), path
        assert str(described.get("description", "")).endswith("."), path
        assert described.get("examples"), path
        for example in described["examples"]:
            jsonschema.Draft7Validator(described).validate(example)


@pytest.mark.parametrize("name", PUBLISHED)
def test_every_object_is_closed_and_names_what_it_requires(name: str) -> None:
    """Scripts need no defaults, and a typo in the program is found."""
    for path, described in [("", read(name)), *find_keys(read(name))]:
        if "properties" in described:
            assert described["additionalProperties"] is False, path
            assert set(described["required"]) <= set(described["properties"]), path
