"""Items and settings as hypothesis may choose them."""

from hypothesis import strategies as st

from dispatchfile.settings import Settings, Share, Wait
from tests.batches import seconds
from tests.exactly_once.scripts import JOBS, ItemScript

item_scripts = st.builds(
    ItemScript,
    failing=st.sampled_from([0, 0, 1, 2]),
    attempts=st.sampled_from([1, 2, 3]),
    delay_s=st.sampled_from([0.0, 30.0]),
    life_s=st.sampled_from([5.0, 0.0, 1.0, 60.0]),
    timeout_s=st.sampled_from([None, 20.0, 60.0]),
    stop=st.booleans(),
    token=st.sampled_from(["", "own", "shared"]),
    prefix=st.sampled_from(["", "written", "exact"]),
    job=st.sampled_from(JOBS),
)
run_settings = st.builds(
    Settings,
    wait=st.sampled_from([Wait.COMPLETION, Wait.COMPLETION, Wait.PLACEMENT, Wait.DETACH]),
    concurrency=st.sampled_from([2, 1, 4]),
    in_flight=st.sampled_from([None, 1, 3]),
    canary=st.sampled_from([None, None, Share(count=1), Share(percent=50.0)]),
    stop_on=st.sampled_from([None, None, Share(count=0), Share(count=1)]),
    timeout=st.sampled_from([None, None, None, seconds(3.0), seconds(50.0)]),
    settle=st.sampled_from([seconds(30.0), seconds(45.0)]),
)
