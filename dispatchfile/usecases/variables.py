"""The variables that are set from outside a manifest: files of them, and single ones over these."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from dispatchfile.errors import FileError
from dispatchfile.files import Files
from dispatchfile.manifest import load_manifest


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
    try:
        content = Files(file.absolute().parent, allow_outside=True).read(file.name)
    except FileError as error:
        raise FileError(str(file), error.reason) from error
    document, problems = load_manifest(content, path=str(file), folder=file.absolute().parent)
    if problems:
        place = problems[0].position
        raise FileError(f"{file}:{place.line}:{place.column}", f"{problems[0].text} (a file of variables is a mapping)")
    assert document is not None  # noqa: S101  it is there where there are no problems
    return document.data
