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
    "disk of a task": with_task(Resources={"DiskMB": 10}),
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
    "lists that stay": job(ParameterizedJob={"MetaRequired": [], "MetaOptional": []}),
    "no identities": with_task(Identities=[]),
    "lists of an identity": with_task(Identities=[{"Name": "a", "Audience": [], "ExtraClaims": []}]),
    "lists of a network": with_group(Networks=[{"DNS": {"Servers": [], "Options": []}, "CNI": {"Args": {}}}]),
    "the arguments of an action": with_task(Actions=[{"Name": "a", "Command": "x", "Args": []}]),
    "user interface": job(UI={"Description": "d", "Links": [{"Label": "a", "URL": "http://a"}]}),
    "disconnect": with_group(Disconnect={"LostAfter": 10**9}),
}

LEFT_ASIDE: Mapping[str, Document] = {
    "network": with_group(
        Networks=[{"DynamicPorts": [{"Label": "http", "To": 80}], "ReservedPorts": [{"Label": "s", "Value": 9999}]}]
    ),
    "network in resources": with_task(Resources={"Networks": [{"MBits": 10, "DynamicPorts": [{"Label": "a"}]}]}),
    "a reserved port without a number": with_group(Networks=[{"ReservedPorts": [{"Label": "a"}]}]),
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
    "the identity of the task": with_task(Identity={"Env": True, "File": True}),
    "a named identity of the task": with_task(Identity={"Name": "x", "Audience": ["a"]}),
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

JOBS_REFUSED: Mapping[str, Document] = {
    "no ID": job(ID=""),
    "an ID with a space": job(ID="a b"),
    "an ID with a null character": job(ID="a\0b"),
    "an empty name": job(Name=""),
    "an empty type": {**job(), "Type": ""},
    "an unknown type": job(Type="nope"),
    "a core job": job(Type="_core"),
    "an empty datacenter": job(Datacenters=["dc1", ""]),
    "no groups": job(TaskGroups=[]),
    "two groups of one name": job(TaskGroups=[{"Name": "g", "Tasks": [TASK]}, {"Name": "g", "Tasks": [TASK]}]),
    "a group without a name": job(TaskGroups=[{"Tasks": [TASK]}]),
    "a group with a null character": job(TaskGroups=[{"Name": "a\0", "Tasks": [TASK]}]),
    "priority 101": job(Priority=101),
    "a negative priority": job(Priority=-1),
    "an unknown namespace": job(Namespace="nope"),
    "an unknown node pool": job(NodePool="nope"),
    "an unknown region": job(Region="eu"),
    "an unknown namespace, node pool and type": job(Namespace="nope", NodePool="nope", Type="x"),
    "an unknown node pool and type": job(NodePool="nope", Type="nope"),
    "an unknown payload rule": job(ParameterizedJob={"Payload": "x"}),
    "meta keys on both sides": job(ParameterizedJob={"MetaRequired": ["a", "b"], "MetaOptional": ["c", "b"]}),
    "a parameterized service": job(Type="service", ParameterizedJob={}),
    "a periodic service": job(Type="service", Periodic={"Spec": "@daily"}),
    "no cron": job(Periodic={}),
    "both crons": job(Periodic={"Spec": "@daily", "Specs": ["@daily"]}),
    "an unknown time zone": job(Periodic={"Spec": "@daily", "TimeZone": "Nowhere/There"}),
    "a long description": job(UI={"Description": "\u00e9" * 501}),
    "too many allocations": with_group(Count=50001),
    "numa": with_task(Resources={"Cores": 1, "NUMA": {"Affinity": "prefer"}}),
}

GROUPS_REFUSED: Mapping[str, Document] = {
    "no tasks": with_group(Tasks=[]),
    "a negative count": with_group(Count=-1),
    "no time to run": with_group(MaxRunDuration=0),
    "max_run_duration of a service": {**with_group(MaxRunDuration=10**9), "Type": "service"},
    "a small disk": with_group(EphemeralDisk={"SizeMB": 5}),
    "an update block": with_group(Update={}),
    "an empty update block of the job": job(Update={}),
    "an update block of the job": job(Update={"MaxParallel": 1}),
    "a migrate block": with_group(Migrate={}),
    "two leaders": with_group(Tasks=[{**TASK, "Leader": True}, {**TASK, "Name": "u", "Leader": True}]),
    "two tasks of one name": with_group(Tasks=[TASK, TASK]),
    "a task without a name": with_group(Tasks=[{"Driver": "raw_exec"}]),
    "a negative shutdown delay": with_group(ShutdownDelay=-1),
    "a rescheduled sysbatch job": {**with_group(ReschedulePolicy={"Attempts": 1}), "Type": "sysbatch"},
    "stop and lost": with_group(Disconnect={"LostAfter": 1, "StopOnClientAfter": 1}),
    "a negative lost_after": with_group(Disconnect={"LostAfter": -1}),
    "an unknown reconcile": with_group(Disconnect={"Reconcile": "x"}),
    "a port twice": with_group(Networks=[{"DynamicPorts": [{"Label": "a"}, {"Label": "a"}]}]),
    "a static port twice": with_group(
        Networks=[{"ReservedPorts": [{"Label": "a", "Value": 80}, {"Label": "b", "Value": 80}]}]
    ),
    "a port too high": with_group(Networks=[{"ReservedPorts": [{"Label": "a", "Value": 70000, "To": 70000}]}]),
    "a negative target port": with_group(Networks=[{"DynamicPorts": [{"Label": "a", "To": -2}]}]),
    "a volume without a source": with_group(Volumes={"v": {"Name": "v", "Type": "host"}}),
    "a csi volume without modes": with_group(Volumes={"v": {"Name": "v", "Type": "csi", "Source": "s"}}),
    "a reader that writes": with_group(
        Volumes={"v": {"Name": "v", "Type": "host", "Source": "s", "AccessMode": "single-node-reader-only"}}
    ),
    "scaling below the count": with_group(Count=5, Scaling={"Min": 1, "Max": 3}),
    "scaling without a maximum": with_group(Scaling={"Min": 1}),
    "a spread without an attribute": with_group(Spreads=[{"Weight": 0}]),
    "a spread over 100": with_group(
        Spreads=[{"Attribute": "a", "SpreadTarget": [{"Value": "x", "Percent": 60}, {"Value": "x", "Percent": 60}]}]
    ),
}

POLICIES_REFUSED: Mapping[str, Document] = {
    "restarts that do not fit": with_group(RestartPolicy={"Attempts": 3, "Interval": 30 * 10**9, "Delay": 15 * 10**9}),
    "an unknown restart mode": with_group(RestartPolicy={"Mode": "x"}),
    "no attempts and a delay": with_group(RestartPolicy={"Attempts": 0, "Mode": "delay"}),
    "a short restart interval": with_group(RestartPolicy={"Attempts": 0, "Interval": 10**9}),
    "unlimited beside attempts": with_group(ReschedulePolicy={"Unlimited": True}),
    "a short delay": with_group(ReschedulePolicy={"Delay": 10**9}),
    "an unknown delay function": with_group(ReschedulePolicy={"DelayFunction": "x"}),
    "a ceiling below the delay": with_group(ReschedulePolicy={"DelayFunction": "exponential", "MaxDelay": 10**9}),
    "a ceiling that is missing": with_group(ReschedulePolicy={"DelayFunction": "fibonacci"}),
    "a job without a type": {**with_group(ReschedulePolicy={"Attempts": 1}), "Type": ""},
    "no interval": with_group(ReschedulePolicy={"Interval": 0}),
    "constant attempts that do not fit": with_group(
        ReschedulePolicy={"Attempts": 10, "Interval": 60 * 10**9, "Delay": 30 * 10**9}
    ),
    "exponential attempts that do not fit": with_group(
        ReschedulePolicy={
            "Attempts": 8,
            "Interval": 600 * 10**9,
            "Delay": 30 * 10**9,
            "DelayFunction": "exponential",
            "MaxDelay": 200 * 10**9,
        }
    ),
    "fibonacci attempts that do not fit": with_group(
        ReschedulePolicy={
            "Attempts": 9,
            "Interval": 300 * 10**9,
            "Delay": 30 * 10**9,
            "DelayFunction": "fibonacci",
            "MaxDelay": 200 * 10**9,
        }
    ),
}

TASKS_REFUSED: Mapping[str, Document] = {
    "no driver": with_task(Driver=""),
    "a slash in the name": with_task(Name="t/1"),
    "a backslash in the name": with_task(Name="t\\1"),
    "a null character in the name": with_task(Name="t\0"),
    "the name alloc": with_task(Name="alloc"),
    "a negative kill timeout": with_task(KillTimeout=-1),
    "a negative shutdown delay": with_task(ShutdownDelay=-1),
    "cores and cpu": with_task(Resources={"Cores": 1, "CPU": 100}),
    "negative cores": with_task(Resources={"Cores": -1}),
    "no cpu": with_task(Resources={"CPU": 0}),
    "little memory": with_task(Resources={"MemoryMB": 5}),
    "little of both": with_task(Resources={"CPU": 0, "MemoryMB": 9}),
    "a maximum below the memory": with_task(Resources={"MemoryMaxMB": 3}),
    "secrets over the memory": with_task(Resources={"SecretsMB": 400}),
    "a device without a name": with_task(Resources={"Devices": [{"Name": ""}]}),
    "no log files": with_task(LogConfig={"MaxFiles": 0}),
    "small log files": with_task(LogConfig={"MaxFileSizeMB": 0}),
    "logs over the disk": with_task(LogConfig={"MaxFiles": 50}),
    "an empty lifecycle": with_task(Lifecycle={}),
    "an unknown hook": with_task(Lifecycle={"Hook": "x"}),
    "a payload outside": with_task(DispatchPayload={"File": "../../../x"}),
    "an undefined volume": with_task(VolumeMounts=[{"Volume": "v", "Destination": "/a"}]),
    "a mount without a volume": with_task(
        VolumeMounts=[{"Volume": "", "Destination": "/a", "PropagationMode": "x", "SELinuxLabel": "y"}]
    ),
    "an action without a command": with_task(Actions=[{"Name": "a"}]),
    "an action's name": with_task(Actions=[{"Name": "a b", "Command": "x"}]),
    "an action twice": with_task(Actions=[{"Name": "a", "Command": "x"}] * 3),
    "a plugin": with_task(CSIPluginConfig={"Type": "x"}),
    "an identity's name": with_task(Identities=[{"Name": "a b"}]),
    "an identity's signal": with_task(Identities=[{"Name": "a", "ChangeSignal": "SIGHUP"}]),
    "an identity's mode": with_task(Identities=[{"Name": "a", "ChangeMode": "x", "TTL": -1, "Filepath": "f"}]),
    "an identity's audience": with_task(Identities=[{"Name": "a", "Audience": [""], "ChangeMode": "signal"}]),
    "the default identity with a TTL": with_task(Identities=[{"TTL": 10**9}]),
}

FILES_REFUSED: Mapping[str, Document] = {
    "no text": with_template(EmbeddedTmpl=""),
    "no destination": with_template(DestPath=""),
    "a destination outside": with_template(DestPath="../../x"),
    "one destination twice": with_task(Templates=[{"DestPath": "local/a", "EmbeddedTmpl": "x"}] * 3),
    "an unknown change mode": with_template(ChangeMode="sometimes"),
    "signal without a signal": with_template(ChangeMode="signal", ChangeSignal=""),
    "signal with env": with_template(ChangeMode="signal", Envvars=True),
    "script without a script": with_template(ChangeMode="script"),
    "script without a command": with_template(ChangeMode="script", ChangeScript={}),
    "a negative splay": with_template(Splay=-1),
    "permissions that are not octal": with_template(Perms="999"),
    "permissions too large": with_template(Perms="77777"),
    "min over max": with_template(Wait={"Min": 2 * 10**9, "Max": 10**9}),
    "no source": with_task(Artifacts=[{}]),
    "an unknown mode": with_task(Artifacts=[{"GetterSource": "x", "GetterMode": "files"}]),
    "an artifact outside": with_task(Artifacts=[{"GetterSource": "x", "RelativeDest": "../../x"}]),
    "an empty checksum": with_task(Artifacts=[{"GetterSource": "x", "GetterOptions": {"checksum": " "}}]),
    "a checksum without a type": with_task(Artifacts=[{"GetterSource": "x", "GetterOptions": {"checksum": "abc"}}]),
    "a checksum of letters": with_task(Artifacts=[{"GetterSource": "x", "GetterOptions": {"checksum": "md5:xyz"}}]),
    "an odd checksum": with_task(Artifacts=[{"GetterSource": "x", "GetterOptions": {"checksum": "md5:abc"}}]),
    "an unknown checksum": with_task(Artifacts=[{"GetterSource": "x", "GetterOptions": {"checksum": "crc:ab"}}]),
    "a short checksum": with_task(Artifacts=[{"GetterSource": "x", "GetterOptions": {"checksum": "sha1:ab"}}]),
}

CONSTRAINTS_REFUSED: Mapping[str, Document] = {
    "no operator": with_constraint(LTarget="${attr.kernel.name}", RTarget="linux"),
    "an unknown operator": with_constraint(LTarget="${attr.kernel.name}", Operand="like", RTarget="linux"),
    "a broken regexp": with_constraint(LTarget="${attr.kernel.name}", Operand="regexp", RTarget="lin(ux"),
    "a regexp of Perl": with_constraint(LTarget="${attr.kernel.name}", Operand="regexp", RTarget="(?=x)"),
    "a regexp with a stray parenthesis": with_constraint(LTarget="${attr.a}", Operand="regexp", RTarget="a)b"),
    "a regexp with an open class": with_constraint(LTarget="${attr.a}", Operand="regexp", RTarget="x[a-"),
    "a regexp that repeats nothing": with_constraint(LTarget="${attr.a}", Operand="regexp", RTarget="*a"),
    "a regexp that repeats twice": with_constraint(LTarget="${attr.a}", Operand="regexp", RTarget="a**"),
    "a regexp with a bad range": with_constraint(LTarget="${attr.a}", Operand="regexp", RTarget="[z-a]"),
    "a regexp with a bad escape": with_constraint(LTarget="${attr.a}", Operand="regexp", RTarget="\\y"),
    "a regexp with a backslash at its end": with_constraint(LTarget="${attr.a}", Operand="regexp", RTarget="a\\"),
    "a bad version": with_constraint(LTarget="${attr.nomad.version}", Operand="version", RTarget=">= x"),
    "a bad semver": with_constraint(LTarget="${attr.nomad.version}", Operand="semver", RTarget="~> 1.2"),
    "a set of nothing": with_constraint(LTarget="${attr.a}", Operand="set_contains"),
    "is_set with a value": with_constraint(LTarget="${attr.a}", Operand="is_set", RTarget="x"),
    "equal to nothing": with_constraint(LTarget="${attr.a}", Operand="="),
    "no attribute": with_constraint(Operand="=", RTarget="x"),
    "an unknown attribute": with_constraint(LTarget="${NOMAD_META_a}", Operand="=", RTarget="x"),
    "an attribute without an opening brace": with_constraint(LTarget="$attr.a", Operand="=", RTarget="x"),
    "an attribute without a closing brace": with_constraint(LTarget="${attr.a", Operand="=", RTarget="x"),
    "a count of letters": with_constraint(LTarget="${attr.a}", Operand="distinct_property", RTarget="x"),
    "a count of zero": with_constraint(LTarget="${attr.a}", Operand="distinct_property", RTarget="0"),
    "distinct_hosts in a task": with_task(Constraints=[{"Operand": "distinct_hosts", "RTarget": "true"}]),
    "distinct_property in a task": with_task(Constraints=[{"LTarget": "${attr.a}", "Operand": "distinct_property"}]),
    "an affinity of no weight": job(Affinities=[{"LTarget": "a", "Operand": "=", "RTarget": "b", "Weight": 0}]),
    "an affinity of too much weight": job(Affinities=[{"Operand": "x", "RTarget": "b", "Weight": 101}]),
}

SERVICES_REFUSED: Mapping[str, Document] = {
    "a name with a space": with_service(Name="a b"),
    "an unknown provider": with_group(Services=[{"Name": "s", "Provider": "x"}]),
    "an unknown address mode": with_service(Name="s", AddressMode="x"),
    "an unknown on_update": with_service(Name="s", OnUpdate="x"),
    "driver mode of a group": with_service(Name="s", AddressMode="driver"),
    "a check of no type": with_service(Name="s", PortLabel="7", Checks=[{}]),
    "a check without a path": with_service(Name="s", PortLabel="7", Checks=[{"Type": "http"}]),
    "a check without an interval": with_service(Name="s", PortLabel="7", Checks=[{"Type": "tcp"}]),
    "a check without a timeout": with_service(Name="s", PortLabel="7", Checks=[{"Type": "tcp", "Interval": 10**9}]),
    "a check without a port": with_service(Name="s", Checks=[{"Type": "tcp", "Name": "c"}]),
    "a script of the native provider": with_service(Name="s", Checks=[{"Type": "script", "Name": "c"}]),
    "two providers": with_group(Services=[{"Name": "s", "Provider": "nomad"}, {"Name": "u", "Provider": "consul"}]),
    "one service twice": with_service(Name="s") | with_group(Services=[{"Name": "s", "Provider": "nomad"}] * 2),
    "an unknown port": with_task(Services=[{"Provider": "nomad", "Name": "s", "PortLabel": "http"}]),
}

REFUSED: Mapping[str, Document] = {
    **{f"job: {name}": document for name, document in JOBS_REFUSED.items()},
    **{f"group: {name}": document for name, document in GROUPS_REFUSED.items()},
    **{f"policy: {name}": document for name, document in POLICIES_REFUSED.items()},
    **{f"task: {name}": document for name, document in TASKS_REFUSED.items()},
    **{f"file: {name}": document for name, document in FILES_REFUSED.items()},
    **{f"constraint: {name}": document for name, document in CONSTRAINTS_REFUSED.items()},
    **{f"service: {name}": document for name, document in SERVICES_REFUSED.items()},
}

STORED: Mapping[str, Document] = {
    **{f"keys: {name}": document for name, document in KEYS_IN_ANY_CASE.items()},
    **{f"empty: {name}": document for name, document in EMPTY_VALUES.items()},
    **{f"left aside: {name}": document for name, document in LEFT_ASIDE.items()},
}
