"""An entry of `dispatches` with the defaults filled in: everything that is the same for each of its rows."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import lru_cache
from pathlib import PurePath
from typing import Any

from dispatchfile.expand import Names
from dispatchfile.items.model import Retry
from dispatchfile.manifest import Document
from dispatchfile.problems import Problem, Severity
from dispatchfile.render import print_value
from dispatchfile.settings import parse_duration
from dispatchfile.similar import did_you_mean
from dispatchfile.source import Position

DEFAULT_NAMESPACE = "default"
DEFAULT_NAME = "dispatches"
MAX_NAME = 40

POLICY_KEYS = frozenset({"timeout", "on_timeout", "retry", "max_starts", "sensitive"})
MERGED_KEYS = frozenset({"meta", "vars"})

_NOT_IN_NAME = re.compile(r"[^a-z0-9]+")
_FILE_ENDINGS = re.compile(r"(?:\.dispatchfile)?\.ya?ml$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class TargetScope:
    """Namespace and region from outside the manifest: flags go over what it says, the environment below."""

    namespace_flag: str | None = None
    region_flag: str | None = None
    namespace_env: str | None = None
    region_env: str | None = None


@dataclass(frozen=True, slots=True)
class ItemPolicy:
    """The time limit of an attempt, what comes after it, and the names of sensitive values."""

    deadline: timedelta | None = None
    stop_on_deadline: bool = False
    retry: Retry = field(default_factory=Retry)
    max_starts: int | None = None
    sensitive: frozenset[str] = frozenset()


@dataclass(slots=True)  # nobody changes it: frozen, it would take three times as long to make
class DispatchTemplate:
    """The parts that the items of one dispatch are made of; texts may be templates."""

    index: int  # in the manifest's list
    position: Position
    id: str | None
    job: str
    payload: tuple[str, Any] | None  # its form and its value
    meta: Mapping[str, str]
    token: str | None
    prefix: str
    exact_prefix: bool
    tags: tuple[str, ...]
    priority: int | None
    namespace: str
    region: str
    vars: Names
    policy: ItemPolicy


def manifest_name(document: Document) -> str:
    """Return the manifest's name, else one made of its file's: `nightly` for nightly.dispatchfile.yaml."""
    name = document.data.get("name")
    if name is not None:
        return str(name)
    stem = _FILE_ENDINGS.sub("", PurePath(document.path).name)
    return _NOT_IN_NAME.sub("-", stem.lower()).strip("-")[:MAX_NAME].rstrip("-") or DEFAULT_NAME


def route_of(document: Document, index: int, key: str, *rest: str | int) -> tuple[str | int, ...]:
    """Return the route to the value that dispatch *index* has below *key*, in itself or in the defaults."""
    data: Any = document.data
    own = data["dispatches"][index]
    if key in own and (key not in MERGED_KEYS or not rest or rest[0] in own[key]):
        return "dispatches", index, key, *rest
    return ("defaults", key, *rest) if key in data.get("defaults", {}) else ("dispatches", index)


@dataclass(slots=True)
class _MergedDispatch:
    """A dispatch as written, and with the defaults' keys."""

    index: int
    own: Mapping[str, Any]
    merged: Mapping[str, Any]
    meta: Mapping[str, str]


