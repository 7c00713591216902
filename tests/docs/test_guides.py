"""docs/guides.md: its sessions are real."""

from pathlib import Path

import pytest

from tests.docs.guides import guides, is_as_shown, play
from tests.docs.pages import Section

pytestmark = pytest.mark.timeout(300)  # each guide starts many processes


@pytest.mark.parametrize("guide", guides(), ids=lambda guide: guide.title)
def test_a_guide_prints_what_it_shows(guide: Section, tmp_path: Path) -> None:
    """Followed from a fresh clone; only IDs, digests, times and the host's name differ."""
    wrong = [(call.place, printed) for call, printed in play(guide, tmp_path) if not is_as_shown(call, printed)]
    assert wrong == []
