"""A template's tree to text. Source: the Go standard library, text/template/exec.go and funcs.go."""

import html
import inspect
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote_plus

from dispatchfile.jobspec.gotemplate.failures import RenderFailure, Unwinding
from dispatchfile.jobspec.gotemplate.golayout import format_time
from dispatchfile.jobspec.gotemplate.helpers import HELPER_FUNCTIONS
from dispatchfile.jobspec.gotemplate.nodes import (
    Action,
    Branch,
    Chain,
    CommandNode,
    Constant,
    Dot,
    FunctionName,
    Include,
    Leave,
    Node,
    Operand,
    Pipeline,
    Text,
    Value,
    Variable,
)
from dispatchfile.jobspec.gotemplate.parser import Template
from dispatchfile.jobspec.gotemplate.scratch import Scratch
from dispatchfile.jobspec.gotemplate.values import (
    equal,
    indexed,
    kind_of,
    length,
    ordered,
    plain,
    shown,
    sliced,
    sprintf,
    truth,
)

_ORDERS: Final[Mapping[str, Callable[[int], bool]]] = {
    "lt": lambda order: order < 0,
    "le": lambda order: order <= 0,
    "gt": lambda order: order > 0,
    "ge": lambda order: order >= 0,
}
_MOST_OUTPUT: Final = 64 << 20
_DEEPEST: Final = 100
_MISSING: Final = object()


@dataclass(frozen=True, slots=True)
class TemplateContext:
    """
    The values that a template can read where it is rendered.

    environment: of the task, and what ``attr.``, ``meta.`` and ``node.`` stand for. read_file: the text of a file
    that the task may read; raises RenderFailure. now: the time. fails_on_missing_keys: error_on_missing_key.
    """

    environment: Mapping[str, str]
    read_file: Callable[[str], str]
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    fails_on_missing_keys: bool = False


def render(template: Template, surroundings: TemplateContext) -> str:
    """Return the text of a template. Raises RenderFailure."""
    rendering = _Rendering(template, surroundings)
    try:
        rendering.show(template.body, None, [{"$": None}])
    except RecursionError as exc:
        raise RenderFailure("nested too deeply") from exc
    return "".join(rendering.output)


Scopes = list[dict[str, Value]]


