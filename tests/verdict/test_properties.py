"""Properties that hold for any records."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from dispatchfile.events import Outcome, Verdict
from dispatchfile.nomad.models import (
    Alloc,
    Evaluation,
    FailurePolicy,
    PlacementFailure,
    TaskEvent,
    TaskGroup,
    TaskState,
)
from dispatchfile.verdict import (
    ChildRecords,
    explain_placement_failure,
    judge_blocked,
    judge_completion,
    judge_placement,
    max_starts,
)
from tests.verdict.builders import alloc, evaluation

IDS = ["", "a1", "a2", "a3", "a4", "gone"]
DESCRIPTIONS = [
    "",
    "alloc is being migrated",
    "alloc is lost since its node is down",
    "alloc not needed due to job update",
    "alloc not needed due to disconnected client reconnect",
]
TIMES = ["", "2026-11-22T12:00:00Z", "2026-11-22T12:00:05.123456789Z", "0001-01-01T00:00:00Z", "soon"]
EVENTS = ["Received", "Started", "Terminated", "Killing", "Killed", "Restarting", "Driver Failure", "Task hook failed"]
TRIGGERS = ["job-register", "job-deregister", "alloc-reschedule", "queued-allocs", "node-drain", "alloc-stop", ""]

small = st.integers(-1, 4)
words = st.text(max_size=8)
events = st.builds(
    TaskEvent,
    type=st.sampled_from(EVENTS) | words,
    time_ns=small,
    details=st.dictionaries(st.sampled_from(["fails_task", "oom_killed", "driver_error"]), st.just("true") | words),
    exit_code=st.integers(-1, 300),
    signal=st.integers(-1, 99),
    message=words,
    display_message=words | st.just("Template failed"),
)
tasks = st.builds(
    TaskState,
    state=st.sampled_from(["pending", "running", "dead"]),
    failed=st.booleans(),
    restarts=small,
    started_at=st.sampled_from(TIMES),
    finished_at=st.sampled_from(TIMES),
    events=st.lists(events, max_size=5).map(tuple),
)
allocs = st.builds(
    alloc,
    st.sampled_from(["complete", "complete", "failed", "lost", "running", "pending", "unknown", ""]),
    st.sampled_from(["run", "run", "stop", "evict", ""]),
    id=st.sampled_from(IDS[1:5]),
    index=st.integers(0, 2),
    at=small,
    node=st.sampled_from(["n1", "n2"]),
    tasks=st.none() | st.dictionaries(st.sampled_from(["t", "u"]), tasks, max_size=2),
    desired_description=st.sampled_from(DESCRIPTIONS),
    client_description=st.sampled_from(["", "Failed tasks", "allocation exceeded max_run_duration"]),
    next_allocation=st.sampled_from(IDS),
    preempted_by=st.sampled_from(["", "", "b1"]),
    group=st.sampled_from(["g", "h"]),
)
failures = st.dictionaries(
    st.sampled_from(["g", "h"]),
    st.builds(
        PlacementFailure,
        small,
        small,
        small,
        st.dictionaries(st.sampled_from(["missing drivers", "CSI x", "${a} = b"]), small),
        st.dictionaries(words, small),
        st.dictionaries(words, small),
        st.lists(words, max_size=2).map(tuple),
    ),
)
evals = st.builds(
    evaluation,
    st.sampled_from(["complete", "pending", "blocked", "failed", "canceled", ""]),
    st.sampled_from(TRIGGERS),
    at=small,
    next_eval=st.sampled_from(["", "e1", "e9"]),
    blocked_eval=st.sampled_from(["", "e2", "e9"]),
    failed_groups=failures,
    wait_until=st.sampled_from(TIMES),
    status_description=words,
)
policies = st.builds(FailurePolicy, small, mode=st.sampled_from(["fail", "delay", ""]), unlimited=st.booleans())
groups = st.builds(
    TaskGroup,
    st.sampled_from(["g", "h"]),
    small,
    st.sampled_from([(), ("t",), ("t", "u")]),
    policies,
    policies,
    st.dictionaries(st.sampled_from(["t", "u"]), st.sampled_from(["prestart", "poststop"])),
    st.sampled_from([frozenset(), frozenset({"t"})]),
    st.dictionaries(st.just("t"), policies),
)
records = st.builds(
    ChildRecords,
    status=st.sampled_from(["dead", "dead", "pending", "running", "", "odd"]),
    stop=st.booleans(),
    type=st.sampled_from(["batch", "sysbatch"]),
    groups=st.lists(groups, max_size=2).map(lambda made: {group.name: group for group in made}),
    allocs=st.lists(allocs, max_size=5).map(tuple),
    evals=st.none() | st.lists(evals, max_size=4).map(tuple),
    gone=st.sampled_from([False, False, True]),
    seen_alive=st.booleans(),
    server_before_2_0_1=st.booleans(),
    age_s=st.sampled_from([0.0, 600.0]),
)
anything = settings(max_examples=50, deadline=None)


def distinct(made: tuple[Alloc, ...]) -> tuple[Alloc, ...]:
    """One allocation an ID, each created at a time of its own."""
    kept = {allocation.id: allocation for allocation in made}
    return tuple(
        replace(allocation, create_index=index * 10, next_allocation="")
        for index, allocation in enumerate(kept.values(), 1)
    )


@anything
@given(records)
def test_any_records_can_be_judged(made: ChildRecords) -> None:
    """Whatever a server shows, there is a judgement, and each verdict but success says something."""
    for judgement in (judge_completion(made), judge_placement(made), judge_blocked(made)):
        if isinstance(judgement, Verdict) and judgement.outcome not in {Outcome.SUCCEEDED, Outcome.PLACED}:
            assert judgement.message
            assert judgement.message.isprintable()


@anything
@given(records, st.randoms(use_true_random=False))
def test_the_order_of_the_records_never_matters(made: ChildRecords, random) -> None:
    """Lists come in any order."""
    made = replace(made, allocs=distinct(made.allocs), evals=made.evals and distinct_evals(made.evals))
    shuffled_allocs = random.sample(made.allocs, len(made.allocs))
    shuffled_evals = made.evals and random.sample(made.evals, len(made.evals))
    shuffled = replace(made, allocs=tuple(shuffled_allocs), evals=made.evals and tuple(shuffled_evals))
    assert judge_completion(shuffled) == judge_completion(made)
    assert judge_placement(shuffled) == judge_placement(made)
    assert judge_blocked(shuffled) == judge_blocked(made)


def distinct_evals(made: tuple[Evaluation, ...]) -> tuple[Evaluation, ...]:
    return tuple({made_eval.id: made_eval for made_eval in made}.values())


@anything
@given(records, allocs, st.integers(0, 4))
def test_an_older_replaced_allocation_never_changes_the_outcome(made: ChildRecords, older: Alloc, which: int) -> None:
    """Its replacement is what counts."""
    made = replace(made, allocs=distinct(made.allocs), gone=False)
    if not made.allocs:
        return
    newer = made.allocs[which % len(made.allocs)]
    replaced = replace(
        older,
        id="older",
        desired_status="stop",
        desired_description="",
        next_allocation=newer.id,
        create_index=1,
        name=newer.name,
        group=newer.group,
        node_id=newer.node_id,
    )
    before, after = judge_completion(made), judge_completion(replace(made, allocs=(*made.allocs, replaced)))
    assert type(before) is type(after)
    if isinstance(before, Verdict) and isinstance(after, Verdict):
        assert (after.outcome, after.cause, after.exit_code) == (before.outcome, before.cause, before.exit_code)


@anything
@given(records)
def test_success_needs_every_newest_allocation_to_have_ended_well(made: ChildRecords) -> None:
    """Complete, not over its time, and not stopped before its end; and as many of them as the groups want."""
    made = replace(made, allocs=distinct(made.allocs))
    judgement = judge_completion(made)
    if not isinstance(judgement, Verdict) or judgement.outcome is not Outcome.SUCCEEDED:
        return
    latest: dict[tuple[str, str, str], Alloc] = {}
    for one in made.allocs:
        latest[one.group, one.name, one.node_id if made.type == "sysbatch" else ""] = one
    assert latest
    newest = [one for one in latest.values() if "reconnect" not in one.desired_description]
    assert {one.client_status for one in newest} <= {"complete"}
    assert all("max_run_duration" not in one.client_description for one in newest)
    if made.type == "batch":
        for group in made.groups.values():
            assert sum(one.group == group.name for one in latest.values()) >= group.count


@anything
@given(failures)
def test_any_failure_to_place_can_be_explained(made: dict[str, PlacementFailure]) -> None:
    """The explanation is one printable line, empty only if there are no failures."""
    sentence = explain_placement_failure(made)
    assert bool(sentence) == bool(made)
    assert sentence.isprintable()


@anything
@given(st.lists(groups, max_size=3), st.integers(1, 5), st.sampled_from(["batch", "sysbatch"]))
def test_more_attempts_never_mean_fewer_starts(made: list[TaskGroup], attempts: int, job_type: str) -> None:
    """The number grows with the attempts, or has no limit."""
    by_name = {group.name: group for group in made}
    starts = [max_starts(by_name, count, job_type) for count in (attempts, attempts + 1)]
    assert starts == [None, None] or (starts[0] is not None and starts[1] is not None and starts[0] <= starts[1])
