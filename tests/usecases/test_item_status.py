"""All about one item: from the journal, and from Nomad while it answers."""

import json
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest

from dispatchfile.errors import NomadUnavailable, UsageError
from dispatchfile.events import Cause, Doubted, Ended, Moved, Outcome, State, Verdict
from dispatchfile.journal import RunState
from dispatchfile.reports.item import next_steps, text_of_item
from dispatchfile.reports.item_json import item_record
from dispatchfile.results.detail import LogTail
from dispatchfile.usecases.item_status import HIDDEN_LOGS, find_item, read_item
from dispatchfile.usecases.past import read_past
from tests.making import make_item
from tests.usecases.past_runs import CONNECTION, STARTED_AT, PastNomad, header, keep_run, sent
from tests.virtual_time import VIRTUAL_TIME


@pytest.fixture
def anyio_backend():
    return VIRTUAL_TIME


A = make_item("film-a", payload=b'{"a":1}', meta={"title": "The end"}, tags=("films", "eu"), attempts=2)
B, C = make_item("film-b"), make_item("Outro")
SCHEMA = json.loads((Path(__file__).parents[2] / "schemas/item-v1.schema.json").read_text())
FAILED = Verdict(
    Outcome.FAILED,
    Cause.EXIT,
    "task t: exit code 3 on node n1",
    exit_code=3,
    node="n1",
    starts=2,
    last_log_line="no such codec",
    alloc_id="a-1",
    task="t",
)


def alloc_of(child):
    return f"00000000-0000-4000-8000-{child.index:012x}"


async def two_attempts(tmp_path, nomad, **how):
    """`film-a` failed twice, the others succeeded."""
    first, second = nomad.had(A), nomad.had(A, attempt=2)
    nomad.end(second, exit_code=3)
    nomad.logs = {(second.id, "stdout"): b"one\ntwo\n", (second.id, "stderr"): b"no such codec\n"}
    nomad.logs |= {(first.id, stream): b"" for stream in ("stdout", "stderr")}
    events = [
        *sent(A, first),
        Ended(A.id, 1, STARTED_AT + 5, FAILED, retry_at=STARTED_AT + 6),
        *sent(A, second, attempt=2),
        Moved(A.id, 2, STARTED_AT + 7, State.RUNNING),
        Ended(A.id, 2, STARTED_AT + 9, replace(FAILED, alloc_id=alloc_of(second))),
        *(Ended(item.id, 1, STARTED_AT + 9, Verdict(Outcome.SUCCEEDED)) for item in (B, C)),
    ]
    return await keep_run(tmp_path, [A, B, C], events, **how)


async def detail_of(name, nomad, item="film-a", **how):
    past = read_past(name)
    return await read_item(past, find_item(past, item), name, CONNECTION, connect=nomad.connect, **how)


async def test_an_item_is_shown_with_everything_that_is_known(tmp_path):
    """Request, attempts, its job in Nomad, log lines, and what to do next."""
    name = await two_attempts(tmp_path, nomad := PastNomad())
    first, second = nomad.made
    text = text_of_item(await detail_of(name, nomad), width=100)
    assert (
        text
        == f"""\
item film-a of run run1: failed (exit 3)
  message       task t: exit code 3 on node n1
  source        dispatchfile.yaml:1:5
  tags          films, eu

Request
  job           encode
  namespace     default
  meta          title = The end
  payload: 7 bytes
    {{"a":1}}

Attempt 1
  outcome       failed: task t: exit code 3 on node n1
  child         {first.id}
  evaluation    eval-1
  dispatched    1970-01-01 00:16:32Z
  ended         1970-01-01 00:16:35Z (after 3.0s)
  retry         1970-01-01 00:16:36Z
  allocation    a-1
  task          t
  node          n1
  starts        2

Attempt 2
  outcome       failed (exit 3)
  child         {second.id}
  evaluation    eval-1
  dispatched    1970-01-01 00:16:32Z
  seen running  1970-01-01 00:16:37Z (after 5.0s)
  ended         1970-01-01 00:16:39Z (after 7.0s)
  allocation    {alloc_of(second)}
  task          t
  node          n1
  starts        2

In Nomad
  UI            http://nomad.example:4646/ui/jobs/{second.id.replace("/", "%2F")}@default
  job           dead
  evaluation    eval-{second.index} complete, triggered by job-register
  allocation    {alloc_of(second)} g[0] failed
    node          n1 node-1
    task          t: dead, failed; started 2026-11-22 00:00:00Z

Last log lines
  | one
  | two
  (stderr) | no such codec

Next
  all log lines: dispatchfile logs run1 film-a
  run it again: dispatchfile rerun run1 --only film-a
"""
    )


