"""Tokens to a tree. Source: the Go standard library, text/template/parse/parse.go."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NoReturn

from dispatchfile.jobspec.gotemplate.failures import TemplateSyntaxError
from dispatchfile.jobspec.gotemplate.known import explain_unknown, is_known
from dispatchfile.jobspec.gotemplate.lexer import TemplateToken, tokens_of
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

_CONSTANTS: Final[Mapping[str, Value]] = {"true": True, "false": False, "nil": None}
_BRANCHES: Final = frozenset({"if", "with", "range"})
_DEEPEST: Final = 200
_ESCAPE: Final = re.compile(r"\\(?:([0-7]{3})|x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))", re.DOTALL)
_SIMPLE: Final = {
    "a": "\a",
    "b": "\b",
    "f": "\f",
    "n": "\n",
    "r": "\r",
    "t": "\t",
    "v": "\v",
    "\\": "\\",
    '"': '"',
    "'": "'",
}
_END: Final = TemplateToken("end", "", 0)


@dataclass(frozen=True, slots=True)
class Template:
    """The template itself, and those that it defines, by name."""

    body: tuple[Node, ...]
    defined: Mapping[str, tuple[Node, ...]] = field(default_factory=dict)


def parse(text: str, left: str = "{{", right: str = "}}") -> Template:
    """Raises TemplateSyntaxError for a broken template and for functions that need more than this machine."""
    try:
        return _GoTemplateParser(list(tokens_of(text, left or "{{", right or "}}"))).template()
    except RecursionError as exc:
        raise TemplateSyntaxError("nested too deeply", 1) from exc


class _GoTemplateParser:
    def __init__(self, tokens: list[TemplateToken]) -> None:
        self._tokens = tokens
        self._place = 0
        self._variables = ["$"]
        self._loops = 0
        self._depth = 0
        self._defined: dict[str, tuple[Node, ...]] = {}

    def template(self) -> Template:
        body, _ = self._list(top=True)
        return Template(body, self._defined)

    # tokens

    def _peek(self) -> TemplateToken:
        return self._tokens[self._place] if self._place < len(self._tokens) else _END

    def _next(self) -> TemplateToken:
        token = self._peek()
        self._place += 1
        return token

    def _skip_space(self) -> TemplateToken:
        if self._peek().kind == "space":
            self._place += 1
        return self._peek()

    def _fail(self, message: str) -> NoReturn:
        line = self._peek().line or (self._tokens[-1].line if self._tokens else 1)
        raise TemplateSyntaxError(message, line)

    def _close(self, context: str) -> None:
        token = self._skip_space()
        if token.kind != "close":
            self._fail(f"unexpected {token.text!r} in {context}")
        self._place += 1

    # nodes

    def _list(self, *, top: bool = False) -> tuple[tuple[Node, ...], str]:
        """Nodes up to ``{{ end }}`` or ``{{ else … }}``, and that word; the rest of an else is not read yet."""
        self._depth += 1
        if self._depth > _DEEPEST:
            self._fail("nested too deeply")
        nodes: list[Node] = []
        while (token := self._next()) is not _END:
            if token.kind == "text":
                nodes.append(Text(token.text))
                continue
            word = self._skip_space()
            if word.kind == "word" and word.text in {"end", "else"}:
                self._place += 1
                if top:
                    self._fail(f"unexpected {{{{{word.text}}}}}")
                self._depth -= 1
                return tuple(nodes), word.text
            node = self._node(word)
            if node is not None:
                nodes.append(node)
        if not top:
            self._fail("unexpected EOF: an {{ end }} is missing")
        return tuple(nodes), ""

    def _node(self, word: TemplateToken) -> Node | None:
        if word.kind == "word" and word.text in _BRANCHES:
            self._place += 1
            return self._branch(word.text)
        if word.kind == "word" and word.text in {"define", "block", "template"}:
            self._place += 1
            return self._named(word.text)
        if word.kind == "word" and word.text in {"break", "continue"}:
            self._place += 1
            if not self._loops:
                self._fail(f"{{{{{word.text}}}}} outside {{{{range}}}}")
            self._close(word.text)
            return Leave(continues=word.text == "continue")
        pipeline = self._pipeline("command")
        self._close("command")
        return Action(pipeline)

    def _branch(self, kind: str) -> Branch:
        visible = len(self._variables)
        pipeline = self._pipeline(kind)
        self._close(kind)
        self._loops += kind == "range"
        body, ending = self._list()
        self._loops -= kind == "range"
        otherwise: tuple[Node, ...] = ()
        if ending == "else":
            otherwise = self._otherwise(kind)
        else:
            self._close("end")
        del self._variables[visible:]
        return Branch(kind, pipeline, body, otherwise)

    def _otherwise(self, kind: str) -> tuple[Node, ...]:
        word = self._skip_space()
        if word.kind == "word" and word.text == kind and kind != "range":  # else if, else with
            self._place += 1
            return (self._branch(kind),)
        self._close("else")
        nodes, ending = self._list()
        if ending != "end":
            self._fail("expected end; found {{else}}")
        self._close("end")
        return nodes

    def _named(self, kind: str) -> Node | None:
        token = self._skip_space()
        if token.kind not in {"string", "raw"}:
            self._fail(f"{kind} needs a name in quotes, found {token.text!r}")
        self._place += 1
        name = str(self._constant(token))
        if kind == "define":
            self._close("define")
            self._define(name)
            return None
        pipeline = None if self._skip_space().kind == "close" else self._pipeline(kind)
        self._close(kind)
        if kind == "block":
            self._define(name)
        return Include(name, pipeline)

    def _define(self, name: str) -> None:
        outer, self._variables, loops, self._loops = self._variables, ["$"], self._loops, 0
        body, ending = self._list()
        if ending != "end":
            self._fail("unexpected {{else}} in define")
        self._close("end")
        self._variables, self._loops = outer, loops
        self._defined[name] = body

    # pipelines

    def _pipeline(self, context: str) -> Pipeline:
        names, declares = self._declarations(context)
        commands = []
        while True:
            commands.append(self._command(context))
            if self._skip_space().text != "|" or self._peek().kind != "mark":
                break
            self._place += 1
        for command in commands[1:]:
            if isinstance(command.operands[0], Constant | Dot):
                self._fail("non executable command in pipeline")
        if declares:
            self._variables.extend(names)
        return Pipeline(tuple(commands), names, declares)

    def _declarations(self, context: str) -> tuple[tuple[str, ...], bool]:
        """Return ``$x :=``, ``$x =``, and in a range ``$i, $x :=``."""
        start = self._place
        names: list[str] = []
        while self._skip_space().kind == "variable":
            names.append(self._next().text)
            sign = self._skip_space()
            if sign.kind == "mark" and sign.text in {":=", "="}:
                self._place += 1
                return self._checked(names, sign.text, context)
            if not (sign.kind == "mark" and sign.text == "," and context == "range" and len(names) == 1):
                break
            self._place += 1
        self._place = start
        return (), False

    def _checked(self, names: list[str], sign: str, context: str) -> tuple[tuple[str, ...], bool]:
        if sign == "=":
            for name in names:
                self._check_variable(name)
        if len(names) > 1 and context != "range":
            self._fail(f"too many declarations in {context}")
        return tuple(names), sign == ":="

    def _command(self, context: str) -> CommandNode:
        operands: list[Operand] = []
        line = self._skip_space().line
        while (token := self._skip_space()).kind not in {"close", "end"}:
            if token.kind == "mark" and token.text in {"|", ")"}:
                break
            operands.append(self._operand(context))
            if self._peek().kind not in {"space", "close", "end"} and self._peek().text not in {"|", ")"}:
                self._fail(f"unexpected {self._peek().text!r} in operand")
        if not operands:
            self._fail(f"missing value for {context}")
        return CommandNode(tuple(operands), line)

    def _operand(self, context: str) -> Operand:
        token = self._next()
        operand = self._term(token, context)
        fields = []
        while self._peek().kind == "field":
            fields.append(self._next().text[1:])
        if fields and isinstance(operand, Constant):
            self._fail(f"unexpected . after term {token.text!r}")
        if isinstance(operand, Chain):
            return Chain(operand.operand, (*operand.fields, *fields))
        return Chain(operand, tuple(fields)) if fields else operand

    def _term(self, token: TemplateToken, context: str) -> Operand:
        if token.kind in {"string", "raw", "char", "number"}:
            return Constant(self._constant(token))
        if token.kind == "word":
            return self._word(token)
        if token.kind == "variable":
            self._check_variable(token.text)
            return Variable(token.text)
        if token.text == "(" and token.kind == "mark":
            return self._parenthesized()
        if token.kind != "field" and token.text != ".":
            self._place -= 1
            self._fail(f"unexpected {token.text!r} in {context}")
        return Chain(Dot(), (token.text[1:],)) if token.kind == "field" else Dot()

    def _parenthesized(self) -> Pipeline:
        pipeline = self._pipeline("parenthesized pipeline")
        if self._skip_space().text != ")":
            self._fail("unclosed left paren")
        self._place += 1
        return pipeline

    def _constant(self, token: TemplateToken) -> Value:
        if token.kind == "number":
            return self._number(token)
        try:
            return ord(_unescaped(token.text[1:-1])[:1] or "\0") if token.kind == "char" else _text_of(token)
        except (ValueError, OverflowError):
            raise TemplateSyntaxError(f"invalid syntax: {token.text}", token.line) from None

    def _word(self, token: TemplateToken) -> Operand:
        if token.text in _CONSTANTS:
            return Constant(_CONSTANTS[token.text])
        if not is_known(token.text):
            raise TemplateSyntaxError(explain_unknown(token.text), token.line)
        return FunctionName(token.text)

    def _number(self, token: TemplateToken) -> int | float:
        digits = token.text.replace("_", "")
        try:
            if re.fullmatch(r"[+-]?0[0-7]+", digits):
                return int(digits, 8)
            return int(digits, 0) if re.fullmatch(r"[+-]?(?:\d+|0[xXbBoO][0-9a-fA-F]+)", digits) else float(digits)
        except ValueError:
            raise TemplateSyntaxError(f"bad number syntax: {token.text!r}", token.line) from None

    def _check_variable(self, name: str) -> None:
        if name not in self._variables:
            self._fail(f"undefined variable {name!r}")


def _text_of(token: TemplateToken) -> str:
    return token.text[1:-1] if token.kind == "raw" else _unescaped(token.text[1:-1])


def _unescaped(text: str) -> str:
    def character(match: re.Match[str]) -> str:
        octal, byte, short, long, simple = match.groups()
        if simple is not None and simple not in _SIMPLE:
            raise ValueError(match[0])
        if simple is not None:
            return _SIMPLE[simple]
        return chr(int(octal, 8) if octal else int(byte or short or long, 16))

    return _ESCAPE.sub(character, text)
