"""`run --on-interrupt stop`: a run whose own jobs are stopped if a signal interrupts it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Protocol

from dispatchfile.clock import Clock
from dispatchfile.engine import BatchState
from dispatchfile.errors import DispatchfileError
from dispatchfile.results import Summary
from dispatchfile.usecases.past import RunName
from dispatchfile.usecases.reporting import InTwoParts, Reporter
from dispatchfile.usecases.run import run_or_resume
from dispatchfile.usecases.running.control import Control
from dispatchfile.usecases.running.ends import RunEnd
from dispatchfile.usecases.running.prepare import RunOptions
from dispatchfile.usecases.stop import StopOptions, stop_run


class StopRun(Protocol):
    """Stops the own jobs of a run, which ends it for good."""

    def __call__(
        self, options: StopOptions, *, reporter: Reporter, control: Control, clock: Clock
    ) -> Awaitable[Summary]: ...


async def run_then_stop(
    options: RunOptions,
    *,
    reporter: Reporter,
    control: Control,
    clock: Clock,
    run: Callable[..., Awaitable[RunEnd]] = run_or_resume,
    stop: StopRun = stop_run,
) -> RunEnd:
    """
    Run as `run_or_resume` does; if a signal interrupts the run, stop its own jobs, which ends it for good.

    Where they cannot be stopped, the run is left as one that was interrupted. Raises what `run_or_resume` raises.
    """
    parts = InTwoParts(reporter)
    try:
        end = await run(options, reporter=parts, control=control, clock=clock)
        if control.exit_code is None or end.summary is None or end.summary.state != BatchState.INTERRUPTED:
            return end
        name = RunName(end.summary.run, None, options.state_dir, options.source.environ)
        stopping = StopOptions(name=name, connection=options.connection, signal_exit=control.exit_code)
        parts.note(f"stopping the children of run {name.run}")
        try:
            summary = await stop(stopping, reporter=parts, control=Control(), clock=clock)
        except DispatchfileError as error:
            parts.note(f"its children are not all stopped: {error}")
            return end
        return replace(end, summary=summary)
    finally:
        parts.end()
