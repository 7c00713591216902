"""HCL text to blocks and arguments, with variables and locals filled in and run-time references left alone."""

import math
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from typing import Final

import hcl2
from lark import Token, Tree
from lark.exceptions import UnexpectedInput, UnexpectedToken

from dispatchfile.jobspec.body import Argument, Block, Body, Place, UnreadableJobError, Value, text_of
from dispatchfile.jobspec.template import Expression, TemplateError, reference_path, split_template

Node = Tree[Token]

_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))", re.DOTALL)
_LINE = re.compile(r"[^\n]*\n")
_SIMPLE_ESCAPES: Final = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\"}
_LITERALS: Final[Mapping[str, Value]] = {"true": True, "false": False, "null": None}
_VARIABLE_ARGUMENTS: Final = frozenset({"type", "default", "description"})
_SURROGATES: Final = range(0xD800, 0xE000)
_LONGEST_NUMBER: Final = 40
_MOST_BLANK_LINES: Final = 500
_LINE_BREAK: Final = "new_line_or_comment"
_UNSUPPORTED: Final = {
    "conditional": "conditions (… ? … : …)",
    "binary_op": "operators",
    "attr_splat_expr_term": "splats",
    "full_splat_expr_term": "splats",
    "for_tuple_expr": "for expressions",
    "for_object_expr": "for expressions",
}


def read_hcl(text: str) -> Body:
    """
    The blocks of an HCL job file.

    ``var.x`` and ``local.x`` are replaced by their values; every other reference, such as ``${NOMAD_META_x}``,
    is for the client to fill in and stays as written. Raises UnreadableJobError.
    Source: hashicorp/nomad, jobspec2/types.config.go (EvalContext).
    """
    _refuse_desert(text)
    try:
        tree = hcl2.parses_to_tree(text)
    except UnexpectedInput as exc:
        raise UnreadableJobError(_syntax_message(exc), _syntax_place(text, exc)) from exc
    return _Document(text).read(tree)


