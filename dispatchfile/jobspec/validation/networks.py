"""Ports of a group and its tasks. Source: hashicorp/nomad, nomad/structs/structs.go (validateNetworks)."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from dispatchfile.jobspec.validation.words import quote

Api = Mapping[str, Any]

_HIGHEST_PORT: Final = 65535


def network_problems(group: Api) -> Iterator[str]:
    """Why Nomad does not take the networks of a group and its tasks."""
    labels: set[str] = set()
    static: dict[tuple[str, int], str] = {}
    for network in group["Networks"] or ():
        for port in _ports(network):
            yield from _label_problems(port, labels, adds=True)
            yield from _static_problems(port, static, f"taskgroup network:{port.get('Label', '')}")
            yield from _mapping_problems(port, network.get("Mode", ""))
    for task in group["Tasks"] or ():
        for network in task["Resources"]["Networks"] or ():
            for port in _ports(network):
                yield from _label_problems(port, labels, adds=False)
                yield from _static_problems(port, static, f"{task['Name']}:{port.get('Label', '')}")


def port_labels(networks: Any) -> set[str]:
    return {port.get("Label", "") for network in networks or () for port in _ports(network)}


def _ports(network: Api) -> list[Api]:
    return [*network.get("ReservedPorts", ()), *network.get("DynamicPorts", ())]


def _label_problems(port: Api, labels: set[str], *, adds: bool) -> Iterator[str]:
    label = port.get("Label", "")
    if label in labels:
        yield f"Port label {label} already in use by taskgroup network"
    elif adds:
        labels.add(label)


def _static_problems(port: Api, static: dict[tuple[str, int], str], owner: str) -> Iterator[str]:
    value, key = port.get("Value", 0), (port["HostNetwork"], port.get("Value", 0))
    if not value:
        return
    if key in static:
        if not port.get("IgnoreCollision"):
            yield f"Static port {value} already reserved by {static[key]}"
    elif value > _HIGHEST_PORT:
        yield f"Port {port.get('Label', '')} ({value}) cannot be greater than {_HIGHEST_PORT}"
    else:
        static[key] = owner


def _mapping_problems(port: Api, mode: str) -> Iterator[str]:
    label, target = quote(port.get("Label", "")), port.get("To", 0)
    if target < -1:
        yield f"Port {label} cannot be mapped to negative value {target}"
    elif target > _HIGHEST_PORT:
        yield f"Port {label} cannot be mapped to a port ({target}) greater than {_HIGHEST_PORT}"
    if port.get("IgnoreCollision") and mode not in {"", "host"}:
        yield f"Port {label} collision may not be ignored on non-host network mode {quote(mode)}"
