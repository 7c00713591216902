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


def ended(item, outcome, line="", alloc=""):
    verdict = Verdict(
        outcome, Cause.EXIT, exit_code=3, last_log_line=line, alloc_id=alloc, task="t" if alloc else "", starts=1
    )
    return Ended(item.id, 1, STARTED_AT + 3, verdict)


def alloc_of(child):
    return f"00000000-0000-4000-8000-{child.index:012x}"


async def three(tmp_path, nomad, *, head=None):
    """`a` ended well, `b` failed, `c` was refused."""
    one, two = nomad.had(A), nomad.had(B)
    nomad.logs = {(child.id, stream): b"" for child in (one, two) for stream in ("stdout", "stderr")}
    nomad.logs[one.id, "stdout"] = b"one\ntwo\n"
    nomad.logs[two.id, "stderr"] = b"oh \xff no"
    events = [
        *sent(A, one),
        ended(A, Outcome.SUCCEEDED, alloc=alloc_of(one)),
        *sent(B, two),
        ended(B, Outcome.FAILED, "oh no", alloc=alloc_of(two)),
    ]
    return await keep_run(tmp_path, [A, B, C], [*events, ended(C, Outcome.REFUSED)], head=head or header())


def log(item, *lines, child=None, **fields):
    alloc_id = alloc_of(child) if child else ""
    return TaskLog(item, **{"task": "t" if child else "", "alloc_id": alloc_id, "lines": lines, **fields})


NO_CHILD = "it has no child, so there is no log"
ON_RECORD = "this is the last line on record"


async def test_each_item_shows_both_streams_of_its_task(tmp_path):
    """Items are in file order. An empty stream is left out beside one with lines."""
    name = await three(tmp_path, nomad := PastNomad())
    one, two = nomad.made
    assert await read(name, nomad) == [
        log("a", "one", "two", child=one, stream="stdout"),
        log("b", "oh \ufffd no", child=two, stream="stderr"),
        log("c", note=NO_CHILD),
    ]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        pytest.param({"items": ["tag:x"]}, [("a", "stdout", ("one", "two"), "")], id="some items"),
        pytest.param({"items": ["a"], "tail": 1}, [("a", "stdout", ("two",), "")], id="the last line"),
        pytest.param(
            {"failed": True, "streams": ["stderr"]}, [("b", "stderr", ("oh \ufffd no",), "")], id="failed, stderr"
        ),
        pytest.param({"items": ["a"], "streams": ["stderr"]}, [("a", "", (), "nothing on stderr")], id="nothing there"),
    ],
)
async def test_items_streams_and_lines_can_be_chosen(tmp_path, options, expected):
    """Items are selected as `--only` does it; bytes that are no text are shown as such."""
    name = await three(tmp_path, nomad := PastNomad())
    logs = await read(name, nomad, **options)
    assert [(log.item, log.stream, log.lines, log.note) for log in logs] == expected


async def test_a_task_that_wrote_nothing_has_one_note(tmp_path):
    """One note is for both streams."""
    name = await three(tmp_path, nomad := PastNomad())
    nomad.logs[nomad.made[0].id, "stdout"] = b""
    assert await read(name, nomad, items=["a"]) == [
        log("a", child=nomad.made[0], note="nothing on stdout or stderr"),
    ]


async def test_what_is_gone_is_said_to_be_gone(tmp_path):
    """The last line that the journal kept is shown in its place."""
    name = await three(tmp_path, nomad := PastNomad())
    one, two = nomad.made
    nomad.logs = {}
    assert await read(name, nomad, items=["a", "b"]) == [
        log("a", child=one, note="gone from Nomad"),
        log("b", "oh no", child=two, note=f"gone from Nomad; {ON_RECORD}"),
    ]
    nomad.children.clear()
    assert await read(name, nomad, items=["a", "b"]) == [
        log("a", note="gone from Nomad"),
        log("b", "oh no", child=two, note="gone from Nomad; this is the last line of task t on record"),
    ]


