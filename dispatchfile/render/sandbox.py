"""
Jinja2 as manifests have it: strict, sandboxed, bounded, and the same text for the same values.

Beyond Jinja's own sandbox: a key of a mapping wins over a method of the same name (`each.items` is the column),
carriage returns stay, nothing is evaluated while compiling, and there is neither chance (`random`) nor `lipsum`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from jinja2 import BaseLoader, StrictUndefined, Template, TemplateNotFound, TemplateSyntaxError, Undefined, nodes
from jinja2.compiler import CodeGenerator, Frame
from jinja2.exceptions import TemplateRuntimeError, UndefinedError
from jinja2.ext import Extension
from jinja2.filters import make_attrgetter
from jinja2.lexer import Token, TokenStream
from jinja2.nodes import EvalContext
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import missing, pass_eval_context

from dispatchfile.errors import FileError
from dispatchfile.files import MOST_READ_BYTES, Files
from dispatchfile.render.filters import FILTERS
from dispatchfile.render.limits import (
    CHECKED_FILTERS,
    RenderBudget,
    bounded_range,
    check_filter,
    check_method,
    check_operator,
)
from dispatchfile.render.texts import join_bounded, map_operands, print_value, spaced_json

CACHED_TEMPLATES = 400

_STAND_INS = "\x1f\x1e\x1d\x1c"  # Jinja takes these for blanks, and never for the end of a line
_GROWING_METHODS = frozenset({"encode", "expandtabs", "format_map", "maketrans", "translate", "to_bytes", "from_bytes"})
_OF_JINJA = frozenset({"_loop_vars", "_block_vars"})  # arguments that it adds to calls
_REMOVED_FILTERS = ("pprint", "random", "urlize")  # Python's notation, chance, HTML that grows
_TEXT_FILTERS = frozenset(
    {"capitalize", "center", "e", "escape", "forceescape", "format", "indent", "lower", "replace", "safe", "striptags"}
    | {"title", "trim", "truncate", "upper", "wordcount", "wordwrap"}
    | FILTERS.keys()
)

# What asks something of each element, one after the other.
_LAZY_FILTERS = frozenset({"map", "reject", "rejectattr", "select", "selectattr", "unique"})


class NotDefined(UndefinedError):
    """*name* was looked up in *obj*, or among all names where that is jinja2's `missing`, and is not there."""

    def __init__(self, obj: object, name: object, message: str) -> None:
        super().__init__(message)
        self.obj, self.key = obj, name


class _Undefined(StrictUndefined):
    """Strict, and its error knows what was looked up where."""

    __slots__ = ()

    def __init__(
        self,
        hint: str | None = None,
        obj: object = missing,
        name: str | None = None,
        exc: type[TemplateRuntimeError] = UndefinedError,
    ) -> None:
        raised = exc if hint else functools.partial(NotDefined, obj, name)
        super().__init__(hint, obj, name, raised)  # type: ignore[arg-type]  # it is called with the message, no more


class _CarriageReturns(Extension):
    """Jinja makes all line ends alike; a stand-in that it takes for a blank keeps carriage returns as they are."""

    stand_in = ""

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:
        self.stand_in = ""
        if "\r" not in source:
            return source
        self.stand_in = next((char for char in _STAND_INS if char not in source), "")
        if not self.stand_in:
            raise TemplateSyntaxError("carriage returns beside all of U+001C to U+001F", 1, name, filename)
        return source.replace("\r", self.stand_in)

    def filter_stream(self, stream: TokenStream) -> TokenStream | Iterable[Token]:
        return map(self._restored, stream) if self.stand_in else stream

    def _restored(self, token: Token) -> Token:
        if token.type in {"data", "string"}:
            return Token(token.lineno, token.type, token.value.replace(self.stand_in, "\r"))
        return token


class _BoundedCode(CodeGenerator):
    """Loops are counted, and `~` joins as an expression prints."""

    def visit_For(self, node: nodes.For, frame: Frame) -> None:  # noqa: N802  # Jinja's name
        counted = nodes.EnvironmentAttribute("counted", lineno=node.lineno)
        node.iter = nodes.Call(counted, [node.iter], [], None, None, lineno=node.lineno)
        super().visit_For(node, frame)

    def visit_Concat(self, node: nodes.Concat, frame: Frame) -> None:  # noqa: N802  # Jinja's name
        self.write("environment.join((")
        for operand in node.nodes:
            self.visit(operand, frame)
            self.write(", ")
        self.write("))")


class _ContainedFiles(BaseLoader):
    """Templates that others include, import or extend: files, relative to the manifest's folder."""

    def __init__(self, files: Files) -> None:
        self._files = files

    def get_source(self, environment: object, template: str) -> tuple[str, None, Callable[[], bool]]:
        try:
            return read_template(self._files, template), None, lambda: True
        except FileError as exc:
            if self._files.resolve(template).exists():
                raise
            raise TemplateNotFound(template, str(exc)) from exc


def read_template(files: Files, path: str) -> str:
    """Raises FileError."""
    try:
        return files.read(path, limit=MOST_READ_BYTES).decode()
    except UnicodeDecodeError as exc:
        raise FileError(path, f"not UTF-8 at byte {exc.start + 1}") from exc


def _printed(value: object) -> str:
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, Undefined) else print_value(value)


@pass_eval_context  # what wants a context is not called while compiling
def _finalize(_: EvalContext, value: object) -> str:
    return _printed(value)


