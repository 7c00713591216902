"""
The environment of a task, and what ``${…}`` stands for in its texts.

Source: hashicorp/nomad, client/taskenv/env.go, helper/args/args.go and helper/funcs.go (CleanEnvVar).
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from dispatchfile.jobspec.spelling import suggestion

NEVER_PASSED_ON: Final = frozenset(
    {
        "CONSUL_TOKEN",
        "CONSUL_HTTP_TOKEN",
        "CONSUL_HTTP_TOKEN_FILE",
        "VAULT_TOKEN",
        "CONSUL_LICENSE",
        "VAULT_LICENSE",
        "CONSUL_LICENSE_PATH",
        "VAULT_LICENSE_PATH",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_METADATA_URL",
        "GOOGLE_APPLICATION_CREDENTIALS",
        "GOOGLE_OAUTH_ACCESS_TOKEN",
    }
)
"""Variables that tasks never inherit. Source: command/agent/host/host.go (DefaultEnvDenyList)."""

OWN_PREFIXES: Final = ("NOMAD_", "DISPATCHFILE_")
"""A rehearsal must not find the address and token of the real cluster, so tasks inherit none of these."""

_REFERENCE = re.compile(r"\$\{([a-zA-Z0-9_\-.]+)\}")
_CLEANED_PREFIXES: Final = (
    "NOMAD_ADDR_",
    "NOMAD_IP_",
    "NOMAD_PORT_",
    "NOMAD_HOST_PORT_",
    "NOMAD_META_",
)
_UNCLEAN = re.compile(rb"[^a-zA-Z0-9_.]")
_META: Final = "NOMAD_META_"
_NO_SUCH_KEY: Final = "Invalid index: The given key does not identify an element in this collection value."


@dataclass(frozen=True, slots=True)
class Placement:
    """The facts about its allocation that a task can read, in the API's form."""

    alloc_id: str
    alloc_name: str
    job: Mapping[str, Any]
    group: Mapping[str, Any]
    node: Mapping[str, Any]

    @property
    def index(self) -> str:
        """The number in ``job.group[0]``."""
        return self.alloc_name.rpartition("[")[2].rstrip("]")

    @property
    def region(self) -> str:
        return str(self.job.get("Region") or "global")


@dataclass(frozen=True, slots=True)
class Folders:
    """The three folders that a task is told of."""

    alloc: Path
    local: Path
    secrets: Path


class UnknownReferenceError(Exception):
    """A reference in a driver's config that stands for nothing; the text is Nomad's."""


@dataclass(frozen=True, slots=True)
class TaskEnvironment:
    """variables: what the process gets. node: what ``attr.``, ``meta.`` and ``node.`` stand for."""

    variables: Mapping[str, str]
    node: Mapping[str, str]

    def fill(self, text: str) -> str:
        """The text with every known ``${name}`` replaced; unknown ones stay as they are."""
        return _filled(text, self.node, self.variables)

    def value_of(self, path: tuple[str, ...]) -> str:
        """
        Return the value of a reference in a driver's config.

        There, unlike elsewhere, a reference must be known. Raises UnknownReferenceError.
        """
        if path[0] == "env" and len(path) == 2 and path[1] in self.variables:
            return self.variables[path[1]]
        if path[0] == "env" or any("." in name for name in path):
            raise UnknownReferenceError(_NO_SUCH_KEY)
        names = path[1:] if path[:2] in (("node", "attr"), ("node", "meta")) else path
        values = {**self.variables, **self.node}
        if (key := ".".join(names)) in values:
            return values[key]
        raise UnknownReferenceError(_unknown(names, values))

    def with_variables(self, variables: Mapping[str, str]) -> "TaskEnvironment":
        return TaskEnvironment({**self.variables, **variables}, self.node)


def build_environment(
    placement: Placement, task: Mapping[str, Any], folders: Folders, inherited: Mapping[str, str]
) -> TaskEnvironment:
    """*inherited*: the agent's own environment, of which a task gets all but secrets and our own variables."""
    node = dict(_node_values(placement))
    variables = dict(_nomad_variables(placement, task, folders))
    for key, value in _meta(placement, task):
        variables[_filled(key, node, variables)] = _filled(value, node, variables)
    for key, value in inherited.items():
        if key not in NEVER_PASSED_ON and not key.startswith(OWN_PREFIXES) and key not in variables:
            variables[key] = _filled(value, node, variables)
    for key, value in (task.get("Env") or {}).items():
        variables[key] = _filled(str(value), node, variables)
    return TaskEnvironment({_cleaned(key): value for key, value in variables.items()}, node)


