"""The words of a group block."""

from dataclasses import replace
from typing import Final

from dispatchfile.jobspec.shapes.common import AFFINITY, CONSTRAINT, RESCHEDULE, RESTART, SPREAD
from dispatchfile.jobspec.shapes.model import BlockSchema, Field, ValueKind, flag, text
from dispatchfile.jobspec.shapes.network import NETWORK
from dispatchfile.jobspec.shapes.service import SERVICE
from dispatchfile.jobspec.shapes.task import CONSUL, SCALING, TASK
from dispatchfile.jobspec.shapes.updates import MIGRATE, UPDATE

VOLUME: Final = BlockSchema(
    key="Volumes",
    mapped=True,
    label="Name",
    fields={
        "type": text("Type"),
        "source": text("Source"),
        "read_only": flag("ReadOnly"),
        "sticky": flag("Sticky"),
        "access_mode": text("AccessMode"),
        "attachment_mode": text("AttachmentMode"),
        "per_alloc": flag("PerAlloc"),
    },
    blocks={
        "mount_options": BlockSchema(
            key="MountOptions",
            fields={"fs_type": text("FSType"), "mount_flags": Field("MountFlags", ValueKind.TEXTS, keeps_empty=True)},
        )
    },
    left_aside=True,
)

GROUP: Final = BlockSchema(
    key="TaskGroups",
    many=True,
    label="Name",
    fields={
        "count": Field("Count", ValueKind.NUMBER, 1),
        "shutdown_delay": Field("ShutdownDelay", ValueKind.DURATION),
        "max_run_duration": Field("MaxRunDuration", ValueKind.DURATION),
        "stop_after_client_disconnect": Field("StopAfterClientDisconnect", ValueKind.DURATION),
        "max_client_disconnect": Field("MaxClientDisconnect", ValueKind.DURATION),
        "prevent_reschedule_on_lost": Field("PreventRescheduleOnLost", ValueKind.BOOL, default=False),
        "meta": Field("Meta", ValueKind.TEXT_MAP),
    },
    blocks={
        "constraint": CONSTRAINT,
        "affinity": AFFINITY,
        "spread": SPREAD,
        "task": TASK,
        "restart": RESTART,
        "reschedule": RESCHEDULE,
        "consul": CONSUL,
        "migrate": MIGRATE,
        "network": NETWORK,
        "scaling": replace(
            SCALING, label=None, fields={**SCALING.fields, "type": text("Type", "horizontal", fills_empty=True)}
        ),
        "service": SERVICE,
        "update": UPDATE,
        "volume": VOLUME,
        "disconnect": BlockSchema(
            key="Disconnect",
            fields={
                "lost_after": Field("LostAfter", ValueKind.DURATION, 0),
                "stop_on_client_after": Field("StopOnClientAfter", ValueKind.DURATION),
                "replace": Field("Replace", ValueKind.BOOL, default=True),
                "reconcile": Field("Reconcile", default="best_score"),
            },
        ),
        "ephemeral_disk": BlockSchema(
            key="EphemeralDisk",
            always=True,
            fields={
                "size": Field("SizeMB", ValueKind.NUMBER, 300),
                "sticky": Field("Sticky", ValueKind.BOOL, default=False),
                "migrate": Field("Migrate", ValueKind.BOOL, default=False),
            },
        ),
    },
    unsupported=frozenset({"secret", "vault"}),
)
