"""The journal of a run, written and read back."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import time
from dataclasses import replace

import pytest

from dispatchfile.errors import JournalError, RunRefused
from dispatchfile.events import (
    Accepted,
    Cause,
    Doubled,
    Doubted,
    Ended,
    Moved,
    Notice,
    NoticeKind,
    Outcome,
    Repeated,
    Sending,
    State,
    Verdict,
)
from dispatchfile.journal import (
    Journal,
    JournalReader,
    RunState,
    RunStatus,
    StoredBaseline,
    is_live,
    request_stop,
)
from dispatchfile.results import AttemptHistory

from .samples import TARGET, header, intent, item

EVENTS = [
    Sending("a", 1, 10.1),
    Repeated("a", 1, 10.2, "connection refused", throttled=True),
    Sending("a", 1, 1764000000.1234567),
    Doubted("a", 1, 10.4, "reset \x00 \ud800"),
    Accepted("a", 1, 10.5, "encode/dispatch-k3j9x2ab-a-1-1-0123abcd", "e", existing=True, adopted=True),
    Notice(10.6, NoticeKind.NO_LEADER, "No cluster leader"),
    Moved("a", 1, 10.7, State.RUNNING, "on node-1"),
    Doubled("a", 1, 10.8, ("x", "y")),
    Ended("a", 1, 10.9, Verdict(Outcome.FAILED, Cause.EXIT, "exit 3", 3, "node-1", 2, "bye", "a0", "t"), retry_at=40.5),
]


async def started(folder, items=None, intents=None) -> Journal:
    items = [item("a"), item("b")] if items is None else items
    journal = Journal.create(folder, header(), items)
    await journal.add_intents([intent(one.id) for one in items] if intents is None else intents)
    return journal


async def end(journal: Journal) -> None:
    await journal.close(RunState.FINISHED, exit_code=0, finished_at=99.5, counts={"succeeded": 2})


async def test_what_was_recorded_is_read_back_as_it_was(folder):
    """Every kind of event, in order, with all its fields."""
    journal = await started(folder)
    for event in EVENTS:
        journal.record(event)
    await end(journal)
    assert list(JournalReader(journal.path).events()) == EVENTS


async def test_the_items_are_read_back_as_they_were(folder):
    """Items can be sent again, or judged, without the manifest."""
    items = [item("a"), item("b", payload=None), item("c", payload=b"\xff\x00"), item("d", payload=b"", meta={})]
    journal = await started(folder, items)
    await end(journal)
    assert list(JournalReader(journal.path).items()) == items


async def test_items_can_be_read_without_their_payloads(folder):
    """A status needs no payloads, which are most of a big file."""
    journal = await started(folder, [item("a")])
    await end(journal)
    assert list(JournalReader(journal.path).items(payloads=False)) == [item("a", payload=None)]


async def test_equal_payloads_are_stored_once(folder):
    """A hundred items with one file as their payload take its space once."""
    items = [item(f"i{number}", payload=b"x" * 16_384) for number in range(100)]
    journal = await started(folder, items)
    await end(journal)
    assert journal.path.stat().st_size < 20 * 16_384
    assert list(JournalReader(journal.path).items()) == items


async def test_the_header_tells_the_run_and_how_it_ended(folder):
    """The history needs to read nothing else."""
    journal = await started(folder)
    await end(journal)
    run = JournalReader(journal.path).run()
    ended = RunStatus(RunState.FINISHED, os.getpid(), os.uname().nodename, 0, 99.5, {"succeeded": 2})
    assert (run.header, run.status, run.items) == (header(), ended, 2)


async def test_a_live_run_can_be_read(folder):
    """`status` and `watch` look on from any terminal."""
    journal = await started(folder)
    journal.record(EVENTS[0])
    await journal.flush()
    reader = JournalReader(journal.path)
    assert (reader.run().status.state, reader.run().status.pid) == (RunState.RUNNING, os.getpid())
    (seen,) = reader.numbered_events()
    journal.record(EVENTS[1])
    await journal.flush()
    assert [event for _, event in reader.numbered_events(after=seen[0])] == [EVENTS[1]]
    await end(journal)


async def test_nothing_is_written_before_the_intents(folder):
    """A run that is refused by preflight leaves no trace."""
    journal = Journal.create(folder, header(), [item()])
    journal.record(EVENTS[5])
    await journal.flush()
    await end(journal)
    assert not folder.exists()


async def test_what_was_recorded_before_the_intents_is_not_lost(folder):
    """A notice that came early waits for the file."""
    journal = Journal.create(folder, header(), [item()])
    journal.record(EVENTS[5])
    await journal.add_intents([intent()])
    assert list(JournalReader(journal.path).events()) == [EVENTS[5]]
    await end(journal)


async def test_marks_before_the_intents_are_refused(folder):
    """Nothing may be sent that has no intent on record."""
    journal = Journal.create(folder, header(), [item()])
    with pytest.raises(JournalError, match="not open"):
        await journal.mark_may_send([("a", 1)])


async def test_the_file_is_one_plain_file_once_the_run_is_over(folder):
    """It can be copied, as an artifact of a CI job, and read on a read-only disk."""
    journal = await started(folder)
    await end(journal)
    assert sorted(path.name for path in journal.path.parent.iterdir()) == [journal.path.name, "k3j9x2ab.lock"]


async def test_a_run_may_end_while_somebody_reads_it(folder):
    """The reader is not disturbed, and the file is whole for those who come later."""
    journal = await started(folder)
    journal.record(EVENTS[0])
    await journal.flush()
    reading = sqlite3.connect(journal.path)
    assert reading.execute("SELECT count(*) FROM log WHERE kind = 'sending'").fetchone() == (1,)
    journal.record(EVENTS[1])
    await end(journal)
    assert list(JournalReader(journal.path).events()) == EVENTS[:2]
    reading.close()
    assert list(JournalReader(journal.path).events()) == EVENTS[:2]


async def test_events_are_durable_soon_though_nobody_waits_for_them(folder):
    """Who follows the run from another terminal sees them."""
    journal = await started(folder)
    journal.record(EVENTS[0])
    deadline = time.monotonic() + 2
    while not list(JournalReader(journal.path).events()):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)
    await end(journal)


async def test_a_mark_says_that_an_attempt_may_have_been_sent(folder):
    """Without a mark it was definitely never sent."""
    journal = await started(folder)
    await journal.mark_may_send([("b", 1)])
    assert JournalReader(journal.path).attempts() == {
        ("a", 1): AttemptHistory(1, intent("a")),
        ("b", 1): AttemptHistory(1, intent("b"), marked=True),
    }
    assert [key for key, one in JournalReader(journal.path).attempts().items() if one.in_doubt] == [("b", 1)]
    await end(journal)


async def test_progress_tells_how_far_each_attempt_came(folder):
    """The child, the doubt and the end of each attempt are there to go on from."""
    journal = await started(folder)
    await journal.mark_may_send([("a", 1), ("b", 1)])
    for event in EVENTS:
        journal.record(event)
    await journal.add_intents([intent("a", 2)])
    assert JournalReader(journal.path).attempts() == {
        ("a", 1): AttemptHistory(1, intent("a"), marked=True, accepted=EVENTS[4], doubted=EVENTS[3], ended=EVENTS[8]),
        ("b", 1): AttemptHistory(1, intent("b"), marked=True),
        ("a", 2): AttemptHistory(2, intent("a", 2)),
    }
    await end(journal)


async def test_an_attempt_that_surely_was_not_sent_is_not_in_doubt(folder):
    """An interruption says so of what was marked and still waited."""
    journal = await started(folder)
    await journal.mark_may_send([("a", 1)])
    unsent = Ended("a", 1, 5.0, Verdict(Outcome.UNSENT, Cause.INTERRUPTED))
    journal.record(unsent)
    await journal.flush()
    assert JournalReader(journal.path).attempts()["a", 1] == AttemptHistory(1, intent("a"), ended=unsent)
    await end(journal)


async def test_an_unsent_attempt_that_is_marked_again_is_in_doubt_again(folder):
    """A resumed run may be killed as well."""
    journal = await started(folder)
    await journal.mark_may_send([("a", 1)])
    journal.record(Ended("a", 1, 5.0, Verdict(Outcome.UNSENT, Cause.INTERRUPTED)))
    await journal.mark_may_send([("a", 1)])
    assert JournalReader(journal.path).attempts()["a", 1].in_doubt
    await end(journal)


async def test_an_unknown_attempt_whose_child_is_found_has_no_end_any_more(folder):
    """What is looked at again is judged again."""
    journal = await started(folder)
    await journal.mark_may_send([("a", 1)])
    journal.record(Ended("a", 1, 5.0, Verdict(Outcome.UNKNOWN)))
    journal.record(EVENTS[4])
    await journal.flush()
    assert JournalReader(journal.path).attempts()["a", 1] == AttemptHistory(
        1, intent("a"), marked=True, accepted=EVENTS[4]
    )
    await end(journal)


async def test_baselines_are_there_before_the_first_dispatch(folder):
    """They come with the intents."""
    first, other = (
        StoredBaseline("media", "eu", "encode", 17, 4, 30, 1.5),
        StoredBaseline("media", "eu", "mux", 3, 0, 41, 2.5),
    )
    journal = Journal.create(folder, header(), [item()], baselines=[first, other])
    await journal.add_intents([intent()])
    assert JournalReader(journal.path).baselines() == {("media", "eu", "encode"): first, ("media", "eu", "mux"): other}
    await end(journal)


async def test_a_resumed_run_goes_on_in_the_same_file(folder):
    """What the first process recorded stays, and the second one's comes behind it."""
    journal = await started(folder)
    journal.record(EVENTS[0])
    await journal.close(RunState.INTERRUPTED, exit_code=130, finished_at=5.0)
    journal = Journal.resume(journal.path)
    assert JournalReader(journal.path).run().status == RunStatus(RunState.RUNNING, os.getpid(), os.uname().nodename)
    journal.record(EVENTS[1])
    await end(journal)
    reader = JournalReader(journal.path)
    assert (list(reader.events()), reader.run().status.state) == (EVENTS[:2], RunState.FINISHED)


