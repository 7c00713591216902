"""Which items of a past run are meant, by how they ended."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from dispatchfile.errors import UsageError
from dispatchfile.events import Cause, Outcome
from dispatchfile.items import Item
from dispatchfile.results import ItemResult, Results
from dispatchfile.usecases.select import select_items

ALSO_FAILED = frozenset({Outcome.REFUSED, Outcome.UNSENT})  # beside class 2
NAMES_UNKNOWN = f"outcome:{Outcome.UNKNOWN}"


@dataclass(frozen=True, slots=True)
class Choice:
    """Items with one of the outcomes, one of the causes and one of the selectors, as far as these are given."""

    failed: bool = False
    outcomes: Collection[Outcome] = ()
    causes: Collection[Cause] = ()
    only: Sequence[str] = ()  # as --only has them

    @property
    def is_empty(self) -> bool:
        return not (self.all_outcomes or self.causes or self.only)

    @property
    def all_outcomes(self) -> frozenset[Outcome]:
        """Those named, and those that `failed` stands for: class 2, refused and unsent."""
        failed = (outcome for outcome in Outcome if outcome.exit_class == 2 or outcome in ALSO_FAILED)
        return frozenset(self.outcomes) | (frozenset(failed) if self.failed else frozenset())

    def takes(self, result: ItemResult) -> bool:
        """As far as outcomes and causes go."""
        outcomes = self.all_outcomes
        return (not outcomes or result.outcome in outcomes) and (not self.causes or result.cause in self.causes)

    @property
    def names_unknown(self) -> bool:
        """An unknown item may have run: that it is to run again has to be said in so many words."""
        return Outcome.UNKNOWN in self.outcomes or NAMES_UNKNOWN in self.only


@dataclass(frozen=True, slots=True)
class Chosen:
    """Items in file order, without their payloads, and how many were left out because they are unknown."""

    items: tuple[Item, ...]
    left_out: int


def choose_items(run: str, items: Sequence[Item], results: Results, choice: Choice) -> Chosen:
    """Raises UsageError, which says what there is, for a choice that is none or takes nothing."""
    if choice.is_empty:
        counts = tell_counts(results)
        raise UsageError(f"say which items: --failed, --outcome, --cause or --only; run {run} has {counts}")
    found = {result.id: result for result in results.items()}
    outcomes = {item_id: result.outcome for item_id, result in found.items() if result.outcome}
    named = select_items(items, only=choice.only, skip=(), outcomes=outcomes).selected
    meant = [item for item in named if choice.takes(found[item.id])]
    taken = [item for item in meant if choice.names_unknown or outcomes.get(item.id) is not Outcome.UNKNOWN]
    left_out = len(meant) - len(taken)
    if not taken:
        hint = f"; {left_out} of them may have run, and are taken with --outcome unknown" if left_out else ""
        raise UsageError(f"nothing of run {run} is chosen: it has {tell_counts(results)}{hint}")
    return Chosen(tuple(taken), left_out)


def tell_counts(results: Results) -> str:
    """`997 succeeded, 3 failed`."""
    counts = results.counts()
    return ", ".join(f"{counts[outcome]:,} {outcome}" for outcome in Outcome if counts[outcome]) or "no items"
