"""Fixtures that the tests of whole runs share."""

import pytest

from tests.exactly_once.steady import elsewhere


@pytest.fixture(scope="package")
def runner():
    """Return a loop in which journals commit while virtual time stands still."""
    with elsewhere() as running:
        yield running
