"""Whatever happens to a run: one child for each attempt, or `unknown` where Nomad has forgotten too much to tell."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.exactly_once.playing import play
from tests.exactly_once.scripts import Crash, Interrupt, Life, RunScript, Weather
from tests.exactly_once.strategies import item_scripts, run_settings

EXAMPLES = int(os.environ.get("EXACTLY_ONCE_EXAMPLES", "150"))
FAULTS = ("", "drop", "reset", "late", "throttled", "unreachable", "refused", "phantom", "overtaken")


ends = st.one_of(
    st.builds(Crash, st.integers(1, 70), kept=st.integers(0, 4), late_s=st.sampled_from([None, 0.0, 10.0, 29.0])),
    st.builds(Interrupt, st.sampled_from([0.0, 0.02, 1.0, 8.0, 40.0])),
)
weather = st.one_of(
    st.builds(
        Weather,
        st.sampled_from([0.0, 0.03, 2.0, 20.0, 50.0]),
        st.just("outage"),
        lasts_s=st.sampled_from([3.0, 9.0, 30.0, 400.0]),
    ),
    st.builds(
        Weather, st.sampled_from([0.5, 3.0, 20.0, 60.0]), st.sampled_from(["collect", "stranger", "stop", "purge"])
    ),
)
lives = st.builds(
    Life,
    end=ends,
    faults=st.lists(st.sampled_from(FAULTS), max_size=6).map(tuple),
    weather=st.lists(weather, max_size=3).map(tuple),
    afterwards=st.lists(st.sampled_from(["collect", "stranger", "register_anew", "stop", "purge"]), max_size=3).map(
        tuple
    ),
    downtime_s=st.sampled_from([0.0, 5.0, 60.0]),
)
scripts = st.builds(
    RunScript,
    items=st.lists(item_scripts, min_size=1, max_size=6).map(tuple),
    lives=st.lists(lives, max_size=4).map(tuple),
    settings=run_settings,
    known_tokens=st.lists(st.integers(0, 5), max_size=2).map(tuple),
)


@settings(
    max_examples=EXAMPLES, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck)
)
@given(script=scripts)
def test_every_attempt_has_one_child_or_its_item_is_unknown(runner, script):
    """Crashes, interruptions, outages, lost answers, phantoms, collection and other people, in any order."""
    play(script, runner)
