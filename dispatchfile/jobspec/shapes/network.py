"""The words of a network block."""

from typing import Final

from dispatchfile.jobspec.shapes.model import BlockSchema, Field, ValueKind, flag, number, text

PORT: Final = BlockSchema(
    key="DynamicPorts",
    many=True,
    label="Label",
    fields={
        "static": number("Value"),
        "to": number("To"),
        "host_network": text("HostNetwork"),
        "ignore_collision": flag("IgnoreCollision"),
    },
)

NETWORK: Final = BlockSchema(
    key="Networks",
    many=True,
    fields={
        "mode": text("Mode"),
        "hostname": Field("Hostname"),
        "mbits": number("MBits"),
        "cidr": text("CIDR"),
        "ip": text("IP"),
    },
    blocks={
        "port": PORT,
        "dns": BlockSchema(
            key="DNS",
            fields={
                "servers": Field("Servers", ValueKind.TEXTS, keeps_empty=True),
                "searches": Field("Searches", ValueKind.TEXTS, keeps_empty=True),
                "options": Field("Options", ValueKind.TEXTS, keeps_empty=True),
            },
        ),
        "cni": BlockSchema(key="CNI", fields={"args": Field("Args", ValueKind.TEXT_MAP, keeps_empty=True)}),
    },
    constants={"Device": ""},
    left_aside=True,
)

RESERVED_PORTS: Final = BlockSchema(key="ReservedPorts", many=True, label="Label", fields=PORT.fields)
"""Only the API's own form has these; HCL has `static` in `port`."""
