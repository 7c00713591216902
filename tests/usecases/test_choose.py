"""Which items of a past run are meant."""

import pytest

from dispatchfile.errors import UsageError
from dispatchfile.events import Cause, Ended, Outcome, Verdict
from dispatchfile.results import Results
from dispatchfile.usecases.choose import Choice, choose_items
from dispatchfile.usecases.execute import item_facts
from tests.making import make_item

ENDS = {
    "good": Verdict(Outcome.SUCCEEDED),
    "bad": Verdict(Outcome.FAILED, Cause.EXIT),
    "oom": Verdict(Outcome.FAILED, Cause.OOM),
    "late": Verdict(Outcome.TIMED_OUT, Cause.DEADLINE),
    "no": Verdict(Outcome.REFUSED, Cause.VALIDATION),
    "left": Verdict(Outcome.UNSENT, Cause.STOP_ON),
    "gone": Verdict(Outcome.UNKNOWN, Cause.COLLECTED),
    "out": Verdict(Outcome.SKIPPED),
}
ITEMS = [make_item(name, tags=("x",) if name in {"good", "bad", "gone"} else ()) for name in ENDS]


def ended() -> Results:
    results = Results([item_facts(item) for item in ITEMS])
    for name, verdict in ENDS.items():
        results.apply(Ended(name, 1, 1.0, verdict))
    return results


@pytest.mark.parametrize(
    ("choice", "taken", "left_out"),
    [
        pytest.param(Choice(failed=True), "bad oom late no left", 0, id="failed: class 2, refused and unsent"),
        pytest.param(Choice(outcomes=[Outcome.FAILED, Outcome.SKIPPED]), "bad oom out", 0, id="any of the outcomes"),
        pytest.param(Choice(failed=True, outcomes=[Outcome.UNKNOWN]), "bad oom late no left gone", 0, id="both"),
        pytest.param(Choice(causes=[Cause.OOM, Cause.STOP_ON]), "oom left", 0, id="any of the causes"),
        pytest.param(Choice(failed=True, causes=[Cause.OOM]), "oom", 0, id="an outcome and a cause"),
        pytest.param(Choice(only=["good", "o*"]), "good oom out", 0, id="ids, however they ended"),
        pytest.param(Choice(failed=True, only=["tag:x"]), "bad", 0, id="failed with a tag"),
        pytest.param(Choice(only=["outcome:refused"]), "no", 0, id="an outcome as a selector"),
        pytest.param(Choice(only=["tag:x"]), "good bad", 1, id="unknown is left out"),
        pytest.param(Choice(only=["tag:x", "outcome:unknown"]), "good bad gone", 0, id="unless it is named"),
        pytest.param(Choice(only=["gone"], outcomes=[Outcome.UNKNOWN]), "gone", 0, id="an unknown item by its id"),
    ],
)
def test_items_are_chosen_by_how_they_ended(choice, taken, left_out):
    """Outcomes, causes and selectors narrow each other; what may have run is taken only where it is named."""
    chosen = choose_items("r1", ITEMS, ended(), choice)
    assert (" ".join(item.id for item in chosen.items), chosen.left_out) == (taken, left_out)


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        pytest.param(
            Choice(), "say which items: --failed, --outcome, --cause or --only; run r1 has 1 succeeded,", id="none"
        ),
        pytest.param(
            Choice(causes=[Cause.DRAIN]), "nothing of run r1 is chosen: it has 1 succeeded, 1 skipped", id="empty"
        ),
        pytest.param(
            Choice(only=["gone"]), "1 of them may have run, and are taken with --outcome unknown", id="unknown"
        ),
        pytest.param(Choice(only=["none*"]), r"--only none\*: matches none of 8 items", id="no such id"),
        pytest.param(Choice(only=["outcome:nice"]), "--only outcome:nice: is none of", id="no such outcome"),
    ],
)
def test_a_choice_that_takes_nothing_says_what_there_is(choice, message):
    """So that the next try is the right one."""
    with pytest.raises(UsageError, match=message):
        choose_items("r1", ITEMS, ended(), choice)
