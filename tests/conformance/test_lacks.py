"""What the embedded agent cannot do is written down, and true."""

from __future__ import annotations

import pytest

from tests.conformance.lacks import EMBEDDED_LACKS


@pytest.mark.parametrize("kind", ["embedded"])
@pytest.mark.parametrize("name", EMBEDDED_LACKS)
async def test_what_the_embedded_agent_lacks_is_still_lacking(backend, name):
    """A lack that is made good has to leave the list, and the tests it kept away have to run."""
    assert not await EMBEDDED_LACKS[name].is_there(backend)
