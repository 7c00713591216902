"""The words of a network block."""

from typing import Final

from dispatchfile.jobspec.shapes.model import Field, Kind, Shape, flag, number, text

PORT: Final = Shape(
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

NETWORK: Final = Shape(
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
        "dns": Shape(
            key="DNS",
            fields={
                "servers": Field("Servers", Kind.TEXTS, keeps_empty=True),
                "searches": Field("Searches", Kind.TEXTS, keeps_empty=True),
                "options": Field("Options", Kind.TEXTS, keeps_empty=True),
            },
        ),
        "cni": Shape(key="CNI", fields={"args": Field("Args", Kind.TEXT_MAP, keeps_empty=True)}),
    },
    constants={"Device": ""},
    left_aside=True,
)

RESERVED_PORTS: Final = Shape(key="ReservedPorts", many=True, label="Label", fields=PORT.fields)
"""Only the API's own form has these; HCL has `static` in `port`."""