class _Document:
    """One file's text and the values its variables and locals have."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._values: dict[str, dict[str, Value]] = {"var": {}, "local": {}}
        self._pending_locals: dict[str, Node] = {}
        self._readers: Mapping[str, Callable[[Node], Value]] = {
            "expr_term": self._inner,
            "int_lit": _literal,
            "float_lit": _literal,
            "literal_value": _literal,
            "string": self._string,
            "heredoc_template": self._heredoc,
            "heredoc_template_trim": self._heredoc,
            "tuple": self._tuple,
            "object": self._object,
            "unary_op": self._negated,
            "identifier": self._bare_reference,
            "get_attr_expr_term": self._bare_reference,
            "index_expr_term": self._bare_reference,
        }

    def read(self, tree: Node) -> Body:
        body = next(_nodes(tree, "body"))
        blocks = list(_nodes(body, "block"))
        for attribute in _nodes(body, "attribute"):
            raise UnreadableJobError(f'argument "{_name(attribute)}" outside of any block', _place(attribute))
        for block in blocks:
            self._declare(block)
        while self._pending_locals:
            self._evaluate_local(next(iter(self._pending_locals)))
        declarations = {"variable", "variables", "locals"}
        return Body(blocks=tuple(self._block(block) for block in blocks if _name(block) not in declarations))

    def _declare(self, block: Node) -> None:
        body = _last_node(block)
        match _name(block):
            case "variable":
                self._declare_variable(block, body)
            case "variables":
                for attribute in _nodes(body, "attribute"):
                    self._values["var"][_name(attribute)] = self._value(_last_node(attribute))
            case "locals":
                for attribute in _nodes(body, "attribute"):
                    self._pending_locals[_name(attribute)] = _last_node(attribute)

    def _declare_variable(self, block: Node, body: Node) -> None:
        labels = self._labels(block)
        if len(labels) != 1:
            raise UnreadableJobError("a variable needs one name", _place(block))
        for nested in _nodes(body, "block"):
            raise UnreadableJobError(f'block "{_name(nested)}" is not supported in a variable', _place(nested))
        for attribute in _nodes(body, "attribute"):
            if _name(attribute) not in _VARIABLE_ARGUMENTS:
                raise UnreadableJobError(f'unknown argument "{_name(attribute)}" in variable', _place(attribute))
            if _name(attribute) == "default":
                self._values["var"][labels[0]] = self._value(_last_node(attribute))

    def _evaluate_local(self, name: str) -> None:
        node = self._pending_locals.pop(name)
        self._values["local"][name] = self._value(node)

    def _body(self, node: Node) -> Body:
        self._check_line_breaks(node)
        arguments: dict[str, Argument] = {}
        for attribute in _nodes(node, "attribute"):
            name = _name(attribute)
            if name in arguments:
                raise UnreadableJobError(f'argument "{name}" is set twice', _place(attribute))
            arguments[name] = Argument(self._value(_last_node(attribute)), _place(attribute))
        return Body(arguments, tuple(self._block(block) for block in _nodes(node, "block")))

    def _block(self, node: Node) -> Block:
        return Block(_name(node), self._labels(node), self._body(_last_node(node)), _place(node))

    def _labels(self, block: Node) -> tuple[str, ...]:
        nodes = [child for child in block.children[1:-1] if isinstance(child, Tree)]
        return tuple(
            text_of(self._string(node)) or "" if node.data == "string" else str(node.children[0])
            for node in nodes
            if node.data in ("string", "identifier", "keyword", "literal_value")
        )

    def _check_line_breaks(self, body: Node) -> None:
        """HCL wants a line for each argument and block; the parser takes them side by side."""
        nodes = [child for child in body.children if isinstance(child, Tree)]
        for previous, node in pairwise(nodes):
            adjacent = _LINE_BREAK not in (previous.data, node.data)
            if adjacent and self._text[previous.meta.end_pos - 1] != "\n":  # heredocs bring their own
                raise UnreadableJobError("expected a new line before this", _place(node))

    def _value(self, node: Node) -> Value:
        reader = self._readers.get(str(node.data))
        if reader is None:
            raise UnreadableJobError(_refusal(node), _place(node))
        return reader(node)

    def _inner(self, node: Node) -> Value:
        return self._value(_only_node(node))

    def _tuple(self, node: Node) -> Value:
        return [self._value(item) for item in _expressions(node)]

    def _object(self, node: Node) -> Value:
        return {self._key(element): self._value(_last_node(element)) for element in _nodes(node, "object_elem")}

    def _key(self, element: Node) -> str:
        source = self._source(_first_node(element))
        if reference_path(source) == (source,):
            return source
        text = text_of(self._value(_first_node(_first_node(element))))
        if text is None:
            raise UnreadableJobError(f"{source} is no name", _place(element))
        return text

    def _negated(self, node: Node) -> Value:
        value = self._value(_last_node(node))
        if str(node.children[0]) == "-" and isinstance(value, int | float) and not isinstance(value, bool):
            return -value
        raise UnreadableJobError(f'operator "{node.children[0]}" is not supported here', _place(node))

    def _bare_reference(self, node: Node) -> Value:
        source = self._source(node)
        return self._reference(Expression(f"${{{source}}}", reference_path(source)), node.meta.start_pos)

    def _string(self, node: Node) -> Value:
        start = node.meta.start_pos + 1
        text = self._text[start : node.meta.end_pos - 1]
        return self._template(text, start, escapes=True)

    def _heredoc(self, node: Node) -> Value:
        token = str(node.children[0])
        first, *lines = _LINE.findall(token)[:-1]
        if token.startswith("<<-"):
            lines = _dedented(lines)
        return self._template("".join(lines), node.meta.start_pos + len(first), escapes=False)

    def _template(self, text: str, start: int, *, escapes: bool) -> Value:
        try:
            parts = list(split_template(text, escapes=escapes))
        except TemplateError as exc:
            raise UnreadableJobError(str(exc), self._place_at(start + exc.offset)) from exc
        if len(parts) == 1 and isinstance(parts[0], Expression):
            return self._reference(parts[0], start)
        return "".join(self._part(part, start, escapes=escapes) for part in parts)

    def _part(self, part: str | Expression, start: int, *, escapes: bool) -> str:
        if isinstance(part, str):
            return self._unescaped(part, start) if escapes else part
        text = text_of(self._reference(part, start))
        if text is None:
            raise UnreadableJobError(f"{part.source} does not fit into a text", self._place_at(start))
        return text

    def _unescaped(self, text: str, start: int) -> str:
        if "\n" in text:
            raise UnreadableJobError(
                r"a quoted string ends on its line; write \n or use a heredoc", self._place_at(start)
            )

        def character(match: re.Match[str]) -> str:
            code = int(match[1] or match[2] or "0", 16)
            if 0 < code < _SURROGATES.start or _SURROGATES.stop <= code <= sys.maxunicode:
                return chr(code)
            if match[3] not in _SIMPLE_ESCAPES:
                raise UnreadableJobError(f"{match[0]} is no escape sequence", self._place_at(start))
            return _SIMPLE_ESCAPES[match[3]]

        return _ESCAPE.sub(character, text)

    def _reference(self, expression: Expression, position: int) -> Value:
        if expression.path is None:
            raise UnreadableJobError(
                f"{expression.source}: only plain references are supported, no functions or operators",
                self._place_at(position),
            )
        root, *names = expression.path
        if root in _LITERALS and not names:
            return _LITERALS[root]
        if root not in self._values or not names:
            return expression.source
        if root == "local" and names[0] in self._pending_locals:
            self._evaluate_local(names[0])
        return self._looked_up(root, names, self._place_at(position))

    def _looked_up(self, root: str, names: list[str], place: Place) -> Value:
        value: Value = dict(self._values[root])
        for depth, name in enumerate(names):
            try:
                value = value[int(name)] if isinstance(value, list) else value[name]  # type: ignore[index]
            except (KeyError, IndexError, TypeError, ValueError) as exc:
                reference = ".".join((root, *names[: depth + 1]))
                raise UnreadableJobError(f"there is no value for {reference}", place) from exc
        return value

    def _source(self, node: Node) -> str:
        return self._text[node.meta.start_pos : node.meta.end_pos]

    def _place_at(self, position: int) -> Place:
        line = self._text.count("\n", 0, position) + 1
        return Place(line, position - self._text.rfind("\n", 0, position))


def _refuse_desert(text: str) -> None:
    """The parser's pattern for heredocs takes the square of the blank lines in a row, so there is a limit to them."""
    blank_lines = 0
    for number, line in enumerate(text.split("\n"), 1):
        blank_lines = 0 if line.strip() else blank_lines + 1
        if blank_lines > _MOST_BLANK_LINES:
            raise UnreadableJobError(f"more than {_MOST_BLANK_LINES} blank lines in a row", Place(number, 1))


