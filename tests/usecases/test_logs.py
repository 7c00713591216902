"""What tasks wrote, as long as Nomad has it."""

from dataclasses import replace

import pytest

from dispatchfile.errors import NomadForbidden, NomadUnavailable, UsageError
from dispatchfile.events import Cause, Ended, Outcome, Verdict
from dispatchfile.nomad.models import TaskState
from dispatchfile.usecases.logs import MOST_BYTES, LogOptions, TaskLog, read_logs
from tests.making import make_item
from tests.usecases.past_runs import CONNECTION, STARTED_AT, PastNomad, header, keep_run, sent
from tests.virtual_time import VIRTUAL_TIME


@pytest.fixture
def anyio_backend():
    return VIRTUAL_TIME


A, B, C = make_item("a", tags=("x",)), make_item("b"), make_item("c")


async def read(name, nomad, **options):
    wanted = LogOptions(name=name, connection=CONNECTION, **options)
    return [log async for log in read_logs(wanted, connect=nomad.connect)]


def ended(item, outcome, line=""):
    return Ended(item.id, 1, STARTED_AT + 3, Verdict(outcome, Cause.EXIT, exit_code=3, last_log_line=line))


async def three(tmp_path, nomad, *, head=None):
    """`a` ended well, `b` failed, `c` was refused."""
    one, two = nomad.had(A), nomad.had(B)
    nomad.logs = {(one.id, "stdout"): b"one\ntwo\n", (two.id, "stdout"): b"", (two.id, "stderr"): b"oh \xff no"}
    events = [*sent(A, one), ended(A, Outcome.SUCCEEDED), *sent(B, two), ended(B, Outcome.FAILED, "oh no")]
    return await keep_run(tmp_path, [A, B, C], [*events, ended(C, Outcome.REFUSED)], head=head or header())


async def test_each_item_tells_what_its_task_wrote(tmp_path):
    """In file order; of one that wrote nothing or was never sent, that is said."""
    name = await three(tmp_path, nomad := PastNomad())
    assert await read(name, nomad) == [
        TaskLog("a", lines=("one", "two")),
        TaskLog("b", note="nothing on stdout"),
        TaskLog("c", note="has no child, so no log"),
    ]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        pytest.param({"items": ["tag:x"]}, [TaskLog("a", lines=("one", "two"))], id="some items"),
        pytest.param({"items": ["a"], "tail": 1}, [TaskLog("a", lines=("two",))], id="the last line"),
        pytest.param(
            {"failed": True, "stream": "stderr"}, [TaskLog("b", lines=("oh \ufffd no",))], id="failed, stderr"
        ),
    ],
)
async def test_items_streams_and_lines_can_be_chosen(tmp_path, options, expected):
    """Items as `--only` names them; bytes that are no text are shown as such."""
    name = await three(tmp_path, nomad := PastNomad())
    assert await read(name, nomad, **options) == expected


async def test_what_is_gone_is_said_to_be_gone(tmp_path):
    """The last line that the journal kept is shown in its place."""
    name = await three(tmp_path, nomad := PastNomad())
    nomad.logs = {}
    gone = [
        TaskLog("a", note="gone from Nomad"),
        TaskLog("b", lines=("oh no",), note="gone from Nomad; this is the last line on record"),
    ]
    assert await read(name, nomad, items=["a", "b"]) == gone
    nomad.children.clear()
    assert await read(name, nomad, items=["a", "b"]) == gone


async def test_what_never_began_is_not_called_gone(tmp_path):
    """A child that was not placed may still wait in Nomad."""
    nomad = PastNomad()
    child = nomad.had(A)
    child.placed = False
    unplaced = Ended("a", 1, STARTED_AT + 3, Verdict(Outcome.UNPLACED, Cause.NO_CAPACITY))
    name = await keep_run(tmp_path, [A], [*sent(A, child), unplaced])
    assert await read(name, nomad) == [TaskLog("a", note="no task of it has begun")]
    nomad.children.clear()
    assert await read(name, nomad) == [TaskLog("a", note="gone from Nomad")]


async def test_of_a_local_run_the_record_is_all_there_is(tmp_path):
    """No server is asked."""
    name = await three(tmp_path, nomad := PastNomad(), head=header(local=True))
    assert await read(name, nomad, items=["b"]) == [
        TaskLog("b", lines=("oh no",), note="gone with the embedded agent that ran it; this is the last line on record")
    ]
    assert nomad.connected == 0


async def test_tasks_and_allocations_of_one_item_are_told_apart(tmp_path):
    """By as much as it takes; of allocations that were replaced, the newest one counts."""
    name = await three(tmp_path, nomad := PastNomad())
    child = nomad.made[0]
    task = TaskState("dead", failed=False, restarts=0, started_at="", finished_at="", events=())
    first = replace(nomad._alloc(child), task_states={"t": task, "side": task})
    nomad.allocs = {child.id: (first,)}
    assert [log.source for log in await read(name, nomad, items=["a"])] == ["t", "side"]
    second = replace(first, id="2", name=f"{child.id}.g[1]", create_index=8, task_states={"t": task})
    newer = replace(second, id="3", create_index=9)
    nomad.allocs = {child.id: (newer, first, second)}
    assert [log.source for log in await read(name, nomad, items=["a"])] == ["g[0]/t", "g[0]/side", "g[1]/t"]
    assert "logs 3" in nomad.calls
    assert "logs 2" not in nomad.calls


async def test_a_huge_log_is_cut_to_its_end(tmp_path):
    """At a line's beginning, and that is said."""
    name = await three(tmp_path, nomad := PastNomad())
    nomad.logs[nomad.made[0].id, "stdout"] = b"first\n" + b"x" * 99 + b"\n" + b"y" * (MOST_BYTES - 50) + b"\nlast\n"
    (log,) = await read(name, nomad, items=["a"])
    assert (log.lines[-1], set(log.lines[0]), log.note) == ("last", {"y"}, "only the last 1 MiB of it")


async def test_without_the_right_to_read_logs_the_capability_is_named(tmp_path):
    """Rather than calling them gone."""
    name = await three(tmp_path, nomad := PastNomad(forbidden=["logs"]))
    with pytest.raises(NomadForbidden, match="lacks the capability read-logs in namespace 'default'"):
        await read(name, nomad)


async def test_where_nobody_answers_nothing_is_called_gone(tmp_path):
    """It may well be there."""
    name = await three(tmp_path, nomad := PastNomad())
    nomad.down = True
    with pytest.raises(NomadUnavailable):
        await read(name, nomad)


async def test_a_choice_that_takes_nothing_is_an_error(tmp_path):
    """As everywhere."""
    name = await three(tmp_path, nomad := PastNomad())
    with pytest.raises(UsageError, match="run run1 has no such items that ran and failed, as far as its journal knows"):
        await read(name, nomad, items=["a"], failed=True)
