"""The words of a job block."""

from dataclasses import replace
from typing import Final

from dispatchfile.jobspec.shapes.common import AFFINITY, CONSTRAINT, RESCHEDULE, SPREAD
from dispatchfile.jobspec.shapes.group import GROUP
from dispatchfile.jobspec.shapes.model import BlockSchema, Field, ValueKind
from dispatchfile.jobspec.shapes.updates import MIGRATE, UPDATE

JOB: Final = BlockSchema(
    key="Job",
    label="ID",
    fields={
        "id": Field("ID"),
        "name": Field("Name"),
        "type": Field("Type", default="service"),
        "region": Field("Region", default="global", fills_empty=True),
        "namespace": Field("Namespace", default="default", fills_empty=True),
        "node_pool": Field("NodePool", default="default", fills_empty=True),
        "datacenters": Field("Datacenters", ValueKind.TEXTS, ("*",)),
        "priority": Field("Priority", ValueKind.NUMBER, 50, fills_empty=True),
        "all_at_once": Field("AllAtOnce", ValueKind.BOOL, default=False),
        "meta": Field("Meta", ValueKind.TEXT_MAP),
    },
    blocks={
        "constraint": CONSTRAINT,
        "affinity": AFFINITY,
        "spread": SPREAD,
        "group": GROUP,
        "migrate": MIGRATE,
        "reschedule": replace(RESCHEDULE, key="Reschedule"),
        "update": UPDATE,
        "parameterized": BlockSchema(
            key="ParameterizedJob",
            fields={
                "payload": Field("Payload", default="optional", fills_empty=True),
                "meta_required": Field("MetaRequired", ValueKind.TEXTS, keeps_empty=True),
                "meta_optional": Field("MetaOptional", ValueKind.TEXTS, keeps_empty=True),
            },
        ),
        "periodic": BlockSchema(
            key="Periodic",
            fields={
                "enabled": Field("Enabled", ValueKind.BOOL, default=True),
                "cron": Field("Spec", default=""),
                "crons": Field("Specs", ValueKind.TEXTS, ()),
                "prohibit_overlap": Field("ProhibitOverlap", ValueKind.BOOL, default=False),
                "time_zone": Field("TimeZone", default="UTC", fills_empty=True),
            },
            constants={"SpecType": "cron"},
        ),
        "ui": BlockSchema(
            key="UI",
            fields={"description": Field("Description", default="")},
            blocks={
                "link": BlockSchema(
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
