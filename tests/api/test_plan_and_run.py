"""`dispatchfile.plan` and `dispatchfile.run` on an agent: from a program, from an event loop, and interrupted."""

import asyncio
import json
import logging
import os
import re
import subprocess
import sys
import urllib.request
from datetime import timedelta
from pathlib import Path

import pytest

import dispatchfile
from dispatchfile import Change, Outcome
from tests.api.conftest import MANIFEST, Write


def outcomes(summary: dispatchfile.Summary) -> dict[str, Outcome | None]:
    return {item.id: item.outcome for item in summary.items}


def children(address: str, run: str) -> list[str]:
    """The IDs of the run's children in Nomad."""
    with urllib.request.urlopen(f"{address}/v1/jobs?prefix=shell/dispatch-{run}-", timeout=10) as answer:
        return [job["ID"] for job in json.load(answer)]


def test_a_run_gives_its_summary(write: Write) -> None:
    """Failed items are values: the summary has them, and the exit code of the command."""
    summary = dispatchfile.run(write(MANIFEST), variables={"end": "exit 7"})
    assert outcomes(summary) == {"good": "succeeded", "given": "failed"}
    assert (summary.state, summary.exit_code, summary.name) == ("finished", 2, "films")
    assert [item.exit_code for item in summary.items] == [0, 7]


def test_a_run_works_where_an_event_loop_runs(write: Write) -> None:
    """A cell of a notebook calls the blocking form, though `asyncio.run` would refuse to start there."""

    async def cell() -> dispatchfile.Summary:
        return dispatchfile.run(write(MANIFEST))

    assert asyncio.run(cell()).exit_code == 0


def test_the_async_form_lets_the_event_loop_go_on(write: Write) -> None:
    """Two runs at the same time, on one event loop."""

    async def both() -> list[dispatchfile.Summary]:
        path = write(MANIFEST)
        return await asyncio.gather(*(dispatchfile.run_async(path, new=True) for _ in range(2)))

    assert [summary.exit_code for summary in asyncio.run(both())] == [0, 0]


def test_a_second_call_with_the_run_id_sends_nothing_twice(write: Write, address: str) -> None:
    """A task that a scheduler starts again continues the run."""
    path = write(MANIFEST)
    first = dispatchfile.run(path, run_id="day1")
    second = dispatchfile.run(path, run_id="day1")
    assert outcomes(first) == outcomes(second) == {"good": "succeeded", "given": "succeeded"}
    assert sorted(child.rpartition("-")[0].rpartition("-")[0] for child in children(address, "day1")) == [
        "shell/dispatch-day1-given-1",
        "shell/dispatch-day1-good-1",
    ]


def test_another_worker_finds_in_nomad_what_the_first_has_sent(write: Write, tmp_path: Path, address: str) -> None:
    """Without the first one's journal, the run ID is enough."""
    path = write(MANIFEST)
    for worker in ("one", "other"):
        assert dispatchfile.run(path, run_id="day2", state_dir=tmp_path / worker).exit_code == 0
    assert len(children(address, "day2")) == 2


def test_a_run_id_of_another_content_is_refused(write: Write) -> None:
    """The mistake is an exception, as nothing was sent."""
    dispatchfile.run(write(MANIFEST), run_id="day3")
    with pytest.raises(dispatchfile.RunRefused, match="day3"):
        dispatchfile.run(write(MANIFEST), run_id="day3", variables={"end": "exit 1"})


@pytest.mark.parametrize("only", ["good", ["good"], "tag:quick"])
def test_items_are_selected(write: Write, only: str | list[str]) -> None:
    """A single selector may be a text."""
    assert outcomes(dispatchfile.run(write(MANIFEST), only=only)) == {"good": "succeeded", "given": "skipped"}


