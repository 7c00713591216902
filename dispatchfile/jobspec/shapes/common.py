"""Blocks that several levels of a job have: constraints, affinities, spreads, restart and reschedule policies."""

from typing import Final

from dispatchfile.jobspec.shapes.model import HOUR, SECOND, Field, Kind, Shape

COMPARISON: Final = {
    "attribute": Field("LTarget", default=""),
    "value": Field("RTarget", default=""),
    "operator": Field("Operand", default=""),
}
COMPARISON_SHORTCUTS: Final = dict.fromkeys(
    ("regexp", "version", "semver", "set_contains", "set_contains_all", "set_contains_any"), Kind.TEXT
)

CONSTRAINT: Final = Shape(
    key="Constraints",
    many=True,
    fields=COMPARISON,
    shortcuts={**COMPARISON_SHORTCUTS, "distinct_property": Kind.TEXT, "distinct_hosts": Kind.BOOL},
)
AFFINITY: Final = Shape(
    key="Affinities",
    many=True,
    fields={**COMPARISON, "weight": Field("Weight", Kind.NUMBER, 50)},
    shortcuts=COMPARISON_SHORTCUTS,
)

SPREAD: Final = Shape(
    key="Spreads",
    many=True,
    fields={"attribute": Field("Attribute", default=""), "weight": Field("Weight", Kind.NUMBER, 50)},
    blocks={
        "target": Shape(
            key="SpreadTarget", many=True, label="Value", fields={"percent": Field("Percent", Kind.NUMBER, 0)}
        )
    },
)

RESTART: Final = Shape(
    key="RestartPolicy",
    always=True,
    fields={
        "attempts": Field("Attempts", Kind.NUMBER, 3),
        "interval": Field("Interval", Kind.DURATION, 24 * HOUR),
        "delay": Field("Delay", Kind.DURATION, 15 * SECOND),
        "mode": Field("Mode", default="fail"),
        "render_templates": Field("RenderTemplates", Kind.BOOL, default=False),
    },
)

RESCHEDULE: Final = Shape(
    key="ReschedulePolicy",
    fields={
        "attempts": Field("Attempts", Kind.NUMBER, 1),
        "interval": Field("Interval", Kind.DURATION, 24 * HOUR),
        "delay": Field("Delay", Kind.DURATION, 5 * SECOND),
        "delay_function": Field("DelayFunction", default="constant"),
        "max_delay": Field("MaxDelay", Kind.DURATION, 0),
        "unlimited": Field("Unlimited", Kind.BOOL, default=False),
    },
)
