"""The exceptions that only the Python API raises."""

from __future__ import annotations

from collections.abc import Sequence

from dispatchfile.errors import DispatchfileError
from dispatchfile.problems import Problem, Severity, count_problems

SHOWN_PROBLEMS = 10


class InvalidManifest(DispatchfileError):
    """The manifest has errors, or the server would refuse its items; nothing was sent. *problems* has all of them."""

    def __init__(self, manifest: str, problems: Sequence[Problem]) -> None:
        errors = [problem for problem in problems if problem.severity is Severity.ERROR]
        more = count_problems(errors[SHOWN_PROBLEMS:])
        lines = [f"{problem.position}: {problem.code} {problem.text}" for problem in errors[:SHOWN_PROBLEMS]]
        super().__init__("\n".join([*lines, *([f"and {more:,} more"] if more else [])]))
        self.manifest, self.problems = manifest, tuple(problems)