def test_settings_replace_those_of_the_manifest(write: Write) -> None:
    """Numbers and durations may be Python's own."""
    settings = {"wait": "detach", "concurrency": 2, "timeout": timedelta(minutes=5), "rate": None}
    summary = dispatchfile.run(write(MANIFEST), settings=settings)
    assert (summary.wait, outcomes(summary)) == ("detach", {"good": "dispatched", "given": "dispatched"})


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"settings": {"concurency": 1}}, "UsageError", "there is no setting 'concurency': did you mean concurrency?"),
        ({"settings": {"wait": "ever"}}, "UsageError", "'ever' is not one of detach, placement, completion"),
        ({"run_id": "Day 1"}, "UsageError", "run_id 'Day 1': use 1 to 20 characters, a-z and 0-9"),
        ({"only": "none"}, "UsageError", "none: matches none of 2 items"),
        ({"address": "nomad"}, "UsageError", "NOMAD_ADDR: 'nomad' has no scheme"),
        ({"address": "http://127.0.0.1:1"}, "NomadError", "http://127.0.0.1:1"),
        ({"state_dir": "/dev/null/x"}, "JournalError", "/dev/null"),
        ({"changed": "main"}, "PlanError", "is not in a git repository"),
    ],
)
def test_arguments_that_cannot_be_used_are_exceptions(
    write: Write, arguments: dict[str, object], error: str, message: str
) -> None:
    """Each says which argument, what was found and what would be right; all have one base class."""
    with pytest.raises(dispatchfile.DispatchfileError) as raised:
        dispatchfile.run(write(MANIFEST), **arguments)  # type: ignore[arg-type]
    assert isinstance(raised.value, getattr(dispatchfile, error))
    assert message in str(raised.value)


@pytest.mark.parametrize("call", [dispatchfile.plan, dispatchfile.run])
@pytest.mark.parametrize(
    ("text", "code"),
    [
        pytest.param("version: 1\ndispatches: [{id: a}]\n", "DF025", id="of the manifest"),
        pytest.param("version: 1\ndispatches: [{id: a, job: none}]\n", "DF100", id="of the server"),
    ],
)
def test_what_cannot_be_sent_raises_all_its_problems(write: Write, call, text: str, code: str) -> None:
    """Nothing is sent; the message shows the problems with their places."""
    with pytest.raises(dispatchfile.InvalidManifest, match=rf"dispatchfile.yaml:2:\d+: {code} ") as raised:
        call(write(text))
    assert [problem.code for problem in raised.value.problems] == [code]


def test_a_long_list_of_problems_is_counted_in_the_message(write: Write) -> None:
    """The exception has all of them."""
    text = "version: 1\ndispatches:\n" + "".join(f"  - {{id: a{number}}}\n" for number in range(15))
    with pytest.raises(dispatchfile.InvalidManifest) as raised:
        dispatchfile.run(write(text))
    assert len(raised.value.problems) == 15
    assert str(raised.value).splitlines()[9:] == [str(raised.value).splitlines()[9], "and 5 more"]


def test_a_plan_says_what_differs(write: Write, tmp_path: Path) -> None:
    """Compared with an earlier plan, each item is new, changed or unchanged."""
    dispatchfile.plan(write(MANIFEST), out=tmp_path / "before.plan")
    text = MANIFEST.replace("id: good", "id: better")
    plan = dispatchfile.plan(write(text), variables={"end": "exit 1"}, against=str(tmp_path / "before.plan"))
    assert plan.changes == {"better": Change.NEW, "given": Change.CHANGED}
    assert (plan.removed, [item.id for item in plan.items], plan.left_out) == (("good",), ["better", "given"], 0)


def test_a_plan_file_is_sent_once(write: Write, tmp_path: Path, address: str) -> None:
    """A second call finds the run of the plan."""
    plan = dispatchfile.plan(write(MANIFEST), only="good", out=tmp_path / "a.plan")
    first, second = (dispatchfile.run(tmp_path / "a.plan") for _ in range(2))
    assert first.run == second.run == f"p{plan.digest[:12]}"
    assert len(children(address, first.run)) == 1
    with pytest.raises(dispatchfile.UsageError, match="only has no effect on a plan"):
        dispatchfile.run(tmp_path / "a.plan", only="good")


