"""Questions that several attempts share: is the token itself refused, and how many children has a job had."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from dispatchfile.engine.lifecycle.attempt import Attempt
from dispatchfile.names import JobKey

Asker = Attempt | JobKey  # a job whose list was denied


@dataclass(slots=True)
class TokenQuestion:
    """The question whether the token is refused, for all that were denied something before it was asked."""

    serial: int = 0  # of the one that is open; 0: none is
    asking: list[Asker] = field(default_factory=list)
    later: list[Asker] = field(default_factory=list)
    refusal: str = ""  # once it is known, it stays

    def answer(self, refusal: str) -> list[Asker]:
        """Take the answer. Return those whom it serves: all, if the token is refused."""
        served, self.asking, self.serial = self.asking, [], 0
        if refusal:
            self.refusal = refusal
            served, self.later = served + self.later, []
        return served


@dataclass(slots=True)
class _JobCount:
    """The counts of one job."""

    serial: int = 0  # of the one that is open; 0: none is
    made: int = 0  # how many children the run was known to have made before it began
    asking: list[Attempt] = field(default_factory=list)
    later: list[Attempt] = field(default_factory=list)


class Accounts:
    """The children that this run is known to have made, and the counts that tell whether there are others."""

    def __init__(self, made: Mapping[JobKey, Collection[str]]) -> None:
        self._made = {job: list(children) for job, children in made.items()}
        self._counts: dict[JobKey, _JobCount] = {}

    def add(self, job: JobKey, child: str) -> None:
        """The run is known to have made the child. Nothing is ever taken off the list."""
        self._made.setdefault(job, []).append(child)

    @property
    def made(self) -> Mapping[JobKey, list[str]]:
        return self._made

    def ask(self, attempt: Attempt, serial: int) -> bool:
        """Return whether to begin a count now, under this *serial*. Else one is running, and the next one serves."""
        count = self._counts.setdefault(attempt.job, _JobCount())
        if count.serial:
            count.later.append(attempt)
            return False
        self._begin(attempt.job, count, [attempt], serial)
        return True

    def answer(self, job: JobKey, serial: int) -> tuple[list[Attempt], tuple[str, ...]] | None:
        """Return whom the count serves, and what was made before it began; None if nobody waits for this one."""
        count = self._counts.get(job)
        if count is None or count.serial != serial:
            return None
        served, count.asking, count.serial = count.asking, [], 0
        return served, tuple(self._made.get(job, ())[: count.made])

    def ask_again(self, job: JobKey, serial: int) -> bool:
        """Return whether a count has to begin now for those who asked while the last one was running."""
        count = self._counts[job]
        if count.serial or not count.later:
            return False
        later, count.later = count.later, []
        self._begin(job, count, later, serial)
        return True

    def _begin(self, job: JobKey, count: _JobCount, askers: list[Attempt], serial: int) -> None:
        count.serial, count.asking, count.made = serial, askers, len(self._made.get(job, ()))
