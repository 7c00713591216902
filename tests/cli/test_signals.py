"""Signals before and after there is something to end in good order."""

import asyncio
import signal

import pytest

from dispatchfile.cli.option_groups import Display
from dispatchfile.cli.session import ENDED, Session
from dispatchfile.cli.signals import Signals
from dispatchfile.reports.formats import OutputFormat
from dispatchfile.results import Results, RunFacts
from dispatchfile.usecases.running.control import Control


class Ended:
    """Something that is interrupted."""

    times = 0

    def interrupt(self) -> None:
        self.times += 1


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_is_an_exit_code_whenever_it_comes(number: signal.Signals, code: int) -> None:
    """Before the run is under way it ends the process where it is, and the journal still has the code."""

    async def before(control: Control, signals: Signals) -> None:
        signals.watch_over(control)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(number)

    async def after(control: Control, signals: Signals) -> None:
        signals.watch_over(control)
        control.attach(target := Ended())
        signal.raise_signal(number)
        await asyncio.sleep(0)
        assert target.times == 1

    for moment in (before, after):
        with Signals(on_first=lambda: None, before_exit=lambda: None) as signals:
            asyncio.run(moment(control := Control(), signals))
        assert (control.exit_code, signals.exit_code) == (code, code)


def test_a_terminal_that_goes_away_may_say_so_twice() -> None:
    """The shell hands its SIGHUP on, and the kernel sends another: no impatient person is behind that."""

    async def hang_up_twice(control: Control, signals: Signals) -> None:
        signals.watch_over(control)
        control.attach(target := Ended())
        signal.raise_signal(signal.SIGHUP)
        signal.raise_signal(signal.SIGHUP)
        await asyncio.sleep(0)
        assert target.times == 1

    with Signals(on_first=lambda: None, before_exit=lambda: None) as signals:
        asyncio.run(hang_up_twice(Control(), signals))
    assert signals.exit_code == 129


@pytest.mark.parametrize(
    ("ended", "has_journal", "said"),
    [
        pytest.param(ENDED, True, "interrupted; continue with: dispatchfile resume run1\n", id="a run"),
        pytest.param(ENDED, False, "", id="a run without a journal"),
        pytest.param("", True, "", id="one that was only watched"),
    ],
)
def test_the_second_signal_says_how_to_go_on(
    ended: str, has_journal: bool, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is the last that can be said."""
    session = Session(Display(quiet=True), OutputFormat.TEXT, manifest="m.yaml", ended=ended)
    facts = RunFacts("run1", "nightly", "m.yaml", "http://nomad", "completion", 0.0, has_journal=has_journal)
    session._progress.started(facts, Results([]))
    session._give_up()
    assert capsys.readouterr().err == said


def test_a_hang_up_that_was_ignored_at_the_start_stays_so() -> None:
    """`nohup` starts programs that ignore SIGHUP."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with Signals(on_first=lambda: None, before_exit=lambda: None) as signals:
            signal.raise_signal(signal.SIGHUP)
        assert signals.received is None
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)
