"""The manifest's reference against the schema, and every manifest on the pages against the tool."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from dispatchfile.problems import CODES
from dispatchfile.schema import read_schema
from dispatchfile.settings import PARSERS
from tests.docs.pages import MANIFEST, ROOT, Block, Section, agrees, all_blocks, all_sections, calls_of, read_sections
from tests.docs.terminal import folder_with, run_dispatchfile, run_shown

SCHEMA: Mapping[str, Any] = read_schema("manifest")
PARTS = {
    "The manifest": SCHEMA,
    "Defaults": SCHEMA["definitions"]["defaults"],
    "A dispatch": SCHEMA["definitions"]["dispatch"],
    "Payload": SCHEMA["definitions"]["payload"],
    "For each": SCHEMA["definitions"]["for_each"],
    "CSV": SCHEMA["definitions"]["for_each"]["properties"]["csv"],
    "Range": SCHEMA["definitions"]["for_each"]["properties"]["range"],
    "Retry": SCHEMA["definitions"]["retry"],
    "Settings": SCHEMA["definitions"]["settings"],
    "Stop on": SCHEMA["definitions"]["settings"]["properties"]["stop_on"],
}
REFERENCE = {section.title: section for section in read_sections(ROOT / "docs" / "manifest.md")}
SHOWN = [
    section
    for section in all_sections()
    if any(block.language == "yaml" and not block.file for block in section.blocks)
    and section.title.partition(":")[0] not in CODES  # those have problems on purpose
]


def _reads_standard_input(section: Section) -> bool:
    """Tell whether the manifest works only in a pipe, which the page then shows."""
    return any('{lines: "-"}' in block.text for block in section.blocks if block.language == "yaml")


def _rows(part: str) -> dict[str, list[str]]:
    """The cells of the part's table, by key."""
    found: dict[str, list[str]] = {}
    for line in REFERENCE[part].prose.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| `"):
            found |= dict.fromkeys(re.findall(r"`([a-z0-9_]+)`", cells[0]), cells)
    return found


def _properties() -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    for part, schema in PARTS.items():
        for key, value in schema["properties"].items():
            yield part, key, _resolved(value)


def _resolved(value: Mapping[str, Any]) -> Mapping[str, Any]:
    if "$ref" not in value:
        return value
    target: Any = SCHEMA
    for name in value["$ref"].removeprefix("#/").split("/"):
        target = target[name]
    return _resolved(target)


@pytest.mark.parametrize("part", PARTS)
def test_the_reference_has_every_key_and_no_other(part: str) -> None:
    """One row a key, but in the table of defaults, where keys share rows."""
    assert _rows(part).keys() == PARTS[part]["properties"].keys()


@pytest.mark.parametrize(
    ("part", "key", "schema"),
    [pytest.param(part, key, schema, id=f"{part}-{key}") for part, key, schema in _properties() if part != "Defaults"],
)
def test_the_reference_agrees_with_the_schema(part: str, key: str, schema: Mapping[str, Any]) -> None:
    """They agree on defaults, choices and bounds, and on what is required."""
    _, kind, default, meaning = _rows(part)[key]
    if "default" in schema:
        written = json.dumps(schema["default"]).replace('"', "")
        assert default == f"`{written}`"
    assert default.startswith("required") == (key in PARTS[part].get("required", [])) or key == "job"
    choices = [str(choice) for choice in [*schema.get("enum", []), *schema.get("items", {}).get("enum", [])]]
    assert [choice for choice in choices if f"`{choice}`" not in kind + meaning] == []
    if schema.get("type") == "integer":
        bounds = [schema[bound] for bound in ("minimum", "maximum") if bound in schema]
        assert all(re.search(rf"\b{bound}\b", kind) for bound in bounds)


def test_every_setting_has_a_flag_on_run() -> None:
    """The flag has the setting's name, as the reference says."""
    printed, _ = run_dispatchfile(["run", "--help"])
    options = set(re.findall(r"--[a-z-]+", "\n".join(printed)))
    assert {f"--{key.replace('_', '-')}" for key in PARSERS} <= options


@pytest.mark.parametrize("block", all_blocks("yml"), ids=lambda block: block.place)
def test_what_is_shown_for_ci_is_yaml(block: Block) -> None:
    """The files are valid YAML without duplicate keys."""
    assert YAML(typ="safe").load(block.text)


@pytest.mark.parametrize(
    "section",
    [section for section in SHOWN if not _reads_standard_input(section)],
    ids=lambda section: section.place,
)
def test_every_manifest_on_the_pages_is_valid(section: Section, tmp_path: Path) -> None:
    """With the files that stand beside it."""
    with folder_with(section.files, tmp_path):
        printed, exit_code = run_dispatchfile(["validate", MANIFEST])
    assert (exit_code, printed[-1].partition(" in ")[0]) == (0, "no problems"), printed


@pytest.mark.parametrize(
    "section",
    [section for section in SHOWN if any(block.language == "console" for block in section.blocks)],
    ids=lambda section: section.place,
)
def test_what_is_shown_beside_a_manifest_is_what_is_printed(section: Section, tmp_path: Path) -> None:
    """Each command that a page shows with a manifest prints what the page shows."""
    with folder_with(section.files, tmp_path):
        for block in section.blocks:
            for call in calls_of(block) if block.language == "console" else ():
                printed, _ = run_shown(call.command, environ={"DISPATCHFILE_STATE_DIR": str(tmp_path / "state")})
                assert agrees(call.output, printed), (call.place, printed)
