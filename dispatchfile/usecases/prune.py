"""`prune`: old journals removed, never one that is still needed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from dispatchfile.errors import JournalError, RunRefused
from dispatchfile.events import Outcome
from dispatchfile.journal import JournalReader, StoredRun, remove_run
from dispatchfile.settings import Wait, parse_duration
from dispatchfile.usecases.folding import fold_past
from dispatchfile.usecases.past import RUNNING
from dispatchfile.usecases.runs import RunFilter, read_history

AGE = re.compile(r"(?:([0-9]{1,5})w)?(?:([0-9]{1,6})d)?(.*)", re.DOTALL)

Runs = Sequence[tuple[StoredRun, str]]  # runs and their states, the newest first


@dataclass(frozen=True, slots=True)
class PruneRule:
    """The rule that says which runs are old. One of the two fields is set."""

    older_than: timedelta | None = None  # since the end of the run
    keep: int | None = None  # the newest runs

    def selects(self, number: int, stored: StoredRun, now: float) -> bool:
        """Return whether the run is old; *number* 0 is the newest run."""
        if self.keep is not None:
            return number >= self.keep
        ended_at = stored.status.finished_at or stored.header.started_at
        return self.older_than is not None and ended_at < now - self.older_than.total_seconds()


@dataclass(slots=True)
class Pruned:
    """The runs that `prune` removed or would remove, and those that it kept."""

    removed: list[tuple[StoredRun, str]] = field(default_factory=list)  # the newest first
    needed: list[tuple[StoredRun, str, str]] = field(default_factory=list)  # old runs with their states and reasons
    kept: int = 0  # the number of all runs that remain
    errors: list[str] = field(default_factory=list)


def prune(state_dir: str | None, environ: Mapping[str, str], rule: PruneRule, *, now: float, dry_run: bool) -> Pruned:
    """Remove the runs that the rule selects and nothing needs any more. Raises JournalError."""
    history = read_history(state_dir, environ, RunFilter())
    pruned = Pruned(errors=list(history.errors))
    old = {stored.header.id for number, (stored, _) in enumerate(history.runs) if rule.selects(number, stored, now)}
    reasons = _reasons(history.runs, old)
    for stored, state in reversed(history.runs):
        run = stored.header.id
        if run in old and run not in reasons:
            _remove(stored, state, pruned, dry_run=dry_run)
        elif run in old:
            pruned.needed.append((stored, state, reasons[run]))
    pruned.removed.reverse()
    pruned.kept = len(history.runs) - len(pruned.removed)
    return pruned


def _remove(stored: StoredRun, state: str, pruned: Pruned, *, dry_run: bool) -> None:
    try:
        if dry_run:
            JournalReader(stored.path).outcome_counts()  # one that a newer version wrote would not be removed
        else:
            remove_run(stored.path)
    except RunRefused as exc:  # a process has taken it up since
        pruned.needed.append((stored, state, str(exc)))
    except JournalError as exc:
        pruned.errors.append(str(exc))
    else:
        pruned.removed.append((stored, state))


def _reasons(runs: Runs, old: set[str]) -> dict[str, str]:
    """Return why each run is needed that is needed."""
    reasons = {stored.header.id: reason for stored, state in runs if (reason := _own_reason(stored, state))}
    while found := dict(_reasons_by_others(runs, old, reasons)):
        reasons |= found
    return reasons


def _own_reason(stored: StoredRun, state: str) -> str:
    run = stored.header.id
    if state == RUNNING:
        return "a process works on it"
    if stored.is_unfinished:
        return f"it is unfinished: `dispatchfile resume {run}` continues it, `dispatchfile stop {run}` ends it"
    try:
        unseen = _count_unseen(stored)
    except JournalError as exc:
        return str(exc)
    return f"it has items whose end was not seen ({', '.join(unseen)})" if unseen else ""


def _count_unseen(stored: StoredRun) -> list[str]:
    """Return how many items have each of the outcomes without an end, less those whose ends were observed since."""
    reader = JournalReader(stored.path)
    counts = stored.status.counts or reader.outcome_counts()
    if any(counts.get(outcome) for outcome in _unseen(stored)) and reader.observations():
        counts = {str(state): number for state, number in fold_past(reader, stored).counts().items()}
    return [f"{counts[outcome]:,} {outcome}" for outcome in _unseen(stored) if counts.get(outcome)]


def _unseen(stored: StoredRun) -> list[Outcome]:
    """Return the outcomes of items that may still run or be queued in Nomad, with no other record of them."""
    if stored.header.local:
        return []  # the children ended with their agent
    unseen = (
        {Outcome.UNKNOWN} if stored.header.settings.wait is Wait.COMPLETION else {Outcome.UNKNOWN, Outcome.UNPLACED}
    )
    return [outcome for outcome in Outcome if outcome.is_detached or outcome in unseen]


def _reasons_by_others(runs: Runs, old: set[str], reasons: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """
    Yield the runs that are needed since another one is.

    An unfinished rerun may need the run that it repeats; a run that stays must not forget what was mended.
    """
    states = {stored.header.id: stored for stored, _ in runs}
    for stored, _ in runs:
        run, origin = stored.header.id, stored.header.rerun_of
        if origin not in states:
            continue
        if stored.is_unfinished and origin not in reasons:
            yield origin, f"run {run}, a rerun of it, is unfinished"
        if run not in reasons and (origin in reasons or origin not in old):
            yield run, f"it reran items of run {origin}, which is kept"


def parse_age(text: str) -> timedelta:
    """Return a duration that may have weeks and days: `30d`, `2w`, `1d12h`. Raises ValueError."""
    weeks, days, rest = AGE.fullmatch(text).groups()  # type: ignore[union-attr]  # it matches every text
    try:
        if not text:
            raise ValueError
        return timedelta(weeks=int(weeks or 0), days=int(days or 0)) + (parse_duration(rest) if rest else timedelta())
    except (ValueError, OverflowError):
        raise ValueError(f"{text!r} is not a duration (examples: 30d, 12h, 2w)") from None
