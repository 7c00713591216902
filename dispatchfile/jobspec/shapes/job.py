"""The words of a job block."""

from dataclasses import replace
from typing import Final

from dispatchfile.jobspec.shapes.common import AFFINITY, CONSTRAINT, RESCHEDULE, SPREAD
from dispatchfile.jobspec.shapes.group import GROUP
from dispatchfile.jobspec.shapes.model import Field, Kind, Shape
from dispatchfile.jobspec.shapes.updates import MIGRATE, UPDATE

JOB: Final = Shape(
    key="Job",
    label="ID",
    fields={
        "id": Field("ID"),
        "name": Field("Name"),
        "type": Field("Type", default="service"),
        "region": Field("Region", default="global", fills_empty=True),
        "namespace": Field("Namespace", default="default", fills_empty=True),
        "node_pool": Field("NodePool", default="default", fills_empty=True),
        "datacenters": Field("Datacenters", Kind.TEXTS, ("*",)),
        "priority": Field("Priority", Kind.NUMBER, 50, fills_empty=True),
        "all_at_once": Field("AllAtOnce", Kind.BOOL, default=False),
        "meta": Field("Meta", Kind.TEXT_MAP),
    },
    blocks={
        "constraint": CONSTRAINT,
        "affinity": AFFINITY,
        "spread": SPREAD,
        "group": GROUP,
        "migrate": MIGRATE,
        "reschedule": replace(RESCHEDULE, key="Reschedule"),
        "update": UPDATE,
        "parameterized": Shape(
            key="ParameterizedJob",
            fields={
                "payload": Field("Payload", default="optional", fills_empty=True),
                "meta_required": Field("MetaRequired", Kind.TEXTS, keeps_empty=True),
                "meta_optional": Field("MetaOptional", Kind.TEXTS, keeps_empty=True),
            },
        ),
        "periodic": Shape(
            key="Periodic",
            fields={
                "enabled": Field("Enabled", Kind.BOOL, default=True),
                "cron": Field("Spec", default=""),
                "crons": Field("Specs", Kind.TEXTS, ()),
                "prohibit_overlap": Field("ProhibitOverlap", Kind.BOOL, default=False),
                "time_zone": Field("TimeZone", default="UTC", fills_empty=True),
            },
            constants={"SpecType": "cron"},
        ),
        "ui": Shape(
            key="UI",
            fields={"description": Field("Description", default="")},
            blocks={
                "link": Shape(
                    key="Links",
                    many=True,
                    fields={"label": Field("Label", default=""), "url": Field("Url", default="")},
                )
            },
        ),
    },
    constants={"ConsulNamespace": "", "Multiregion": None, "VaultNamespace": ""},
    unsupported=frozenset({"multiregion", "secret", "task", "vault"}),
)
