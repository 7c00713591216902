"""`run --on-interrupt stop`, where it cannot do what it says."""

from pathlib import Path

import pytest

from dispatchfile.cli import running
from dispatchfile.cli.exits import run_to_exit_code
from dispatchfile.errors import NomadForbidden
from dispatchfile.nomad.connection import Connection
from dispatchfile.results import Results, RunFacts, Summary, summarize
from dispatchfile.usecases.load import ManifestSource
from dispatchfile.usecases.reporting import Reporter
from dispatchfile.usecases.running.control import Control
from dispatchfile.usecases.running.ends import RunEnd
from dispatchfile.usecases.running.prepare import RunOptions
from tests.usecases.past_runs import Told


async def test_where_nothing_may_be_stopped_the_run_is_left_as_interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the summary, the exit code and the ways on of any other interrupted run, and the reason before these."""
    facts = RunFacts("run1", "nightly", "m.yaml", "http://nomad", "completion", 0.0)
    interrupted = RunEnd(summarize(Results([]), facts, state="interrupted", finished_at=1.0, signal_exit=130))
    control = Control()

    async def run(_: object, reporter: Reporter, control: Control) -> RunEnd:
        control.interrupt(130)
        assert interrupted.summary
        reporter.finished(interrupted.summary)
        return interrupted

    async def stop(*_: object, **__: object) -> Summary:
        raise NomadForbidden("the token lacks submit-job", status=403)

    monkeypatch.setattr(running, "_run", run)
    monkeypatch.setattr(running, "stop_run", stop)
    source = ManifestSource(path="m.yaml", content=None, variables={}, environ={})
    end = await running._run_then_stop(RunOptions(source=source, connection=Connection()), told := Told(), control)
    assert (end, told.finished_with) == (interrupted, interrupted.summary)
    assert told.notes[-1] == "its children are not all stopped: the token lacks submit-job"


def test_without_a_journal_it_is_refused(in_an_empty_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing would be known of the children."""
    (in_an_empty_folder / "m.yaml").write_text("version: 1\ndispatches: [{id: a, job: j}]\n")
    assert run_to_exit_code(["run", "m.yaml", "--no-journal", "--on-interrupt", "stop"]) == 1
    assert "leave out --no-journal" in capsys.readouterr().err
