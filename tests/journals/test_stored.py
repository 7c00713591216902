"""Journals written by version 0.1.0 can be reported, resumed and run again."""

import asyncio
import json
from contextlib import asynccontextmanager

import pytest

from dispatchfile.clock import Clock
from dispatchfile.errors import RunRefused
from dispatchfile.events import Accepted
from dispatchfile.journal import JournalReader
from dispatchfile.nomad.connection import Connection
from dispatchfile.reports.html import html_of_run
from dispatchfile.usecases.choose import Choice
from dispatchfile.usecases.past import RunName, read_past
from dispatchfile.usecases.reporting import NoReporter
from dispatchfile.usecases.rerun import RerunOptions, read_again, send_again
from dispatchfile.usecases.resume import ResumeOptions, resume_run
from dispatchfile.usecases.run_detail import read_run_detail
from dispatchfile.usecases.running.control import Control
from tests.fake_nomad import FakeChild, FakeNomad
from tests.journals import RUN, restore
from tests.virtual_time import VIRTUAL_TIME

CONNECTION = Connection("http://fake")


@pytest.fixture
def anyio_backend():
    return VIRTUAL_TIME


class LaterNomad(FakeNomad):
    """The Nomad that a stored run went to. Everything that the journal knows of still runs there, and ends soon."""

    def __init__(self, path, **options):
        super().__init__(**options)
        for event in JournalReader(path).events():
            if isinstance(event, Accepted):
                self._keep(event.child)

    def _keep(self, child_id):
        job, _, rest = child_id.partition("/dispatch-")
        child = FakeChild(child_id, job, "default", "", next(self._index), rest.rsplit("-", 2)[0])
        self.children[child_id] = child
        self.made.append(child)
        asyncio.get_running_loop().call_later(20, self.end, child)

    @asynccontextmanager
    async def connect(self, connection, settings):
        yield self


def name_of(folder):
    return RunName(RUN, None, str(folder), {})


def told(summary):
    return {item.id: (item.attempt, str(item.outcome or item.state), item.child) for item in summary.items}


async def resume(folder, nomad):
    options = ResumeOptions(run=RUN, manifest=None, connection=CONNECTION, environ={}, state_dir=str(folder))
    clock = Clock(wall=asyncio.get_running_loop().time)
    return await resume_run(options, reporter=NoReporter(), control=Control(), clock=clock, connect=nomad.connect)


async def rerun(folder, nomad, choice):
    options = RerunOptions(name=name_of(folder), choice=choice, connection=CONNECTION)
    clock = Clock(wall=asyncio.get_running_loop().time)
    end = await send_again(
        options, read_again(options), reporter=NoReporter(), control=Control(), clock=clock, connect=nomad.connect
    )
    return end.summary


PREFIX = "encode/dispatch-run1-"
A, A1, B = f"{PREFIX}a-1-1795001000-00000001", f"{PREFIX}a-1-1-1795001000-00000002", f"{PREFIX}b-1-1795001000-00000003"
A11, B2 = f"{PREFIX}a-1-1-1-1795001002-00000004", f"{PREFIX}b-2-1-1795001007-00000005"
WRITTEN = "encode/dispatch-w-a-1-1-run1-a-1-1-1-1795001000-00000003"
REPORTS = {
    "finished": (
        "finished",
        {
            "a": (1, "succeeded", A),
            "a-1": (2, "succeeded", f"{PREFIX}a-1-2-1795001005-00000004"),
            "b": (1, "failed", B),
        },
    ),
    "interrupted": (
        "interrupted",
        {
            "a": (1, "running", A),
            "a-1": (1, "waiting", A1),
            "b": (1, "running", B),
            "a-1-1": (1, "succeeded", A11),
            "b-2": (1, "queued", B2),
        },
    ),
    "doubts": (
        "interrupted",
        {"a": (1, "queued", A), "a-1": (1, "queued", A1), "b": (1, "in_doubt", ""), "a-1-1": (1, "queued", WRITTEN)},
    ),
    "placement": (
        "finished",
        {
            "a": (1, "placed", f"{PREFIX}a-1-1795001000-00000002"),
            "a-1": (1, "placed", "encode/dispatch-old-1795001000-00000001"),
            "b": (1, "placed", B),
        },
    ),
}


