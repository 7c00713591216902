"""The sources of rows by their key in `for_each`. Each is imported by those manifests alone that have one."""

from __future__ import annotations

from dispatchfile.expand.rows import RowSource
from dispatchfile.expand.site import Site


def make_source(site: Site) -> RowSource:  # noqa: PLR0911  a line for each source
    """Return the source that stands at *site*, whose kind the schema has checked."""
    match site.kind:
        case "list":
            from dispatchfile.expand.lists import ListRows  # noqa: PLC0415

            return ListRows(site)
        case "csv":
            from dispatchfile.expand.csvfile import CsvRows  # noqa: PLC0415

            return CsvRows(site)
        case "json":
            from dispatchfile.expand.jsonfile import JsonRows  # noqa: PLC0415

            return JsonRows(site)
        case "ndjson":
            from dispatchfile.expand.lines import NdjsonRows  # noqa: PLC0415

            return NdjsonRows(site)
        case "lines":
            from dispatchfile.expand.lines import PlainLines  # noqa: PLC0415

            return PlainLines(site)
        case "range":
            from dispatchfile.expand.ranges import RangeRows  # noqa: PLC0415

            return RangeRows(site)
        case "glob":
            from dispatchfile.expand.globs import GlobRows  # noqa: PLC0415

            return GlobRows(site)
        case "matrix":
            from dispatchfile.expand.matrix import MatrixRows  # noqa: PLC0415

            return MatrixRows(site, make_source)
    raise AssertionError(f"the schema allows a source that no file makes: {site.kind}")
