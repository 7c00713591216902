"""Faults are read from short texts, and strike the same requests for the same seed."""

import re
from collections import Counter

import pytest

from dispatchfile.agent import Fault, parse_fault
from dispatchfile.agent.faults import FaultEffect, Faults, FaultTarget

READ = FaultTarget(is_write=False, is_dispatch=False, has_token=False)
WRITE = FaultTarget(is_write=True, is_dispatch=False, has_token=False)
DISPATCH = FaultTarget(is_write=True, is_dispatch=True, has_token=False)
TOKENED = FaultTarget(is_write=True, is_dispatch=True, has_token=True)
STALE = FaultTarget(is_write=False, is_dispatch=False, has_token=False, is_stale=True)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("429=5%", Fault("429", chance=0.05)),
        ("reset=2.5%:dispatch", Fault("reset", chance=0.025, scope="dispatch")),
        ("drop-after-write=100%", Fault("drop-after-write")),
        ("delay=50ms", Fault("delay", seconds=0.05)),
        ("delay=5%:2s", Fault("delay", chance=0.05, seconds=2)),
        ("delay=5%:2s:read", Fault("delay", chance=0.05, seconds=2, scope="read")),
        ("leaderless=3s@10s", Fault("leaderless", seconds=3, start=10)),
        ("leaderless=1m", Fault("leaderless", seconds=60)),
        ("leaderless=5:dispatch", Fault("leaderless", count=5, scope="dispatch")),
        ("phantom=2%", Fault("phantom", chance=0.02)),
        ("gc=5s", Fault("gc", seconds=5)),
        ("500=0%", Fault("500", chance=0)),
        ("html=1%", Fault("html", chance=0.01)),
    ],
)
def test_fault_is_read(text: str, fault: Fault) -> None:
    """A kind, an amount, and for some a scope make a fault."""
    assert parse_fault(text) == fault


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("429", 'a fault is written KIND=AMOUNT, such as 429=5%, not "429"'),
        ("429=", 'a fault is written KIND=AMOUNT, such as 429=5%, not "429="'),
        ("429=5", '"429=5": a share of the requests is written 0% to 100%, not "5"'),
        ("reset=101%", '"reset=101%": a share of the requests is written 0% to 100%, not "101%"'),
        ("delay=fast", '"delay=fast": a time is written 50ms, 2s or 1m30s, not "fast"'),
        ("delay=-1s", '"delay=-1s": a time cannot be negative'),
        ("gc=5", '"gc=5": a time is written 50ms, 2s or 1m30s, not "5"'),
        (
            "fire=5%",
            (
                'there is no fault "fire"; there are '
                "429, 500, delay, drop-after-write, gc, html, leaderless, phantom, reset"
            ),
        ),
    ],
)
def test_bad_fault_is_refused_with_what_would_be_right(text: str, message: str) -> None:
    """What cannot be read is refused with a sentence."""
    with pytest.raises(ValueError, match=re.escape(message)):
        parse_fault(text)


def _struck(*texts: str, targets: list[FaultTarget], seed: int = 0) -> list[FaultEffect]:
    faults = Faults([parse_fault(text) for text in texts], seed)
    return [faults.judge(target, 0) for target in targets]


def test_same_seed_strikes_the_same_requests() -> None:
    """Two agents with one seed do the same to the same requests; another seed does something else."""
    targets = [READ, TOKENED] * 200
    texts = ["429=10%", "reset=10%:dispatch", "delay=10%:1s", "500=10%"]
    assert _struck(*texts, targets=targets) == _struck(*texts, targets=targets)
    assert _struck(*texts, targets=targets) != _struck(*texts, targets=targets, seed=1)


def test_share_is_about_kept() -> None:
    """Of a thousand requests about a tenth are struck by a fault of ten per cent."""
    kinds = Counter(verdict.kind for verdict in _struck("reset=10%", targets=[READ] * 1000))
    assert 60 < kinds["reset"] < 140


@pytest.mark.parametrize(
    ("text", "struck"),
    [
        ("reset=100%", [READ, WRITE, DISPATCH, TOKENED]),
        ("reset=100%:dispatch", [DISPATCH, TOKENED]),
        ("reset=100%:read", [READ]),
        ("drop-after-write=100%", [WRITE, DISPATCH, TOKENED]),
        ("phantom=100%", [TOKENED]),
    ],
)
def test_fault_strikes_what_it_makes_sense_for(text: str, struck: list[FaultTarget]) -> None:
    """Scopes and kinds limit a fault: only a dispatch with a token can be answered with a phantom."""
    targets = [READ, WRITE, DISPATCH, TOKENED]
    verdicts = _struck(text, targets=targets)
    assert [target for target, verdict in zip(targets, verdicts, strict=True) if verdict.kind] == struck


def test_first_of_several_faults_wins_and_delays_add_up() -> None:
    """One fault ends a request, every delay makes it later."""
    [verdict] = _struck("delay=1s", "429=100%", "reset=100%", "delay=2s", targets=[READ])
    assert verdict == FaultEffect(delay=3, kind="429")


def test_lost_answer_follows_a_processed_write() -> None:
    """A dropped write was processed; a reset one was not."""
    [dropped] = _struck("drop-after-write=100%", targets=[WRITE])
    [reset] = _struck("reset=100%", targets=[WRITE])
    assert (dropped.processed, reset.processed) == (True, False)


def test_dying_leader_processed_about_half() -> None:
    """After a 500 or a proxy's page one cannot know: about half of the writes were processed."""
    processed = sum(verdict.processed for verdict in _struck("500=100%", targets=[WRITE] * 400))
    assert 140 < processed < 260


def test_leaderless_time_begins_and_ends() -> None:
    """Within its time every request meets no leader, but a stale read is answered."""
    faults = Faults([parse_fault("leaderless=3s@10s")], 0)
    assert [faults.judge(READ, at).kind for at in (9.9, 10, 12.9, 13)] == [None, "leaderless", "leaderless", None]
    assert faults.judge(STALE, 11) == FaultEffect(leaderless=True)


def test_leaderless_count_is_used_up() -> None:
    """A count meets the next requests, and no others."""
    kinds = [verdict.kind for verdict in _struck("leaderless=2", targets=[READ, DISPATCH, READ])]
    assert kinds == ["leaderless", "leaderless", None]


def test_collection_is_no_fault_of_a_request() -> None:
    """The gc fault only says when dead children go."""
    faults = Faults([parse_fault("gc=5s")], 0)
    assert (faults.collect_after, faults.judge(DISPATCH, 0)) == (5, FaultEffect())
