"""`for_each` to single rows: what templates read of each as `each`, and the place where it stands."""

from dispatchfile.expand.expanding import expand, source_of
from dispatchfile.expand.lists import list_of
from dispatchfile.expand.rows import MAX_ROWS, Names, Row, RowSource, UnusableSource
from dispatchfile.expand.site import file_trouble, reads_standard_input, shown_path

__all__ = [
    "MAX_ROWS",
    "Names",
    "Row",
    "RowSource",
    "UnusableSource",
    "expand",
    "file_trouble",
    "list_of",
    "reads_standard_input",
    "shown_path",
    "source_of",
]
