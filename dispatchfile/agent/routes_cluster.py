"""
The routes of the node, the agent itself, namespaces, search and the system.

Source: hashicorp/nomad, command/agent/node_endpoint.go, agent_endpoint.go, status_endpoint.go,
namespace_endpoint.go, search_endpoint.go, system_endpoint.go, operator_endpoint.go.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from itertools import islice
from typing import Final

from dispatchfile.agent.cluster_views import namespace_view, node_stub, node_view
from dispatchfile.agent.core import REGION, Core
from dispatchfile.agent.golang import Kind, quote
from dispatchfile.agent.http import (
    Answer,
    HttpError,
    HttpRequest,
    Read,
    Reply,
    check_uuid,
    check_uuid_prefix,
    decoded,
    found,
    missing,
)
from dispatchfile.agent.records import Drain, Namespace
from dispatchfile.agent.state import EVENT_BUFFER_SIZE
from dispatchfile.agent.submitted import joined_problems
from dispatchfile.agent.views import View, alloc_view
from dispatchfile.agent.watches import WatchSet

_NAMESPACE_NAME: Final = re.compile(r"^[a-zA-Z0-9-]{1,128}$")
_SEARCH_LIMIT: Final = 20
_UUID_PREFIX: Final = re.compile(r"[0-9a-f-]{0,36}", re.IGNORECASE)
_CONTEXTS: Final = (
    "allocs",
    "jobs",
    "nodes",
    "node_pools",
    "evals",
    "deployment",
    "plugins",
    "volumes",
    "scaling_policy",
    "vars",
    "namespaces",
    "host_volumes",
)
_BY_UUID: Final = frozenset({"allocs", "nodes", "evals", "deployment"})
_ANONYMOUS: Final = {
    "AccessorID": "acls-disabled",
    "CreateIndex": 0,
    "CreateTime": "0001-01-01T00:00:00Z",
    "ExpirationTTL": "",
    "ExpirationTime": None,
    "Global": False,
    "Hash": None,
    "ModifyIndex": 0,
    "Name": "ACLs disabled token",
    "Policies": None,
    "Roles": None,
    "SecretID": "",
    "Type": "client",
}


# the node


def nodes(core: Core, call: HttpRequest) -> Answer:
    call.require("GET")
    prefix = call.get("prefix")
    check_uuid_prefix(prefix, "node lookup failed")

    def answer() -> Reply:
        listed = [node for node in core.state.nodes.values() if node.id.startswith(prefix)]
        return found([node_stub(node) for node in listed], core.state.table_index["nodes"])

    return Read(WatchSet(keys=(("nodes",),)), answer)


def one_node(core: Core, call: HttpRequest) -> Answer:
    node_id, _, question = call.path.removeprefix("/v1/node/").partition("/")
    check_uuid(node_id, "node lookup failed")
    if not question:
        return _read_node(core, call, node_id)
    if question == "allocations":
        return _node_allocations(core, call, node_id)
    changes: dict[str, Callable[[Core, HttpRequest], Reply]] = {"drain": _drain, "eligibility": _eligibility}
    if question not in changes:
        raise HttpError(404, "resource not found")
    call.require("PUT", "POST")
    if node_id != core.node.id:
        raise HttpError(500, "node not found")
    return changes[question](core, call)


def _read_node(core: Core, call: HttpRequest, node_id: str) -> Answer:
    call.require("GET")

    def answer() -> Reply:
        node = core.state.nodes.get(node_id)
        if node is None:
            return missing("node not found", core.state.table_index["nodes"])
        return found(node_view(node), node.modify_index)

    return Read(WatchSet(keys=(("nodes", node_id),)), answer)


def _node_allocations(core: Core, call: HttpRequest, node_id: str) -> Answer:
    call.require("GET")

    def answer() -> Reply:
        allocs = [alloc for alloc in core.state.allocs.values() if alloc.node_id == node_id]
        return found([alloc_view(alloc) for alloc in allocs], core.state.table_index["allocs"])

    return Read(WatchSet(keys=(("allocs",),)), answer)


def _drain(core: Core, call: HttpRequest) -> Reply:
    fields: dict[str, Kind] = {"DrainSpec": "any", "MarkEligible": "bool"}
    request = decoded(call, "api.NodeUpdateDrainRequest", fields)
    spec, drain = request.get("DrainSpec"), None
    if isinstance(spec, dict):
        deadline = spec.get("Deadline") or 0
        drain = Drain(deadline if isinstance(deadline, int) else 0, core.state.now_ns())
    return _node_reply(core.scheduler.drain_node(drain, eligible=request.get("MarkEligible") is True).index)


def _eligibility(core: Core, call: HttpRequest) -> Reply:
    request = decoded(call, "structs.NodeUpdateEligibilityRequest", {"Eligibility": "string"})
    wanted = request.get("Eligibility")
    if wanted not in {"eligible", "ineligible"}:
        raise HttpError(500, f"invalid scheduling eligibility {quote(str(wanted or ''))}")
    written = core.scheduler.change_node(replace(core.node, eligible=wanted == "eligible"))
    return _node_reply(written.index)


def _node_reply(index: int) -> Reply:
    return Reply({"EvalCreateIndex": 0, "EvalIDs": None, "Index": index, "NodeModifyIndex": index}, index=index)


# the agent


def leader(core: Core, call: HttpRequest) -> Answer:
    call.require("GET")
    return Reply(core.http_address)


def peers(core: Core, call: HttpRequest) -> Answer:
    call.require("GET")
    return Reply([core.http_address])


def regions(_core: Core, call: HttpRequest) -> Answer:
    call.require("GET")
    return Reply([REGION])


def agent_self(core: Core, call: HttpRequest) -> Answer:
    call.require("GET")
    config = {
        "ACL": {"Enabled": False},
        "AdvertiseAddrs": {"HTTP": core.http_address},
        "BindAddr": core.host,
        "Client": {"Enabled": True, "Meta": core.node.meta, "NodeMaxAllocs": core.node.slots or 0},
        "Datacenter": core.node.datacenter,
        "DevMode": True,
        "Limits": {"HTTPMaxConnsPerClient": core.max_connections},
        "NodeName": core.name,
        "Ports": {"HTTP": core.port},
        "Region": REGION,
        "Server": {"Enabled": True, "EventBufferSize": EVENT_BUFFER_SIZE},
        "TLSConfig": {"EnableHTTP": False},
        "UI": {"Enabled": False, "ShowCLIHints": False},
        "Version": {
            "BuildDate": None,
            "Revision": "",
            "Version": core.version,
            "VersionMetadata": "embedded",
            "VersionPrerelease": "",
        },
    }
    stats = {
        "client": {"node_id": core.node.id},
        "nomad": {"leader": "true", "leader_addr": core.http_address, "server": "true"},
    }
    return Reply({"config": config, "member": _member(core), "stats": stats})


def _member(core: Core) -> View:
    return {
        "Addr": core.host,
        "DelegateCur": 4,
        "DelegateMax": 5,
        "DelegateMin": 2,
        "Name": f"{core.name}.{REGION}",
        "Port": core.port,
        "ProtocolCur": 2,
        "ProtocolMax": 5,
        "ProtocolMin": 1,
        "Status": "alive",
        "Tags": {
            "build": core.version,
            "dc": core.node.datacenter,
            "expect": "1",
            "port": str(core.port),
            "raft_vsn": "3",
            "region": REGION,
            "role": "nomad",
            "rpc_addr": core.host,
        },
    }


def members(core: Core, call: HttpRequest) -> Answer:
    call.require("GET")
    return Reply(
        {
            "Members": [_member(core)],
            "ServerDC": core.node.datacenter,
            "ServerName": core.name,
            "ServerRegion": REGION,
        }
    )


def health(_core: Core, call: HttpRequest) -> Answer:
    call.require("GET")
    wanted = [kind for kind in ("client", "server") if call.get("type") in {"", kind}]
    return Reply({kind: {"message": "ok", "ok": True} for kind in wanted})


def token_self(_core: Core, call: HttpRequest) -> Answer:
    """There are no tokens here, and every request may do everything."""
    call.require("GET")
    return found(_ANONYMOUS, 0)


# namespaces


def namespaces(core: Core, call: HttpRequest) -> Answer:
    call.require("GET")
    prefix = call.get("prefix")

    def answer() -> Reply:
        listed = [one for name, one in sorted(core.state.namespaces.items()) if name.startswith(prefix)]
        return found([namespace_view(one) for one in listed], core.state.table_index["namespaces"])

    return Read(WatchSet(keys=(("namespaces",),)), answer)


def one_namespace(core: Core, call: HttpRequest) -> Answer:
    name = call.path.removeprefix("/v1/namespace").removeprefix("/")
    if call.method == "GET":
        return _read_namespace(core, name)
    if call.method == "DELETE":
        return _delete_namespace(core, name)
    call.require("GET", "PUT", "POST", "DELETE")
    return _put_namespace(core, call, name)


def _read_namespace(core: Core, name: str) -> Answer:
    def answer() -> Reply:
        namespace = core.state.namespaces.get(name)
        if namespace is None:
            return missing("Namespace not found", core.state.table_index["namespaces"])
        return found(namespace_view(namespace), namespace.modify_index)

    return Read(WatchSet(keys=(("namespaces", name),)), answer)


def _put_namespace(core: Core, call: HttpRequest, name: str) -> Reply:
    fields: dict[str, Kind] = {"Name": "string", "Description": "string"}
    request = decoded(call, "structs.Namespace", fields)
    wanted = str(request.get("Name") or "")
    if name and wanted != name:
        raise HttpError(400, "Namespace name does not match request path")
    if _NAMESPACE_NAME.fullmatch(wanted) is None:
        message = f"invalid name {quote(wanted)}. Must match regex {_NAMESPACE_NAME.pattern}"
        raise HttpError(500, f"Invalid namespace {quote(wanted)}: {joined_problems([message])}")
    with core.state.step("NamespaceUpserted") as step:
        step.put_namespace(Namespace(wanted, str(request.get("Description") or "")))
    return Reply(has_body=False, index=step.index)


def _delete_namespace(core: Core, name: str) -> Reply:
    if name == "default":
        raise HttpError(500, "can not delete default namespace")
    if name not in core.state.namespaces:
        raise HttpError(500, "namespace not found")
    if problems := _still_used(core, name):
        raise HttpError(500, joined_problems(problems) if len(problems) > 1 else problems[0])
    with core.state.step("NamespaceDeleted") as step:
        step.delete_namespace(name)
    return Reply(has_body=False, index=step.index)


def _still_used(core: Core, name: str) -> list[str]:
    jobs = any(job.status != "dead" for job in core.state.jobs_below(name, ""))
    allocs = any(not a.is_terminal for a in core.state.allocs.values() if a.job.namespace == name)
    kinds = [kind for kind, used in (("jobs", jobs), ("allocations", allocs)) if used]
    return [f"namespace {quote(name)} has non-terminal {kind} in regions: [{REGION}]" for kind in kinds]


# the rest


def search(core: Core, call: HttpRequest) -> Answer:
    """Names and IDs by their beginnings, at most twenty of a kind."""
    call.require("PUT", "POST")
    fields: dict[str, Kind] = {"Prefix": "string", "Context": "string", "Namespace": "string"}
    request = decoded(call, "structs.SearchRequest", fields)
    prefix, context = str(request.get("Prefix") or ""), str(request.get("Context") or "")
    if context not in {"all", *_CONTEXTS}:
        known = " ".join(_CONTEXTS)
        message = f"context must be one of [{known}] or 'all' for all contexts; got {quote(context)}"
        raise HttpError(500, message)
    namespace = str(call.get("namespace") or request.get("Namespace") or "default")
    wanted = [one for one in _CONTEXTS if context in {"all", one}]
    if _UUID_PREFIX.fullmatch(prefix) is None:
        wanted = [one for one in wanted if one not in _BY_UUID]
    index = core.state.index
    return found({**_matches(core, namespace, prefix, wanted), "Index": index, **_QUERY_META}, index)


_QUERY_META: Final = {"KnownLeader": True, "LastContact": 0, "NextToken": ""}


def _matches(core: Core, namespace: str, prefix: str, contexts: Iterable[str]) -> View:
    state = core.state
    space = None if namespace == "*" else namespace
    names: Mapping[str, Iterable[str]] = {
        "allocs": (alloc.id for alloc in state.allocs.values() if space in {None, alloc.job.namespace}),
        "evals": (one.id for one in state.evals.values() if space in {None, one.namespace}),
        "jobs": (job.id for job in state.jobs_below(space, prefix)),
        "nodes": iter(state.nodes),
        "node_pools": iter(("all", "default")),
        "namespaces": iter(sorted(state.namespaces)),
    }
    matches: dict[str, list[str] | None] = {}
    truncations: dict[str, bool] = {}
    for context in contexts:
        hits = list(islice((n for n in names.get(context, ()) if n.startswith(prefix)), _SEARCH_LIMIT + 1))
        matches[context] = hits[:_SEARCH_LIMIT] or None
        truncations[context] = len(hits) > _SEARCH_LIMIT
    return {"Matches": matches, "Truncations": truncations}


def system_gc(core: Core, call: HttpRequest) -> Answer:
    call.require("PUT", "POST")
    core.scheduler.collect_garbage()
    return Reply(has_body=False)


def scheduler_configuration(_core: Core, call: HttpRequest) -> Answer:
    """Answer with the configuration of placements, which cannot be changed here."""
    call.require("GET")
    preemption = dict.fromkeys(
        (
            "BatchSchedulerEnabled",
            "ServiceSchedulerEnabled",
            "SysBatchSchedulerEnabled",
            "SystemSchedulerEnabled",
        ),
        False,
    )
    configuration = {
        "CreateIndex": 1,
        "MemoryOversubscriptionEnabled": False,
        "ModifyIndex": 1,
        "NodeLimitForFeasibilityChecks": 0,
        "PauseEvalBroker": False,
        "PreemptionConfig": preemption,
        "RejectJobRegistration": False,
        "SchedulerAlgorithm": "binpack",
    }
    return found({"SchedulerConfig": configuration, "Index": 1, **_QUERY_META}, 1)


def deployments(_core: Core, call: HttpRequest) -> Answer:
    """Batch jobs have none."""
    call.require("GET")
    return found([], 0)
