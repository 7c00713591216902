"""
The words of a job file: which arguments and blocks there are, their types, API names and defaults.

Source: hashicorp/nomad, api/jobs.go, api/tasks.go and api/resources.go (hcl tags and Canonicalize); the defaults as a
2.0.5 server gives them back for batch and sysbatch jobs.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from dispatchfile.jobspec.durations import UNITS_NS

SECOND: Final = UNITS_NS["s"]
MINUTE: Final = UNITS_NS["m"]
HOUR: Final = UNITS_NS["h"]


class Kind(StrEnum):
    """What a field holds; the value is how messages call it."""

    TEXT = "a string"
    NUMBER = "a whole number"
    BOOL = "true or false"
    DURATION = 'a duration such as "1h30m"'
    TEXTS = "a list of strings"
    TEXT_MAP = "a map of strings"
    ANY_MAP = "a map"


FREE_FORM: Final = frozenset({Kind.TEXT_MAP, Kind.ANY_MAP})


@dataclass(frozen=True, slots=True)
class Field:
    """One argument: its name in the API, its type, and what Nomad fills in where it is missing."""

    key: str
    kind: Kind = Kind.TEXT
    default: object = None
    required: bool = False


@dataclass(frozen=True, slots=True)
class Shape:
    """One type of block."""

    key: str
    fields: Mapping[str, Field]
    blocks: Mapping[str, "Shape"] = field(default_factory=dict)
    label: str | None = None  # the API name of what stands in the block's label
    many: bool = False
    always: bool = False  # Nomad fills it in where it is missing
    constants: Mapping[str, object] = field(default_factory=dict)  # keys of the API that no argument sets
    unsupported: frozenset[str] = frozenset()  # blocks of Nomad that this reader refuses by name
    shortcuts: Mapping[str, Kind] = field(default_factory=dict)  # ``regexp = "x"`` for operator and value


_COMPARISON: Final = {
    "attribute": Field("LTarget", default=""),
    "value": Field("RTarget", default=""),
    "operator": Field("Operand", default="="),
}
_COMPARISON_SHORTCUTS: Final = dict.fromkeys(
    ("regexp", "version", "semver", "set_contains", "set_contains_all", "set_contains_any"), Kind.TEXT
)

CONSTRAINT: Final = Shape(
    key="Constraints",
    many=True,
    fields=_COMPARISON,
    shortcuts={**_COMPARISON_SHORTCUTS, "distinct_property": Kind.TEXT, "distinct_hosts": Kind.BOOL},
)
AFFINITY: Final = Shape(
    key="Affinities",
    many=True,
    fields={**_COMPARISON, "weight": Field("Weight", Kind.NUMBER, 50)},
    shortcuts=_COMPARISON_SHORTCUTS,
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

ARTIFACT: Final = Shape(
    key="Artifacts",
    many=True,
    fields={
        "source": Field("GetterSource", default=""),
        "destination": Field("RelativeDest"),
        "mode": Field("GetterMode", default="any"),
        "insecure": Field("GetterInsecure", Kind.BOOL, default=False),
        "chown": Field("Chown", Kind.BOOL, default=False),
        "options": Field("GetterOptions", Kind.TEXT_MAP),
        "headers": Field("GetterHeaders", Kind.TEXT_MAP),
    },
)

TEMPLATE: Final = Shape(
    key="Templates",
    many=True,
    fields={
        "source": Field("SourcePath", default=""),
        "destination": Field("DestPath", default=""),
        "data": Field("EmbeddedTmpl", default=""),
        "change_mode": Field("ChangeMode", default="restart"),
        "change_signal": Field("ChangeSignal", default=""),
        "once": Field("Once", Kind.BOOL, default=False),
        "splay": Field("Splay", Kind.DURATION, 5 * SECOND),
        "perms": Field("Perms", default="0644"),
        "uid": Field("Uid", Kind.NUMBER),
        "gid": Field("Gid", Kind.NUMBER),
        "left_delimiter": Field("LeftDelim", default="{{"),
        "right_delimiter": Field("RightDelim", default="}}"),
        "env": Field("Envvars", Kind.BOOL, default=False),
        "vault_grace": Field("VaultGrace", Kind.DURATION, 0),
        "error_on_missing_key": Field("ErrMissingKey", Kind.BOOL, default=False),
    },
    constants={"ChangeScript": None, "Wait": None},
    unsupported=frozenset({"change_script", "wait"}),
)

RESOURCES: Final = Shape(
    key="Resources",
    always=True,
    fields={
        "cpu": Field("CPU", Kind.NUMBER),
        "cores": Field("Cores", Kind.NUMBER, 0),
        "memory": Field("MemoryMB", Kind.NUMBER, 300),
        "memory_max": Field("MemoryMaxMB", Kind.NUMBER, 0),
        "disk": Field("DiskMB", Kind.NUMBER, 0),
        "secrets": Field("SecretsMB", Kind.NUMBER, 0),
        "iops": Field("IOPS", Kind.NUMBER, 0),
    },
    constants={"Devices": None, "NUMA": None, "Networks": None},
    unsupported=frozenset({"network", "device", "numa"}),
)

_DEFAULT_IDENTITY: Final = {
    "Audience": ["nomadproject.io"],
    "ChangeMode": "",
    "ChangeSignal": "",
    "Env": False,
    "ExtraClaims": None,
    "File": False,
    "Filepath": "",
    "Name": "default",
    "ServiceName": "",
    "TTL": 0,
}

TASK: Final = Shape(
    key="Tasks",
    many=True,
    label="Name",
    fields={
        "driver": Field("Driver", default=""),
        "user": Field("User", default=""),
        "leader": Field("Leader", Kind.BOOL, default=False),
        "kill_timeout": Field("KillTimeout", Kind.DURATION, 5 * SECOND),
        "kill_signal": Field("KillSignal", default=""),
        "shutdown_delay": Field("ShutdownDelay", Kind.DURATION, 0),
        "kind": Field("Kind", default=""),
        "config": Field("Config", Kind.ANY_MAP),
        "env": Field("Env", Kind.TEXT_MAP),
        "meta": Field("Meta", Kind.TEXT_MAP),
    },
    blocks={
        "lifecycle": Shape(
            key="Lifecycle",
            fields={
                "hook": Field("Hook", required=True),
                "sidecar": Field("Sidecar", Kind.BOOL, default=False),
            },
        ),
        "constraint": CONSTRAINT,
        "affinity": AFFINITY,
        "resources": RESOURCES,
        "restart": RESTART,
        "logs": Shape(
            key="LogConfig",
            always=True,
            fields={
                "max_files": Field("MaxFiles", Kind.NUMBER, 10),
                "max_file_size": Field("MaxFileSizeMB", Kind.NUMBER, 10),
                "disabled": Field("Disabled", Kind.BOOL, default=False),
            },
        ),
        "artifact": ARTIFACT,
        "template": TEMPLATE,
        "dispatch_payload": Shape(key="DispatchPayload", fields={"file": Field("File", default="")}),
    },
    constants={
        "Actions": None,
        "CSIPluginConfig": None,
        "Consul": None,
        "Identities": None,
        "Identity": _DEFAULT_IDENTITY,
        "ScalingPolicies": None,
        "Schedule": None,
        "Secrets": None,
        "Services": None,
        "Vault": None,
        "VolumeMounts": None,
    },
    unsupported=frozenset(
        {
            "action",
            "consul",
            "csi_plugin",
            "identity",
            "scaling",
            "schedule",
            "secret",
            "service",
            "vault",
            "volume_mount",
        }
    ),
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
    constants={
        "Consul": None,
        "Migrate": None,
        "Networks": None,
        "Scaling": None,
        "Services": None,
        "Update": None,
        "Volumes": None,
    },
    unsupported=frozenset(
        {"consul", "migrate", "network", "scaling", "secret", "service", "update", "vault", "volume"}
    ),
)

_NO_UPDATES: Final = {
    "AutoPromote": False,
    "AutoRevert": False,
    "Canary": 0,
    "HealthCheck": "",
    "HealthyDeadline": 0,
    "MaxParallel": 0,
    "MinHealthyTime": 0,
    "ProgressDeadline": 0,
    "Stagger": 0,
}

JOB: Final = Shape(
    key="Job",
    label="ID",
    fields={
        "id": Field("ID"),
        "name": Field("Name"),
        "type": Field("Type", default="service"),
        "region": Field("Region", default="global"),
        "namespace": Field("Namespace", default="default"),
        "node_pool": Field("NodePool", default="default"),
        "datacenters": Field("Datacenters", Kind.TEXTS, ("*",)),
        "priority": Field("Priority", Kind.NUMBER, 50),
        "all_at_once": Field("AllAtOnce", Kind.BOOL, default=False),
        "meta": Field("Meta", Kind.TEXT_MAP),
    },
    blocks={
        "constraint": CONSTRAINT,
        "affinity": AFFINITY,
        "spread": SPREAD,
        "group": GROUP,
        "reschedule": RESCHEDULE,
        "parameterized": Shape(
            key="ParameterizedJob",
            fields={
                "payload": Field("Payload", default="optional"),
                "meta_required": Field("MetaRequired", Kind.TEXTS),
                "meta_optional": Field("MetaOptional", Kind.TEXTS),
            },
        ),
        "periodic": Shape(
            key="Periodic",
            fields={
                "enabled": Field("Enabled", Kind.BOOL, default=True),
                "cron": Field("Spec", default=""),
                "crons": Field("Specs", Kind.TEXTS, ()),
                "prohibit_overlap": Field("ProhibitOverlap", Kind.BOOL, default=False),
                "time_zone": Field("TimeZone", default="UTC"),
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
    constants={"ConsulNamespace": "", "Multiregion": None, "Update": _NO_UPDATES, "VaultNamespace": ""},
    unsupported=frozenset({"migrate", "multiregion", "secret", "task", "update", "vault"}),
)
