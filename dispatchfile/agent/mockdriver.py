"""
A driver that plays the script in its config instead of running anything.

The keys and their meaning are those of Nomad's own test driver; of these, ``plugin_exit_after``, ``exec_command``,
``signal_error`` and the ``driver_`` keys are read and have nothing to act on here. ``kill_after`` delays the end of
a killed task, which is what Nomad documents; its 2.0.5 client reads the key and forgets it.
Source: hashicorp/nomad, drivers/mock/driver.go, handle.go and command.go.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from dispatchfile.agent.launch import Launch
from dispatchfile.agent.outcomes import DriverError, ExitResult
from dispatchfile.agent.waiting import Sleep, happens_within
from dispatchfile.jobspec import parse_duration


@dataclass(frozen=True, slots=True)
class Output:
    """A text written once, and then so many times again with a pause before each."""

    text: str
    repeats: int
    pause_s: float


@dataclass(frozen=True, slots=True)
class Script:
    """The actions of a mock task. Times are in seconds."""

    run_for_s: float
    result: ExitResult
    stdout: Output
    stderr: Output
    start_block_for_s: float
    start_error: str
    start_error_recoverable: bool
    kill_after_s: float

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> Self:
        """Raises DriverError with Nomad's text."""
        start_block_for_s = _seconds(config, "start_block_for")
        _seconds(config, "plugin_exit_after")
        run_for_s = _seconds(config, "run_for")
        script = cls(
            run_for_s=run_for_s,
            stdout=_output(config, "stdout"),
            stderr=_output(config, "stderr"),
            result=ExitResult(
                exit_code=_whole(config, "exit_code"),
                signal=_whole(config, "exit_signal"),
                message=config.get("exit_err_msg", ""),
            ),
            start_block_for_s=start_block_for_s,
            start_error=config.get("start_error", ""),
            start_error_recoverable=config.get("start_error_recoverable", False),
            kill_after_s=_seconds(config, "kill_after"),
        )
        _check_port_map(config.get("driver_port_map", ""))
        return script


async def start(launch: Launch) -> "MockTask":
    """Raises DriverError."""
    script = Script.of(launch.config)
    if script.start_block_for_s > 0:
        await launch.sleep(script.start_block_for_s)
    if script.start_error:
        raise DriverError(script.start_error, recoverable=script.start_error_recoverable)
    return MockTask(script, launch)


class MockTask:
    """A script being played."""

    def __init__(self, script: Script, launch: Launch) -> None:
        self._script = script
        self._launch = launch
        self._sleep: Sleep = launch.sleep
        self._killed = asyncio.Event()
        self._over = asyncio.Event()

    async def wait(self) -> ExitResult:
        writers = [
            asyncio.create_task(self._write(output, path))
            for output, path in ((self._script.stdout, self._launch.stdout), (self._script.stderr, self._launch.stderr))
            if output.text and path
        ]
        try:
            if self._script.run_for_s > 0:
                await happens_within(self._killed, self._script.run_for_s, self._sleep)
            await asyncio.gather(*writers)
        except OSError as exc:
            return ExitResult(message=str(exc))
        finally:
            for writer in writers:
                writer.cancel()
            self._over.set()
        return self._script.result

    async def stop(self, signal_name: str, timeout_s: float) -> None:
        if self._script.kill_after_s > 0:
            await happens_within(self._over, self._script.kill_after_s, self._sleep)
        self._killed.set()

    def abandon(self) -> None:
        self._killed.set()

    async def _write(self, output: Output, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8", errors="replace") as file:
            file.write(output.text)
            for _ in range(output.repeats):
                file.flush()
                if await happens_within(self._killed, output.pause_s, self._sleep):
                    break
                file.write(output.text)


def _output(config: Mapping[str, Any], stream: str) -> Output:
    pause_s = _seconds(config, f"{stream}_repeat_duration", shown="0s")
    return Output(config.get(f"{stream}_string", ""), _whole(config, f"{stream}_repeat"), pause_s)


def _seconds(config: Mapping[str, Any], key: str, shown: str = "") -> float:
    """*shown*: what Nomad's text has in place of the value, by an oversight."""
    text = config.get(key) or "0"
    try:
        return parse_duration(text) / 1e9
    except ValueError as exc:
        raise DriverError(f"{key} {shown or text} not a valid duration: {exc}") from exc


def _whole(config: Mapping[str, Any], key: str) -> int:
    number = config.get(key, 0)
    if not isinstance(number, int):
        raise DriverError(f"{key} {number} is not a whole number")
    return number


def _check_port_map(text: str) -> None:
    label, colon, port = text.partition(":")
    if text and (not colon or not label or not port.isdecimal()):
        raise DriverError(f'malformed port map: "{text}"')
