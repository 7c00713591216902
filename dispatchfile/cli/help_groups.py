"""Help with its options in groups, as plain text: Rich would take as long to import as all the rest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import typer
from typer.core import TyperCommand, TyperGroup

if TYPE_CHECKING:
    from typer._click import HelpFormatter

from dispatchfile.cli.options import AGENT, CONNECTION, OUTPUT, PLAN, SELECTION, SETTINGS, VARIABLES, WAITING

ARGUMENTS, OPTIONS = "Arguments", "Options"
WIDEST_OPTION = 30  # cells; the explanation of a longer one begins below it
ORDER = (ARGUMENTS, OPTIONS, PLAN, SELECTION, VARIABLES, WAITING, SETTINGS, OUTPUT, AGENT, CONNECTION)
GROUPS: Mapping[str, tuple[str, ...]] = {  # the commands in the order of the help
    "Write and check manifests": ("init", "validate", "plan", "schema", "explain"),
    "Run": ("run", "resume", "rerun", "stop", "dispatch"),
    "Look at runs": ("runs", "status", "watch", "logs", "report", "prune"),
    "Environment": ("doctor", "agent"),
}


class GroupedCommand(TyperCommand):
    """A command whose help lists its options by group, the most specific first."""

    def format_options(self, ctx: typer.Context, formatter: HelpFormatter) -> None:  # type: ignore[override]
        rows: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None:
                rows.setdefault(_group_of(parameter), []).append(record)
        for group in sorted(rows, key=ORDER.index):
            with formatter.section(group):
                formatter.write_dl(rows[group], col_max=min(WIDEST_OPTION, formatter.width // 2))


class GroupedCommands(TyperGroup):
    """The program, whose help lists its commands by group."""

    def format_commands(self, ctx: typer.Context, formatter: HelpFormatter) -> None:  # type: ignore[override]
        width = formatter.width - 6 - max(map(len, self.commands))
        for group, names in GROUPS.items():
            rows = [(name, self.commands[name].get_short_help_str(width)) for name in names if name in self.commands]
            if rows:
                with formatter.section(group):
                    formatter.write_dl(rows)


def _group_of(parameter: object) -> str:
    if getattr(parameter, "param_type_name", "") == "argument":
        return ARGUMENTS
    return getattr(parameter, "rich_help_panel", None) or OPTIONS