async def test_two_cannot_work_on_one_run(folder):
    """The second is told who has it, and looking does no harm."""
    journal = await started(folder)
    assert is_live(JournalReader(journal.path).run())
    with pytest.raises(RunRefused, match=rf"process {os.getpid()} on .* run k3j9x2ab: `dispatchfile watch k3j9x2ab`"):
        Journal.resume(journal.path)
    await end(journal)
    assert not is_live(JournalReader(journal.path).run())


async def test_a_run_id_is_used_once(folder):
    """Its children could not be told from the other's."""
    await end(await started(folder))
    again = Journal.create(folder, header(started_at=2.0), [item()])
    with pytest.raises(RunRefused, match=r"run k3j9x2ab already exists in .*: dispatchfile resume k3j9x2ab"):
        await again.add_intents([intent()])
    assert len(list((folder / "runs").glob("*.db"))) == 1


async def test_a_stop_is_requested_by_another_process(folder):
    """The request is in the file; a run that only waits sees it as well, in less than two seconds."""
    journal = await started(folder)
    await journal.flush()
    assert not journal.stop_requested
    request_stop(journal.path, at=3.0)
    deadline = time.monotonic() + 2
    while not journal.stop_requested:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)
    await end(journal)


async def test_a_stop_request_is_not_meant_for_a_later_process(folder):
    """Whoever resumes a run wants it to go on."""
    journal = await started(folder)
    request_stop(journal.path, at=3.0)
    await end(journal)
    journal = Journal.resume(journal.path)
    await journal.flush()
    assert not journal.stop_requested
    await end(journal)