class DispatchTemplates:
    """Reads the dispatches of a manifest one by one; what they share is made once."""

    def __init__(
        self, document: Document, overrides: Mapping[str, object], scope: TargetScope, *, timeout_given: bool = False
    ) -> None:
        data: Any = document.data
        self._has_timeout = timeout_given or "timeout" in (data.get("settings") or {})
        self._document, self._overrides, self._scope = document, overrides, scope
        self._dispatches: list[dict[str, Any]] = data["dispatches"]
        self._defaults: dict[str, Any] = data.get("defaults", {})
        self._policy = _read_policy(self._defaults)
        self._meta = _texts(self._defaults.get("meta", {}))
        self._vars = self._merged_vars({})
        self._namespace: str = data.get("namespace") or scope.namespace_env or DEFAULT_NAMESPACE
        self._region: str = data.get("region") or scope.region_env or ""

    def read(self, index: int) -> tuple[DispatchTemplate | None, list[Problem]]:
        """Return the template, unless there is no job, and what is wrong with the dispatch whatever its rows are."""
        own = self._dispatches[index]
        meta = {**self._meta, **_texts(own["meta"])} if "meta" in own else self._meta
        entry = _MergedDispatch(index, own, {**self._defaults, **own}, meta)
        return self._template(entry) if "job" in entry.merged else None, list(self._problems(entry))

    def problems(self) -> Iterator[Problem]:
        """Yield the problems of the defaults: `sensitive` may name what one dispatch lacks, but not what all do."""
        yield from self._default_timeout_problems()
        listed = self._defaults.get("sensitive", ())
        unknown = {name.removeprefix("meta.") for name in listed if name != "payload"} - self._meta.keys()
        if not unknown:
            return
        known = {f"meta.{key}" for key in (*self._meta, *self._keys_of_dispatches())}
        for number, name in enumerate(listed):
            if name != "payload" and name not in known:
                position = self._document.position("defaults", "sensitive", number)
                hint = did_you_mean(name, sorted(known), otherwise="name a meta key that a dispatch has")
                yield self._document.problem("DF015", position, f"no dispatch has {name}", hint)

    def _default_timeout_problems(self) -> Iterator[Problem]:
        given = (self._defaults, *(each for each in self._dispatches if isinstance(each, dict)))
        if "on_timeout" in self._defaults and not self._has_timeout and not any("timeout" in each for each in given):
            yield self._without_timeout(self._document.key_position("defaults", "on_timeout"))

    def _without_timeout(self, position: Position) -> Problem:
        hint = "set timeout here, in defaults or in settings, or run with --timeout"
        problem = self._document.problem("DF013", position, "on_timeout has no effect without a timeout", hint)
        return replace(problem, severity=Severity.WARNING)

    def _keys_of_dispatches(self) -> Iterator[str]:
        """Yield the meta keys of every entry that has any, however wrong the entry is otherwise."""
        for dispatch in self._dispatches:
            meta = dispatch.get("meta") if isinstance(dispatch, dict) else None
            yield from meta if isinstance(meta, dict) else ()

    def _template(self, entry: _MergedDispatch) -> DispatchTemplate:
        own, merged = entry.own, entry.merged
        return DispatchTemplate(
            index=entry.index,
            position=self._document.entry_position(self._dispatches, entry.index),
            id=own.get("id"),
            job=merged["job"],
            payload=_read_payload(merged.get("payload")),
            meta=entry.meta,
            token=merged.get("idempotency_token"),
            prefix=merged.get("id_prefix_template", ""),
            exact_prefix=merged.get("id_prefix_exact", False),
            tags=tuple(merged.get("tags", ())),
            priority=None if merged.get("priority") is None else int(merged["priority"]),
            namespace=self._scope.namespace_flag or merged.get("namespace") or self._namespace,
            region=self._scope.region_flag or merged.get("region") or self._region,
            vars=self._merged_vars(own["vars"]) if "vars" in own else self._vars,
            policy=self._policy if POLICY_KEYS.isdisjoint(own) else _read_policy(merged),
        )

    def _merged_vars(self, own: Mapping[str, object]) -> Names:
        manifest: Any = self._document.data.get("vars", {})
        return Names("vars", {**manifest, **self._defaults.get("vars", {}), **own, **self._overrides}, "vars")

    def _problems(self, entry: _MergedDispatch) -> Iterator[Problem]:
        if "job" not in entry.merged:
            position = self._document.position("dispatches", entry.index)
            hint = "add job here or in defaults"
            yield self._document.problem("DF025", position, "the dispatch has no job", hint)
        if self._scope.namespace_flag or self._scope.region_flag:
            yield from self._scope_problems(entry)
        if entry.merged.get("id_prefix_exact"):
            yield from self._prefix_problems(entry)
        if "sensitive" in entry.own:
            yield from self._sensitive_problems(entry)
        if "on_timeout" in entry.own and "timeout" not in entry.merged and not self._has_timeout:
            yield self._without_timeout(self._document.key_position("dispatches", entry.index, "on_timeout"))
        for first, key, variable in _collisions(tuple(entry.meta)):
            found = f"meta keys {first!r} and {key!r} both become {variable} in the task's environment"
            yield self._problem("DF042", entry, "meta", key, found=found, hint="rename one of them")

    def _scope_problems(self, entry: _MergedDispatch) -> Iterator[Problem]:
        for key, flag in (("namespace", self._scope.namespace_flag), ("region", self._scope.region_flag)):
            own = entry.merged.get(key)
            if flag and own and flag != own:
                found = f"{key} {own!r} differs from the flag's {flag!r}"
                yield self._problem("DF026", entry, key, found=found, hint="remove one of them")

    def _prefix_problems(self, entry: _MergedDispatch) -> Iterator[Problem]:
        for key, hint in _NEEDED_BY_EXACT:
            if key not in entry.merged:
                yield self._problem("DF013", entry, "id_prefix_exact", found=f"id_prefix_exact needs {key}", hint=hint)

    def _sensitive_problems(self, entry: _MergedDispatch) -> Iterator[Problem]:
        """A slip in the list would let a secret out."""
        known = [f"meta.{key}" for key in entry.meta]
        for number, name in enumerate(entry.own["sensitive"]):
            if name == "payload" and "payload" not in entry.merged:
                hint = "leave it out, or add the payload"
                yield self._problem("DF015", entry, "sensitive", number, found="the dispatch has no payload", hint=hint)
            if name != "payload" and name not in known:
                hint = did_you_mean(name, known, otherwise="name a meta key that the dispatch has")
                yield self._problem("DF015", entry, "sensitive", number, found=f"the dispatch has no {name}", hint=hint)

    def _problem(self, code: str, entry: _MergedDispatch, *route: Any, found: str, hint: str) -> Problem:
        position = self._document.key_position(*route_of(self._document, entry.index, *route))
        return self._document.problem(code, position, found, hint)