def _refusal(node: Node) -> str:
    if node.data == "function_call":
        return f'function "{_name(node)}" is not supported'
    return f"{_UNSUPPORTED.get(str(node.data), 'such expressions')} are not supported"


def _literal(node: Node) -> Value:
    text = str(node.children[0])
    if text in _LITERALS:
        return _LITERALS[text]
    if len(text) > _LONGEST_NUMBER or math.isinf(number := float(text)):
        raise UnreadableJobError("this number is too large", _place(node))
    if node.data == "int_lit":
        return int(text)
    return int(number) if number.is_integer() else number


def _dedented(lines: list[str]) -> list[str]:
    """Lines without the blanks they all start with; blank lines neither count nor change."""
    texts = [line for line in lines if line.strip()]
    width = min((len(line) - len(line.lstrip()) for line in texts), default=0)
    return [line[width:] if line.strip() else line for line in lines]


def _nodes(parent: Node, kind: str) -> Iterator[Node]:
    return (child for child in parent.children if isinstance(child, Tree) and child.data == kind)


def _expressions(parent: Node) -> Iterator[Node]:
    return (child for child in parent.children if isinstance(child, Tree) and child.data != _LINE_BREAK)


def _first_node(parent: Node) -> Node:
    return next(_expressions(parent))


def _last_node(parent: Node) -> Node:
    return list(_expressions(parent))[-1]


def _only_node(parent: Node) -> Node:
    (node,) = _expressions(parent)
    return node


def _name(node: Node) -> str:
    return str(_first_node(node).children[0])


def _place(node: Node) -> Place:
    return Place(node.meta.line, node.meta.column)


def _syntax_message(error: UnexpectedInput) -> str:
    if isinstance(error, UnexpectedToken) and error.token.type == "$END":
        return "the file ends in the middle of a block or value"
    found = str(error.token if isinstance(error, UnexpectedToken) else getattr(error, "char", ""))
    if found.lstrip(" \t\r").startswith("\n"):
        return "unexpected end of line"
    return f"unexpected {found.strip().partition(chr(10))[0][:40]!r}"


def _syntax_place(text: str, error: UnexpectedInput) -> Place:
    if isinstance(error, UnexpectedToken) and error.token.type == "$END":
        return Place(text.count("\n") + 1, len(text) - text.rfind("\n"))
    return Place(error.line, error.column)