async def test_marks_that_come_together_are_committed_together(folder):
    """Waiting for many marks takes few commits."""
    items = [item(f"i{number}") for number in range(300)]
    journal = await started(folder, items)
    await asyncio.gather(*(journal.mark_may_send([(one.id, 1)]) for one in items))
    assert all(one.marked for one in JournalReader(journal.path).attempts().values())
    await end(journal)


async def test_who_stops_waiting_for_a_mark_disturbs_nobody(folder):
    """A cancelled task leaves its mark, or not; the others get theirs."""
    journal = await started(folder)
    waiting = asyncio.create_task(journal.mark_may_send([("a", 1)]))
    await asyncio.sleep(0)
    waiting.cancel()
    await journal.mark_may_send([("b", 1)])
    assert JournalReader(journal.path).attempts()["b", 1].marked
    assert waiting.cancelled()
    await end(journal)


async def test_a_journal_that_is_deleted_meanwhile_is_missed(folder):
    """Else marks would be written to a file that nobody can open any more, and relied on."""
    journal = await started(folder)
    journal.path.unlink()
    with pytest.raises(JournalError, match="it was deleted or moved during the run"):
        await journal.mark_may_send([("a", 1)])
    with pytest.raises(JournalError):
        await journal.close(RunState.INTERRUPTED, exit_code=1, finished_at=1.0)


