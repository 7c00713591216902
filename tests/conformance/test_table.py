"""The published table of verdicts is what the tests drive."""

from tests.conformance.table import TABLE, render_table


def test_the_table_is_the_one_that_the_cases_give():
    """Its rows cannot drift from the tests; `python -m tests.conformance.table` writes it anew."""
    assert TABLE.read_text(encoding="utf-8") == render_table()
