"""Decides which children a list may leave out: those dispatched before every living one."""

from __future__ import annotations

from collections.abc import Sequence

from dispatchfile.nomad.filters import literal

STRAGGLERS = 50  # old living children named one by one, so that they do not hold the window open
STRAGGLER_AGE_S = 60  # older than the rest by more than this


def window_pattern(living: Sequence[str]) -> str:
    """
    Return a regular expression that leaves out children dispatched before every living one, but for a few stragglers.

    living: IDs, which end in `-<unix seconds>-<8 hex>`. Empty if nothing can be left out.
    """
    dated = sorted(
        (int(parts[-2]), name) for name in living if (parts := name.split("-"))[-2:-1] and parts[-2].isdigit()
    )
    if not dated or len(dated) < len(living):
        return ""
    young = dated[min(STRAGGLERS, len(dated) - 1)][0] - STRAGGLER_AGE_S
    cut = next(number for number, (at, _) in enumerate(dated) if at >= young)
    names = [literal(name) for _, name in dated[:cut]]
    return "|".join([*(f"^{name}$" for name in names), f"-({at_least(dated[cut][0])})-[0-9a-f]+$"])


def at_least(number: int) -> str:
    """Return a regular expression for the decimal numbers of as many digits that are at least *number*."""
    digits = str(number)
    patterns = [digits]
    for place, digit in enumerate(digits):
        if digit != "9":
            rest = len(digits) - place - 1
            patterns.append(f"{digits[:place]}[{int(digit) + 1}-9]" + (f"[0-9]{{{rest}}}" if rest else ""))
    return "|".join(patterns)
