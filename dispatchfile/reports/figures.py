"""The words for a run's figures, the same in Markdown and on the HTML page."""

from __future__ import annotations

from collections.abc import Sequence

from dispatchfile.reports.text import span
from dispatchfile.results.figures import Durations, Figures, GroupFigures

SHARE_HEADS = ("Items", "OK", "Did not succeed", "Not ended", "Median", "95th percentile", "Longest", "Total")


def duration_figures(durations: Durations) -> Sequence[tuple[str, str]]:
    """Return the names of the figures and what they are."""
    return [
        ("median", span(durations.median_s)),
        ("95th percentile", span(durations.p95_s)),
        ("longest", span(durations.longest_s)),
        ("total", span(durations.total_s)),
    ]


def shares_by(figures: Figures) -> Sequence[tuple[str, Sequence[GroupFigures]]]:
    """Return the shares of jobs, nodes and tags, each behind the noun for one of them."""
    return [("job", figures.by_job), ("node", figures.by_node), ("tag", figures.by_tag)]


def share_cells(share: GroupFigures) -> Sequence[str]:
    """Return the numbers of a share, in the order of `SHARE_HEADS`."""
    counts = [f"{count:,}" for count in (share.items, share.good, share.bad, share.living)]
    if share.durations is None:
        return [*counts, "", "", "", ""]
    return [*counts, *(text for _, text in duration_figures(share.durations))]
