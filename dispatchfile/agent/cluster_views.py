"""Namespaces and nodes as Nomad's API shows them."""

from dispatchfile.agent.records import Namespace, Node
from dispatchfile.agent.views import View, rfc3339


def namespace_view(namespace: Namespace) -> View:
    return {
        "Capabilities": None,
        "ConsulConfiguration": None,
        "CreateIndex": namespace.create_index,
        "Description": namespace.description,
        "Hash": None,
        "Meta": None,
        "ModifyIndex": namespace.modify_index,
        "Name": namespace.name,
        "NodePoolConfiguration": None,
        "OptionalExtraClaims": None,
        "Quota": "",
        "RequiredExtraClaims": None,
        "VaultConfiguration": None,
    }


def node_stub(node: Node) -> View:
    return {
        "Address": node.http_address.rpartition(":")[0],
        "CreateIndex": node.create_index,
        "Datacenter": node.datacenter,
        "Drain": node.drain is not None,
        "Drivers": _drivers_view(node),
        "HostVolumes": {},
        "ID": node.id,
        "LastDrain": None,
        "ModifyIndex": node.modify_index,
        "Name": node.name,
        "NodeClass": "",
        "NodePool": node.node_pool,
        "SchedulingEligibility": "eligible" if node.eligible else "ineligible",
        "Status": node.status,
        "StatusDescription": "",
        "Version": node.version,
    }


def node_view(node: Node) -> View:
    cores = int(node.attributes.get("cpu.numcores", "1"))
    shares = int(node.attributes.get("cpu.totalcompute", "1000"))
    memory_mb = int(node.attributes.get("memory.totalbytes", "0")) // 2**20
    stub = node_stub(node)
    del stub["Address"], stub["Version"]  # only the rows of the list have them
    return {
        **stub,
        "Attributes": node.attributes,
        "ComputedClass": node.computed_class,
        "DrainStrategy": _drain_view(node),
        "Events": [],
        "HTTPAddr": node.http_address,
        "Links": {},
        "Meta": node.meta,
        "NodeMaxAllocs": node.slots or 0,
        "NodeResources": {
            "Cpu": {
                "CpuShares": shares,
                "ReservableCpuCores": list(range(cores)),
                "TotalCpuCores": cores,
            },
            "Devices": None,
            "Disk": {"DiskMB": 0},
            "MaxDynamicPort": 32000,
            "Memory": {"MemoryMB": memory_mb},
            "MinDynamicPort": 20000,
            "Networks": None,
            "NodeNetworks": None,
        },
        "ReservedResources": {
            "Cpu": {"CpuShares": 0, "ReservedCpuCores": None},
            "Disk": {"DiskMB": 0},
            "Memory": {"MemoryMB": 0},
            "Networks": {"ReservedHostPorts": ""},
        },
        "SecretID": "",
        "StatusUpdatedAt": node.status_updated // 10**9,
        "TLSEnabled": False,
    }


def _drain_view(node: Node) -> View | None:
    if node.drain is None:
        return None
    return {
        "Deadline": node.drain.deadline_ns,
        "ForceDeadline": rfc3339(node.drain.started + node.drain.deadline_ns),
        "IgnoreSystemJobs": False,
        "StartedAt": rfc3339(node.drain.started),
    }


def _drivers_view(node: Node) -> View:
    updated = rfc3339(node.status_updated)
    return {
        name: {
            "Attributes": {f"driver.{name}": "true"},
            "Detected": True,
            "HealthDescription": "Healthy",
            "Healthy": True,
            "UpdateTime": updated,
        }
        for name in sorted(node.drivers)
    }
