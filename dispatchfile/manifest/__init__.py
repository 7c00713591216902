"""
A manifest's text to plain data, with a place for every key and value.

YAML 1.2 with its core schema: line by line where all of the text is plain, else from the parser's events. On a manifest
of 100,000 items these are seven times as fast as loading it with ruamel.yaml, take a fifth of the memory, and let what
is nested or expands too far be refused while it is being parsed; lines are twice as fast again.
"""

from __future__ import annotations

import gc
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ruamel.yaml.events import Event

from dispatchfile.manifest.aliases import Aliases
from dispatchfile.manifest.builder import MANIFEST, PLAIN, Builder, ScalarScope
from dispatchfile.manifest.document import Document, Tables
from dispatchfile.manifest.findings import Findings, ManifestRefused
from dispatchfile.manifest.lines import read_lines
from dispatchfile.manifest.scalars import SourceFloat, SourceInt, name_type
from dispatchfile.manifest.syntax import decode, is_of_yaml_1_2, parse_events, refuse_disputed
from dispatchfile.problems import Problem, sort_problems

__all__ = ["PLAIN", "Document", "SourceFloat", "SourceInt", "load_manifest", "name_type"]

MANY_OBJECTS = 100_000
WANTED = "write version: 1 and a list of dispatches"


def load_manifest(
    content: bytes, *, path: str, folder: Path, pure: bool = False, scope: ScalarScope = MANIFEST
) -> tuple[Document | None, tuple[Problem, ...]]:
    """
    The document in *content*, and all problems that were met.

    path: how messages name the manifest. folder: what its relative paths are relative to. pure: read all of it with
    ruamel.yaml's parser in Python, which otherwise serves where the one in C is not installed. scope: where scalars
    stay text.

    There may be a document beside problems, so that the schema can find more of them; it must not be sent.
    """
    try:
        source = decode(content, path)
        refuse_disputed(source)
    except ManifestRefused as refused:
        return None, (refused.problem,)
    findings = Findings(source)
    try:
        with _collector_paused():
            lines = None if pure else read_lines(source.text, scope)
            data, start, tables = lines or _build(findings, parse_events(content, source, pure=pure), scope)
    except ManifestRefused as refused:
        if not pure and is_of_yaml_1_2(refused.problem, source.text):
            return load_manifest(content, path=path, folder=folder, pure=True, scope=scope)
        return None, _with_refusal(findings.problems, refused.problem)
    reported = frozenset(problem.position for problem in findings.problems)
    digest = hashlib.sha256(content).hexdigest()
    document = Document(path, folder, data, digest, source, start, tables, reported)
    return document, sort_problems(findings.problems)


def _build(findings: Findings, events: Iterator[Event], scope: ScalarScope) -> tuple[dict[str, object], int, Tables]:
    builder = Builder(findings, scope)
    if "*" in findings.source.text:  # without a star there is no alias
        events = Aliases(findings).expand(events)
    data, start = builder.build(events)
    if data is None:
        raise findings.refusal("DF009", start, "the manifest is empty", WANTED)
    if not isinstance(data, dict):
        raise findings.refusal("DF009", start, f"the manifest must be a mapping, got {name_type(data)}", WANTED)
    return data, start, builder.tables


def _with_refusal(met: list[Problem], refusal: Problem) -> tuple[Problem, ...]:
    """Return all problems. If the parser fails at the line of an unquoted template, that template is the problem."""
    templates = {problem.position.line for problem in met if problem.code == "DF007"}
    follows = refusal.code == "DF001" and refusal.position.line in templates
    return sort_problems(met if follows else [*met, refusal])


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Pause the garbage collector: nothing here is garbage, and looking for it takes a quarter of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if gc.get_count()[0] > MANY_OBJECTS:
            gc.freeze()  # the next looks would go through all of them
        if enabled:
            gc.enable()
