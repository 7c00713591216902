"""The ends of one run of a task: an exit, or an error before it ran."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ExitResult:
    """
    The exit of a process or of a mock task.

    exit_code: 128 + signal for a process that a signal ended, as shells have it. message: only mock tasks have one.
    """

    exit_code: int = 0
    signal: int = 0
    oom_killed: bool = False
    message: str = ""

    @property
    def successful(self) -> bool:
        """Source: hashicorp/nomad, plugins/drivers/driver.go (ExitResult.Successful)."""
        return self.exit_code == 0 and self.signal == 0 and not self.message


@dataclass(frozen=True, slots=True)
class StartFailure:
    """A task that did not get to run; recoverable ones are tried again as the restart policy allows."""

    recoverable: bool


class TaskError(Exception):
    """The text of a task event that says why a task does not run."""

    def __init__(self, text: str, *, recoverable: bool = False) -> None:
        super().__init__(text)
        self.text = text
        self.recoverable = recoverable


class SetupError(TaskError):
    """The task's surroundings cannot be made, or ask for what the embedded agent does not do."""


class DownloadError(TaskError):
    """An artifact cannot be had."""


class ConfigError(TaskError):
    """The driver's config does not fit its schema."""


class DriverError(TaskError):
    """The driver could not start the task."""