@dataclass(slots=True)
class _Rendering:
    template: Template
    surroundings: TemplateContext
    output: list[str] = field(default_factory=list)
    scratch: Scratch = field(default_factory=Scratch)
    size: int = 0
    depth: int = 0

    # nodes

    def show(self, nodes: Sequence[Node], dot: Value, scopes: Scopes) -> None:
        for node in nodes:
            match node:
                case Text(text):
                    self._write(text)
                case Action(pipeline):
                    value = self._pipeline(pipeline, dot, scopes)
                    if not pipeline.names:
                        self._write(shown(value))
                case Branch():
                    self._branch(node, dot, [*scopes, {}])
                case Include(name, pipeline):
                    self._include(name, None if pipeline is None else self._pipeline(pipeline, dot, scopes))
                case Leave(continues):
                    raise Unwinding(continues=continues)

    def _write(self, text: str) -> None:
        self.size += len(text)
        if self.size > _MOST_OUTPUT:
            raise RenderFailure(f"more than {_MOST_OUTPUT >> 20} MiB of text")
        self.output.append(text)

    def _branch(self, node: Branch, dot: Value, scopes: Scopes) -> None:
        if node.kind == "range":
            self._range(node, dot, scopes)
            return
        value = self._pipeline(node.pipeline, dot, scopes)
        if truth(value):
            self.show(node.body, value if node.kind == "with" else dot, [*scopes, {}])
        else:
            self.show(node.otherwise, dot, [*scopes, {}])

    def _range(self, node: Branch, dot: Value, scopes: Scopes) -> None:
        names = node.pipeline.names
        value = self._commands(node.pipeline, dot, scopes)
        ran = False
        for key, item in _items(value):
            ran = True
            own: dict[str, Value] = {}
            pairs = zip(names, (key, item) if len(names) == 2 else (item,), strict=False)
            for name, part in pairs:
                if node.pipeline.declares:
                    own[name] = part
                else:
                    _assign(scopes, name, part)
            try:
                self.show(node.body, item, [*scopes, own])
            except Unwinding as leaving:
                if not leaving.continues:
                    break
        if not ran:
            self.show(node.otherwise, dot, [*scopes, {}])

    def _include(self, name: str, data: Value) -> None:
        body = self.template.defined.get(name)
        if body is None:
            raise RenderFailure(f'template "{name}" not defined')
        if self.depth >= _DEEPEST:
            raise RenderFailure(f'template "{name}" includes itself too often')
        self.depth += 1
        self.show(body, data, [{"$": data}])
        self.depth -= 1

    # pipelines

    def _pipeline(self, pipeline: Pipeline, dot: Value, scopes: Scopes) -> Value:
        value = self._commands(pipeline, dot, scopes)
        for name in pipeline.names:
            if pipeline.declares:
                scopes[-1][name] = value
            else:
                _assign(scopes, name, value)
        return value

    def _commands(self, pipeline: Pipeline, dot: Value, scopes: Scopes) -> Value:
        value: Value = _MISSING
        for command in pipeline.commands:
            try:
                value = self._command(command, dot, scopes, value)
            except RenderFailure as exc:
                if exc.args and str(exc.args[0]).startswith("line "):
                    raise
                raise RenderFailure(f"line {command.line}: {exc}") from exc
        return value

    def _command(self, command: CommandNode, dot: Value, scopes: Scopes, piped: Value) -> Value:
        first, *rest = command.operands
        extra = [] if piped is _MISSING else [piped]
        if isinstance(first, FunctionName):
            return self._call(first.name, rest, extra, dot, scopes)
        if isinstance(first, Chain):
            return self._chain(first, rest, extra, dot, scopes)
        if rest or extra:
            raise RenderFailure(f"can't give argument to non-function {_named(first)}")
        return self._value(first, dot, scopes)

    def _value(self, operand: Operand, dot: Value, scopes: Scopes) -> Value:
        match operand:
            case Constant(value):
                return value
            case Dot():
                return dot
            case Variable(name):
                return next(scope[name] for scope in reversed(scopes) if name in scope)
            case FunctionName(name):
                return self._call(name, [], [], dot, scopes)
            case Chain():
                return self._chain(operand, [], [], dot, scopes)
        return self._pipeline(operand, dot, scopes)

    def _chain(self, chain: Chain, rest: Sequence[Operand], extra: list[Value], dot: Value, scopes: Scopes) -> Value:
        value = self._value(chain.operand, dot, scopes)
        for name in chain.fields[:-1]:
            value = self._field(value, name)
        last = chain.fields[-1]
        if isinstance(value, Scratch):
            arguments = [self._value(operand, dot, scopes) for operand in rest] + extra
            return _called(last, value.method(last), arguments)
        if value is not None and (rest or extra):
            raise RenderFailure(f"{last} is not a method but has arguments")
        return self._field(value, last)

    def _field(self, value: Value, name: str) -> Value:
        if value is None and not self.surroundings.fails_on_missing_keys:
            return None
        if isinstance(value, Scratch):
            return _called(name, value.method(name), [])
        if not isinstance(value, dict):
            raise RenderFailure(f"can't evaluate field {name} in type {kind_of(value)}")
        if name not in value and self.surroundings.fails_on_missing_keys:
            raise RenderFailure(f"map has no entry for key {json.dumps(name)}")
        return indexed(value, [name])

    # functions

    def _call(self, name: str, rest: Sequence[Operand], extra: list[Value], dot: Value, scopes: Scopes) -> Value:
        if name in {"and", "or"}:
            return self._logic(name, rest, extra, dot, scopes)
        arguments = [self._value(operand, dot, scopes) for operand in rest] + extra
        function = HELPER_FUNCTIONS.get(name) or self._functions()[name]
        return _called(name, function, arguments)

    def _logic(self, name: str, rest: Sequence[Operand], extra: list[Value], dot: Value, scopes: Scopes) -> Value:
        """`and` and `or` look at no more arguments than they need."""
        value: Value = _MISSING
        for operand in rest:
            value = self._value(operand, dot, scopes)
            if truth(value) == (name == "or"):
                return value
        if extra:
            return extra[0]
        if value is _MISSING:
            raise RenderFailure(f"wrong number of args for {name}: want at least 1 got 0")
        return value

    def _functions(self) -> Mapping[str, Callable[..., Value]]:
        environment = self.surroundings.environment
        return {
            "env": lambda name: environment.get(_text(name), ""),
            "envOrDefault": lambda name, default: environment.get(_text(name), _text(default)),
            "file": lambda path: self.surroundings.read_file(_text(path)),
            "mustEnv": self._must_env,
            "scratch": lambda: self.scratch,
            "timestamp": self._timestamp,
            "call": _refuse_call,
            "eq": lambda first, *others: equal(first, _some(others)),
            "html": lambda *values: html.escape(_printed(values)).replace("&quot;", "&#34;").replace("&#x27;", "&#39;"),
            "index": lambda value, *keys: indexed(value, keys),
            "js": lambda *values: json.dumps(_printed(values))[1:-1].replace("'", "\\'"),
            "len": length,
            "ne": lambda left, right: not equal(left, [right]),
            "not": lambda value: not truth(value),
            "print": lambda *values: _spaced(values),
            "printf": lambda text, *values: sprintf(_text(text), values),
            "println": lambda *values: " ".join(plain(value) for value in values) + "\n",
            "slice": lambda value, *bounds: sliced(value, bounds),
            "urlquery": lambda *values: quote_plus(_printed(values), safe="-_.~"),
            **{name: _comparison(test) for name, test in _ORDERS.items()},
        }

    def _must_env(self, name: Value) -> str:
        value = self.surroundings.environment.get(_text(name), "")
        if not value:
            raise RenderFailure(f"required environment variable {name} is empty")
        return value

    def _timestamp(self, *layouts: Value) -> str:
        if len(layouts) > 1:
            raise RenderFailure(f"timestamp: wrong number of arguments, expected 0 or 1, but got {len(layouts)}")
        now = self.surroundings.now()
        if layouts and layouts[0] == "unix":
            return str(int(now.timestamp()))
        return format_time(now, _text(layouts[0]) if layouts else "2006-01-02T15:04:05Z07:00")