class Sandbox(ImmutableSandboxedEnvironment):
    """Compiles templates, and stands between a template that runs and all that it does."""

    intercepted_binops = frozenset({"+", "*", "**", "%"})
    code_generator_class = _BoundedCode
    concat = staticmethod(join_bounded)  # of macros, captures and blocks

    def __init__(self, files: Files, budget: RenderBudget) -> None:
        super().__init__(
            loader=_ContainedFiles(files),
            undefined=_Undefined,
            finalize=_finalize,
            extensions=[_CarriageReturns],
            keep_trailing_newline=True,
            optimized=False,
            auto_reload=False,
            cache_size=CACHED_TEMPLATES,
        )
        self._budget = budget
        del self.globals["lipsum"]
        self.globals["range"] = bounded_range
        self._replace_filters()

    def _replace_filters(self) -> None:
        for name in _REMOVED_FILTERS:
            del self.filters[name]
        self.filters |= {"join": self._join, "string": _printed, "sum": self._sum, "tojson": spaced_json} | FILTERS
        self.filters = {name: self._bounded(name, function) for name, function in self.filters.items()}

    def _bounded(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return the filter *function*, with a look at what goes in and at what comes out."""
        at = int(hasattr(function, "jinja_pass_arg"))
        takes_text, is_checked = name in _TEXT_FILTERS, name in CHECKED_FILTERS

        @functools.wraps(function)
        def bounded(*arguments: Any, **named: Any) -> Any:
            self._budget.spend()
            if takes_text:
                arguments = (*arguments[:at], _printed(arguments[at]), *arguments[at + 1 :])
            if name == "format":
                arguments, named = map_operands(arguments), map_operands(named)
            if name in _LAZY_FILTERS:
                arguments = (*arguments[:at], self.counted(arguments[at]), *arguments[at + 1 :])
            if is_checked:
                check_filter(name, arguments[at], [*arguments[at + 1 :], *named.values()])
            return self._budget.keep(function(*arguments, **named))

        return bounded

    def _sum(self, values: Iterable[Any], attribute: str | int | None = None, start: Any = 0) -> Any:
        for value in self._attributes(values, attribute):
            start = self._operate("+", start, value)
        return start

    def _join(self, values: Iterable[Any], d: str = "", attribute: str | int | None = None) -> str:
        return join_bounded(map(_printed, self._attributes(values, attribute)), _printed(d))

    def _attributes(self, values: Iterable[Any], attribute: str | int | None) -> Iterable[Any]:
        return values if attribute is None else map(make_attrgetter(self, attribute), values)

    def join(self, operands: Iterable[object]) -> str:
        """Return the text that `~` makes of its *operands*."""
        return self._budget.keep(join_bounded(map(_printed, operands)))

    def counted(self, values: Iterable[Any]) -> Iterator[Any]:
        """Yield the values of a loop, each of which costs a step."""
        for value in values:
            self._budget.spend()
            yield value

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        return self._operate(operator, left, right)

    def _operate(self, operator: str, left: Any, right: Any) -> Any:
        self._budget.spend()
        if operator == "%" and isinstance(left, str):
            right = map_operands(right)
        check_operator(operator, left, right)
        return self._budget.keep(self.binop_table[operator](left, right))

    def call(self, context: Context, obj: Any, /, *arguments: Any, **named: Any) -> Any:
        self._budget.spend()
        method = getattr(obj, "__wrapped__", obj)  # the sandbox wraps `format`
        if isinstance(getattr(method, "__self__", None), str):
            return self._budget.keep(self._call_method(method, obj, arguments, named))
        return self._budget.keep(super().call(context, obj, *arguments, **named))

    def _call_method(self, method: Any, obj: Any, arguments: tuple[Any, ...], named: dict[str, Any]) -> Any:
        """Call *obj*, which is or stands for a method of a text."""
        named = {key: value for key, value in named.items() if key not in _OF_JINJA}
        if method.__name__ == "join":
            return join_bounded(map(_printed, *arguments), method.__self__)
        if method.__name__ == "format":
            arguments, named = map_operands(arguments), map_operands(named)
        check_method(method.__name__, method.__self__, [*arguments, *named.values()])
        return obj(*arguments, **named)

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        growing = isinstance(obj, str | bytes | int) and attr in _GROWING_METHODS
        return not growing and super().is_safe_attribute(obj, attr, value)

    def wrap_str_format(self, value: Any) -> Any:
        """`format_map` has nothing that `format` lacks."""
        return None if getattr(value, "__name__", "") == "format_map" else super().wrap_str_format(value)

    def getattr(self, obj: Any, attribute: str) -> Any:
        if isinstance(obj, dict) and (attribute in obj or not hasattr(dict, attribute)):
            return obj[attribute] if attribute in obj else self.undefined(obj=obj, name=attribute)
        return super().getattr(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        if isinstance(obj, dict) and isinstance(argument, str):
            return obj[argument] if argument in obj else self.undefined(obj=obj, name=argument)
        found = super().getitem(obj, argument)
        return self._budget.keep(found) if isinstance(argument, slice) else found

    def get_template(self, name: Any, *arguments: Any, **named: Any) -> Template:
        self._budget.spend()
        return super().get_template(name, *arguments, **named)

    def select_template(self, names: Any, *arguments: Any, **named: Any) -> Template:
        self._budget.spend()
        return super().select_template(names, *arguments, **named)
