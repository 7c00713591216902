"""The words of a task block."""

from dataclasses import replace
from typing import Final

from dispatchfile.jobspec.shapes.common import AFFINITY, CONSTRAINT, RESTART
from dispatchfile.jobspec.shapes.model import SECOND, BlockSchema, Field, ValueKind, duration, flag, number, text
from dispatchfile.jobspec.shapes.network import NETWORK
from dispatchfile.jobspec.shapes.service import IDENTITY, SERVICE

ARTIFACT: Final = BlockSchema(
    key="Artifacts",
    many=True,
    fields={
        "source": Field("GetterSource", default=""),
        "destination": Field("RelativeDest"),
        "mode": Field("GetterMode", default="any"),
        "insecure": Field("GetterInsecure", ValueKind.BOOL, default=False),
        "chown": Field("Chown", ValueKind.BOOL, default=False),
        "options": Field("GetterOptions", ValueKind.TEXT_MAP),
        "headers": Field("GetterHeaders", ValueKind.TEXT_MAP),
    },
)

TEMPLATE: Final = BlockSchema(
    key="Templates",
    many=True,
    fields={
        "source": Field("SourcePath", default=""),
        "destination": Field("DestPath", default=""),
        "data": Field("EmbeddedTmpl", default=""),
        "change_mode": Field("ChangeMode", default="restart"),
        "change_signal": Field("ChangeSignal"),
        "once": Field("Once", ValueKind.BOOL, default=False),
        "splay": Field("Splay", ValueKind.DURATION, 5 * SECOND),
        "perms": Field("Perms", default="0644"),
        "uid": Field("Uid", ValueKind.NUMBER),
        "gid": Field("Gid", ValueKind.NUMBER),
        "left_delimiter": Field("LeftDelim", default="{{"),
        "right_delimiter": Field("RightDelim", default="}}"),
        "env": Field("Envvars", ValueKind.BOOL, default=False),
        "vault_grace": Field("VaultGrace", ValueKind.DURATION, 0),
        "error_on_missing_key": Field("ErrMissingKey", ValueKind.BOOL, default=False),
    },
    blocks={
        "change_script": BlockSchema(
            key="ChangeScript",
            fields={
                "command": text("Command"),
                "args": Field("Args", ValueKind.TEXTS, ()),
                "timeout": duration("Timeout", 5 * SECOND),
                "fail_on_error": flag("FailOnError"),
                "run_on_first_render": flag("RunOnFirstRender"),
            },
        ),
        "wait": BlockSchema(key="Wait", fields={"min": duration("Min", None), "max": duration("Max", None)}),
    },
)

RESOURCES: Final = BlockSchema(
    key="Resources",
    always=True,
    fields={
        "cpu": Field("CPU", ValueKind.NUMBER),
        "cores": Field("Cores", ValueKind.NUMBER, 0),
        "memory": Field("MemoryMB", ValueKind.NUMBER, 300),
        "memory_max": Field("MemoryMaxMB", ValueKind.NUMBER, 0),
        "disk": Field("DiskMB", ValueKind.NUMBER, 0),
        "secrets": Field("SecretsMB", ValueKind.NUMBER, 0),
        "iops": Field("IOPS", ValueKind.NUMBER, 0),
    },
    blocks={
        "network": NETWORK,
        "device": BlockSchema(
            key="Devices",
            many=True,
            label="Name",
            fields={"count": number("Count", 1)},
            blocks={"constraint": CONSTRAINT, "affinity": AFFINITY},
        ),
        "numa": BlockSchema(
            key="NUMA",
            fields={
                "affinity": text("Affinity", "none", fills_empty=True),
                "devices": Field("Devices", ValueKind.TEXTS),
            },
        ),
    },
)

CONSUL: Final = BlockSchema(
    key="Consul",
    fields={
        "cluster": text("Cluster", "default", fills_empty=True),
        "namespace": text("Namespace"),
        "partition": text("Partition"),
    },
    left_aside=True,
)