@pytest.mark.parametrize("name", list(REPORTS))
def test_a_stored_run_is_reported(tmp_path, name):
    """The report gives each item with its attempt, its outcome or state, and its child."""
    restore(name, tmp_path)
    past = read_past(name_of(tmp_path))
    assert (past.state, told(past.summary())) == REPORTS[name]


@pytest.mark.parametrize("name", list(REPORTS))
def test_a_stored_run_has_a_page(tmp_path, name):
    """With the request and at least one attempt of each item."""
    restore(name, tmp_path)
    past = read_past(name_of(tmp_path))
    page = "".join(html_of_run(read_run_detail(past.reader, past.summary(), now=2_000.0)))
    data = json.loads(page.partition('id="data">')[2].partition("</script>")[0])
    titles = [[data["texts"][title] for title, _ in sections][:3] for sections in data["details"]]
    assert titles == [["", "Request", "Attempt 1"]] * len(past.summary().items)


async def test_an_interrupted_run_is_resumed(tmp_path):
    """What lives is watched, the retry that was due is sent, and nothing else."""
    nomad = LaterNomad(restore("interrupted", tmp_path))
    known = len(nomad.made)
    summary = await resume(tmp_path, nomad)
    sent = nomad.made[known:]
    assert [child.prefix for child in sent] == ["run1-a-1-2"]
    assert told(summary) == {
        "a": (1, "succeeded", A),
        "a-1": (2, "succeeded", sent[0].id),
        "b": (1, "succeeded", B),
        "a-1-1": (1, "succeeded", A11),
        "b-2": (1, "succeeded", B2),
    }


async def test_a_run_that_was_killed_in_doubt_is_resumed(tmp_path):
    """The one whose request never arrived is sent again, as the same attempt; the others are adopted."""
    nomad = LaterNomad(restore("doubts", tmp_path))
    known = len(nomad.made)
    summary = await resume(tmp_path, nomad)
    sent = nomad.made[known:]
    assert [child.prefix for child in sent] == ["run1-b-1"]
    assert told(summary) == {
        "a": (1, "succeeded", A),
        "a-1": (1, "succeeded", A1),
        "b": (1, "succeeded", sent[0].id),
        "a-1-1": (1, "succeeded", WRITTEN),
    }


@pytest.mark.parametrize("name", ["finished", "placement"])
async def test_a_finished_run_is_told_again(tmp_path, name):
    """A resume of it asks Nomad nothing."""
    nomad = LaterNomad(restore(name, tmp_path))
    assert told(await resume(tmp_path, nomad)) == REPORTS[name][1]
    assert nomad.calls == []


async def test_what_failed_is_run_again(tmp_path):
    """The rerun is a new run, whose token differs from the first one's."""
    nomad = LaterNomad(restore("finished", tmp_path))
    known = len(nomad.made)
    summary = await rerun(tmp_path, nomad, Choice(failed=True))
    (sent,) = nomad.made[known:]
    assert (sent.prefix, sent.token) == (f"{summary.run}-b-1", f"token-b@{summary.run}")
    assert told(summary) == {"b": (1, "succeeded", sent.id)}


async def test_what_was_placed_and_lives_is_stopped_before_it_is_run_again(tmp_path):
    """The run let go of the child, and it still runs."""
    nomad = LaterNomad(restore("placement", tmp_path))
    summary = await rerun(tmp_path, nomad, Choice(only=["b"]))
    assert nomad.stopped == [B]
    assert told(summary) == {"b": (1, "placed", nomad.made[-1].id)}


async def test_an_unfinished_run_is_not_run_again(tmp_path):
    """It has to be resumed or stopped first."""
    nomad = LaterNomad(restore("interrupted", tmp_path))
    with pytest.raises(RunRefused, match="run run1 is unfinished"):
        await rerun(tmp_path, nomad, Choice(failed=True))
