"""The words of service, check and identity blocks."""

from typing import Final

from dispatchfile.jobspec.shapes.model import SECOND, BlockSchema, Field, ValueKind, duration, flag, number, text

IDENTITY: Final = BlockSchema(
    key="Identities",
    many=True,
    fields={
        "name": text("Name", "default", fills_empty=True),
        "aud": Field("Audience", ValueKind.TEXTS, keeps_empty=True),
        "change_mode": text("ChangeMode"),
        "change_signal": text("ChangeSignal"),
        "env": flag("Env"),
        "extra_claims": Field("ExtraClaims", ValueKind.TEXTS, keeps_empty=True),
        "file": flag("File"),
        "filepath": text("Filepath"),
        "service_name": text("ServiceName"),
        "ttl": duration("TTL"),
    },
    left_aside=True,
)

DEFAULT_IDENTITY: Final = BlockSchema(key="Identity", fields=IDENTITY.fields)
"""The identity that Nomad gives every task; HCL has it among the others."""

CHECK_RESTART: Final = BlockSchema(
    key="CheckRestart",
    fields={
        "limit": number("Limit"),
        "grace": duration("Grace", SECOND),
        "ignore_warnings": flag("IgnoreWarnings"),
    },
)

CHECK: Final = BlockSchema(
    key="Checks",
    many=True,
    fields={
        "address_mode": text("AddressMode"),
        "args": Field("Args", ValueKind.TEXTS),
        "body": text("Body"),
        "command": text("Command"),
        "expose": flag("Expose"),
        "failures_before_critical": number("FailuresBeforeCritical"),
        "failures_before_warning": number("FailuresBeforeWarning"),
        "grpc_service": text("GRPCService"),
        "grpc_use_tls": flag("GRPCUseTLS"),
        "header": Field("Header", ValueKind.TEXTS_MAP),
        "initial_status": text("InitialStatus"),
        "interval": duration("Interval"),
        "method": text("Method"),
        "name": text("Name"),
        "notes": text("Notes"),
        "on_update": text("OnUpdate"),
        "path": text("Path"),
        "port": text("PortLabel"),
        "protocol": text("Protocol"),
        "success_before_passing": number("SuccessBeforePassing"),
        "task": text("TaskName"),
        "timeout": duration("Timeout"),
        "tls_server_name": text("TLSServerName"),
        "tls_skip_verify": flag("TLSSkipVerify"),
        "type": text("Type"),
    },
    blocks={"check_restart": CHECK_RESTART},
)

SERVICE: Final = BlockSchema(
    key="Services",
    many=True,
    fields={
        "name": text("Name"),
        "address": text("Address"),
        "address_mode": text("AddressMode", "auto", fills_empty=True),
        "canary_meta": Field("CanaryMeta", ValueKind.TEXT_MAP),
        "canary_tags": Field("CanaryTags", ValueKind.TEXTS),
        "cluster": text("Cluster", "default", fills_empty=True),
        "enable_tag_override": flag("EnableTagOverride"),
        "kind": text("Kind"),
        "meta": Field("Meta", ValueKind.TEXT_MAP),
        "on_update": text("OnUpdate", "require_healthy", fills_empty=True),
        "port": text("PortLabel"),
        "provider": text("Provider", "consul", fills_empty=True),
        "tagged_addresses": Field("TaggedAddresses", ValueKind.TEXT_MAP),
        "tags": Field("Tags", ValueKind.TEXTS),
        "task": text("TaskName"),
    },
    blocks={
        "check": CHECK,
        "check_restart": CHECK_RESTART,
        "identity": BlockSchema(key="Identity", fields=IDENTITY.fields),
        "weights": BlockSchema(key="Weights", fields={"passing": number("Passing"), "warning": number("Warning")}),
    },
    constants={"Connect": None, "Namespace": ""},
    unsupported=frozenset({"connect"}),
    left_aside=True,
)
