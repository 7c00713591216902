"""Templates rendered one by one, each compiled once; whatever goes wrong in one has a code, a place and a reason."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import Any, TypeVar, cast

from jinja2 import Template, TemplateNotFound, TemplateSyntaxError, Undefined, UndefinedError
from jinja2.runtime import Context
from jinja2.utils import missing

from dispatchfile.errors import FileError, RenderError
from dispatchfile.expand import Names, file_trouble
from dispatchfile.files import Files
from dispatchfile.render.limits import MAX_ELEMENTS, MAX_TEXT, RenderBudget, TooLong, TooMuch, refuse_size
from dispatchfile.render.lookups import fill_lookups, read_lookups
from dispatchfile.render.sandbox import CACHED_TEMPLATES, NotDefined, Sandbox, read_template
from dispatchfile.similar import did_you_mean, similar_names

Value = TypeVar("Value")
MAX_SOURCE = 262_144  # characters; compiling takes some 2 ms for each 1,024
SHOWN_NAMES = 20
MAX_OVERRUNS = 5  # each may take a second, and there may be 100,000 rows
GIVEN_UP = f"took too long {MAX_OVERRUNS} times and is not rendered again"
MAX_BROKEN = 1_000  # templates; each takes 1 ms to find that out, and there may be 100,000
NOT_LOOKED_AT = f"{MAX_BROKEN:,} other templates do not compile, so this one is not checked"
RESULT = "result"
FILTERS_ELSEWHERE = {  # names in Ansible, Terraform, Nomad templates and Liquid
    **dict.fromkeys(("json", "to_json", "jsonencode", "tojsonpretty"), "tojson"),
    **dict.fromkeys(("base64encode", "base64", "b64enc"), "b64encode"),
    **dict.fromkeys(("base64decode", "b64dec"), "b64decode"),
    **dict.fromkeys(("slugify", "parameterize"), "slug"),
    **dict.fromkeys(("toupper", "upcase"), "upper"),
    **dict.fromkeys(("tolower", "downcase"), "lower"),
}
NO_REASON = "it does not compile"

_CODES: tuple[tuple[type[Exception], str], ...] = (
    (UndefinedError, "DF033"),
    (TooMuch, "DF035"),
    (MemoryError, "DF035"),
    (RecursionError, "DF035"),
    (TemplateNotFound, "DF030"),
)
_REASONS: Mapping[type[Exception], str] = {
    MemoryError: "needs more memory than is available",
    RecursionError: "calls or includes itself endlessly",
    UnicodeEncodeError: "gives half of a surrogate pair, which is not valid text",
}


@dataclass(frozen=True, slots=True)
class TemplateProblem:
    """A problem of a template: what was found, what would be right, and where. Without a file: in the given text."""

    code: str
    found: str
    hint: str = ""
    file: str | None = None
    line: int | None = None  # from 1


class TemplateTrouble(RenderError):
    """A template cannot be compiled or rendered; *trouble* says more than the message."""

    def __init__(self, name: str, trouble: TemplateProblem) -> None:
        reason = f"{trouble.found}: {trouble.hint}" if trouble.hint else trouble.found
        super().__init__(trouble.file or name, reason, trouble.line)
        self.trouble = trouble


def has_template(text: str) -> bool:
    """Return whether *text* has anything that Jinja would change."""
    return "{" in text and ("{{" in text or "{%" in text or "{#" in text)


def assignment_of(source: str) -> str:
    """Return a template that gives RESULT the value of *source*, one expression with or without its braces."""
    inner = source.strip()
    if inner.startswith("{{") and inner.endswith("}}"):
        inner = inner[2:-2].removeprefix("-").removesuffix("-")
    return f"{{% set {RESULT} = {f'({inner})' if inner.strip() else ''} %}}"


def _rendered(_: Context, text: str) -> str:
    if not text.isascii():
        text.encode()  # half of a surrogate pair has no bytes
    return text


def _assigned(context: Context, _: str) -> object:
    """Return the value of RESULT, of which nothing is left to be evaluated."""
    value = context.vars[RESULT]
    if isinstance(value, Undefined):
        return str(value)  # which raises
    if not isinstance(value, Iterator | range | tuple):
        return value
    values = list(islice(value, MAX_ELEMENTS + 1))
    refuse_size(values, len(values))
    return values


class Renderer:
    """
    Renders templates for one manifest. Contexts hold plain data; the same ones give the same text, on any machine.

    files: what templates may include. clock: seconds of processor time, which end what the counted steps do not.
    """

    def __init__(self, files: Files, *, clock: Callable[[], float] = time.thread_time) -> None:
        self._files = files
        self._budget = RenderBudget(clock)
        self._sandbox = Sandbox(files, self._budget)
        self._lookups = lru_cache(CACHED_TEMPLATES)(read_lookups)
        self._compiled_text = lru_cache(CACHED_TEMPLATES)(self._compile)
        self._compiled_file = lru_cache(CACHED_TEMPLATES)(self._compile_file)
        self._overruns: Counter[Template] = Counter()
        self._broken = 0

    def render(self, source: str, context: Mapping[str, object], *, name: str) -> str:
        """Return the text that *source* gives. *name* stands for it in messages. Raises TemplateTrouble."""
        if not has_template(source):
            return source
        lookups = self._lookups(source)
        text = fill_lookups(lookups, context) if lookups else None
        return self._run(self._compiled_text(source), context, name, _rendered) if text is None else text

    def render_file(self, path: str, context: Mapping[str, object]) -> str:
        """
        Return the text that the template in the file *path* gives. Raises TemplateTrouble;
        FileError for *path* itself.
        """
        return self._run(self._compiled_file(path), context, path, _rendered)

    def evaluate(self, source: str, context: Mapping[str, object], *, name: str) -> object:
        """Return the value of *source*, which is one expression, with or without its braces. Raises TemplateTrouble."""
        template = self._compiled_text(assignment_of(source))
        return self._run(template, context, name, _assigned)

    def _compile_file(self, path: str) -> Template | TemplateProblem:
        return self._compile(read_template(self._files, path), path)

    def _compile(self, source: str, path: str | None = None) -> Template | TemplateProblem:
        """The trouble is a value, so that it is found once for all rows."""
        if self._broken >= MAX_BROKEN:
            return TemplateProblem("DF019", NOT_LOOKED_AT)
        if len(source) > MAX_SOURCE:
            return TemplateProblem(
                "DF035", f"the template has {len(source):,} characters, at most {MAX_SOURCE:,} are allowed", file=path
            )
        sandbox = self._sandbox
        try:
            code = sandbox.compile(source, path)
            return Template.from_code(sandbox, code, sandbox.globals)
        except TemplateSyntaxError as exc:
            self._broken += 1
            message = exc.message or NO_REASON
            hint = self._filter_hint(message)
            return TemplateProblem("DF032", message.rstrip(".") if hint else message, hint, file=path, line=exc.lineno)
        except Exception as exc:  # noqa: BLE001  # deep nesting raises RecursionError, MemoryError or IndentationError
            return TemplateProblem("DF032", f"too much nesting ({type(exc).__name__})", file=path)

    def _filter_hint(self, message: str) -> str:
        unknown = re.fullmatch(r"No filter named '(\w{1,40})'\.", message)
        if unknown is None:
            return ""
        known = FILTERS_ELSEWHERE.get(unknown[1].casefold(), "")
        return f"write {known}" if known else did_you_mean(unknown[1], self._sandbox.filters)

    def _run(
        self,
        template: Template | TemplateProblem,
        context: Mapping[str, object],
        name: str,
        take: Callable[[Context, str], Value],
    ) -> Value:
        if isinstance(template, TemplateProblem):
            raise TemplateTrouble(name, template)
        if self._overruns.get(template, 0) >= MAX_OVERRUNS:
            raise TemplateTrouble(name, TemplateProblem("DF035", GIVEN_UP, file=template.name))
        try:
            return take(*self._executed(template, context))
        except Exception as exc:  # templates call into code that raises anything
            if isinstance(exc, TooLong):
                self._overruns[template] += 1
            raise TemplateTrouble(name, _trouble(exc, context)) from exc

    def _executed(self, template: Template, names: Mapping[str, object]) -> tuple[Context, str]:
        """Return what the template has set, and its text."""
        self._budget.renew()
        seen: dict[str, Any] = {**self._sandbox.globals, **names}
        # As globals, too: so imported files see them, and are run anew each time.
        context = Context(self._sandbox, seen, template.name, template.blocks, seen)
        return context, _joined(cast("Generator[str]", template.root_render_func(context)))


def _joined(stream: Generator[str]) -> str:
    pieces, size = [], 0
    for piece in stream:
        pieces.append(piece)
        size += len(piece)
        if size > MAX_TEXT:
            stream.throw(TooMuch(f"renders to more than {MAX_TEXT:,} characters"))
    return "".join(pieces)


def _trouble(error: Exception, context: Mapping[str, object]) -> TemplateProblem:
    file, line = _template_place(error)
    match error:
        case NotDefined():
            return TemplateProblem("DF033", *_explain_missing(error, context), file, line)
        case TemplateSyntaxError():
            return TemplateProblem("DF032", error.message or NO_REASON, "", error.name, error.lineno)
        case FileError():
            return TemplateProblem(*file_trouble(error), file, line)
        case _:
            code = next((code for kind, code in _CODES if isinstance(error, kind)), "DF034")
            found = _REASONS.get(type(error)) or str(error) or type(error).__name__
            return TemplateProblem(code, found, "", file, line)


def _template_place(error: Exception) -> tuple[str | None, int | None]:
    """File and line of the innermost template at work; no file for a text that was given."""
    place: tuple[str | None, int | None] = (None, None)
    traceback = error.__traceback__
    while traceback is not None:
        template = traceback.tb_frame.f_globals.get("__jinja_template__")
        if template is not None:
            place = template.name, template.get_corresponding_lineno(traceback.tb_lineno)
        traceback = traceback.tb_next
    return place


def _explain_missing(error: NotDefined, context: Mapping[str, object]) -> tuple[str, str]:
    obj, key = error.obj, str(error.key)
    if obj is missing:
        return f"{key} is not defined", _explain_name(key, context)
    if isinstance(obj, Names):
        return f"{obj.called}.{key} is not defined", _known(key, obj, f"{obj.origin} has", f"{obj.called}.")
    if isinstance(obj, dict):
        return f"there is no {key!r} here", _known(key, obj, "known keys are", "")
    return str(error), ""


def _explain_name(name: str, context: Mapping[str, object]) -> str:
    if name == "each":
        return "it exists only in a dispatch with for_each"
    scopes = [scope for scope in context.values() if isinstance(scope, Names)]
    for scope in scopes:
        if name in scope:
            return f"did you mean {scope.called}.{name}?"
    if not similar_names(name, map(str, context)):
        for scope in scopes:
            if near := similar_names(name, map(str, scope)):
                return f"did you mean {scope.called}.{near[0]}?"
    return _known(name, context, "templates can read", "")


def _known(name: str, known: Iterable[object], introduction: str, prefix: str) -> str:
    names = [str(key) for key in known]
    near = similar_names(name, names)
    shown = ", ".join(names[:SHOWN_NAMES]) + (f" and {len(names) - SHOWN_NAMES} more" * (len(names) > SHOWN_NAMES))
    there = f"{introduction} {shown or 'nothing'}"
    return f"did you mean {prefix}{near[0]}? {there}" if near else there
