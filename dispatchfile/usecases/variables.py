"""The variables that are set from outside a manifest: files of them, and single ones over these."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from dispatchfile.errors import FileError
from dispatchfile.files import Files
from dispatchfile.manifest import PLAIN, load_manifest
from dispatchfile.problems import Problem

NO_MAPPING = "DF009"  # of a manifest, which would have to hold more than that


def read_variables(files: Iterable[Path], pairs: Mapping[str, str]) -> dict[str, object]:
    """
    The mappings in *files*, later ones over earlier ones, and *pairs* over all of them.

    Raises FileError, with line and column where the file's text is at fault.
    """
    variables: dict[str, object] = {}
    for file in files:
        variables |= _read_mapping(file)
    return variables | dict(pairs)


def _read_mapping(file: Path) -> Mapping[str, object]:
    """YAML as a manifest's, of which JSON is a part."""
    path = file.absolute()  # which gives even "." a name
    try:
        content = Files(path.parent, allow_outside=True).read(path.name)
    except FileError as error:
        raise FileError(str(file), error.reason) from error
    document, problems = load_manifest(content, path=str(file), folder=path.parent, scope=PLAIN)
    if problems:
        place = problems[0].position
        raise FileError(f"{file}:{place.line}:{place.column}", _reason(problems[0]))
    assert document is not None  # noqa: S101  it is there where there are no problems
    return document.data


def _reason(problem: Problem) -> str:
    wanted = "a mapping of variables is wanted"
    return wanted if problem.code == NO_MAPPING else f"{problem.text} ({wanted})"
