"""The result of a run."""

from __future__ import annotations

from dataclasses import dataclass, replace

from dispatchfile.problems import Problem
from dispatchfile.results import Summary


@dataclass(frozen=True, slots=True)
class RunEnd:
    """The result of a run: a summary, or the problems that kept it from starting."""

    summary: Summary | None
    problems: tuple[Problem, ...] = ()

    @property
    def exit_code(self) -> int:
        return self.summary.exit_code if self.summary else 1

    def stopped_early(self) -> RunEnd:
        """Return the end of a run that another process stopped, which nobody is told to resume."""
        return self if self.summary is None else replace(self, summary=replace(self.summary, state="stopped_early"))
