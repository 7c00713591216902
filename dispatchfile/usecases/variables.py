"""The variables that are set from outside a manifest: files of them, and single ones over these."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from dispatchfile.errors import FileError
from dispatchfile.files import Files
from dispatchfile.manifest import PLAIN, Document, load_manifest
from dispatchfile.problems import Problem, Severity, without_quotes
from dispatchfile.secrecy import kind_of_secret
from dispatchfile.similar import did_you_mean, similar_names
from dispatchfile.source import Position

NO_MAPPING = "DF009"  # of a manifest, which would have to hold more than that
UNKNOWN = "DF037"
SHOWN_NAMES = 10


@dataclass(frozen=True, slots=True)
class GivenVariables:
    """Variables from outside, and where each was given: its place in a file, None for one of --var."""

    values: Mapping[str, object] = field(default_factory=dict)
    places: Mapping[str, Position | None] = field(default_factory=dict)
    strict: bool = False  # an unknown variable in a file is an error, too

    def without_places(self) -> GivenVariables:
        """Return the same values, which are not checked any more."""
        return replace(self, places={})

    def unknown_to(self, known: frozenset[str]) -> list[str]:
        return [name for name in self.places if name not in known]

    def foreign_to(self, known: frozenset[str]) -> list[str]:
        """Names in a file that resemble none of the *known* ones: they may be for another manifest, unless strict."""
        return [
            name
            for name in self.unknown_to(known)
            if not self.strict and self.places[name] is not None and not similar_names(name, known)
        ]


NO_VARIABLES = GivenVariables()


def read_variables(files: Iterable[Path], pairs: Mapping[str, str], *, strict: bool = False) -> GivenVariables:
    """
    Return the mappings in *files*, later ones over earlier ones, and *pairs* over all of them.

    Raises FileError, with line and column where the file's text is at fault.
    """
    values: dict[str, object] = {}
    places: dict[str, Position | None] = {}
    for file in files:
        document = _read_mapping(file)
        values |= document.data
        places |= {name: document.key_position(name) for name in document.data}
    return GivenVariables(values | dict(pairs), places | dict.fromkeys(pairs), strict)


def unknown_variables(given: GivenVariables, known: frozenset[str], manifest: Position) -> Iterator[Problem]:
    """
    Yield a problem for each variable that nothing in the manifest declares or reads.

    manifest: the place of a problem with --var. In a file a name that resembles none of the *known* ones may be for
    another manifest: all of them are one warning.
    """
    foreign = given.foreign_to(known)
    for name in given.unknown_to(known):
        place = given.places[name]
        if place is None:
            yield Problem(UNKNOWN, manifest, f"--var {name}: the manifest has no such variable", _hint(name, known))
        elif name not in foreign:
            yield Problem(UNKNOWN, place, f"the manifest has no variable {name!r}", _hint(name, known))
    if foreign:
        names = ", ".join(repr(name) for name in foreign[:SHOWN_NAMES])
        more = f" and {len(foreign) - SHOWN_NAMES:,} more" if len(foreign) > SHOWN_NAMES else ""
        noun = "variable" if len(foreign) == 1 else "variables"
        hint = "--strict-vars makes this an error"
        found = f"the manifest has no {noun} {names}{more}"
        yield Problem(UNKNOWN, given.places[foreign[0]] or manifest, found, hint, severity=Severity.WARNING)


def _hint(name: str, known: frozenset[str]) -> str:
    names = sorted(known)
    more = f" and {len(names) - SHOWN_NAMES:,} more" if len(names) > SHOWN_NAMES else ""
    there = f"it has {', '.join(names[:SHOWN_NAMES])}{more}" if names else "it has none"
    return did_you_mean(name, names, otherwise=there)


def _read_mapping(file: Path) -> Document:
    """YAML as a manifest's, of which JSON is a part."""
    path = file.absolute()  # which gives even "." a name
    try:
        content = Files(path.parent, allow_outside=True).read(path.name)
    except FileError as error:
        source = "--var-file" if kind_of_secret(str(file)) else ""
        raise FileError(str(file), error.reason, source=source, hint=error.hint) from error
    document, problems = load_manifest(content, path=str(file), folder=path.parent, scope=PLAIN)
    if problems:
        place = problems[0].position
        raise FileError(f"{file}:{place.line}:{place.column}", _reason(problems[0]))
    assert document is not None  # noqa: S101  it is there where there are no problems
    return document


def _reason(problem: Problem) -> str:
    wanted = "the file must contain a mapping of variables"
    return wanted if problem.code == NO_MAPPING else f"{without_quotes(problem).text} ({wanted})"
