"""A manifest's path to its items, with every problem on the way."""

from __future__ import annotations

import os.path
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from dispatchfile.errors import FileError
from dispatchfile.files import STANDARD_INPUT, Files, StandardInput
from dispatchfile.items import Item, RowCount, TargetScope, do_not_count, known_variables, read_items, without_secrets
from dispatchfile.manifest import Document, load_manifest
from dispatchfile.problems import Problem, has_errors, sort_problems, without_quotes
from dispatchfile.schema import check_document, sound_dispatches
from dispatchfile.secrecy import shown_name
from dispatchfile.source import Position
from dispatchfile.usecases.jobs.values import NO_JOB_VALUES, JobValues
from dispatchfile.usecases.variables import NO_VARIABLES, GivenVariables, unknown_variables

SHOWN_STANDARD_INPUT = "<stdin>"
NAMES_SECRETS = b"sensitive"  # the key, of a manifest that cannot be read: any line may be the one it names
NO_SCOPE = TargetScope()


@dataclass(frozen=True, slots=True)
class ManifestSource:
    """The path or the text of a manifest, and the values that its templates can read."""

    path: str  # as the user wrote it; "-" is standard input
    content: bytes | None  # of standard input; None: read the path
    variables: Mapping[str, object]  # from --var and --var-file, over the manifest's own
    environ: Mapping[str, str]
    scope: TargetScope = NO_SCOPE
    allow_outside: bool = False
    given: GivenVariables = NO_VARIABLES  # as --var and --var-file have them, to be checked against the manifest
    known_elsewhere: frozenset[str] | None = frozenset()  # variables of other manifests of this call; None: any
    standard_input: StandardInput | None = None  # for rows; None: it cannot be read any more
    files: Files | None = None  # those of a git ref, beside its content; None: those of the manifest's folder
    timeout_given: bool = False  # an option sets the run's timeout
    stored: Sequence[Item] | None = None  # items of an earlier process, which stand for rows of standard input
    job_values: JobValues = NO_JOB_VALUES  # of the HCL variables of job files
    job_variables_elsewhere: frozenset[str] | None = frozenset()  # of other manifests of this call; None: any

    @property
    def shown(self) -> str:
        return SHOWN_STANDARD_INPUT if self.path == STANDARD_INPUT else shown_name(self.path)


@dataclass(frozen=True, slots=True)
class Loaded:
    """The result of loading a manifest. Without a document, or with errors, nothing may be sent."""

    document: Document | None
    files: Files
    items: tuple[Item, ...]
    problems: tuple[Problem, ...]


def read_source(
    source: ManifestSource, *, as_written: bool = False
) -> tuple[Document | None, Files, tuple[Problem, ...]]:
    """Return the manifest's document, checked against its schema, and the files it may read."""
    folder = Path.cwd() if source.path == STANDARD_INPUT else Path(os.path.realpath(source.path)).parent
    files = source.files or Files(folder, allow_outside=source.allow_outside, standard_input=source.standard_input)
    try:
        content = source.content if source.content is not None else _read(source.path)
    except FileError as error:
        place = Position(source.shown, 1, 1)
        hint = error.hint or "name a manifest, - for standard input, or start one with `dispatchfile init`"
        return None, files, (Problem("DF010", place, error.reason, hint),)
    document, problems = load_manifest(content, path=source.shown, folder=folder)
    if document is None and NAMES_SECRETS in content:
        problems = tuple(without_quotes(problem) for problem in problems)
    if document is not None:
        problems = (*problems, *check_document(document, as_written=as_written), *_unknown(source, document, files))
    return document, files, problems


def _unknown(source: ManifestSource, document: Document, files: Files) -> Iterator[Problem]:
    """Yield the variables from outside that neither this manifest nor another of the call knows."""
    if not source.given.places or source.known_elsewhere is None:
        return
    known = known_variables(document, files)
    if known is not None:
        place = document.key_position("vars")
        yield from unknown_variables(source.given, known | source.known_elsewhere, place)


def read_known(source: ManifestSource) -> frozenset[str] | None:
    """Return the variables that the manifest knows; None if any name may be read, or it cannot be read itself."""
    document, files, _ = read_source(replace(source, given=NO_VARIABLES))
    return None if document is None else known_variables(document, files)


def read_entries(
    source: ManifestSource,
    document: Document | None,
    files: Files,
    problems: Sequence[Problem],
    counted: Callable[[RowCount], object] = do_not_count,
) -> Iterator[Item | Problem]:
    """Items and further problems of what `read_source` gave: of a document with errors, those of its sound entries."""
    if document is None:
        return
    sound = sound_dispatches(document) if has_errors(problems) else None
    if sound != ():
        yield from read_items(
            document,
            files=files,
            overrides=source.variables,
            env=source.environ,
            scope=source.scope,
            dispatches=sound,
            stored=source.stored,
            counted=counted,
            timeout_given=source.timeout_given,
        )


def without_their_secrets(document: Document | None, problems: Sequence[Problem]) -> tuple[Problem, ...]:
    """Return all *problems* in the order of the file, without secrets."""
    return sort_problems(problems if document is None else without_secrets(document, problems))


def _read(path: str) -> bytes:
    name = Path(path).absolute()  # which gives even "." a name
    return Files(name.parent, allow_outside=True).read(name.name)


def load_items(source: ManifestSource) -> Loaded:
    """Return all items of the manifest in file order, and all problems. No items if the document has errors."""
    document, files, problems = read_source(source)
    items: list[Item] = []
    found = list(problems)
    for entry in read_entries(source, document, files, problems):
        if isinstance(entry, Problem):
            found.append(entry)
        else:
            items.append(entry)
    return Loaded(document, files, () if has_errors(problems) else tuple(items), without_their_secrets(document, found))