def test_an_offline_plan_asks_no_server(write: Write) -> None:
    """The address is not even looked at."""
    assert len(dispatchfile.plan(write(MANIFEST), offline=True, address="http://127.0.0.1:1").items) == 2


def test_progress_goes_to_the_log(
    write: Write, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """What the command line prints while it runs is logged, and never printed."""
    path = write(MANIFEST)
    with caplog.at_level(logging.INFO, logger="dispatchfile"):
        dispatchfile.run(path, run_id="day4", variables={"end": "exit 7"})
    target = os.environ["NOMAD_ADDR"]
    told = [(record.levelname, re.sub(r" on node .*", "", record.message)) for record in caplog.records]
    assert told == [
        ("INFO", f"run day4: 2 items of {path} to {target}, wait: completion"),
        ("ERROR", "given: failed: task task: exit code 7"),
    ]
    assert capfd.readouterr() == ("", "")


class Broken(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        raise OSError("no space left")


def test_a_log_that_fails_changes_no_run(write: Write) -> None:
    """A handler of the program may raise: the run goes on, and its result is the same."""
    log = logging.getLogger("dispatchfile")
    broken, level = Broken(), log.level
    log.addHandler(broken)
    log.setLevel(logging.INFO)
    try:
        assert dispatchfile.run(write(MANIFEST)).exit_code == 0
    finally:
        log.removeHandler(broken)
        log.setLevel(level)


INTERRUPTED = """\
import asyncio, os, signal, sys
import dispatchfile

def run_once():
    return dispatchfile.run(sys.argv[1], variables=variables, run_id=sys.argv[2])

async def run_task():
    return await dispatchfile.run_async(sys.argv[1], variables=variables, run_id=sys.argv[2])

variables = {"end": f"kill -INT {os.getpid()}; sleep 1"}
try:
    run_once() if sys.argv[3] == "blocking" else asyncio.run(run_task())
except KeyboardInterrupt:
    print("interrupted")
summary = run_once()
print(summary.state, summary.exit_code, *(item.attempt for item in summary.items))
"""


@pytest.mark.parametrize("form", ["blocking", "async"])
def test_ctrl_c_interrupts_a_run_in_good_order(write: Write, tmp_path: Path, address: str, form: str) -> None:
    """The journal has what was sent: the next call continues the run, and sends nothing twice."""
    program = tmp_path / "program.py"
    program.write_text(INTERRUPTED, encoding="utf-8")
    command = [sys.executable, str(program), write(MANIFEST), f"stop{form}", form]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=50)
    assert (done.stdout, done.stderr) == ("interrupted\nfinished 0 1 1\n", "")
    assert len(children(address, f"stop{form}")) == 2


TWICE = """\
import asyncio, os, signal
from dispatchfile.api.blocking import run_in_thread

async def work():
    while True:
        os.kill(os.getpid(), signal.SIGINT)
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            if seen:
                raise
            seen.append("first")

seen = []
try:
    run_in_thread(work)
except KeyboardInterrupt:
    print("ended", *seen)
"""


def test_a_second_ctrl_c_ends_the_work_at_once() -> None:
    """The first one asks for an end in good order, which may take as long as a server takes to answer."""
    done = subprocess.run([sys.executable, "-c", TWICE], capture_output=True, text=True, check=False, timeout=50)
    assert (done.stdout, done.stderr) == ("ended first\n", "")


def test_a_run_that_is_cancelled_before_it_sends_ends_at_once(write: Write, tmp_path: Path) -> None:
    """It leaves no journal, as nothing was sent."""

    async def cancelled() -> None:
        task = asyncio.ensure_future(dispatchfile.run_async(write(MANIFEST)))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancelled())
    assert [path for path in (tmp_path / "state").rglob("*") if path.is_file()] == []
