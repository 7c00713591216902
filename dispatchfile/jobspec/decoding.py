"""
The rules by which Nomad decodes arguments of a job file in HCL, where they do not follow from the types.

Keys are API names of blocks, as in the shapes. Source: hashicorp/nomad, the Go types behind the hcl tags of package
api (pointers take null, plain values do not), jobspec2/hcl_conversions.go (decodeAsAttribute).
"""

from collections.abc import Mapping
from typing import Final

NEVER_NULL: Final[Mapping[str, frozenset[str]]] = {
    "Spreads": frozenset({"attribute"}),
    "SpreadTarget": frozenset({"percent"}),
    "Tasks": frozenset({"driver", "kill_signal", "kind", "leader", "user"}),
    "Lifecycle": frozenset({"hook", "sidecar"}),
    "Networks": frozenset({"cidr", "hostname", "ip", "mode"}),
    "DynamicPorts": frozenset({"host_network", "ignore_collision", "static", "to"}),
    "NUMA": frozenset({"affinity"}),
    "Artifacts": frozenset({"chown"}),
    "Actions": frozenset({"command"}),
    "Consul": frozenset({"cluster", "namespace", "partition"}),
    "CSIPluginConfig": frozenset({"id", "mount_dir", "stage_publish_base_dir", "type"}),
    "Identities": frozenset(
        {"change_mode", "change_signal", "env", "file", "filepath", "name", "service_name"}
    ),
    "Identity": frozenset({"change_mode", "change_signal", "env", "file", "filepath", "name", "service_name"}),
    "Services": frozenset(
        {
            "address", "address_mode", "cluster", "enable_tag_override", "kind", "name", "on_update", "port",
            "provider", "task",
        }
    ),
    "Checks": frozenset(
        {
            "address_mode", "body", "command", "expose", "failures_before_critical", "failures_before_warning",
            "grpc_service", "grpc_use_tls", "initial_status", "method", "name", "notes", "on_update", "path", "port",
            "protocol", "success_before_passing", "task", "tls_server_name", "tls_skip_verify", "type",
        }
    ),
    "CheckRestart": frozenset({"ignore_warnings", "limit"}),
    "Weights": frozenset({"passing", "warning"}),
    "Vault": frozenset({"cluster", "role"}),
    "DispatchPayload": frozenset({"file"}),
    "Scaling": frozenset({"type"}),
    "Volumes": frozenset(
        {"access_mode", "attachment_mode", "per_alloc", "read_only", "source", "sticky", "type"}
    ),
    "MountOptions": frozenset({"fs_type"}),
    "ParameterizedJob": frozenset({"payload"}),
    "UI": frozenset({"description"}),
    "Links": frozenset({"label", "url"}),
}  # fmt: skip
"""Arguments for which ``null`` is an error; for all others it is as if the argument were not there."""

REQUIRED: Final[Mapping[str, tuple[str, ...]]] = {"Actions": ("command",)}

MAPS_AS_ARGUMENTS: Final[Mapping[str, frozenset[str]]] = {
    "Job": frozenset({"meta"}),
    "TaskGroups": frozenset({"meta"}),
    "Tasks": frozenset({"env", "meta"}),
    "CNI": frozenset({"args"}),
}
"""Maps that may be written ``name = {…}``; all others are blocks only."""

MAPS_AS_ARGUMENTS_ONLY: Final[Mapping[str, frozenset[str]]] = {"CNI": frozenset({"args"})}

RANGES: Final[Mapping[tuple[str, str], range]] = {
    ("Spreads", "weight"): range(-128, 128),
    ("SpreadTarget", "percent"): range(256),
    ("Devices", "count"): range(2**64),
}
