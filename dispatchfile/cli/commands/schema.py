"""`schema`: the JSON schemas of what dispatchfile reads and writes."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Annotated

import typer

from dispatchfile.cli.terminal import write_result


class SchemaName(StrEnum):
    """The names of the schemas."""

    MANIFEST = "manifest"
    SUMMARY = "summary"
    EVENT = "event"
    ITEM = "item"
    PLAN = "plan"


def schema(
    name: Annotated[
        SchemaName, typer.Argument(metavar="[NAME]", help="manifest, summary, event, item or plan.")
    ] = SchemaName.MANIFEST,
) -> int:
    """Print the JSON schema of what dispatchfile reads or writes."""
    from dispatchfile.schema import read_schema

    write_result(json.dumps(read_schema(name), indent=2, ensure_ascii=False) + "\n")
    return 0
