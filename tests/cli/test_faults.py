"""Faults while a run is shown: the run's exit code stays, and its result is printed in plain lines."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from dispatchfile.cli.commands.report import show_report
from dispatchfile.cli.commands.status import show_status
from dispatchfile.cli.exits import run_to_exit_code
from dispatchfile.cli.option_groups import ConnectionFlags, Display
from dispatchfile.cli.past_run import find_past_run
from dispatchfile.cli.report_files import ReadDetail
from dispatchfile.cli.session import Renderers, Session, screen_for
from dispatchfile.cli.terminal import ColorChoice, LogFormat
from dispatchfile.reports.formats import OutputFormat, ReportKind
from dispatchfile.reports.screens import NoScreen, Screen, View
from dispatchfile.reports.words import LogLevel
from dispatchfile.results import Summary
from dispatchfile.usecases.reporting import Reporter
from dispatchfile.usecases.running.control import Control
from dispatchfile.usecases.running.ends import RunEnd
from tests.cli.test_run import folder
from tests.reports.making import FACTS, FAILED, GOOD, results_of, summary_of

__all__ = ["folder"]

DISPLAY = Display(quiet=False, verbose=False, color=ColorChoice.NEVER, log_format=LogFormat.TEXT)
VERDICTS = {"a": GOOD, "b": FAILED}
PLAIN = "counts: 1 succeeded, 1 failed, 2 total\nrun: k3v9x2ab\nstate: finished\nexit code: 2\n"
FAULT = re.compile(r"Error: internal error: ZeroDivisionError: on purpose \(traceback in (.*)\)\n")


def fails(*_args: object, **_options: object) -> NoReturn:
    raise ZeroDivisionError("on purpose")


class BrokenScreen(NoScreen):
    """Fails wherever it can."""

    every_s = 0.0

    def line(self, level: LogLevel, text: str) -> None:
        fails()

    def show(self, view: View) -> None:
        fails()

    def close(self) -> None:
        fails()


async def a_run(reporter: Reporter, control: Control) -> RunEnd:
    """A run that reports all that a run reports, and ends with 2."""
    results, summary = results_of(VERDICTS), summary_of(VERDICTS)
    reporter.started(FACTS, results)
    reporter.note("a note")
    reporter.finished(summary)
    return RunEnd(summary)


def session(output: OutputFormat = OutputFormat.TEXT, *, reports: tuple[str, ...] = (), **broken: object) -> Session:
    renderers = Renderers(**({"screen": screen_for} | broken))  # type: ignore[arg-type]
    return Session(DISPLAY, output, manifest="films.yaml", reports=reports, renderers=renderers)


def traces(err: str) -> int:
    """Return how many faults were reported, each with a file that has the traceback. The files are removed."""
    files = [Path(name) for name in FAULT.findall(err)]
    assert all("ZeroDivisionError: on purpose" in file.read_text() for file in files)
    for file in files:
        file.unlink()
    return len(files)


@pytest.mark.parametrize("output", list(OutputFormat))
def test_a_summary_that_cannot_be_rendered_leaves_the_result(
    output: OutputFormat, capsys: pytest.CaptureFixture[str]
) -> None:
    """Counts, run ID and exit code; the exit code is the run's. They never mix with JSON."""
    assert session(output, summary=fails).run(a_run) == 2
    out, err = capsys.readouterr()
    assert traces(err) == 1
    assert PLAIN in (out if output is OutputFormat.TEXT else err)
    assert [json.loads(line)["event"] for line in out.splitlines() if line.startswith("{")] == (
        ["run_started", "run_ended"] if output is OutputFormat.NDJSON else []
    )


def test_a_renderer_that_fails_halfway_leaves_the_result(capsys: pytest.CaptureFixture[str]) -> None:
    """What it had written stays."""

    def half(*_args: object, **_options: object) -> Iterator[str]:
        yield "half\n"
        fails()

    assert session(summary=half).run(a_run) == 2
    out, err = capsys.readouterr()
    assert (out, traces(err)) == (f"half\n{PLAIN}", 1)


def test_a_live_display_that_fails_does_not_end_the_run(capsys: pytest.CaptureFixture[str]) -> None:
    """It is told of once, and the summary is shown as always."""

    def broken(display: Display, output: OutputFormat) -> Screen:
        return BrokenScreen()

    assert session(screen=broken).run(a_run) == 2
    out, err = capsys.readouterr()
    assert out.endswith("run k3v9x2ab (nightly) finished after 12m30s: exit code 2\n")
    assert traces(err) == 1


def test_a_report_that_fails_is_told_and_changes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The others are written, no part of it is left, and the exit code is the run's."""

    def junit_fails(kind: ReportKind, summary: Summary, read_detail: ReadDetail) -> Iterator[str]:
        yield "part"
        if kind is ReportKind.JUNIT:
            fails()

    reports = tuple(f"{kind}={tmp_path / kind}" for kind in (ReportKind.JUNIT, ReportKind.MARKDOWN))
    assert session(reports=reports, report=junit_fails).run(a_run) == 2
    out, err = capsys.readouterr()
    assert out.endswith("exit code 2\n")
    assert traces(err) == 1
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("markdown", "part")]


def test_a_report_that_cannot_even_begin_changes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A renderer may fail before it gives its first piece."""

    def fails_at_once(kind: ReportKind, summary: Summary, read_detail: ReadDetail) -> Iterator[str]:
        fails()
        return iter(())

    assert session(reports=(f"json={tmp_path / 'r.json'}",), report=fails_at_once).run(a_run) == 2
    out, err = capsys.readouterr()
    assert (out.endswith("exit code 2\n"), traces(err), list(tmp_path.iterdir())) == (True, 1, [])


@pytest.mark.parametrize(("variable", "code"), [("true", 0), ("false", 2)])
@pytest.mark.parametrize("output", [[], ["-o", "json"], ["-o", "ndjson"], ["--report", "json=/dev/full"]])
def test_a_stream_that_takes_nothing_changes_no_exit_code(
    folder: Path, output: list[str], variable: str, code: int
) -> None:
    """Neither of results nor of a report: what the run came to is told on the other stream."""
    command = [sys.executable, "-m", "dispatchfile", "run", "--local", "-var", f"how={variable}", *output]
    with open("/dev/full", "w") as full:  # noqa: PTH123
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == code
    assert "Error: standard output: No space left on device\n" in done.stderr
    assert f"exit code: {code}\n" in done.stderr
    assert ("Error: /dev/full: No space left on device\n" in done.stderr) is ("--report" in output)


def test_status_and_report_tell_the_result_all_the_same(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """If the report itself fails, the exit code says so, because nothing else was asked for."""
    assert run_to_exit_code(["run", "--local", "--run-id", "r1", "-q", "-var", "how=false"]) == 2
    capsys.readouterr()
    plain = "counts: 1 succeeded, 1 failed, 2 total\nrun: r1\nstate: finished\nexit code: 2\n"
    assert (
        show_status(
            find_past_run("r1", None), ConnectionFlags(), OutputFormat.TEXT, DISPLAY, refresh=False, render=fails
        )
        == 0
    )
    out, err = capsys.readouterr()
    assert (out, traces(err)) == (plain, 1)
    assert show_report("r1", ReportKind.JUNIT, Path("j.xml"), None, DISPLAY, render=fails) == 1
    out, err = capsys.readouterr()
    assert (out, err.endswith(plain), traces(err), Path("j.xml").exists()) == ("", True, 1, False)
