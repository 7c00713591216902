"""Small jobs that are registered with a real Nomad and with the embedded agent; both must store or refuse the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Document = Mapping[str, Any]

TASK: Document = {"Name": "t", "Driver": "raw_exec", "Config": {"command": "/bin/true"}}


def job(**changes: Any) -> dict[str, Any]:
    """A batch job of one task; None removes a key."""
    document = {"ID": "j", "Type": "batch", "TaskGroups": [{"Name": "g", "Tasks": [TASK]}], **changes}
    return {key: value for key, value in document.items() if value is not None}


def with_group(**changes: Any) -> dict[str, Any]:
    return job(TaskGroups=[{"Name": "g", "Tasks": [TASK], **changes}])


def with_task(**changes: Any) -> dict[str, Any]:
    return with_group(Tasks=[{**TASK, **changes}])


def with_template(**changes: Any) -> dict[str, Any]:
    return with_task(Templates=[{"DestPath": "local/a", "EmbeddedTmpl": "x", **changes}])


def with_constraint(**changes: Any) -> dict[str, Any]:
    return job(Constraints=[changes])


def with_service(**changes: Any) -> dict[str, Any]:
    return with_group(Services=[{"Provider": "nomad", **changes}])


KEYS_IN_ANY_CASE: Mapping[str, Document] = {
    "all lower": {
        "id": "j",
        "type": "batch",
        "taskgroups": [{"name": "g", "tasks": [{"name": "t", "driver": "raw_exec", "config": {"command": "a"}}]}],
    },
    "all upper": {
        "ID": "j",
        "TYPE": "batch",
        "TASKGROUPS": [{"NAME": "g", "TASKS": [{"NAME": "t", "DRIVER": "raw_exec", "CONFIG": {"command": "a"}}]}],
    },
    "the words of HCL": with_task(DispatchPayload={"file": "in.txt"}, Lifecycle={"hook": "prestart", "sidecar": False}),
    "a policy": with_group(RestartPolicy={"attempts": 0, "Mode": "fail"}),
    "the later spelling wins": job(priority=20, Priority=30, PRIORITY=40),
    "meta keys keep their case": job(meta={"Key": "a", "key": "b"}),
    "the config is the driver's": with_task(config={"Command": "a", "command": "b"}),
    "letters that fold to ASCII": {
        **job(),
        "Con\u017ftraints": [{"ltarget": "${attr.kernel.name}", "operand": "=", "rtarget": "linux"}],
    },
    "an object in two spellings": {
        **job(),
        "ParameterizedJob": {"Payload": "required"},
        "parameterizedjob": {"MetaOptional": ["a"]},
    },
    "underscores are other keys": job(node_pool="nope", all_at_once=True),
}

EMPTY_VALUES: Mapping[str, Document] = {
    "payload": job(ParameterizedJob={"Payload": ""}),
    "priority": job(Priority=0),
    "region": job(Region=""),
    "namespace": job(Namespace=""),
    "node pool": job(NodePool=""),
    "datacenters": job(Datacenters=[]),
    "nulls in the job": {
        **job(),
        "Region": None,
        "Meta": None,
        "Constraints": None,
        "Datacenters": None,
        "Periodic": None,
    },
    "nulls in a group": with_group(Count=None, RestartPolicy=None, EphemeralDisk=None, Networks=None, Meta=None),
    "nulls in a task": with_task(Env=None, Resources=None, KillTimeout=None, LogConfig=None, Templates=None, User=""),
    "meta": job(Meta={}),
    "empty collections": with_task(Env={}, Meta={}, Constraints=[], Affinities=[], Templates=[], Artifacts=[]),
    "kill timeout": with_task(KillTimeout=0),
    "empty resources": with_task(Resources={}),
    "cores alone": with_task(Resources={"Cores": 1}),
    "an affinity": job(Affinities=[{"LTarget": "${attr.kernel.name}", "Operand": "=", "RTarget": "linux"}]),
    "a spread": with_group(Spreads=[{"Attribute": "${node.datacenter}"}]),
    "a time zone": job(Periodic={"Spec": "@daily", "TimeZone": ""}),
    "a template": with_task(
        Templates=[{"DestPath": "local/a", "EmbeddedTmpl": "x", "ChangeSignal": "", "Perms": "", "LeftDelim": ""}]
    ),
    "an artifact": with_task(Artifacts=[{"GetterSource": "http://127.0.0.1/x", "RelativeDest": ""}]),
    "a file artifact": with_task(Artifacts=[{"GetterSource": "http://127.0.0.1/a/x.tar", "GetterMode": "file"}]),
    "restart": with_group(RestartPolicy={}),
    "a task's restart": with_group(RestartPolicy={"Attempts": 5}, Tasks=[{**TASK, "RestartPolicy": {"Delay": 10**9}}]),
    "reschedule": with_group(ReschedulePolicy={}),
    "the job's reschedule": job(Reschedule={"Attempts": 3, "Interval": 3600 * 10**9}),
    "logs": with_task(LogConfig={}),
    "disk": with_group(EphemeralDisk={}),
    "user interface": job(UI={"Description": "d", "Links": [{"Label": "a", "URL": "http://a"}]}),
    "disconnect": with_group(Disconnect={"LostAfter": 10**9}),
}

LEFT_ASIDE: Mapping[str, Document] = {
    "network": with_group(
        Networks=[{"DynamicPorts": [{"Label": "http", "To": 80}], "ReservedPorts": [{"Label": "s", "Value": 9999}]}]
    ),
    "network in resources": with_task(Resources={"Networks": [{"MBits": 10, "DynamicPorts": [{"Label": "a"}]}]}),
    "network with dns": with_group(Networks=[{"Mode": "host", "DNS": {"Servers": ["1.1.1.1"]}}]),
    "bridge network": with_group(Networks=[{"Mode": "bridge", "Hostname": "h"}]),
    "native service": with_service(Name="s", PortLabel="http"),
    "native service without a name": with_service(),
    "native service with names": with_service(Name="${BASE}-${JOB}-${TASKGROUP}", Tags=["a"], Meta={"k": "v"}),
    "native check": with_service(
        Name="s",
        PortLabel="7",
        Checks=[{"Type": "http", "Path": "/", "Interval": 10**10, "Timeout": 10**9}],
    ),
    "check restart": with_service(
        Name="s",
        PortLabel="7",
        CheckRestart={"Limit": 3},
        Checks=[
            {"Type": "tcp", "Name": "c", "Interval": 10**10, "Timeout": 10**9, "CheckRestart": {"Grace": 5 * 10**9}}
        ],
    ),
    "task service": with_task(Services=[{"Provider": "nomad", "Name": "s", "Weights": {"Passing": 3}}]),
    "consul service": with_group(Services=[{"Name": "s", "PortLabel": "http"}]),
    "consul service of a task": with_group(
        Networks=[{"DynamicPorts": [{"Label": "http"}]}], Tasks=[{**TASK, "Services": [{"PortLabel": "http"}]}]
    ),
    "identity": with_task(Identities=[{"Name": "aws", "Audience": ["x"], "File": True, "TTL": 3600 * 10**9}]),
    "the default identity": with_task(Identities=[{"Env": True, "File": True}]),
    "host volume": with_group(Volumes={"v": {"Name": "v", "Type": "host", "Source": "src", "ReadOnly": True}}),
    "unknown volume": with_group(Volumes={"v": {"Name": "v", "Type": "other"}}),
    "volume mount": with_group(
        Volumes={"v": {"Name": "v", "Type": "host", "Source": "src"}},
        Tasks=[{**TASK, "VolumeMounts": [{"Volume": "v", "Destination": "/a"}]}],
    ),
    "scaling": with_group(Scaling={"Min": 1, "Max": 3, "Policy": {"cooldown": "1m"}}),
    "scaling that is off": with_group(Count=2, Scaling={"Max": 3, "Enabled": False}),
    "spread": job(Spreads=[{"Attribute": "${node.datacenter}", "SpreadTarget": [{"Value": "dc1", "Percent": 100}]}]),
    "affinity": with_task(
        Affinities=[{"LTarget": "${attr.kernel.name}", "Operand": "=", "RTarget": "linux", "Weight": 10}]
    ),
    "action": with_task(Actions=[{"Name": "a", "Command": "/bin/true", "Args": ["x"]}]),
    "change script": with_template(ChangeMode="script", ChangeScript={"Command": "/bin/true"}),
    "wait": with_template(Wait={"Min": 10**9, "Max": 2 * 10**9}),
    "consul": with_group(Consul={"Namespace": ""}),
    "csi plugin": with_task(CSIPluginConfig={"ID": "p", "Type": "node"}),
    "device": with_task(Resources={"Devices": [{"Name": "nvidia/gpu"}]}),
    "kill signal": with_task(KillSignal="SIGUSR1"),
    "signals of templates": with_template(ChangeMode="signal", ChangeSignal="sighup"),
    "default signal of a template": with_template(ChangeMode="signal"),
    "numa": with_task(Resources={"NUMA": {}}),
}

STORED: Mapping[str, Document] = {
    **{f"keys: {name}": document for name, document in KEYS_IN_ANY_CASE.items()},
    **{f"empty: {name}": document for name, document in EMPTY_VALUES.items()},
    **{f"left aside: {name}": document for name, document in LEFT_ASIDE.items()},
}
