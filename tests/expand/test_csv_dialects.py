"""A CSV file comes back as Python's csv module wrote it."""

from __future__ import annotations

import csv
import io
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dispatchfile.expand import Row, expand
from dispatchfile.files import Files
from dispatchfile.manifest import load_manifest
from dispatchfile.source import Position

ENCODINGS = {
    "utf-8": "äß€日\U0001f600",
    "utf-8-sig": "é",
    "cp1252": "äß€",
    "latin-1": "éø",
    "utf-16": "日",
    "utf-16-le": "ł",
}
PLAIN = "ab 1'.\"\n\r,;\t|"


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[list[str]], str, str, str, bool]:
    """Rows with at least one cell that is not empty, and how they are written."""
    encoding = draw(st.sampled_from(sorted(ENCODINGS)))
    width = draw(st.integers(1, 4))
    cell = st.text(alphabet=PLAIN + ENCODINGS[encoding], max_size=6)
    row = st.lists(cell, min_size=width, max_size=width).filter(any)
    table = draw(st.lists(row, min_size=1, max_size=6))
    delimiter, ends = draw(st.sampled_from(",;\t|:x")), draw(st.sampled_from(["\n", "\r\n"]))
    bare = ends == "\n" and "\r" in "".join(map("".join, table))  # which Python 3.11 leaves without quotes
    return table, encoding, delimiter, ends, bare or draw(st.booleans())


def written(table: list[list[str]], delimiter: str, ends: str, *, quotes_all: bool) -> tuple[str, list[int]]:
    """The file, and the line where each row of it starts."""
    text, lines = "", []
    for row in table:
        lines.append(
            1 + text.count("\r\n") + text.replace("\r\n", "").count("\r") + text.replace("\r\n", "").count("\n")
        )
        out = io.StringIO(newline="")
        quoting = csv.QUOTE_ALL if quotes_all else csv.QUOTE_MINIMAL
        csv.writer(out, delimiter=delimiter, lineterminator=ends, quoting=quoting).writerow(row)
        text += out.getvalue()
    return text, lines


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(tables())
def test_what_csv_writes_comes_back(case: tuple[list[list[str]], str, str, str, bool]) -> None:
    """Cell for cell, at the right lines, with and without names for the columns in the manifest."""
    table, encoding, delimiter, ends, quotes_all = case
    columns = [f"c{number}" for number in range(len(table[0]))]
    name = delimiter.replace("\t", "\\t")
    with tempfile.TemporaryDirectory() as folder:
        for header, extra in (([], f", columns: [{', '.join(columns)}]"), ([columns], "")):
            text, lines = written([*header, *table], delimiter, ends, quotes_all=quotes_all)
            (Path(folder) / f"f{len(header)}.csv").write_bytes(text.encode(encoding))
            found = read(
                Path(folder), f'{{file: f{len(header)}.csv, delimiter: "{name}", encoding: {encoding}{extra}}}'
            )
            assert [list(row.each["value"].values()) for row in found if isinstance(row, Row)] == table
            places = [Position(f"f{len(header)}.csv", line, 1) for line in lines[len(header) :]]
            assert [row.position for row in found] == places


def read(folder: Path, written_csv: str) -> list[Row]:
    """The rows of a manifest that has this `csv`."""
    text = f"version: 1\ndispatches:\n- {{job: encode, for_each: {{csv: {written_csv}}}}}\n"
    document, problems = load_manifest(text.encode(), path="m.yaml", folder=folder)
    assert document is not None
    assert problems == ()
    return list(expand(document, 0, Files(folder)))