VAULT: Final = BlockSchema(
    key="Vault",
    fields={
        "allow_token_expiration": flag("AllowTokenExpiration"),
        "change_mode": text("ChangeMode", "restart", fills_empty=True),
        "change_signal": text("ChangeSignal", "SIGHUP"),
        "cluster": text("Cluster", "default", fills_empty=True),
        "disable_file": flag("DisableFile"),
        "env": flag("Env", default=True),
        "namespace": text("Namespace"),
        "policies": Field("Policies", ValueKind.TEXTS),
        "role": text("Role"),
    },
    left_aside=True,
)

SCALING: Final = BlockSchema(
    key="Scaling",
    label="Type",
    fields={
        "enabled": flag("Enabled", default=True),
        "min": number("Min", None),
        "max": number("Max", -1),
        "policy": Field("Policy", ValueKind.ANY_MAP, keeps_empty=True),
    },
    left_aside=True,
)

VOLUME_MOUNT: Final = BlockSchema(
    key="VolumeMounts",
    many=True,
    fields={
        "volume": text("Volume"),
        "destination": text("Destination"),
        "read_only": flag("ReadOnly"),
        "propagation_mode": text("PropagationMode", "private"),
        "selinux_label": text("SELinuxLabel"),
    },
    left_aside=True,
)

ACTION: Final = BlockSchema(
    key="Actions",
    many=True,
    label="Name",
    fields={"command": text("Command"), "args": Field("Args", ValueKind.TEXTS, keeps_empty=True)},
    left_aside=True,
)

CSI_PLUGIN: Final = BlockSchema(
    key="CSIPluginConfig",
    fields={
        "id": text("ID"),
        "type": text("Type"),
        "mount_dir": text("MountDir", "/csi", fills_empty=True),
        "stage_publish_base_dir": text("StagePublishBaseDir", "/local/csi", fills_empty=True),
        "health_timeout": Field("HealthTimeout", ValueKind.DURATION, 30 * SECOND, fills_empty=True),
    },
    left_aside=True,
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

TASK: Final = BlockSchema(
    key="Tasks",
    many=True,
    label="Name",
    fields={
        "driver": Field("Driver", default=""),
        "user": Field("User", default=""),
        "leader": Field("Leader", ValueKind.BOOL, default=False),
        "kill_timeout": Field("KillTimeout", ValueKind.DURATION, 5 * SECOND, fills_empty=True),
        "kill_signal": Field("KillSignal", default=""),
        "shutdown_delay": Field("ShutdownDelay", ValueKind.DURATION, 0),
        "kind": Field("Kind", default=""),
        "config": Field("Config", ValueKind.ANY_MAP),
        "env": Field("Env", ValueKind.TEXT_MAP),
        "meta": Field("Meta", ValueKind.TEXT_MAP),
    },
    blocks={
        "lifecycle": BlockSchema(
            key="Lifecycle",
            fields={
                "hook": Field("Hook", required=True),
                "sidecar": Field("Sidecar", ValueKind.BOOL, default=False),
            },
        ),
        "constraint": CONSTRAINT,
        "affinity": AFFINITY,
        "resources": RESOURCES,
        "restart": RESTART,
        "logs": BlockSchema(
            key="LogConfig",
            always=True,
            fields={
                "max_files": Field("MaxFiles", ValueKind.NUMBER, 10),
                "max_file_size": Field("MaxFileSizeMB", ValueKind.NUMBER, 10),
                "disabled": Field("Disabled", ValueKind.BOOL, default=False),
            },
        ),
        "artifact": ARTIFACT,
        "template": TEMPLATE,
        "action": ACTION,
        "consul": CONSUL,
        "csi_plugin": CSI_PLUGIN,
        "identity": IDENTITY,
        "scaling": replace(SCALING, key="ScalingPolicies", many=True),
        "service": SERVICE,
        "vault": VAULT,
        "volume_mount": VOLUME_MOUNT,
        "dispatch_payload": BlockSchema(key="DispatchPayload", fields={"file": Field("File", default="")}),
    },
    constants={"Identity": _DEFAULT_IDENTITY, "Schedule": None, "Secrets": None},
    unsupported=frozenset({"schedule", "secret"}),
)
