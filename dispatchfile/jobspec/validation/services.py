"""Services and their checks. Source: hashicorp/nomad, nomad/structs/services.go and structs.go (validateServices)."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from dispatchfile.jobspec.durations import UNITS_NS, format_duration
from dispatchfile.jobspec.validation.networks import port_labels
from dispatchfile.jobspec.validation.words import nested, quote

Api = Mapping[str, Any]

_SECOND: Final = UNITS_NS["s"]
_NAME: Final = re.compile(r"(?i:[a-z0-9]|[a-z0-9][a-z0-9\-]{0,61}[a-z0-9])")
_REFERENCE: Final = re.compile(r"\$\{[a-zA-Z0-9_\-.]+\}")
_BAD_NAME: Final = (
    "Service name must be valid per RFC 1123 and can contain only alphanumeric characters or dashes and must be no "
    "longer than 63 characters"
)
_ADDRESS_MODES: Final = frozenset({"host", "driver", "alloc", "alloc_ipv6"})
_UPDATE_MODES: Final = frozenset({"", "ignore", "require_healthy", "ignore_warnings"})
_TYPES: Final = {"nomad": ("tcp", "http"), "consul": ("grpc", "tcp", "http", "script")}
_WITH_PORT: Final = frozenset({"grpc", "http", "tcp"})


def group_service_problems(group: Api) -> Iterator[str]:
    """Why Nomad does not take the services of a group, and of its tasks beside them."""
    tasks = group["Tasks"] or ()
    seen: list[tuple[str, str, str]] = []
    providers: set[str] = set()
    for task in tasks:
        for service in task["Services"] or ():
            yield from _owner_problems(service, task["Name"])
            seen.append((service["Name"], task["Name"], service["PortLabel"]))
            providers.add(service["Provider"])
    for number, service in enumerate(group["Services"] or ()):
        seen.append((service["Name"], "group", service["PortLabel"]))
        providers.add(service["Provider"])
        title = f"Service[{number}] {service['Name']} validation failed: "
        broken = nested(title, _service_problems(service))
        yield from broken or _group_only_problems(service, {task["Name"] for task in tasks})
    twice = sorted({one for one in seen if seen.count(one) > 1})
    if twice:
        listed = ", ".join(f"{owner}->{name}{f':{port}' if port else ''}" for name, owner, port in twice)
        yield f"Services are not unique: [{listed}]"
    if len(providers) > 1:
        yield "Multiple service providers used: task group services must use the same provider"


def script_check_problems(group: Api) -> Iterator[str]:
    """Script checks of a group's service have to name a task."""
    for service in group["Services"] or ():
        for check in service["Checks"] or ():
            if check["Type"] == "script" and not service["TaskName"] and not check["TaskName"]:
                owner = f"Service [{group['Name']}]->{service['Name']}"
                yield f"{owner} or Check {check['Name']} must specify task parameter"


def task_service_problems(task: Api, group_networks: Any) -> Iterator[str]:
    """Why Nomad does not take the services of one task."""
    wanted: dict[str, set[str]] = {}
    known: set[str] = set()
    for number, service in enumerate(task["Services"] or ()):
        name = service["Name"]
        yield from nested(f"service[{number}] {quote(name)} validation failed: ", _service_problems(service))
        for mode in ("alloc", "alloc_ipv6"):
            if service["AddressMode"] == mode:
                why = 'only services defined in a "group" block can use this mode'
                yield f'service {quote(name)} cannot use address_mode="{mode}", {why}'
        if name + service["PortLabel"] in known:
            yield f"service {quote(name)} is duplicate"
        known.add(name + service["PortLabel"])
        port = service["PortLabel"]
        if port and not (service["AddressMode"] == "driver" and _is_number(port)):
            wanted.setdefault(port, set()).add(name)
        yield from _check_port_problems(service, wanted)
    networks = [*(group_networks or ())[:1], *(task["Resources"]["Networks"] or ())]
    for port in sorted(wanted.keys() - port_labels(networks)):
        names = ", ".join(sorted(wanted[port]))
        yield f"port label {quote(port)} referenced by services {names} does not exist"


def _owner_problems(service: Api, task: str) -> Iterator[str]:
    words = "may only specify task the"
    if service["TaskName"] not in {"", task}:
        yield f"Service {service['Name']} is invalid: {words} service belongs to, got {quote(service['TaskName'])}"
    for check in service["Checks"] or ():
        if check["TaskName"] not in {"", task}:
            yield f"Check {check['Name']} is invalid: {words} check belongs to, got {quote(check['TaskName'])}"


def _group_only_problems(service: Api, tasks: set[str]) -> Iterator[str]:
    name = quote(service["Name"])
    if service["AddressMode"] == "driver":
        why = 'only services defined in a "task" block can use this mode'
        yield f'service {name} cannot use address_mode="driver", {why}'
    for check in service["Checks"] or ():
        if not check["TaskName"]:
            continue
        if check["AddressMode"] == "driver":
            why = 'only checks defined in a "task" service block can use this mode'
            yield f'Check {name} invalid: cannot use address_mode="driver", {why}'
        if check["TaskName"] not in tasks:
            yield f"Check {check['Name']} invalid: refers to non-existent task {check['TaskName']}"


