"""
Blocks with their expressions evaluated and their dynamic blocks expanded.

Source: hashicorp/nomad, jobspec2/hclutil/blockattrs.go and parse_map.go; hashicorp/hcl, ext/dynblock.
"""

from collections.abc import Iterator
from typing import Final

from dispatchfile.jobspec.body import Argument, Block, Body, HiddenText, WrittenNumber
from dispatchfile.jobspec.body import Value as Plain
from dispatchfile.jobspec.decoding import MAPS_AS_ARGUMENTS_ONLY
from dispatchfile.jobspec.hcl.constraints import keyword
from dispatchfile.jobspec.hcl.convert import ConversionError, converted
from dispatchfile.jobspec.hcl.evaluate import evaluate
from dispatchfile.jobspec.hcl.numbers import Number
from dispatchfile.jobspec.hcl.scope import EvalContext
from dispatchfile.jobspec.hcl.source import HclProblem, Source
from dispatchfile.jobspec.hcl.syntax import AttributeNode, BlockNode, BodyNode, Expression, ObjectOf, TupleOf
from dispatchfile.jobspec.hcl.types import STRING, TypeKind, Value, object_value
from dispatchfile.jobspec.hcl.walk import references
from dispatchfile.jobspec.shapes import FREE_FORM, JOB, TASK, BlockSchema

_INT64: Final = range(-(2**63), 2**63)
_DYNAMIC_ARGUMENTS: Final = frozenset({"for_each", "iterator", "labels"})


