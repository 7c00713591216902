"""
A job file in HCL: its variables and locals, and its job with all expressions evaluated.

Source: hashicorp/nomad, jobspec2/types.config.go (decodeBody).
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from dispatchfile.jobspec.body import Block, Body
from dispatchfile.jobspec.hcl.blocks import BlockReader
from dispatchfile.jobspec.hcl.evaluate import evaluate
from dispatchfile.jobspec.hcl.functions import functions_for
from dispatchfile.jobspec.hcl.parser import parse_file
from dispatchfile.jobspec.hcl.scope import EvalContext
from dispatchfile.jobspec.hcl.source import HclError, HclProblem, Source
from dispatchfile.jobspec.hcl.syntax import Attribute, AttributeNode, BlockNode, BodyNode
from dispatchfile.jobspec.hcl.types import UNDECIDED, Value, names_value
from dispatchfile.jobspec.hcl.values import hcl_text
from dispatchfile.jobspec.hcl.variables import GivenValues, Variables
from dispatchfile.jobspec.hcl.walk import references
from dispatchfile.jobspec.shapes import JOB
from dispatchfile.jobspec.spelling import suggestion

_LABELS: Final = {"variables": 0, "variable": 1, "locals": 0, "job": 1}


class HclDocument:
    """An HCL file. Raises HclError if it is not HCL."""

    def __init__(self, text: str, folder: Path, *, reads_files: bool = True) -> None:
        self._source = Source(text)
        self._problems: list[HclProblem] = []
        self._functions = functions_for(folder, reads_files=reads_files)
        self._body = parse_file(self._source)
        self._variables = Variables(self._source, self._problems)
        for block in self._body.blocks:
            if block.type in ("variable", "variables"):
                self._variables.declare(block)

    @property
    def declared(self) -> frozenset[str]:
        """Return the names of the variables that the file declares."""
        return self._variables.names

    def given_text(self) -> str:
        """Return the values from outside that `read` took, as a variable file in HCL: no name that is not declared."""
        return "".join(f"{name} = {hcl_text(value)}\n" for name, value in self._variables.given().items())

    def read(self, given: GivenValues) -> Body:
        """
        Return the job block with all its values. Raises HclError.

        ``var.x`` and ``local.x`` are replaced by their values; every other reference, such as
        ``${NOMAD_META_x}``, is for the server or client to fill in and stays as written.
        """
        self._problems.extend(_top_level_problems(self._body, self._source))
        self._raise_problems()
        self._variables.assign(given)
        scope = EvalContext(self._source, {"var": names_value(self._variables.values())}, self._functions)
        scope = scope.with_variables({"local": names_value(self._locals(scope))})
        self._raise_problems()
        job = self._job(scope)
        self._raise_problems()
        return Body(blocks=(job,))

    def _raise_problems(self) -> None:
        if self._problems:
            raise HclError(sorted(self._problems, key=lambda one: (one.place.line, one.place.column)))

    def _locals(self, scope: EvalContext) -> Mapping[str, Value]:
        pending: dict[str, AttributeNode] = {}
        for block in self._body.blocks:
            if block.type == "locals":
                self._problems.extend(_nested_problems(block.body, self._source))
                for name, attribute in block.body.attributes.items():
                    if name in pending:
                        message = f"Duplicate value in locals; Duplicate {name} definition found."
                        self._problems.append(self._source.problem(message, attribute.start))
                    pending[name] = attribute
        values: dict[str, Value] = {}
        while pending:
            self._evaluate_local(next(iter(pending)), pending, values, scope)
        return values

    def _evaluate_local(
        self, name: str, pending: dict[str, AttributeNode], values: dict[str, Value], scope: EvalContext
    ) -> None:
        attribute = pending.pop(name)
        for reference in references(attribute.expression):
            first = reference.steps[0] if reference.steps else None
            if reference.name == "local" and isinstance(first, Attribute) and first.name in pending:
                self._evaluate_local(first.name, pending, values, scope)
        inner = scope.with_variables({"local": names_value(values)})
        before = len(self._problems)
        value = evaluate(attribute.expression, inner, self._problems)
        values[name] = UNDECIDED if len(self._problems) > before else value

    def _job(self, scope: EvalContext) -> Block:
        jobs = [block for block in self._body.blocks if block.type == "job"]
        if not jobs:
            self._problems.append(self._source.problem("Missing job block; A job block is required", 0))
            self._raise_problems()
        for second in jobs[1:]:
            message = 'Duplicate job block; Only one block of type "job" is allowed.'
            self._problems.append(self._source.problem(message, second.start))
        return BlockReader(self._source, self._problems).block(jobs[0], JOB, scope)


def _top_level_problems(body: BodyNode, source: Source) -> Iterator[HclProblem]:
    for attribute in body.attributes.values():
        guess = f' Did you mean to define a block of type "{attribute.name}"?' if attribute.name in _LABELS else ""
        message = f'Unsupported argument; An argument named "{attribute.name}" is not expected here.{guess}'
        yield source.problem(message, attribute.start)
    for block in body.blocks:
        if block.type not in _LABELS:
            guess = suggestion(block.type, _LABELS)
            message = f'Unsupported block type; Blocks of type "{block.type}" are not expected here{guess}'
            yield source.problem(message, block.start)
        elif len(block.labels) != _LABELS[block.type]:
            yield source.problem(label_message(block, _LABELS[block.type]), label_offset(block, _LABELS[block.type]))


def _nested_problems(body: BodyNode, source: Source) -> Iterator[HclProblem]:
    for block in body.blocks[:1]:
        yield source.problem(f'Unexpected "{block.type}" block; Blocks are not allowed here.', block.start)


def label_message(block: BlockNode, wanted: int) -> str:
    """Return what is wrong with the number of a block's labels."""
    if len(block.labels) < wanted:
        return f"Missing name for {block.type}; All {block.type} blocks must have {wanted} labels (name)."
    expected = "Only 1 labels (name) are" if wanted else "No labels are"
    return f"Extraneous label for {block.type}; {expected} expected for {block.type} blocks."


def label_offset(block: BlockNode, wanted: int) -> int:
    return block.open if len(block.labels) < wanted else block.label_starts[wanted]
