"""A run killed at every single point at which it meets Nomad or its journal, and resumed to its end."""

from dataclasses import replace
from datetime import timedelta

import pytest

from dispatchfile.events import Outcome
from dispatchfile.settings import Settings, Share, Wait
from tests.exactly_once.playing import play
from tests.exactly_once.scripts import DEFAULTS, Crash, ItemScript, Life, RunScript, Weather

PLAIN = ItemScript(life_s=3.0)
FAILS_ONCE = ItemScript(life_s=3.0, failing=1, attempts=2)
KEPT = (0, 2)  # of what was recorded since the last commit, so many events survive


def kill_everywhere(script, runner, life=Life(), late_s=(None, 10.0)):  # noqa: B008  a frozen value
    """Play the script once for each point of its first process. Gives the worlds that came of it."""
    whole = play(replace(script, lives=(life,)), runner)
    assert whole.points > 10
    for at in range(1, whole.points + 1):
        end = Crash(at, kept=KEPT[at % 2], late_s=late_s[at // 2 % len(late_s)])
        yield play(replace(script, lives=(replace(life, end=end),)), runner)


def test_between_the_end_of_an_attempt_and_the_sending_of_the_next(runner):
    """However far the first process came, there is one first attempt and one second one."""
    script = RunScript((FAILS_ONCE,))
    for world in kill_everywhere(script, runner):
        assert [child.prefix for child in world.nomad.made] == ["run1-a-1", "run1-a-2"]
        assert world.outcomes == {"a": Outcome.SUCCEEDED}


@pytest.mark.parametrize("faults", [("drop", "drop"), ("late", "late"), ("reset", "drop")])
def test_items_in_doubt_whose_prefixes_begin_alike_adopt_their_own_children(runner, faults):
    """`a` and `a-1`: a list for the one also shows the child of the other, across a crash as within a process."""
    script = RunScript((PLAIN, PLAIN))
    for world in kill_everywhere(script, runner, Life(faults=faults)):
        assert sorted(child.prefix for child in world.nomad.made) == ["run1-a-1", "run1-a-1-1"]
        assert world.outcomes == {"a": Outcome.SUCCEEDED, "a-1": Outcome.SUCCEEDED}


def test_a_collection_before_the_resume_makes_no_second_child(runner):
    """`system gc` after the kill: whoever had a child has one for ever, and may be unknown."""
    script = RunScript((replace(PLAIN, life_s=0.0), FAILS_ONCE, PLAIN))
    for world in kill_everywhere(script, runner, Life(afterwards=("collect",))):
        assert max(len(world.nomad.of(child.prefix)) for child in world.nomad.made) == 1
        assert set(world.outcomes.values()) <= {Outcome.SUCCEEDED, Outcome.UNKNOWN}


def test_in_the_middle_of_a_canary(runner):
    """The rest is sent once all canaries have ended well, whichever process saw their ends."""
    script = RunScript((PLAIN, FAILS_ONCE, PLAIN, PLAIN), settings=replace(DEFAULTS, canary=Share(count=2)))
    for world in kill_everywhere(script, runner):
        assert set(world.outcomes.values()) == {Outcome.SUCCEEDED}
        assert len(world.nomad.made) == 5


def test_after_a_canary_has_failed(runner):
    """Nothing more is sent by any process, even if the failure was all that it had time to record."""
    script = RunScript((replace(PLAIN, failing=1), PLAIN, PLAIN), settings=replace(DEFAULTS, canary=Share(count=1)))
    for world in kill_everywhere(script, runner):
        assert world.outcomes == {"a": Outcome.FAILED, "a-1": Outcome.UNSENT, "b": Outcome.UNSENT}


def test_after_stop_on(runner):
    """One failure too many stays one: a resume starts nothing more."""
    settings = replace(DEFAULTS, stop_on=Share(count=0), in_flight=1)
    script = RunScript((replace(PLAIN, failing=1), FAILS_ONCE, PLAIN), settings=settings)
    for world in kill_everywhere(script, runner):
        assert world.outcomes == {"a": Outcome.FAILED, "a-1": Outcome.UNSENT, "b": Outcome.UNSENT}


def test_an_attempt_whose_predecessor_was_left_to_live(runner):
    """It timed out and was left: it is stopped before the next attempt leaves, whoever sends that."""
    script = RunScript((ItemScript(life_s=200.0, attempts=2, timeout_s=20.0),))
    for world in kill_everywhere(script, runner):
        assert world.outcomes == {"a": Outcome.TIMED_OUT}
        assert len(world.nomad.made) == 2


def test_with_tokens_and_phantoms(runner):
    """A token that others use, an answer that names nothing, a repeat that is verified."""
    items = (replace(FAILS_ONCE, token="own"), replace(PLAIN, token="own", prefix="exact"))
    script = RunScript(items, known_tokens=(1,))
    for world in kill_everywhere(script, runner, Life(faults=("phantom", "overtaken", "drop"))):
        assert Outcome.UNSENT not in world.outcomes.values()


def test_while_nomad_is_away(runner):
    """The outage begins as requests are under way, and is over when the next process begins."""
    script = RunScript((PLAIN, PLAIN, FAILS_ONCE), settings=replace(DEFAULTS, concurrency=2))
    life = Life(faults=("drop", "reset"), weather=(Weather(0.05, "outage", lasts_s=40.0),))
    for world in kill_everywhere(script, runner, life):
        assert set(world.outcomes.values()) == {Outcome.SUCCEEDED}


@pytest.mark.parametrize("wait", [Wait.DETACH, Wait.PLACEMENT])
def test_a_run_that_does_not_wait_for_the_end(runner, wait):
    """Whatever is waited for, what is sent is sent once."""
    script = RunScript((PLAIN, replace(PLAIN, token="own"), PLAIN), settings=Settings(wait=wait))
    for world in kill_everywhere(script, runner, Life(faults=("", "drop"))):
        assert len(world.nomad.made) == 3


def test_over_the_timeout_of_the_run(runner):
    """Downtime counts: what a resume finds unsent by then stays unsent."""
    settings = replace(DEFAULTS, timeout=timedelta(seconds=60), in_flight=1)
    script = RunScript((PLAIN, replace(PLAIN, life_s=100.0, stop=True), PLAIN), settings=settings)
    for world in kill_everywhere(script, runner, Life(downtime_s=70.0)):
        assert world.outcomes["b"] is Outcome.UNSENT


def test_a_resume_of_a_finished_run_finds_nothing_to_do(runner):
    """Killed right behind its last word, the run is over all the same."""
    world = play(RunScript((PLAIN, FAILS_ONCE)), runner)
    last = play(RunScript((PLAIN, FAILS_ONCE), lives=(Life(end=Crash(world.points)),)), runner)
    assert last.lives == 1
