"""
Every exception, and the exit code each stands for.

DispatchfileError                       1
├── UsageError                          1  options or arguments that cannot be meant
├── FileError                           1  a file that cannot be read
│   └── OutsideFolder                   1  a file outside the manifest's folder
├── RenderError                         1  a template that cannot be compiled or rendered
├── NomadError                          1
│   ├── NomadUnavailable                1  definitely not done: safe to repeat
│   │   ├── NomadThrottled              1  429: too many connections from this address
│   │   └── NomadLeaderless             1  the servers have no leader just now
│   ├── NomadAmbiguous                  1  perhaps done: settle before anything is repeated
│   ├── NomadUnreadable                 1  a read was answered, but not as Nomad answers
│   └── NomadRefused                    1  never will be done
│       ├── NomadForbidden              1  the token lacks a capability
│       └── NomadNotFound               1  no such job, evaluation or allocation
├── PlanError                           1  a plan file, or the state of a git ref, that cannot be used
├── JournalError                        1  the journal cannot be written or read
├── RunRefused                          1  a run that must not start beside another, or no such run
├── NothingToRerun                      0 or 1  no item of a run is left to run again
└── AgentError                          1  the embedded agent cannot start
Interrupted                             129, 130 or 143  by SIGHUP, SIGINT or SIGTERM

One item's trouble is a value in the results, never an exception: these are for "this cannot go on".
"""

from __future__ import annotations

from typing import Self

from dispatchfile.secrecy import kind_of_secret


class DispatchfileError(Exception):
    """The tool cannot go on; the message is one a user can act on."""

    exit_code = 1

    def __reduce__(self) -> tuple[object, ...]:
        """Let errors pass between processes, whatever their constructors take."""
        return _restore, (type(self), self.args, self.__dict__)


def _restore(kind: type[DispatchfileError], args: tuple[object, ...], state: dict[str, object]) -> DispatchfileError:
    error = kind.__new__(kind, *args)
    error.__dict__.update(state)
    return error


class UsageError(DispatchfileError):
    """Options or arguments that contradict each other or cannot be read."""


class FileError(DispatchfileError):
    """
    A file cannot be used. *path* is shown as the user wrote it, unless it may be a secret; *reason* says why.

    source: the option or variable that gave the path, shown before it. hint: a name that may be meant.
    """

    def __init__(self, path: str, reason: str, *, source: str = "", hint: str = "") -> None:
        super().__init__(_message_of_file(path, f"{reason}: {hint}" if hint else reason, source))
        self.path, self.reason = path, reason
        self.may_be_secret = bool(kind_of_secret(path))
        self.hint = "" if self.may_be_secret else hint


def _message_of_file(path: str, reason: str, source: str) -> str:
    kind = kind_of_secret(path)
    if kind:
        found = f"this holds {kind}, not the name of a file: save it to a file, and give that file's name"
        return f"{source}: {found}" if source else found
    return f"{source} {path}: {reason}" if source else f"{path}: {reason}"


class OutsideFolder(FileError):
    """A file lies outside the manifest's folder, perhaps by a symbolic link."""


class StandardInputError(FileError):
    """Standard input cannot be read for rows. *hint* says what to do."""

    def __init__(self, reason: str, hint: str) -> None:
        super().__init__("standard input", reason)
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.path} {self.reason}"


class RenderError(DispatchfileError):
    """A template cannot be compiled or rendered. *line* counts from 1 within the template, if known."""

    def __init__(self, template: str, reason: str, line: int | None = None) -> None:
        super().__init__(f"{template}:{line}: {reason}" if line else f"{template}: {reason}")
        self.template, self.reason, self.line = template, reason, line


class NomadError(DispatchfileError):
    """
    Nomad, or the way to it, is in trouble. *status* is the HTTP status, if there was one.

    is_lasting: the same request would fail in the same way if it was repeated at once, as after a TLS fault.
    """

    def __init__(self, message: str, *, status: int | None = None, is_lasting: bool = False) -> None:
        super().__init__(message)
        self.message, self.status, self.is_lasting = message, status, is_lasting

    def at(self, address: str) -> Self:
        """Return the same, with the place where Nomad was looked for."""
        return type(self)(f"{address}: {self.message}", status=self.status)


class NomadUnavailable(NomadError):
    """The request was definitely not carried out: it may be repeated."""


class NomadThrottled(NomadUnavailable):
    """Nomad's limit of connections per address (HTTP 429): slow down, then repeat."""


class NomadLeaderless(NomadUnavailable):
    """The servers have no leader just now: they are electing one, or too few of them are up."""


class NomadAmbiguous(NomadError):
    """The request may have been carried out: look before anything is repeated."""


class NomadUnreadable(NomadError):
    """A read was answered with something that Nomad does not say: HTML, cut JSON, wrong types."""


class NomadRefused(NomadError):
    """Nomad will never carry this request out; the message holds its own words."""


class NomadForbidden(NomadRefused):
    """The token has no right to this (HTTP 403)."""


class NomadNotFound(NomadRefused):
    """There is no such job, evaluation or allocation (HTTP 404)."""


class PlanError(DispatchfileError):
    """A plan cannot be written, read or applied; or what it is compared with cannot be read."""


class JournalError(DispatchfileError):
    """The journal cannot be written or read."""


class RunRefused(DispatchfileError):
    """A run must not start (another one is unfinished) or cannot be found."""


class NothingToRerun(DispatchfileError):
    """No item of the *run* is left to run again; *exit_code* is 0 if that is good news."""

    def __init__(self, message: str, run: str, exit_code: int) -> None:
        super().__init__(message)
        self.run, self.exit_code = run, exit_code
        self.notes: list[str] = []  # on options that would have had no effect anyway


class AgentError(DispatchfileError):
    """The embedded agent cannot start."""


class Interrupted(DispatchfileError):
    """SIGINT, SIGTERM or SIGHUP ended the work; *exit_code* is 130, 143 or 129."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code