class BlockReader:
    """Reads blocks of one file."""

    def __init__(self, source: Source, problems: list[HclProblem]) -> None:
        self._source = source
        self._problems = problems

    def block(self, node: BlockNode, shape: BlockSchema | None, scope: EvalContext) -> Block:
        body = self._body(node.body, shape, scope)
        return Block(node.type, node.labels, body, self._source.place(node.start))

    def _note(self, message: str, offset: int) -> None:
        self._problems.append(self._source.problem(message, offset))

    def _body(self, body: BodyNode, shape: BlockSchema | None, scope: EvalContext) -> Body:
        arguments = {name: self._argument(attribute, scope) for name, attribute in body.attributes.items()}
        blocks: list[Block] = []
        for block in body.blocks:
            if block.type == "dynamic":
                blocks.extend(self._dynamic(block, shape, scope))
            elif _is_free_form(shape, block.type):
                blocks.append(self._free_form(block, scope))
            else:
                blocks.append(self.block(block, _nested_shape(shape, block.type), scope))
        return Body(arguments, tuple(blocks))

    def _argument(self, attribute: AttributeNode, scope: EvalContext) -> Argument:
        value = self._evaluated(attribute.expression, scope)
        if isinstance(value, str) and any(one.name in ("var", "local") for one in references(attribute.expression)):
            value = HiddenText(value)
        return Argument(value, self._source.place(attribute.start))

    def _evaluated(self, expression: Expression, scope: EvalContext) -> Plain:
        before = len(self._problems)
        value = evaluate(expression, scope, self._problems)
        if len(self._problems) > before:
            return None
        if not value.is_wholly_known:
            self._note("Unsuitable value; The value is not known.", expression.start)
            return None
        try:
            return plain(value)
        except OverflowError:
            self._note("this number is too large", expression.start)
            return None

    def _free_form(self, node: BlockNode, scope: EvalContext) -> Block:
        """Read a block whose words only a driver knows: arguments and blocks alike become arguments."""
        arguments = {
            name: Argument(value, self._source.place(start)) for name, start, value in self._entries(node.body, scope)
        }
        return Block(node.type, node.labels, Body(arguments), self._source.place(node.start))

    def _entries(self, body: BodyNode, scope: EvalContext) -> Iterator[tuple[str, int, Plain]]:
        for name, attribute in body.attributes.items():
            value = self._evaluated(attribute.expression, scope)
            # an object that is written out counts as a block
            written_out = isinstance(attribute.expression, ObjectOf)
            yield name, attribute.start, [value] if written_out else value
        for name in dict.fromkeys(block.type for block in body.blocks):
            same_type = [block for block in body.blocks if block.type == name]
            yield name, same_type[0].start, [self._labelled(block, scope) for block in same_type]

    def _labelled(self, block: BlockNode, scope: EvalContext) -> Plain:
        values: dict[str, Plain] = {name: value for name, _, value in self._entries(block.body, scope)}
        for label in reversed(block.labels):
            values = {label: [values]}
        return values

    def _dynamic(self, node: BlockNode, shape: BlockSchema | None, scope: EvalContext) -> Iterator[Block]:
        if len(node.labels) != 1:
            self._note("Missing type for dynamic; All dynamic blocks must have 1 labels (type).", node.open)
            return
        name = node.labels[0]
        nested, free = _nested_shape(shape, name), _is_free_form(shape, name)
        if nested is None and not free:
            self._note(f'Unsupported block type; Blocks of type "{name}" are not expected here.', node.label_starts[0])
            return
        wanted = 0 if nested is None or nested.label is None else 1
        content = self._content(node, wanted)
        if content is None:
            return
        for iteration in self._iterations(node, name, scope):
            labels = self._labels(node, wanted, iteration)
            if labels is None:
                return
            generated = BlockNode(name, labels, node.label_starts * len(labels), node.start, node.open, content)
            yield self._free_form(generated, iteration) if free else self.block(generated, nested, iteration)

    def _content(self, node: BlockNode, wanted: int) -> BodyNode | None:
        """Return the body of the blocks to generate, or None if the dynamic block is wrong."""
        before = len(self._problems)
        arguments = node.body.attributes
        if "for_each" not in arguments:
            self._note(
                'Missing required argument; The argument "for_each" is required, but no definition was found.',
                node.open,
            )
        if wanted and "labels" not in arguments:
            self._note(
                'Missing required argument; The argument "labels" is required, but no definition was found.', node.open
            )
        for name, attribute in arguments.items():
            if name not in _DYNAMIC_ARGUMENTS or (name == "labels" and not wanted):
                self._note(f'Unsupported argument; An argument named "{name}" is not expected here.', attribute.start)
        contents = [block for block in node.body.blocks if block.type == "content"]
        for block in node.body.blocks:
            if block.type != "content":
                self._note(f'Unsupported block type; Blocks of type "{block.type}" are not expected here.', block.start)
        if not contents:
            self._note(
                'Missing dynamic content block; A dynamic block must have a nested block of type "content" to '
                "describe the body of each generated block.",
                node.open,
            )
        for block in contents[1:]:
            self._note(
                "Extraneous dynamic content block; Only one nested content block is allowed for each dynamic block.",
                block.start,
            )
        return contents[0].body if len(self._problems) == before else None

    def _iterations(self, node: BlockNode, name: str, scope: EvalContext) -> Iterator[EvalContext]:
        arguments = node.body.attributes
        if "iterator" in arguments:
            expression = arguments["iterator"].expression
            iterator = keyword(expression)
            if iterator is None:
                self._note(
                    "Invalid dynamic iterator name; Dynamic iterator must be a single variable name.", expression.start
                )
                return
            name = iterator
        each = arguments["for_each"].expression
        before = len(self._problems)
        collection = evaluate(each, scope, self._problems)
        if len(self._problems) > before or not self._can_iterate(collection, each):
            return
        for key, value in collection.pairs():
            yield scope.with_variables({name: object_value({"key": key, "value": value})})

    def _can_iterate(self, collection: Value, each: Expression) -> bool:
        reason = None
        if collection.is_null:
            reason = "Cannot use a null value in for_each."
        elif collection.type.is_primitive:
            reason = (
                f"Cannot use a {collection.type.described()} value in for_each. An iterable collection is required."
            )
        elif not collection.is_wholly_known:
            reason = "The value is not known."
        elif (
            collection.type.kind is TypeKind.SET and not collection.type.element.is_primitive and collection.length > 1
        ):
            reason = "The order of a set of collections is not defined; use a list."
        if reason:
            self._note(f"Invalid dynamic for_each value; {reason}", each.start)
        return reason is None

    def _labels(self, node: BlockNode, wanted: int, scope: EvalContext) -> tuple[str, ...] | None:
        if not wanted:
            return ()
        expression = node.body.attributes["labels"].expression
        if not isinstance(expression, TupleOf):
            self._note("Invalid expression; A static list expression is required.", expression.start)
            return None
        if len(expression.items) != wanted:
            problem = "Insufficient" if len(expression.items) < wanted else "Extraneous"
            self._note(
                f"{problem} dynamic block labels; Blocks of this type require {wanted} label(s).", expression.start
            )
            return None
        labels = [self._label(item, scope) for item in expression.items]
        found = tuple(label for label in labels if label is not None)
        return found if len(found) == len(labels) else None

    def _label(self, expression: Expression, scope: EvalContext) -> str | None:
        before = len(self._problems)
        value = evaluate(expression, scope, self._problems)
        if len(self._problems) > before:
            return None
        try:
            label = converted(value, STRING)
        except ConversionError as exc:
            self._note(
                f"Invalid dynamic block label; Cannot use this value as a dynamic block label: {exc}.",
                expression.start,
            )
            return None
        if not isinstance(label.content, str):
            self._note(
                "Invalid dynamic block label; Cannot use a null value as a dynamic block label.", expression.start
            )
            return None
        return label.text


def _nested_shape(shape: BlockSchema | None, name: str) -> BlockSchema | None:
    if shape is JOB and name == "task":  # it gets a group of its own
        return TASK
    return shape.blocks.get(name) if shape else None


def _is_free_form(shape: BlockSchema | None, name: str) -> bool:
    if shape is None or name not in shape.fields:
        return False
    return shape.fields[name].kind in FREE_FORM and name not in MAPS_AS_ARGUMENTS_ONLY.get(shape.key, ())


def plain(value: Value) -> Plain:
    """Return a known value as Python has it."""
    if value.is_null:
        return None
    if isinstance(value.content, str | bool):
        return value.content
    if isinstance(value.content, Number):
        return _plain_number(value.content)
    if value.type.is_sequence:
        return [plain(item) for item in value.items]
    return {name: plain(item) for name, item in value.entries.items()}


def _plain_number(number: Number) -> Plain:
    if number.whole is not None and number.whole in _INT64:
        return number.whole
    return WrittenNumber(float(number.value), number.text())
