"""
The doubt about an attempt, and the proof that its request was not carried out.

A request is in doubt when it may have reached Nomad and no answer came back. Its child, if there is one, has the
attempt's own ID prefix, so it can be looked for.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from dispatchfile.engine.happenings import Counted
from dispatchfile.engine.spec import Baseline
from dispatchfile.names import is_child_of

LOOK_PAUSES_S = (0.5, 1.0, 2.0, 4.0, 5.0)  # between two looks; the last one from then on
LAST_LOOK_S = 5.0  # how long a look may take once the run is to end: a resume looks again
UNBROKEN_S = 10.0  # looks further apart than this leave a gap in which a child may come and go
GRACE_S = 15.0  # the whole run ends before one attempt is given up


@dataclass(slots=True)
class Doubt:
    """
    Looks for one attempt, until *settle* has passed since the connection was lost, with the last look after that.

    Found: adopted. Never seen in unbroken looks: sent again. Where looking had a gap, a child may have come, ended and
    been collected unseen: then the job's total has to speak for it. A machine that slept has a gap that only the wall
    clock shows. A child that has only the token is somebody else's: as long as the request was not *answered*, its own
    child may still come, if that one is collected before.
    """

    deadline: float  # of the clock that never goes back
    seen_until: float
    seen_until_wall: float
    is_unbroken: bool
    is_answered: bool
    looked_at: float = 0.0
    looked_at_wall: float = 0.0
    looks: int = 0
    stuck_since: float | None = None  # nothing has been found out since then

    @property
    def is_due(self) -> bool:
        """Return whether the last look came late enough to decide."""
        return self.looked_at >= self.deadline

    def begin_look(self, now: float, wall: float) -> None:
        self.looked_at, self.looked_at_wall = now, wall

    def end_look(self) -> None:
        """The look that began last has shown what there is."""
        gap_s = max(self.looked_at - self.seen_until, self.looked_at_wall - self.seen_until_wall)
        self.is_unbroken = self.is_unbroken and gap_s <= UNBROKEN_S
        self.seen_until, self.seen_until_wall = self.looked_at, self.looked_at_wall

    def is_hopeless(self, now: float, patience_s: float, *, has_learned: bool) -> bool:
        """Return whether Nomad answers other requests, or the run would have ended, but no look shows this attempt."""
        if has_learned:
            self.stuck_since = None
        elif self.stuck_since is None:
            self.stuck_since = self.looked_at
        else:
            return now - max(self.stuck_since, self.deadline) >= patience_s + GRACE_S
        return False

    def next_look(self, now: float) -> float:
        """Return when to look again."""
        until = now + LOOK_PAUSES_S[min(self.looks, len(LOOK_PAUSES_S) - 1)]
        self.looks += 1
        return self.deadline if now < self.deadline < until else until


def begin_doubt(now: float, wall: float, settle_s: float, *, unbroken: bool, answered: bool) -> Doubt:
    """Return a doubt that begins now."""
    return Doubt(now + settle_s, now, wall, unbroken, answered)


def is_nothing_unseen(
    baseline: Baseline, made: Collection[str], counted: Counted, *, prefix_is_confirmed: bool
) -> bool:
    """
    Return whether every child made since the baseline, by anybody, is known: made by this run, or listed.

    made: the run's own, from before the count. The list was read after the total, and of it only children up to the
    total's index count, so children that are made meanwhile cannot stand in for one that is gone. A job registered
    anew counts from zero, and servers can be told to count anew: then the total has fallen, to less than this run alone
    has made. As long as no child has shown its prefix, one without a prefix is perhaps the one that is looked for.
    """
    known = set(made)
    listed = {
        child
        for index, child in counted.listed
        if baseline.index < index <= counted.counted_at
        and (prefix_is_confirmed or not is_child_of(child, job=counted.job.job, prefix=""))
    }
    grown = counted.total - baseline.children
    return counted.registered_at <= baseline.index and len(known) <= grown <= len(known | listed)