def with_tasks(nomad, child, *names, started_at="2026-11-22T00:00:00Z", state="dead", places=1):
    """The allocations of the child, *places* of them, each with these tasks."""
    task = TaskState(state, failed=False, restarts=0, started_at=started_at, finished_at="", events=())
    first = replace(nomad._alloc(child), task_states=dict.fromkeys(names, task))
    others = [
        replace(first, id=f"other-{place}", name=f"{child.id}.g[{place}]", create_index=100 + place)
        for place in range(1, places)
    ]
    nomad.allocs = {child.id: (first, *others)}
    return first


async def test_the_line_on_record_is_shown_only_for_the_task_that_wrote_it(tmp_path):
    """Of two tasks one decided; the other never wrote that line."""
    name = await three(tmp_path, nomad := PastNomad())
    nomad.logs = {}
    with_tasks(nomad, nomad.made[1], "t", "main")
    assert [(log.source, log.lines, log.note) for log in await read(name, nomad, items=["b"])] == [
        ("t", ("oh no",), f"gone from Nomad; {ON_RECORD}"),
        ("main", (), "gone from Nomad"),
    ]


async def test_the_line_on_record_is_shown_only_for_the_allocation_that_wrote_it(tmp_path):
    """Of 50 allocations with the same task, one decided."""
    name = await three(tmp_path, nomad := PastNomad())
    nomad.logs = {}
    with_tasks(nomad, nomad.made[1], "t", places=50)
    logs = await read(name, nomad, items=["b"])
    assert [log.source for log in logs if log.lines] == ["g[0]/t"]
    assert {log.note for log in logs if not log.lines} == {"gone from Nomad"}
    assert len(logs) == 50


async def test_the_line_of_an_allocation_that_nomad_forgot_is_still_shown(tmp_path):
    """Under the name of its task, and under none that Nomad still lists."""
    name = await three(tmp_path, nomad := PastNomad())
    nomad.logs = {}
    child = nomad.made[1]
    nomad.allocs = {child.id: (replace(nomad._alloc(child), id="newer"),)}
    assert [(log.alloc_id, log.lines, log.note) for log in await read(name, nomad, items=["b"])] == [
        ("newer", (), "gone from Nomad"),
        (alloc_of(child), ("oh no",), "gone from Nomad; this is the last line of task t on record"),
    ]


@pytest.mark.parametrize(
    ("text", "started_at", "state", "note"),
    [
        pytest.param(
            'task "t" not started yet. No logs available',
            "",
            "dead",
            "never started, so there is no log",
            id="never started",
        ),
        pytest.param(
            'task "t" not started yet. No logs available',
            "",
            "pending",
            "has not started, so there is no log",
            id="not yet",
        ),
        pytest.param(
            "state for allocation 1 not found on client",
            "",
            "dead",
            "never started, so there is no log",
            id="never started, and collected since",
        ),
        pytest.param(
            'log entry for task "t" and log type "stdout" not found',
            "2026-11-22T00:00:00Z",
            "dead",
            "logging is disabled for this task, so there is no log",
            id="disabled",
        ),
        pytest.param(
            "state for allocation 1 not found on client",
            "2026-11-22T00:00:00Z",
            "dead",
            "gone from Nomad",
            id="collected on the client",
        ),
        pytest.param('Unknown allocation "1"', "2026-11-22T00:00:00Z", "dead", "gone from Nomad", id="collected"),
        pytest.param(
            "No path to node",
            "2026-11-22T00:00:00Z",
            "running",
            "cannot be read: No path to node",
            id="the node is away",
        ),
    ],
)
async def test_why_there_is_no_log_is_said_as_it_is(tmp_path, text, started_at, state, note):
    """Nomad answers 404 to all of these."""
    name = await three(tmp_path, nomad := PastNomad())
    child = nomad.made[0]
    with_tasks(nomad, child, "t", started_at=started_at, state=state)
    nomad.refusals[alloc_of(child), "t"] = text
    assert await read(name, nomad, items=["a"]) == [log("a", child=child, note=note)]


