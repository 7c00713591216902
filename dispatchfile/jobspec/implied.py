"""
Constraints that Nomad's server adds to a job for what its tasks ask for.

Source: hashicorp/nomad, nomad/job_endpoint_hooks.go (jobImpliedConstraints) and nomad/structs/structs.go
(RequiredSignals).
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

Api = Mapping[str, Any]

CNI_PLUGINS: Final = ("bridge", "firewall", "host-local", "loopback", "portmap")
_FULL: Final = ("LTarget", "Operand", "RTarget")
_LEFT: Final = ("LTarget",)


def with_implied_constraints(group: dict[str, Any]) -> dict[str, Any]:
    """*group* and its tasks with the constraints that Nomad adds."""
    tasks = [_with(task, _for_task(task)) for task in group["Tasks"] or ()]
    return {**_with(group, _for_group(group)), "Tasks": tasks or None}


def _with(owner: dict[str, Any], implied: Iterator[tuple[tuple[str, ...], Api]]) -> dict[str, Any]:
    constraints = list(owner["Constraints"] or ())
    for compared, constraint in implied:
        if not any(all(one[key] == constraint[key] for key in compared) for one in constraints):
            constraints.append(dict(constraint))
    return {**owner, "Constraints": constraints or None}


def _for_group(group: Api) -> Iterator[tuple[tuple[str, ...], Api]]:
    tasks = group["Tasks"] or ()
    if any(task["Vault"] for task in tasks):
        yield _LEFT, _constraint("${attr.vault.version}", "semver", ">= 0.6.1")
    if any(task["Resources"]["NUMA"] and task["Resources"]["NUMA"]["Affinity"] != "none" for task in tasks):
        yield _FULL, _constraint("${attr.nomad.version}", "semver", ">= 1.6.3-dev")
        yield _FULL, _constraint("${attr.kernel.name}", "=", "linux")
    if signals := sorted({signal for task in tasks for signal in _signals(task)}):
        yield _FULL, _constraint("${attr.os.signals}", "set_contains", ",".join(signals))
    services = [*(group["Services"] or ()), *(one for task in tasks for one in task["Services"] or ())]
    native = [service for service in services if service["Provider"] == "nomad"]
    if native:
        yield _FULL, _constraint("${attr.nomad.service_discovery}", "=", "true")
    if any(service["Checks"] for service in native):
        yield _FULL, _constraint("${attr.nomad.version}", "semver", ">= 1.4.0")
    if any(service["Provider"] == "consul" for service in group["Services"] or ()):
        yield _LEFT, _constraint("${attr.consul.version}", "semver", ">= 1.8.0")
    if any(network.get("Mode") == "bridge" for network in group["Networks"] or ()):
        yield from ((_LEFT, _constraint(_plugin(name), "semver", ">= 0.4.0")) for name in CNI_PLUGINS)
    if any(task["Identities"] for task in tasks) or any(service["Identity"] for service in services):
        yield _FULL, _constraint("${attr.nomad.version}", "semver", ">= 1.7.0-a")


def _for_task(task: Api) -> Iterator[tuple[tuple[str, ...], Api]]:
    if any(service["Provider"] == "consul" for service in task["Services"] or ()):
        yield _LEFT, _constraint("${attr.consul.version}", "semver", ">= 1.8.0")


def _signals(task: Api) -> Iterator[str]:
    if task["KillSignal"]:
        yield task["KillSignal"]
    if task["Vault"] and task["Vault"]["ChangeMode"] == "signal":
        yield task["Vault"]["ChangeSignal"]
    yield from (one["ChangeSignal"] for one in task["Templates"] or () if one["ChangeMode"] == "signal")


def _plugin(name: str) -> str:
    return f"${{attr.plugins.cni.version.{name}}}"


def _constraint(left: str, operand: str, right: str) -> dict[str, str]:
    return {"LTarget": left, "Operand": operand, "RTarget": right}