async def test_a_script_gets_the_same(tmp_path):
    """The JSON matches the published schema."""
    name = await two_attempts(tmp_path, nomad := PastNomad())
    record = item_record(await detail_of(name, nomad))
    jsonschema.Draft7Validator(SCHEMA).validate(record)
    assert [attempt["number"] for attempt in record["attempts"]] == [1, 2]
    assert record["nomad"]["logs"][1] == {"source": "", "stream": "stderr", "lines": ["no such codec"], "note": ""}


@pytest.mark.parametrize("width", [40, 60, 80, None])
async def test_only_ids_and_commands_are_wider_than_the_terminal(tmp_path, width):
    """They are to be copied."""
    name = await two_attempts(tmp_path, nomad := PastNomad())
    lines = text_of_item(await detail_of(name, nomad), width=width).splitlines()
    wide = [line for line in lines if width is not None and len(line) > width]
    assert [line for line in wide if " dispatchfile " not in line and len(line.split()) > 2] == []


async def test_a_nomad_that_gives_no_answer_is_done_without(tmp_path):
    """Unless --refresh asks for it."""
    name = await two_attempts(tmp_path, nomad := PastNomad())
    nomad.down = True
    detail = await detail_of(name, nomad)
    assert (detail.nomad, bool(detail.unread)) == (None, True)
    text = text_of_item(detail)
    assert f"  job           not read: {detail.unread}\n" in text
    assert "Last log lines\n  no such codec\n" in text
    jsonschema.Draft7Validator(SCHEMA).validate(item_record(detail))
    with pytest.raises(NomadUnavailable):
        await detail_of(name, nomad, must_ask=True)


async def test_without_the_right_to_read_logs_the_rest_is_shown(tmp_path):
    """The missing capability is named."""
    name = await two_attempts(tmp_path, nomad := PastNomad(forbidden=["logs"]))
    detail = await detail_of(name, nomad)
    (log,) = detail.nomad.logs
    assert (detail.nomad.job_status, "lacks the capability read-logs" in log.note) == ("dead", True)


async def test_sensitive_values_are_masked(tmp_path):
    """The journal does not have them, and a log line may repeat one."""
    item = replace(
        make_item("a", payload=b"s3cret", meta={"key": "s3cret", "k": "v"}),
        sensitive=frozenset({"meta.key", "payload"}),
    )
    nomad = PastNomad()
    child = nomad.had(item)
    nomad.logs = {(child.id, "stdout"): b"s3cret\n", (child.id, "stderr"): b""}
    ended = Ended("a", 1, STARTED_AT + 3, Verdict(Outcome.FAILED, Cause.EXIT))
    name = await keep_run(tmp_path, [item], [*sent(item, child), ended])
    detail = await detail_of(name, nomad, "a")
    text, record = text_of_item(detail), item_record(detail)
    assert "  meta          k = v\n  meta          key = ***\n  payload       ***\n" in text
    assert record["request"]["meta"] == {"k": "v", "key": "***"}
    assert record["request"]["payload"] == {"size_bytes": None, "sensitive": True}
    assert detail.nomad.logs == (LogTail("", "", (), HIDDEN_LOGS),)
    assert "s3cret" not in text + json.dumps(record)


