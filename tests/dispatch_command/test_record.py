"""What `dispatch` has dispatched is known to `runs`, `status`, `logs` and `watch`, and its lines stay as they are."""

import json

import pytest

from dispatchfile.events import Outcome
from dispatchfile.usecases.past import RunName, read_past
from tests.dispatch_command.calls import ours


def the_record(state):
    """The only run on record, as its journal has it."""
    (path,) = (state / "runs").glob("*.db")
    return read_past(RunName(path.stem.rpartition("-")[2], None, str(state), {}))


def dispatched(state, address, *arguments):
    """Return what the command printed as JSON, and the only item of its record."""
    said = ours(address, "-o", "json", *arguments)
    past = the_record(state)
    (item,) = past.results.items()
    return json.loads(said.out), past, item


def test_a_dispatch_is_a_run_of_one_item(address, state):
    """Named after its job; its child and its end are on record."""
    told, past, item = dispatched(state, address, "-wait", "-meta", "k=v", "exit3")
    assert told["run"] == past.stored.header.id
    assert (past.state, past.stored.header.name, past.stored.status.exit_code) == ("finished", "dispatch", 2)
    assert (item.id, item.job, item.outcome, item.exit_code) == ("exit3", "exit3", Outcome.FAILED, 3)
    assert item.child.startswith("exit3/dispatch-")
    (stored,) = past.reader.items()
    assert (stored.request.meta, stored.exact_prefix, stored.written_prefix) == ({"k": "v"}, True, "")


def test_the_end_of_its_job_is_seen_by_watch(address, state):
    """The command itself does not wait for the end by default."""
    _, past, item = dispatched(state, address, "exit3")
    assert item.outcome is Outcome.PLACED
    assert ours(address, past.stored.header.id, "-q", command="watch").code == 2


def test_its_log_and_all_about_it_are_shown(address, state):
    """`logs` and `status` find it by its run and its job."""
    told, past, _ = dispatched(state, address, "-wait", "exit3")
    assert ours(address, past.stored.header.id, command="logs").out == "exit3 (stderr) | no such codec\n"
    shown = ours(address, past.stored.header.id, "exit3", command="status").out
    assert shown.startswith(f"item exit3 of run {told['run']}: failed (exit 3)\n")
    assert "  source " not in shown


def test_it_cannot_be_resumed_and_says_what_can_be_done(address, state):
    """Its child's ID names no run, so others' children would be taken for it."""
    _, past, _ = dispatched(state, address, "-detach", "ok")
    run = past.stored.header.id
    said = ours(address, run, command="resume")
    assert said.code == 1
    assert said.err == (
        f"Error: run {run} is the record of a `dispatch`, which cannot be resumed; "
        f"follow its job with: dispatchfile watch {run}\n"
    )


def test_it_can_be_run_again_as_a_run_of_its_own(address, state):
    """Then the child's ID names the run, so that it can be found again."""
    _, past, _ = dispatched(state, address, "-wait", "exit3")
    said = ours(address, past.stored.header.id, "--failed", "-o", "json", command="rerun")
    (item,) = json.loads(said.out)["items"]
    run = json.loads(said.out)["run"]
    assert item["child"].startswith(f"exit3/dispatch-{run}-exit3-1-")


def test_without_a_journal_nothing_is_written(address, state):
    """The printed lines are the same."""
    said = ours(address, "-detach", "--no-journal", "ok")
    assert (said.code, state.exists()) == (0, False)
    assert ours(address, "-detach", "ok").out == said.out


def test_a_journal_that_cannot_be_written_keeps_nobody_from_dispatching(address, tmp_path):
    """It is a warning; the lines and the exit code are the same."""
    (tmp_path / "file").write_text("")
    said = ours(address, "-detach", "--state-dir", str(tmp_path / "file"), "ok")
    assert said.code == 0
    assert said.out.startswith("Dispatched Job ID = ok/dispatch-CHILD\n")
    assert said.err.startswith("this dispatch is not on record: ")


def test_a_refused_dispatch_is_on_record_too(address, state):
    """The record has Nomad's words."""
    said = ours(address, "needs")
    (item,) = the_record(state).results.items()
    assert (said.code, item.outcome, item.child) == (1, Outcome.REFUSED, "")


def test_a_job_that_does_not_exist_leaves_no_record(address, state):
    """Nothing was about to be sent."""
    assert ours(address, "no-such-job").code == 1
    assert not state.exists()


def test_the_timeout_ends_the_watch_and_leaves_the_job(address, state):
    """The exit code is 2, as for an item's timeout."""
    said = ours(address, "-wait", "--timeout", "1s", "long")
    (item,) = the_record(state).results.items()
    assert (said.code, item.outcome, item.message) == (2, Outcome.TIMED_OUT, "exceeded its timeout of 1s: not stopped")
    assert said.err == (
        "exceeded its timeout of 1s: not stopped; the job continues in Nomad. "
        "To look: nomad job status long/dispatch-CHILD\n"
    )
    assert said.out.endswith(
        '==> TIME: Job "long/dispatch-CHILD" timed_out (deadline): exceeded its timeout of 1s: not stopped\n'
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(
            ["-detach", "--timeout", "1s"], "--timeout has no effect with --detach: leave out one of the two\n"
        ),
        pytest.param(["--timeout", "soon"], "--timeout: 'soon'"),
    ],
    ids=["nobody waits", "no duration"],
)
def test_a_timeout_that_is_no_help_is_refused(embedded, state, arguments, message):
    """Before anything is sent."""
    said = ours(embedded, *arguments, "ok")
    assert (said.code, state.exists()) == (1, False)
    assert said.err.startswith(message)
