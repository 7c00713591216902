"""What a manifest's items are compared with: a plan file, or the manifest as it is at a git ref."""

from __future__ import annotations

import os.path
from dataclasses import replace
from pathlib import Path

from dispatchfile.errors import FileError, PlanError, UsageError
from dispatchfile.files import STANDARD_INPUT
from dispatchfile.gitfiles import GitFiles, open_tree
from dispatchfile.items import Item
from dispatchfile.planfile import is_plan, read_plan
from dispatchfile.problems import Severity
from dispatchfile.usecases.load import ManifestSource, load_items
from dispatchfile.usecases.variables import NO_VARIABLES


def read_base(base: str, source: ManifestSource) -> tuple[Item, ...]:
    """Return the items of the plan or of the git ref. Raises PlanError, UsageError for standard input."""
    if is_plan(base):
        return read_plan(base, manifest=source.shown).items
    if source.path == STANDARD_INPUT:
        raise UsageError(f"git ref {base!r}: a manifest from standard input has no state there: name a file")
    path = Path(os.path.abspath(source.path))  # noqa: PTH100  a link is not followed at the ref either
    with open_tree(path.parent, base, whole=source.allow_outside) as tree:
        files = GitFiles(tree, allow_outside=source.allow_outside)
        try:
            content = files.read(path.name)
        except FileError as error:
            raise PlanError(f"{error}: leave out the comparison, every item is new") from error
        old = replace(source, content=content, files=files, given=NO_VARIABLES)
        loaded = load_items(old)
    for problem in loaded.problems:
        if problem.severity is Severity.ERROR:
            raise PlanError(f"the manifest at git ref {base!r} has a problem: {problem}")
    return loaded.items