async def test_a_closed_journal_takes_nothing_more(folder):
    """What comes after the end is not on record, and who waits for it is told."""
    journal = await started(folder)
    await end(journal)
    await end(journal)
    journal.record(EVENTS[0])
    with pytest.raises(JournalError, match="not open"):
        await journal.mark_may_send([("a", 1)])
    assert list(JournalReader(journal.path).events()) == []


async def test_a_run_without_items_can_be_kept(folder):
    """A run that left everything out is part of the history."""
    journal = await started(folder, [])
    await end(journal)
    assert JournalReader(journal.path).run().items == 0


async def test_no_sensitive_value_is_in_any_file(folder):
    """Neither in the items, nor in what Nomad or a task says, neither in the database nor beside it."""
    secret = item(
        payload=b"swordfish\n", meta={"key": 'hunter"2', "title": "T"}, sensitive=frozenset({"payload", "meta.key"})
    )
    journal = await started(folder, [secret])
    for event in (
        Doubted("a", 1, 1.0, 'sent hunter"2'),
        Ended("a", 1, 2.0, Verdict(Outcome.FAILED, message="swordfish!", last_log_line=r'{"key": "hunter\"2"}')),
        Notice(3.0, NoticeKind.CANARY_FAILED, "a: swordfish!"),
    ):
        journal.record(event)
    await journal.flush()
    live = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    assert [name for name in (b"swordfish", b"hunter") if name in live] == []
    stored = item(payload=None, meta={"title": "T"}, sensitive=secret.sensitive)
    assert list(JournalReader(journal.path).items()) == [stored]
    await end(journal)
    assert b"swordfish" not in journal.path.read_bytes()


async def test_a_resumed_run_hides_what_it_rendered_again(folder):
    """The values are not in the journal, so whoever renders them tells it."""
    secret = item(meta={"key": "swordfish"}, sensitive=frozenset({"meta.key"}))
    journal = await started(folder, [secret])
    await journal.close(RunState.INTERRUPTED, exit_code=130, finished_at=5.0)
    journal = Journal.resume(journal.path)
    journal.hide([secret])
    journal.record(Doubted("a", 1, 1.0, "swordfish"))
    await journal.flush()
    assert list(JournalReader(journal.path).events()) == [Doubted("a", 1, 1.0, "***")]
    await end(journal)


async def test_credentials_in_the_address_are_not_kept(folder):
    """NOMAD_ADDR may hold a user and a password."""
    sensitive = replace(header(), target=replace(TARGET, address="http://me:swordfish@127.0.0.1:4646"))
    journal = Journal.create(folder, sensitive, [item()])
    await journal.add_intents([intent()])
    await end(journal)
    assert JournalReader(journal.path).run().header == header()
    assert b"swordfish" not in journal.path.read_bytes()
