"""Blocks that several levels of a job have: constraints, affinities, spreads, restart and reschedule policies."""

from typing import Final

from dispatchfile.jobspec.shapes.model import HOUR, SECOND, BlockSchema, Field, ValueKind

COMPARISON: Final = {
    "attribute": Field("LTarget", default=""),
    "value": Field("RTarget", default=""),
    "operator": Field("Operand", default=""),
}
COMPARISON_SHORTCUTS: Final = dict.fromkeys(
    ("regexp", "version", "semver", "set_contains", "set_contains_all", "set_contains_any"), ValueKind.TEXT
)

CONSTRAINT: Final = BlockSchema(
    key="Constraints",
    many=True,
    fields=COMPARISON,
    shortcuts={**COMPARISON_SHORTCUTS, "distinct_property": ValueKind.TEXT, "distinct_hosts": ValueKind.BOOL},
)
AFFINITY: Final = BlockSchema(
    key="Affinities",
    many=True,
    fields={**COMPARISON, "weight": Field("Weight", ValueKind.NUMBER, 50)},
    shortcuts=COMPARISON_SHORTCUTS,
)

SPREAD: Final = BlockSchema(
    key="Spreads",
    many=True,
    fields={"attribute": Field("Attribute", default=""), "weight": Field("Weight", ValueKind.NUMBER, 50)},
    blocks={
        "target": BlockSchema(
            key="SpreadTarget", many=True, label="Value", fields={"percent": Field("Percent", ValueKind.NUMBER, 0)}
        )
    },
)

RESTART: Final = BlockSchema(
    key="RestartPolicy",
    always=True,
    fields={
        "attempts": Field("Attempts", ValueKind.NUMBER, 3),
        "interval": Field("Interval", ValueKind.DURATION, 24 * HOUR),
        "delay": Field("Delay", ValueKind.DURATION, 15 * SECOND),
        "mode": Field("Mode", default="fail"),
        "render_templates": Field("RenderTemplates", ValueKind.BOOL, default=False),
    },
)

RESCHEDULE: Final = BlockSchema(
    key="ReschedulePolicy",
    fields={
        "attempts": Field("Attempts", ValueKind.NUMBER, 1),
        "interval": Field("Interval", ValueKind.DURATION, 24 * HOUR),
        "delay": Field("Delay", ValueKind.DURATION, 5 * SECOND),
        "delay_function": Field("DelayFunction", default="constant"),
        "max_delay": Field("MaxDelay", ValueKind.DURATION, 0),
        "unlimited": Field("Unlimited", ValueKind.BOOL, default=False),
    },
)
