"""`glob`: a row for each file whose name matches a pattern."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from pathlib import PurePosixPath

from dispatchfile.expand.rows import Found
from dispatchfile.expand.site import Site
from dispatchfile.source import Position


class GlobRows:
    """The files that match, sorted by name."""

    def __init__(self, site: Site) -> None:
        self._site = site

    @property
    def origin(self) -> str:
        return self._site.called

    def rows(self) -> Iterator[Found]:
        for path in self._site.files.glob(str(self._site.value)):
            row = {"path": path, "name": posixpath.basename(path), "stem": PurePosixPath(path).stem, "value": path}
            yield row, Position(self._site.shown(path), 1, 1)

    def size(self) -> None:
        """Return None: only the file system knows."""