async def test_control_characters_of_others_reach_no_terminal(tmp_path):
    """A task or a job file may try to rewrite what is shown."""
    name = await two_attempts(tmp_path, nomad := PastNomad())
    nomad.logs[nomad.made[1].id, "stdout"] = b"\x1b[2Jgone\n"
    assert "\x1b" not in text_of_item(await detail_of(name, nomad))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param("film-a", "film-a", id="an id"),
        pytest.param("O", "Outro", id="a unique prefix"),
        pytest.param("encode/dispatch-run1-film-a-2", "film-a", id="the beginning of a child's ID"),
    ],
)
async def test_an_item_is_named_by_its_id_or_by_its_child(tmp_path, given, expected):
    """Or by a unique prefix of either."""
    name = await two_attempts(tmp_path, nomad := PastNomad())
    past = read_past(name)
    assert find_item(past, given).id == expected
    assert find_item(past, nomad.made[0].id).id == "film-a"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        pytest.param("film", "'film' matches 2 items of run run1: film-a, film-b", id="not unique"),
        pytest.param("outro", "run run1 has no item 'outro': did you mean Outro?", id="another case"),
        pytest.param("filma", "run run1 has no item 'filma': did you mean film-a or film-b?", id="misspelt"),
        pytest.param("utr", "run run1 has no item 'utr': did you mean Outro?", id="a part of it"),
        pytest.param(
            "zzz",
            "run run1 has no item 'zzz': `dispatchfile status run1 -o json` lists its items",
            id="nothing like it",
        ),
    ],
)
async def test_an_item_that_is_not_there_has_near_misses(tmp_path, given, message):
    """The next try can be the right one."""
    name = await two_attempts(tmp_path, PastNomad())
    with pytest.raises(UsageError) as raised:
        find_item(read_past(name), given)
    assert str(raised.value) == message


@pytest.mark.parametrize(
    ("outcome", "state", "steps"),
    [
        pytest.param(Outcome.PLACED, RunState.FINISHED, ["see how it ends: dispatchfile watch run1"], id="placed"),
        pytest.param(
            Outcome.UNSENT, RunState.STOPPED_EARLY, ["run it again: dispatchfile rerun run1 --only a"], id="never sent"
        ),
        pytest.param(
            Outcome.UNKNOWN,
            RunState.FINISHED,
            [
                "look for it again: dispatchfile resume run1",
                "run it again, if it did not run: dispatchfile rerun run1 --outcome unknown --only a",
            ],
            id="unknown",
        ),
        pytest.param(
            Outcome.UNKNOWN, RunState.INTERRUPTED, ["continue the run: dispatchfile resume run1"], id="interrupted"
        ),
        pytest.param(Outcome.SUCCEEDED, RunState.FINISHED, [], id="nothing"),
    ],
)
async def test_what_to_do_next_depends_on_the_end(tmp_path, outcome, state, steps):
    """The commands can be copied."""
    item = make_item("a")
    name = await keep_run(tmp_path, [item], [Ended("a", 1, STARTED_AT + 3, Verdict(outcome))], state=state)
    assert next_steps(await detail_of(name, PastNomad(), "a")) == steps


async def test_an_item_that_was_mended_points_to_its_rerun(tmp_path):
    """It is not proposed to run it again."""
    item = make_item("a")
    name = await keep_run(tmp_path, [item], [Ended("a", 1, STARTED_AT + 3, Verdict(Outcome.FAILED))])
    later = header(id="run2", rerun_of="run1", started_at=STARTED_AT + 9)
    await keep_run(tmp_path, [item], [Ended("a", 1, STARTED_AT + 12, Verdict(Outcome.SUCCEEDED))], head=later)
    detail = await detail_of(name, PastNomad(), "a")
    assert "  since         succeeded in rerun run2\n" in text_of_item(detail)
    assert next_steps(detail) == ["its rerun: dispatchfile status run2 a"]


async def test_an_attempt_in_doubt_says_why(tmp_path):
    """Nobody knows whether Nomad carried out its request."""
    item = make_item("a")
    doubt = Doubted("a", 1, STARTED_AT + 2, "connection lost")
    name = await keep_run(tmp_path, [item], [doubt], state=RunState.INTERRUPTED, marked=["a"])
    text = text_of_item(await detail_of(name, PastNomad(), "a"))
    assert "Attempt 1\n  prefix        run1-a-1\n  sent          perhaps: connection lost\n" in text
    assert "  job           not read: no child is known\n" in text