def _nomad_variables(placement: Placement, task: Mapping[str, Any], folders: Folders) -> Iterator[tuple[str, str]]:
    job, resources = placement.job, task.get("Resources") or {}
    values = {
        "ALLOC_DIR": folders.alloc,
        "TASK_DIR": folders.local,
        "SECRETS_DIR": folders.secrets,
        "MEMORY_LIMIT": resources.get("MemoryMB"),
        "MEMORY_MAX_LIMIT": resources.get("MemoryMaxMB"),
        "CPU_LIMIT": resources.get("CPU"),
        "ALLOC_ID": placement.alloc_id,
        "SHORT_ALLOC_ID": placement.alloc_id[:8],
        "ALLOC_NAME": placement.alloc_name,
        "ALLOC_INDEX": placement.index,
        "TASK_NAME": task.get("Name"),
        "GROUP_NAME": placement.group.get("Name"),
        "JOB_ID": job.get("ID"),
        "JOB_NAME": job.get("Name"),
        "JOB_PARENT_ID": job.get("ParentID"),
        "DC": placement.node.get("Datacenter"),
        "NAMESPACE": job.get("Namespace") or "default",
        "REGION": placement.region,
    }
    return ((f"NOMAD_{name}", str(value)) for name, value in values.items() if value)


def _meta(placement: Placement, task: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Meta of job, group and task, the nearer first; a dispatched job's optional keys are there though empty."""
    job = placement.job
    optional = (job.get("ParameterizedJob") or {}).get("MetaOptional") or () if job.get("Dispatched") else ()
    combined = dict.fromkeys(optional, "")
    for level in (job, placement.group, task):
        combined |= level.get("Meta") or {}
    for key, value in combined.items():
        yield _META + key.upper(), value
        yield _META + key, value


def _node_values(placement: Placement) -> Iterator[tuple[str, str]]:
    node = placement.node
    yield "node.region", placement.region
    yield "node.unique.id", str(node.get("ID") or "")
    yield "node.unique.name", str(node.get("Name") or "")
    yield "node.class", str(node.get("NodeClass") or "")
    yield "node.datacenter", str(node.get("Datacenter") or "")
    yield "node.pool", str(node.get("NodePool") or "")
    yield from ((f"attr.{key}", str(value)) for key, value in (node.get("Attributes") or {}).items())
    yield from ((f"meta.{key}", str(value)) for key, value in (node.get("Meta") or {}).items())


def _filled(text: str, *sources: Mapping[str, str]) -> str:
    if "${" not in text:
        return text

    def value(match: re.Match[str]) -> str:
        return next((source[match[1]] for source in sources if match[1] in source), match[0])

    return _REFERENCE.sub(value, text)


def _cleaned(name: str) -> str:
    """Nomad's own variables have no characters that shells refuse, each byte for itself."""
    if not name.startswith(_CLEANED_PREFIXES):
        return name
    return _UNCLEAN.sub(b"_", name.encode(errors="surrogatepass")).decode()


_NODE_META: Final = "meta"  # every node of Nomad has some


def _unknown(names: tuple[str, ...], values: Mapping[str, str]) -> str:
    """Nomad nests the names at their dots and says what is wrong with the first that leads nowhere."""
    for depth in range(1, len(names) + 1):
        key = ".".join(names[:depth])
        if key == _NODE_META or any(name.startswith(f"{key}.") for name in values):
            continue
        if key in values:
            return "Unsupported attribute: Can't access attributes on a primitive-typed value (string)."
        if depth == 1:
            roots = {name.partition(".")[0] for name in (*values, "env.")}
            guess = suggestion(key, sorted(roots)).replace("; did", " Did")
            return f'Unknown variable: There is no variable named "{key}".{guess}'
        return f'Unsupported attribute: This object does not have an attribute named "{names[depth - 1]}".'
    return (
        "Invalid template interpolation value: Cannot include the given value in a string template: "
        "string required, but have object."
    )