async def test_what_never_began_is_not_called_gone(tmp_path):
    """A child that was not placed may still wait in Nomad."""
    nomad = PastNomad()
    child = nomad.had(A)
    child.placed = False
    unplaced = Ended("a", 1, STARTED_AT + 3, Verdict(Outcome.UNPLACED, Cause.NO_CAPACITY))
    name = await keep_run(tmp_path, [A], [*sent(A, child), unplaced])
    assert await read(name, nomad) == [log("a", note="has not started, so there is no log")]
    nomad.children.clear()
    assert await read(name, nomad) == [log("a", note="gone from Nomad")]


async def test_of_a_local_run_the_record_is_all_there_is(tmp_path):
    """No server is asked."""
    name = await three(tmp_path, nomad := PastNomad(), head=header(local=True))
    note = "gone with the embedded agent that ran it; this is the last line of task t on record"
    assert await read(name, nomad, items=["b"]) == [log("b", "oh no", child=nomad.made[1], note=note)]
    assert nomad.connected == 0


async def test_tasks_and_allocations_of_one_item_are_told_apart(tmp_path):
    """The names are as short as possible. Of allocations that were replaced, the newest one counts."""
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
    """It is cut at the beginning of a line, and a note says so."""
    name = await three(tmp_path, nomad := PastNomad())
    nomad.logs[nomad.made[0].id, "stdout"] = b"first\n" + b"x" * 99 + b"\n" + b"y" * (MOST_BYTES - 50) + b"\nlast\n"
    (cut,) = await read(name, nomad, items=["a"])
    assert (cut.lines[-1], set(cut.lines[0]), cut.note) == ("last", {"y"}, "shows only the last 1 MiB of stdout")


async def test_a_log_of_just_the_limit_is_not_called_cut(tmp_path):
    """All of it is there."""
    name = await three(tmp_path, nomad := PastNomad())
    nomad.logs[nomad.made[0].id, "stdout"] = b"first\n" + b"x" * (MOST_BYTES - 7) + b"\n"
    (whole,) = await read(name, nomad, items=["a"])
    assert (whole.lines[0], whole.note) == ("first", "")


async def test_a_tail_of_long_lines_has_as_many_lines_as_asked_for(tmp_path):
    """More is read where a first look was too short; where even 1 MiB is, that is said."""
    name = await three(tmp_path, nomad := PastNomad())
    child = nomad.made[0].id
    nomad.logs[child, "stdout"] = b"".join(b"%d" % number * 5000 + b"\n" for number in range(9))
    (log_,) = await read(name, nomad, items=["a"], tail=3)
    assert ([line[0] for line in log_.lines], log_.note) == (["6", "7", "8"], "")
    nomad.logs[child, "stdout"] = b"x" * MOST_BYTES + b"\nlast\n"
    (log_,) = await read(name, nomad, items=["a"], tail=2)
    assert (log_.lines, log_.note) == (("last",), "shows only the last 1 MiB of stdout")


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
    """Other commands report the same error."""
    name = await three(tmp_path, nomad := PastNomad())
    with pytest.raises(
        UsageError, match=r"no item of run run1 matches a --failed \(1 succeeded, 1 failed, 1 refused\)"
    ):
        await read(name, nomad, items=["a"], failed=True)


async def test_an_item_without_a_written_id_brings_its_origin(tmp_path):
    """The row of the file that it was made from."""
    item = replace(make_item("encode-5f0c"), source="films.csv:3 alien")
    nomad = PastNomad()
    child = nomad.had(item)
    nomad.logs = {(child.id, "stdout"): b"one\n", (child.id, "stderr"): b""}
    name = await keep_run(tmp_path, [item], [*sent(item, child), ended(item, Outcome.SUCCEEDED)])
    assert [log.origin for log in await read(name, nomad)] == ["films.csv:3 alien"]
