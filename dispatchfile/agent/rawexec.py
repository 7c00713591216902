"""
Tasks as processes: ``raw_exec``, and ``exec`` without its isolation.

There are no limits and no cgroups here, so settings about those are read and have no effect.
Source: hashicorp/nomad, drivers/rawexec/driver.go and drivers/shared/executor/executor.go.
"""

import asyncio
import contextlib
import fnmatch
import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any, Final

from dispatchfile.agent.golang import quote
from dispatchfile.agent.guard import Guard
from dispatchfile.agent.launch import Launch
from dispatchfile.agent.outcomes import DriverError, ExitResult
from dispatchfile.agent.waiting import Sleep, happens_within

POLL_SECONDS: Final = 0.02
"""How often an exit is looked for where the system cannot tell of it."""

_LAUNCH_FAILED: Final = "failed to launch command with executor: rpc error: code = Unknown desc = "
_INVALID_CONFIG: Final = "failed driver config validation: "
_SIGNAL_BASE: Final = 128


async def start(launch: Launch) -> "Process":
    """Raises DriverError with Nomad's text."""
    _check(launch)
    environment = dict(_environment(launch))
    command = _found_command(launch.config.get("command", ""), launch.folder)
    process = _spawn([str(command), *launch.config.get("args", ())], environment, launch)
    if launch.guard:
        launch.guard.add(process.pid)
    return Process(process, launch.guard, launch.sleep)


class Process:
    """The leader of a process group of its own; when it ends, the rest of its group is killed."""

    def __init__(self, process: "subprocess.Popen[bytes]", guard: Guard | None, sleep: Sleep) -> None:
        self._process = process
        self._guard = guard
        self._sleep = sleep
        self._over = asyncio.Event()

    async def wait(self) -> ExitResult:
        await _exit_of(self._process)
        return self._reaped()

    async def stop(self, signal_name: str, timeout_s: float) -> None:
        if timeout_s > 0 and (number := _signal_number(signal_name)):
            self._process.send_signal(number)
            if await happens_within(self._over, timeout_s, self._sleep):
                return
        self._process.kill()
        await self._over.wait()

    def abandon(self) -> None:
        if not self._over.is_set():
            self._process.kill()
            self._reaped()

    def _reaped(self) -> ExitResult:
        """Kill the group, then reap the process. Until then, no other process can get the number of the group."""
        with contextlib.suppress(OSError):
            os.killpg(self._process.pid, signal.SIGKILL)
        code = self._process.wait()
        if self._guard:
            self._guard.remove(self._process.pid)
        self._over.set()
        return ExitResult(exit_code=code) if code >= 0 else ExitResult(_SIGNAL_BASE - code, -code)


def _check(launch: Launch) -> None:
    work_dir = launch.config.get("work_dir")
    if launch.config.get("oom_score_adj", 0) < 0:
        raise DriverError(f"{_INVALID_CONFIG}oom_score_adj must not be negative")
    if work_dir and not work_dir.startswith("/"):
        raise DriverError(f"{_INVALID_CONFIG}work_dir must be an absolute path")
    if launch.user:
        _check_user(launch.user)


def _check_user(name: str) -> None:
    try:
        pwd.getpwnam(name)
    except KeyError as exc:
        text = f'failed to identify user "{name}": user: unknown user {name}'
        raise DriverError(_INVALID_CONFIG + text) from exc


def _environment(launch: Launch) -> Iterator[tuple[str, str]]:
    denied = launch.config.get("denied_envvars", ())
    for key, value in launch.environment().items():
        if not any(fnmatch.fnmatchcase(key, pattern) for pattern in denied):
            yield key, value
    if launch.guard:
        yield from launch.guard.environment.items()


def _found_command(command: str, folder: Path) -> Path:
    """The task's own folder goes first, then absolute paths, then the agent's PATH."""
    for own in (folder / "local" / command.lstrip("/"), folder / command.lstrip("/")):
        if _exists(own):
            _make_executable(own)
            return own
    if command.startswith("/") and _exists(Path(command)):
        return Path(command)
    found = None if "/" in command or "\0" in command else shutil.which(command)
    if found is None:
        raise DriverError(f"{_LAUNCH_FAILED}binary {quote(command)} could not be found")
    return Path(found)


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def _make_executable(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.chmod(path.stat().st_mode | 0o555)


def _spawn(arguments: list[str], environment: Mapping[str, str], launch: Launch) -> "subprocess.Popen[bytes]":
    identity: dict[str, Any] = {}
    if launch.user and launch.user != pwd.getpwuid(os.geteuid()).pw_name:
        account = pwd.getpwnam(launch.user)
        groups = os.getgrouplist(launch.user, account.pw_gid)
        identity = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": groups}
    with contextlib.ExitStack() as files:
        try:
            return subprocess.Popen(
                arguments,
                cwd=launch.config.get("work_dir") or launch.folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=_log(launch.stdout, files),
                stderr=_log(launch.stderr, files),
                process_group=0,
                **identity,
            )
        except (OSError, ValueError) as exc:
            raise DriverError(_LAUNCH_FAILED + _not_started(arguments, environment, exc)) from exc


def _log(path: Path | None, files: contextlib.ExitStack) -> IO[bytes] | int:
    if path is None:
        return subprocess.DEVNULL
    path.parent.mkdir(parents=True, exist_ok=True)
    return files.enter_context(path.open("ab"))


def _not_started(arguments: list[str], environment: Mapping[str, str], error: OSError | ValueError) -> str:
    path, quoted = quote(arguments[0]), " ".join(map(quote, arguments))
    text = f"failed to start command path={path} --- args=[{quoted}]: "
    if any("\0" in value for value in environment.values()):
        return f"{text}exec: environment variable contains NUL"
    reason = error.strerror if isinstance(error, OSError) and error.strerror else "invalid argument"
    return f"{text}fork/exec {arguments[0]}: {reason.lower()}"


def _signal_number(name: str) -> int | None:
    """SIGINT where no signal is named; None for a name that is no signal."""
    try:
        return signal.Signals[name or "SIGINT"]
    except KeyError:
        return None


async def _exit_of(process: "subprocess.Popen[bytes]") -> None:
    """Wait until the process has ended, without reaping it where the system allows."""
    try:
        descriptor = _exit_descriptor(process.pid)
    except OSError:
        await exit_by_polling(process)
        return
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(descriptor, ended.set)
    try:
        await ended.wait()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)


async def exit_by_polling(process: "subprocess.Popen[bytes]") -> None:
    """Wait until the process has ended, where the system cannot tell of it; it is reaped then."""
    while process.poll() is None:  # noqa: ASYNC110 - there is nothing that could set an event
        await asyncio.sleep(POLL_SECONDS)


def _exit_descriptor(pid: int) -> int:
    """A file descriptor that is readable once the process has ended. Raises OSError where there is none."""
    open_descriptor: Callable[[int], int] | None = getattr(os, "pidfd_open", None)
    if open_descriptor is None:
        raise OSError("this system has no descriptors of processes")
    return open_descriptor(pid)