_NEEDED_BY_EXACT = (
    ("idempotency_token", "without one, its child cannot be found again"),
    ("id_prefix_template", "this is the prefix to send"),
)


@lru_cache
def _collisions(keys: tuple[str, ...]) -> tuple[tuple[str, str, str], ...]:
    """
    Pairs of meta keys with the variable they share.

    Nomad sets NOMAD_META_key and NOMAD_META_KEY, both with other characters replaced; of two keys any may win.
    Source: hashicorp/nomad, client/taskenv/env.go, and helper/funcs.go, CleanEnvVar.
    """
    takers: dict[str, str] = {}
    pairs: dict[tuple[str, str], str] = {}
    for key in keys:
        for variable in (_variable(key), _variable(key.upper())):
            first = takers.setdefault(variable, key)
            if first != key:
                pairs.setdefault((first, key), variable)
    return tuple((first, key, variable) for (first, key), variable in pairs.items())


def _variable(key: str) -> str:
    cleaned = re.sub(rb"[^A-Za-z0-9_.]", b"_", key.encode())
    return f"NOMAD_META_{cleaned.decode()}"


def _texts(meta: Mapping[str, object]) -> dict[str, str]:
    return {key: value if isinstance(value, str) else print_value(value) for key, value in meta.items()}


def _read_payload(payload: Any) -> tuple[str, Any] | None:
    if payload is None:
        return None
    if isinstance(payload, str):
        return "file", payload
    [(form, value)] = payload.items()
    return form, value


def _read_policy(merged: Mapping[str, Any]) -> ItemPolicy:
    retry = merged.get("retry", {})
    return _policy(
        merged.get("timeout"),
        merged.get("on_timeout"),
        merged.get("max_starts"),
        tuple(merged.get("sensitive", ())),
        (retry.get("attempts", 1), tuple(retry.get("on", ("failed",))), retry.get("delay", "0s")),
    )


@lru_cache(maxsize=1024)  # most items of a manifest have the same
def _policy(
    timeout: str | None,
    on_timeout: str | None,
    max_starts: float | None,
    sensitive: tuple[str, ...],
    retry: tuple[float, tuple[str, ...], str],
) -> ItemPolicy:
    attempts, on, delay = retry
    return ItemPolicy(
        deadline=None if timeout is None else parse_duration(timeout),
        stop_on_deadline=on_timeout == "stop",
        retry=Retry(int(attempts), frozenset(on), parse_duration(delay)),
        max_starts=None if max_starts is None else int(max_starts),
        sensitive=frozenset(sensitive),
    )
