"""The words of a group block."""

from dataclasses import replace
from typing import Final

from dispatchfile.jobspec.shapes.common import AFFINITY, CONSTRAINT, RESCHEDULE, RESTART, SPREAD
from dispatchfile.jobspec.shapes.model import Field, Kind, Shape, flag, text
from dispatchfile.jobspec.shapes.network import NETWORK
from dispatchfile.jobspec.shapes.service import SERVICE
from dispatchfile.jobspec.shapes.task import CONSUL, SCALING, TASK
from dispatchfile.jobspec.shapes.updates import MIGRATE, UPDATE

VOLUME: Final = Shape(
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
        "mount_options": Shape(
            key="MountOptions",
            fields={"fs_type": text("FSType"), "mount_flags": Field("MountFlags", Kind.TEXTS, keeps_empty=True)},
        )
    },
    left_aside=True,
)

GROUP: Final = Shape(
    key="TaskGroups",
    many=True,
    label="Name",
    fields={
        "count": Field("Count", Kind.NUMBER, 1),
        "shutdown_delay": Field("ShutdownDelay", Kind.DURATION),
        "max_run_duration": Field("MaxRunDuration", Kind.DURATION),
        "stop_after_client_disconnect": Field("StopAfterClientDisconnect", Kind.DURATION),
        "max_client_disconnect": Field("MaxClientDisconnect", Kind.DURATION),
        "prevent_reschedule_on_lost": Field("PreventRescheduleOnLost", Kind.BOOL, default=False),
        "meta": Field("Meta", Kind.TEXT_MAP),
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
        "disconnect": Shape(
            key="Disconnect",
            fields={
                "lost_after": Field("LostAfter", Kind.DURATION, 0),
                "stop_on_client_after": Field("StopOnClientAfter", Kind.DURATION),
                "replace": Field("Replace", Kind.BOOL, default=True),
                "reconcile": Field("Reconcile", default="best_score"),
            },
        ),
        "ephemeral_disk": Shape(
            key="EphemeralDisk",
            always=True,
            fields={
                "size": Field("SizeMB", Kind.NUMBER, 300),
                "sticky": Field("Sticky", Kind.BOOL, default=False),
                "migrate": Field("Migrate", Kind.BOOL, default=False),
            },
        ),
    },
    unsupported=frozenset({"secret", "vault"}),
)
