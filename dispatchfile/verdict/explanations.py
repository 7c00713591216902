"""Why no node took a group."""

from __future__ import annotations

from collections.abc import Mapping

from dispatchfile.nomad.models import PlacementFailure
from dispatchfile.verdict.wording import count_nodes, one_line

LACKS = {
    "missing drivers": "driver",
    "missing devices": "device",
    "missing compatible host volumes": "host volume",
    "missing network": "network",
    "missing secrets provider": "secrets provider",
}
UNFIT_CLASS = "computed class ineligible"  # no node of the class met the constraints when they were last looked at
SENTENCES = ("CSI ", "missing ", "invalid ", "did not ")  # of the scheduler, where others are constraints


def explain_placement_failure(failures: Mapping[str, PlacementFailure]) -> str:
    """
    Why no node took the groups, in one sentence; empty for no failures.

    Source: hashicorp/nomad, scheduler/feasible/feasible.go and rank.go; a missing driver is not named there.
    """
    reasons = {group: _explain_group(failure) for group, failure in sorted(failures.items())}
    if len(set(reasons.values())) <= 1:
        return one_line(next(iter(reasons.values()), ""))
    return one_line("; ".join(f"group {group}: {reason}" for group, reason in reasons.items()))


def _explain_group(failure: PlacementFailure) -> str:
    reasons = [*_explain_quota(failure), *_explain_exhausted(failure), *_explain_filtered(failure)]
    return ", ".join(reasons) or "no node is eligible"


def _explain_quota(failure: PlacementFailure) -> list[str]:
    return [f"quota exhausted ({', '.join(sorted(failure.quota_exhausted))})"] if failure.quota_exhausted else []


def _explain_exhausted(failure: PlacementFailure) -> list[str]:
    dimensions = sorted(failure.dimension_exhausted.items())
    if not dimensions and failure.nodes_exhausted:
        return [f"{count_nodes(failure.nodes_exhausted)} exhausted"]
    return [f"{_name_dimension(name)} on {count_nodes(count)}" for name, count in dimensions]


def _name_dimension(name: str) -> str:
    """`memory` is a word; `network: port collision` and `max allocation exceeded` say what is wrong."""
    return name if " " in name else f"{name} exhausted"


def _explain_filtered(failure: PlacementFailure) -> list[str]:
    constraints = sorted(failure.constraint_filtered.items())
    if constraints:
        everywhere = failure.nodes_filtered >= failure.nodes_evaluated and len(constraints) == 1
        return [_explain_constraint(text, count, everywhere=everywhere) for text, count in constraints]
    if failure.class_filtered:
        classes = sorted(failure.class_filtered.items())
        return [f"{count_nodes(count)} of class {name} filtered" for name, count in classes]
    return [f"{count_nodes(failure.nodes_filtered)} filtered"] if failure.nodes_filtered else []


def _explain_constraint(text: str, count: int, *, everywhere: bool) -> str:
    if text in LACKS:
        return _sentence(f"has its {LACKS[text]}", f"its {LACKS[text]} is missing on", count, everywhere=everywhere)
    if text.startswith(SENTENCES):
        return f"{text} ({count} filtered)"
    wish = "its constraints" if text == UNFIT_CLASS else f'"{text}"'
    return _sentence(f"meets {wish}", f"{wish} not met by", count, everywhere=everywhere)


def _sentence(all_lack: str, some_lack: str, count: int, *, everywhere: bool) -> str:
    return f"no node {all_lack} ({count} filtered)" if everywhere else f"{some_lack} {count_nodes(count)}"
