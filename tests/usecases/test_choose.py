"""Selects items of a past run."""

import pytest

from dispatchfile.errors import NothingToRerun, UsageError
from dispatchfile.events import Cause, Ended, Outcome, Verdict
from dispatchfile.results import LaterEnd, Results
from dispatchfile.usecases.choose import Choice, choose_items
from dispatchfile.usecases.running.execute import item_facts
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
            Choice(only=["gone"]),
            r"no item of run r1 matches --only gone \(.*\); gone: unknown, may have run; --outcome unknown repeats it",
            id="unknown",
        ),
        pytest.param(Choice(only=["none*"]), r"--only none\*: matches none of 8 items", id="no such id"),
        pytest.param(Choice(only=["outcome:nice"]), "--only outcome:nice: must be one of", id="no such outcome"),
    ],
)
def test_a_choice_that_takes_nothing_says_what_there_is(choice, message):
    """The next try can be the right one."""
    with pytest.raises(UsageError, match=message):
        choose_items("r1", ITEMS, ended(), choice)


SUCCEEDED, AGAIN = LaterEnd("r2", Outcome.SUCCEEDED), LaterEnd("r2", Outcome.FAILED, Cause.EXIT)


@pytest.mark.parametrize(
    ("later", "choice", "taken"),
    [
        pytest.param({"bad": SUCCEEDED}, Choice(failed=True), "oom late no left", id="mended"),
        pytest.param({"bad": AGAIN}, Choice(failed=True), "bad oom late no left", id="failed again"),
        pytest.param({"good": AGAIN}, Choice(failed=True), "good bad oom late no left", id="failed only later"),
        pytest.param({"bad": SUCCEEDED}, Choice(failed=True, again=True), "bad oom late no left", id="--again"),
        pytest.param({"bad": SUCCEEDED}, Choice(only=["bad", "oom"]), "bad oom", id="named"),
        pytest.param({"bad": SUCCEEDED}, Choice(failed=True, only=["bad", "oom"]), "oom", id="named, and --failed"),
        pytest.param({"bad": SUCCEEDED}, Choice(only=["outcome:failed"]), "oom", id="by outcome"),
        pytest.param({"bad": SUCCEEDED}, Choice(causes=[Cause.EXIT, Cause.OOM]), "oom", id="by cause"),
        pytest.param({"bad": LaterEnd("r2", None)}, Choice(failed=True), "oom late no left", id="sent, and no end"),
        pytest.param({"bad": LaterEnd("r2", Outcome.PLACED)}, Choice(only=["bad", "oom"]), "oom", id="only placed"),
        pytest.param(
            {"bad": LaterEnd("r2", Outcome.UNKNOWN)}, Choice(only=["bad", "oom"]), "oom", id="may have run since"
        ),
    ],
)
def test_what_was_mended_stays_mended(later, choice, taken):
    """The latest end counts, over the run and its reruns; what was sent without an end is never repeated."""
    chosen = choose_items("r1", ITEMS, ended(), choice, later)
    assert " ".join(item.id for item in chosen.items) == taken


def test_what_is_left_out_is_named():
    """The note has the reason and says what to do."""
    later = {"bad": SUCCEEDED, "oom": LaterEnd("r3", None), "late": LaterEnd("r3", Outcome.UNKNOWN)}
    assert choose_items("r1", ITEMS, ended(), Choice(failed=True), later).notes() == [
        "1 item succeeded in rerun r2 since (--again repeats them)",
        "oom: sent in rerun r3, no end on record, not repeated; see: dispatchfile watch r3",
        "late: unknown, may have run; --outcome unknown repeats it",
    ]


def nothing(verdicts, choice=Choice(failed=True), later=None):  # noqa: B008  it is frozen
    """What a choice of a run with these ends says, and its exit code."""
    items = [make_item(name) for name in verdicts]
    results = Results([item_facts(item) for item in items])
    for name, verdict in verdicts.items():
        results.apply(Ended(name, 1, 1.0, verdict))
    with pytest.raises(NothingToRerun) as raised:
        choose_items("r1", items, results, choice, later)
    return str(raised.value), raised.value.exit_code


GOOD, BAD = Verdict(Outcome.SUCCEEDED), Verdict(Outcome.FAILED, Cause.EXIT)
NOTHING = "nothing to rerun: no item of run r1"


@pytest.mark.parametrize(
    ("verdicts", "later", "text", "code"),
    [
        pytest.param({"a": GOOD}, {}, f"{NOTHING} matches --failed", 0, id="a quiet night"),
        pytest.param(
            {"a": GOOD, "b": BAD},
            {"b": SUCCEEDED},
            f"{NOTHING} is left that matches --failed; 1 item succeeded in rerun r2 since (--again repeats them)",
            0,
            id="mended",
        ),
        pytest.param(
            {"a": GOOD, "b": Verdict(Outcome.UNKNOWN)},
            {},
            f"{NOTHING} matches --failed; b: unknown, may have run; --outcome unknown repeats it",
            1,
            id="unknown",
        ),
        pytest.param(
            {"a": BAD},
            {"a": LaterEnd("r2", None)},
            f"{NOTHING} matches --failed; "
            "a: sent in rerun r2, no end on record, not repeated; see: dispatchfile watch r2",
            1,
            id="under way in a rerun",
        ),
        pytest.param(
            {"a": GOOD},
            {"a": LaterEnd("r2", None)},
            f"{NOTHING} matches --failed; "
            "a: sent in rerun r2, no end on record, not repeated; see: dispatchfile watch r2",
            1,
            id="repeated, though it was well",
        ),
        pytest.param(
            {"a": Verdict(Outcome.PLACED), "b": GOOD},
            {},
            f"{NOTHING} matches --failed; a: no end on record; see: dispatchfile watch r1",
            1,
            id="nobody waited for the end",
        ),
    ],
)
def test_nothing_left_is_good_news_only_if_all_ends_are_known(verdicts, later, text, code):
    """A step of CI that runs every night can tell by the exit code."""
    assert nothing(verdicts, later=later) == (text, code)


def test_an_outcome_that_no_item_has_leaves_nothing():
    """It is no mistake, unlike an id that no item has."""
    choice = Choice(only=["outcome:failed"])
    assert nothing({"a": GOOD}, choice) == (f"{NOTHING} matches --only outcome:failed", 0)
    assert nothing({"a": Verdict(Outcome.UNKNOWN)}, choice)[1] == 1
    assert nothing({"a": GOOD}, Choice(causes=[Cause.DRAIN])) == (f"{NOTHING} matches --cause drain", 0)
