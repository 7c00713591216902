"""The words of a task block."""

from dataclasses import replace
from typing import Final

from dispatchfile.jobspec.shapes.common import AFFINITY, CONSTRAINT, RESTART
from dispatchfile.jobspec.shapes.model import SECOND, Field, Kind, Shape, duration, flag, number, text
from dispatchfile.jobspec.shapes.network import NETWORK
from dispatchfile.jobspec.shapes.service import IDENTITY, SERVICE

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
        "change_signal": Field("ChangeSignal"),
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
    blocks={
        "change_script": Shape(
            key="ChangeScript",
            fields={
                "command": text("Command"),
                "args": Field("Args", Kind.TEXTS, ()),
                "timeout": duration("Timeout", 5 * SECOND),
                "fail_on_error": flag("FailOnError"),
                "run_on_first_render": flag("RunOnFirstRender"),
            },
        ),
        "wait": Shape(key="Wait", fields={"min": duration("Min", None), "max": duration("Max", None)}),
    },
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
    blocks={
        "network": NETWORK,
        "device": Shape(
            key="Devices",
            many=True,
            label="Name",
            fields={"count": number("Count", 1)},
            blocks={"constraint": CONSTRAINT, "affinity": AFFINITY},
        ),
        "numa": Shape(
            key="NUMA",
            fields={"affinity": text("Affinity", "none", fills_empty=True), "devices": Field("Devices", Kind.TEXTS)},
        ),
    },
)

CONSUL: Final = Shape(
    key="Consul",
    fields={
        "cluster": text("Cluster", "default", fills_empty=True),
        "namespace": text("Namespace"),
        "partition": text("Partition"),
    },
    left_aside=True,
)

VAULT: Final = Shape(
    key="Vault",
    fields={
        "allow_token_expiration": flag("AllowTokenExpiration"),
        "change_mode": text("ChangeMode", "restart", fills_empty=True),
        "change_signal": text("ChangeSignal", "SIGHUP"),
        "cluster": text("Cluster", "default", fills_empty=True),
        "disable_file": flag("DisableFile"),
        "env": flag("Env", default=True),
        "namespace": text("Namespace"),
        "policies": Field("Policies", Kind.TEXTS),
        "role": text("Role"),
    },
    left_aside=True,
)

SCALING: Final = Shape(
    key="Scaling",
    label="Type",
    fields={
        "enabled": flag("Enabled", default=True),
        "min": number("Min", None),
        "max": number("Max", -1),
        "policy": Field("Policy", Kind.ANY_MAP, keeps_empty=True),
    },
    left_aside=True,
)

VOLUME_MOUNT: Final = Shape(
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

ACTION: Final = Shape(
    key="Actions",
    many=True,
    label="Name",
    fields={"command": text("Command"), "args": Field("Args", Kind.TEXTS, keeps_empty=True)},
    left_aside=True,
)

CSI_PLUGIN: Final = Shape(
    key="CSIPluginConfig",
    fields={
        "id": text("ID"),
        "type": text("Type"),
        "mount_dir": text("MountDir", "/csi", fills_empty=True),
        "stage_publish_base_dir": text("StagePublishBaseDir", "/local/csi", fills_empty=True),
        "health_timeout": Field("HealthTimeout", Kind.DURATION, 30 * SECOND, fills_empty=True),
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

TASK: Final = Shape(
    key="Tasks",
    many=True,
    label="Name",
    fields={
        "driver": Field("Driver", default=""),
        "user": Field("User", default=""),
        "leader": Field("Leader", Kind.BOOL, default=False),
        "kill_timeout": Field("KillTimeout", Kind.DURATION, 5 * SECOND, fills_empty=True),
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
        "action": ACTION,
        "consul": CONSUL,
        "csi_plugin": CSI_PLUGIN,
        "identity": IDENTITY,
        "scaling": replace(SCALING, key="ScalingPolicies", many=True),
        "service": SERVICE,
        "vault": VAULT,
        "volume_mount": VOLUME_MOUNT,
        "dispatch_payload": Shape(key="DispatchPayload", fields={"file": Field("File", default="")}),
    },
    constants={"Identity": _DEFAULT_IDENTITY, "Schedule": None, "Secrets": None},
    unsupported=frozenset({"schedule", "secret"}),
)
