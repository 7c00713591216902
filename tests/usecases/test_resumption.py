"""What a resume says that it waits for."""

from datetime import timedelta

import pytest

from dispatchfile.engine import Start
from dispatchfile.settings import Settings, Wait
from dispatchfile.usecases.resumption import describe_resumption

NOW = 1_000.0


@pytest.mark.parametrize(
    ("starts", "expected"),
    [
        pytest.param([], "resuming: nothing is left to do", id="nothing"),
        pytest.param([Start()], "resuming: 1 item to send", id="never sent"),
        pytest.param([Start(child="c")] * 2, "resuming: 2 children to follow to the end", id="children"),
        pytest.param([Start(in_doubt=True)], "resuming: 1 item to look for in Nomad (up to 45s)", id="possibly sent"),
        pytest.param(
            [Start(2, retry_at=NOW + 90), Start(2, retry_at=NOW + 30), Start(2, retry_at=NOW - 5)],
            "resuming: 1 item to send, 2 retries (the first in 30s)",
            id="retries, of which one is due",
        ),
        pytest.param(
            [Start(), Start(), Start(child="c"), Start(in_doubt=True), Start(in_doubt=True)],
            "resuming: 2 items to send, 1 child to follow to the end, 2 items to look for in Nomad (up to 45s)",
            id="all of it",
        ),
    ],
)
def test_a_resume_says_what_it_waits_for(starts: list[Start], expected: str) -> None:
    """It also says for how long."""
    by_item = {f"i{number}": start for number, start in enumerate(starts)}
    settings = Settings(wait=Wait.COMPLETION)
    assert describe_resumption(by_item, by_item, settings, now=NOW, deadline=None) == expected


def test_the_run_has_the_time_that_is_left_of_its_timeout() -> None:
    """Downtime included: its clock began with the run."""
    settings = Settings(wait=Wait.PLACEMENT, timeout=timedelta(hours=1))
    text = describe_resumption(["a"], {"a": Start(child="c")}, settings, now=NOW, deadline=NOW + 125)
    assert text == "resuming: 1 child to follow to placement; the run times out in 2m5s"
    assert describe_resumption(["b"], {}, settings, now=NOW, deadline=NOW - 1) == (
        "resuming: 1 item to send; the run times out in 0s"
    )