def _comparison(test: Callable[[int], bool]) -> Callable[[Value, Value], bool]:
    return lambda left, right: ordered(left, right, test)


def _called(name: str, function: Callable[..., Value], arguments: Sequence[Value]) -> Value:
    try:
        inspect.signature(function).bind(*arguments)
    except TypeError:
        raise RenderFailure(f"wrong number of args for {name}: got {len(arguments)}") from None
    try:
        return function(*arguments)
    except (ArithmeticError, LookupError, TypeError, ValueError) as exc:
        raise RenderFailure(f"error calling {name}: {exc}") from exc


def _items(value: Value) -> Iterator[tuple[Value, Value]]:
    if value is None:
        return
    if isinstance(value, list):
        yield from enumerate(value)
    elif isinstance(value, dict):
        yield from ((key, value[key]) for key in sorted(value))
    elif isinstance(value, int) and not isinstance(value, bool):
        yield from ((number, number) for number in range(min(value, 1_000_000)))
    else:
        raise RenderFailure(f"range can't iterate over {plain(value)}")


def _assign(scopes: Scopes, name: str, value: Value) -> None:
    next(scope for scope in reversed(scopes) if name in scope)[name] = value


def _named(operand: Operand) -> str:
    return plain(operand.value) if isinstance(operand, Constant) else getattr(operand, "name", ".")


def _text(value: Value) -> str:
    if not isinstance(value, str):
        raise RenderFailure(f"wrong type for value; expected string; got {kind_of(value)}")
    return value


def _some(values: Sequence[Value]) -> Iterable[Value]:
    if not values:
        raise RenderFailure("missing argument for comparison")
    return values


def _printed(values: Sequence[Value]) -> str:
    return values[0] if len(values) == 1 and isinstance(values[0], str) else _spaced(values)


def _spaced(values: Sequence[Value]) -> str:
    """fmt.Print puts blanks between operands of which neither is a text."""
    text = ""
    for number, value in enumerate(values):
        if number and not isinstance(value, str) and not isinstance(values[number - 1], str):
            text += " "
        text += plain(value)
    return text


def _refuse_call(*_: Value) -> Value:
    raise RenderFailure("call of a value that is not a function")
