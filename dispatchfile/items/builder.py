"""Builds the item of one row: renders every value and checks it against Nomad's limits."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, NoReturn, TypeVar

from dispatchfile.errors import FileError
from dispatchfile.expand import Names, Row, file_trouble, shown_path
from dispatchfile.files import MOST_READ_BYTES, Files
from dispatchfile.items.identity import auto_token, default_id, fingerprint
from dispatchfile.items.model import DispatchRequest, Item
from dispatchfile.items.repeats import Repeats
from dispatchfile.items.template import DispatchTemplate, route_of
from dispatchfile.manifest import Document
from dispatchfile.problems import UNQUOTED, Problem, row_suffix
from dispatchfile.render import (
    Renderer,
    TemplateProblem,
    TemplateTrouble,
    TooMuch,
    compact_json,
    has_template,
    read_template,
)
from dispatchfile.source import Position, SourceText

MAX_PAYLOAD_BYTES = 16_384  # before base64. Source: hashicorp/nomad, nomad/job_endpoint.go
MAX_JOB_BYTES = 1_000
AUTO = "auto"
LONGEST_SHOWN_VALUE = 40

_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
# Codes of problems whose texts hold sizes and names, but nothing that was rendered.
TELL_NO_VALUE = frozenset({"DF019", "DF040", "DF041"})
ANYWHERE = ""  # of what is counted wherever it stands
TO_SEE_IT = "hidden, because it may contain a sensitive value: to see it, remove `sensitive` and use test data"
HIDDEN = f"cannot be rendered; the reason is {TO_SEE_IT}"
HIDDEN_NAME = (
    f"uses a name that is not defined, perhaps a variable to pass with --var or --var-file; the name is {TO_SEE_IT}"
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_NOT_IN_PREFIX = re.compile(r"[\s/\x00-\x1f\x7f-\x9f]")

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class ItemContext:
    """The context that all items of a manifest share."""

    document: Document
    files: Files
    renderer: Renderer
    repeats: Repeats
    name: str  # the manifest's
    env: Names

    def for_each(self, index: int) -> Mapping[str, Any]:
        """Return the `for_each` of dispatch *index*, empty where it has none."""
        data: Any = self.document.data
        found: Mapping[str, Any] = data["dispatches"][index].get("for_each", {})
        return found


class _UnusableValue(Exception):
    """A value cannot be used. The reason was reported or counted."""


class ItemBuilder:
    """Builds one item. *id* is set as soon as it is known; *problems* say why there is no item."""

    __slots__ = ("_context", "_dispatch", "_failed", "_names", "_readable", "_row", "id", "problems")

    def __init__(self, context: ItemContext, dispatch: DispatchTemplate, row: Row) -> None:
        self._context, self._dispatch, self._row = context, dispatch, row
        self._names = Names("item", {}, "item" if dispatch.id else "an item without a written id")
        self._readable = {"vars": dispatch.vars, "item": self._names, "name": context.name, "env": context.env}
        if row.each is not None:
            self._readable["each"] = row.each
        self._failed = False
        self.id: str | None = None
        self.problems: list[Problem] = []

    @property
    def readable(self) -> Mapping[str, object]:
        """Return the names that templates of the dispatch can read."""
        return self._readable

    def item(self) -> Item | None:
        """Return the item, or None if there is a problem, which is reported or only counted."""
        dispatch = self._dispatch
        job = self._names["job"] = self._try(self._job, "")
        if dispatch.id is not None:
            self._names["id"] = self._try(self._written_id, "")
        meta = {
            key: self._try(self._text, "", text, "meta", key) if has_template(text) else text
            for key, text in dispatch.meta.items()
        }
        if "\0" in "".join(meta.values()):
            self._try(self._refuse_nul, None, meta)
        payload = self._try(self._payload, None) if dispatch.payload else None
        token = self._try(self._token, None) if dispatch.token else None
        prefix = self._try(self._prefix, "") if dispatch.prefix else ""
        tags = tuple(self._try(self._text, "", tag, "tags", number) for number, tag in enumerate(dispatch.tags))
        if self._failed:
            return None
        request = DispatchRequest(job, dispatch.namespace, dispatch.region, payload, meta, dispatch.priority, token)
        return self._finished(request, prefix, tags)

    def report(self, code: str, found: str, hint: str, key: str, *rest: str | int) -> None:
        """Report a problem with the value that the dispatch has below *key*."""
        document, dispatch = self._context.document, self._dispatch
        position = document.position(*route_of(document, dispatch.index, key, *rest))
        hides = code not in TELL_NO_VALUE and self._is_sensitive(key, *rest)
        told = _hidden(code) if hides else found

        def problem() -> Problem:
            whole = document.problem(code, position, f"{told}{self._of_row()}", hint, item=self.id)
            whole = replace(whole, row=self._row.position)
            return replace(whole, hint="", excerpt="") if hides else whole

        self.problems += self._context.repeats.told(code, ANYWHERE if code == "DF019" else position, problem)

    def _is_sensitive(self, key: str, *rest: str | int) -> bool:
        return not {key, ".".join(map(str, (key, *rest[:1])))}.isdisjoint(self._dispatch.policy.sensitive)

    def _finished(self, request: DispatchRequest, prefix: str, tags: tuple[str, ...]) -> Item:
        dispatch, policy = self._dispatch, self._dispatch.policy
        if self.id is None:
            self.id = default_id(request.job, request.meta, request.payload, policy.sensitive)
        digest = fingerprint(request, policy.sensitive)
        if dispatch.token == AUTO:
            request = replace(request, token=auto_token(self._context.name, self.id, digest))
        return Item(
            id=self.id,
            request=request,
            fingerprint=digest,
            position=dispatch.position,
            row=self._row.position,
            written_prefix=prefix,
            exact_prefix=dispatch.exact_prefix,
            deadline=policy.deadline,
            stop_on_deadline=policy.stop_on_deadline,
            retry=policy.retry,
            max_starts=policy.max_starts,
            tags=tags,
            sensitive=policy.sensitive,
            source="" if dispatch.id is not None else self._source(),
        )

    def _source(self) -> str:
        """File and line, and the row's first value, unless the item has values that may not be shown."""
        place = self._row.position or self._dispatch.position
        value = "" if self._dispatch.policy.sensitive else first_value(self._row)
        return f"{place.file}:{place.line} {value}".rstrip()

    def _try(self, step: Callable[..., Value], otherwise: Value, *arguments: object) -> Value:
        try:
            return step(*arguments)
        except _UnusableValue:
            self._failed = True
            return otherwise

    def _refuse(self, code: str, found: str, hint: str, key: str, *rest: str | int) -> NoReturn:
        self.report(code, found, hint, key, *rest)
        raise _UnusableValue

    def _job(self) -> str:
        job = self._text(self._dispatch.job, "job")
        if trouble := _trouble_with_job(job):
            self._refuse("DF046", *trouble, "job")
        return job

    def _written_id(self) -> str:
        item_id = self._text(self._dispatch.id or "", "id")
        if not _ID.fullmatch(item_id):
            hint = "use 1 to 128 letters, digits, dots, underscores and hyphens"
            self._refuse("DF021", f"id cannot be {item_id[:200]!r}", hint, "id")
        self.id = item_id
        return item_id

    def _refuse_nul(self, meta: Mapping[str, str]) -> NoReturn:
        key = next(key for key, value in meta.items() if "\0" in value)
        hint = "the task gets it as an environment variable, which cannot contain one"
        self._refuse("DF041", f"meta.{key} contains a NUL character", hint, "meta", key)

    def _token(self) -> str:
        token = self._text(self._dispatch.token or "", "idempotency_token")
        if not token:
            self._refuse(
                "DF043", "the idempotency token is empty", "Nomad would treat it as no token", "idempotency_token"
            )
        if _CONTROL.search(token):
            self._refuse("DF043", f"token {token[:200]!r} contains control characters", "", "idempotency_token")
        return token

    def _prefix(self) -> str:
        prefix = self._text(self._dispatch.prefix, "id_prefix_template")
        if not prefix and self._dispatch.exact_prefix:
            self._refuse("DF044", "the exact prefix is empty", "", "id_prefix_template")
        if wrong := _NOT_IN_PREFIX.search(prefix):
            found = f"prefix {prefix[:200]!r} contains {wrong[0]!r}"
            hint = "it becomes part of a job's ID and cannot contain blanks, slashes or control characters"
            self._refuse("DF044", found, hint, "id_prefix_template")
        return prefix

    def _payload(self) -> bytes | None:
        form, value = self._dispatch.payload or ("text", "")
        payload = self._bytes(form, value)
        if len(payload) > MAX_PAYLOAD_BYTES:
            found = f"the payload has {len(payload):,} bytes, Nomad allows {MAX_PAYLOAD_BYTES:,}"
            self._refuse("DF040", found, "store it where the task can fetch it, and send its address", "payload")
        return payload or None

    def _bytes(self, form: str, value: Any) -> bytes:
        if form == "json":
            return self._json(value).encode()
        text = self._text(value, "payload", form)
        match form:
            case "file":
                return self._file(text)
            case "template":
                return self._template(text).encode()
            case "base64":
                return self._decoded(text)
            case _:
                return text.encode()

    def _file(self, name: str) -> bytes:
        try:
            return self._context.files.read(name, limit=MOST_READ_BYTES)
        except FileError as exc:
            self._refuse(*file_trouble(exc), "payload", "file")

    def _template(self, path: str) -> str:
        try:
            return self._context.renderer.render_file(path, self._readable)
        except FileError as exc:
            self._refuse(*file_trouble(exc), "payload", "template")
        except TemplateTrouble as exc:
            self._refuse_template(exc.trouble, "payload", "template")

    def _decoded(self, text: str) -> bytes:
        """Line ends and blanks are let through, as base64 is written in lines."""
        try:
            return base64.b64decode("".join(text.split()), validate=True)
        except ValueError as exc:
            self._refuse("DF045", f"not base64: {exc}", "", "payload", "base64")

    def _json(self, value: object) -> str:
        filled = self._filled(value, "payload", "json")
        try:
            return compact_json(filled)
        except TooMuch as exc:
            self._refuse("DF035", f"the payload {exc}", "", "payload", "json")

    def _filled(self, value: object, key: str, *rest: str | int) -> object:
        """*value* with its texts rendered; keys are no templates."""
        if isinstance(value, str):
            return self._text(value, key, *rest)
        if isinstance(value, dict):
            return {name: self._filled(item, key, *rest, name) for name, item in value.items()}
        if isinstance(value, list):
            return [self._filled(item, key, *rest, number) for number, item in enumerate(value)]
        return value

    def _text(self, source: str, key: str, *rest: str | int) -> str:
        try:
            return self._context.renderer.render(source, self._readable, name="")
        except TemplateTrouble as exc:
            self._refuse_template(exc.trouble, key, *rest)

    def _refuse_template(self, trouble: TemplateProblem, key: str, *rest: str | int) -> NoReturn:
        if trouble.file is None:
            line = f", in line {trouble.line} of the template" if (trouble.line or 1) > 1 else ""
            self._refuse(trouble.code, f"{trouble.found}{line}", trouble.hint, key, *rest)
        self._report_in_file(trouble, trouble.file)
        raise _UnusableValue

    def _report_in_file(self, trouble: TemplateProblem, file: str) -> None:
        """Report a problem at its line of a template file, with the item that it was rendered for."""
        position = Position(shown_path(self._context.document, file), trouble.line or 1, 1)
        self.problems += self._context.repeats.told(
            trouble.code, position, lambda: self._problem_in_file(trouble, file, position)
        )

    def _problem_in_file(self, trouble: TemplateProblem, file: str, position: Position) -> Problem:
        is_sensitive = self._is_sensitive("payload")
        hides = is_sensitive or trouble.code in UNQUOTED
        told = _hidden(trouble.code) if is_sensitive else trouble.found
        found = f"{told}, for {self.id or 'the dispatch'} at {self._dispatch.position}{self._of_row()}"
        hint, excerpt = ("", "") if hides else (trouble.hint, self._excerpt(file, position))
        return Problem(trouble.code, position, found, hint, item=self.id, excerpt=excerpt, row=self._row.position)

    def _excerpt(self, file: str, position: Position) -> str:
        try:
            return SourceText(file, read_template(self._context.files, file)).excerpt(position)
        except FileError:
            return ""

    def _of_row(self) -> str:
        return row_suffix(self._row.position)


def first_value(row: Row) -> str:
    """Return the first value of the row in short, or nothing where that is not one text or number."""
    value = None if row.each is None else row.each["value"]
    if isinstance(value, dict):
        value = next(iter(value.values()), None)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    return " ".join(str(value).split())[:LONGEST_SHOWN_VALUE]


def _hidden(code: str) -> str:
    """Return the part of a problem with a sensitive value that may be shown."""
    return HIDDEN_NAME if code == "DF033" else HIDDEN


@lru_cache  # most items of a manifest have the same
def _trouble_with_job(job: str) -> tuple[str, str] | None:
    """Return what is wrong with the job's ID, and what would be right."""
    if not job:
        return "the job is empty", "name a parameterized job"
    if _CONTROL.search(job):
        return f"job {job[:100]!r} contains control characters", ""
    if (size := len(job.encode())) > MAX_JOB_BYTES:
        return f"the job's ID has {size:,} bytes, at most {MAX_JOB_BYTES:,} are allowed", ""
    return None