def _check_port_problems(service: Api, wanted: dict[str, set[str]]) -> Iterator[str]:
    known: set[str] = set()
    for check in service["Checks"] or ():
        name, port = quote(check["Name"]), check["PortLabel"] or service["PortLabel"]
        if check["Name"] in known:
            yield f"check {name} is duplicate"
        known.add(check["Name"])
        if check["Type"] not in _WITH_PORT:
            continue
        if not port:
            yield f"check {name} is missing a port"
        elif not _is_number(port):
            wanted.setdefault(port, set()).add(service["Name"])
        elif check["AddressMode"] != "driver":
            yield f'check {name} cannot use a numeric port {int(port)} without setting address_mode="driver"'
        elif int(port) <= 0:
            yield f"check {name} has invalid numeric port {int(port)}"


def _is_number(text: str) -> bool:
    return re.fullmatch("[+-]?[0-9]+", text) is not None


def _service_problems(service: Api) -> Iterator[str]:
    provider, mode = service["Provider"], service["AddressMode"]
    if not _NAME.fullmatch(_REFERENCE.sub("ENV-VAR", service["Name"])):
        yield f"{_BAD_NAME}: {quote(service['Name'])}"
    if mode in _ADDRESS_MODES:
        if service["Address"]:
            yield 'Service address_mode must be "auto" if address is set'
    elif mode not in {"", "auto"}:
        yield f'Service address_mode must be "auto", "host", or "driver"; not {quote(mode)}'
    if service["OnUpdate"] not in _UPDATE_MODES:
        known = '"require_healthy", "ignore_warnings", or "ignore"'
        yield f"Service on_update must be {known}; not {quote(service['OnUpdate'])}"
    if provider not in _TYPES:
        yield f'Service provider must be "consul", or "nomad"; not {quote(provider)}'
    else:
        for check in service["Checks"] or ():
            yield from _check_problems(check, service)
    if service["Identity"] and not service["Identity"]["Audience"]:
        yield "Service identity must provide at least one target aud value"


def _check_problems(check: Api, service: Api) -> Iterator[str]:
    """Yield the first problem of one check."""
    if not service["PortLabel"] and not check["PortLabel"] and check["Type"] in _WITH_PORT:
        owner = quote(service["Name"])
        yield f"Check {check['Name']} invalid: check requires a port but neither check nor service {owner} have a port"
        return
    problem = next(_check_faults(check, service["Provider"]), None)
    if problem is not None:
        yield problem if service["Provider"] == "nomad" else f"Check {check['Name']} invalid: {problem}"


def _check_faults(check: Api, provider: str) -> Iterator[str]:
    kind, types = check["Type"].lower(), _TYPES[provider]
    if kind not in types:
        yield f"invalid check type ({quote(kind)}), must be one of {', '.join(types)}"
    if kind == "http" and not check["Path"]:
        yield "http type must have http path"
    if kind == "http" and re.match("[a-zA-Z][a-zA-Z0-9+.-]*:", check["Path"]):
        yield "http type must have relative http path"
    if kind == "script" and not check["Command"]:
        yield "script type must have a valid script path"
    yield from _time_faults(check)
    yield from _mode_faults(check)
    if provider == "nomad":
        yield from _faults_without_consul(check)


def _time_faults(check: Api) -> Iterator[str]:
    interval, timeout = check["Interval"], check["Timeout"]
    if interval == 0:
        yield "missing required value interval. Interval cannot be less than 1s"
    if interval < _SECOND:
        yield f"interval ({format_duration(interval)}) cannot be lower than 1s"
    if timeout == 0:
        yield "missing required value timeout. Timeout cannot be less than 1s"
    if timeout < _SECOND:
        yield f"timeout ({format_duration(timeout)}) is lower than required minimum timeout 1s"


def _mode_faults(check: Api) -> Iterator[str]:
    state, mode, update = check["InitialStatus"], check["AddressMode"], check["OnUpdate"]
    if state not in {"", "passing", "warning", "critical"}:
        yield f'invalid initial check state ({state}), must be one of "passing", "warning", "critical" or empty'
    if mode == "auto":
        yield 'invalid address_mode "auto" - auto only valid for services'
    if mode and mode not in _ADDRESS_MODES:
        yield f"invalid address_mode {quote(mode)}"
    if update not in _UPDATE_MODES:
        yield f'on_update must be "require_healthy", "ignore_warnings", or "ignore"; got {quote(update)}'
    if check["CheckRestart"] and update == "ignore":
        yield 'on_update value "ignore" is not compatible with check_restart'


def _faults_without_consul(check: Api) -> Iterator[str]:
    only = "may only be set for Consul service checks"
    if check["Expose"]:
        yield f"expose {only}"
    if check["OnUpdate"] == "ignore_warnings":
        yield "on_update may only be set to ignore_warnings for Consul service checks"
    if check["CheckRestart"] and check["CheckRestart"]["IgnoreWarnings"]:
        yield "ignore_warnings on check_restart only supported for Consul service checks"
    if check["AddressMode"] == "driver":
        yield f"address_mode = driver {only}"
    for key, name in (
        ("SuccessBeforePassing", "success_before_passing"),
        ("FailuresBeforeCritical", "failures_before_critical"),
        ("FailuresBeforeWarning", "failures_before_warning"),
        ("TLSServerName", "tls_server_name"),
    ):
        if check[key]:
            yield f"{name} {only}"
