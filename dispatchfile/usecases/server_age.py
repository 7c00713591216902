"""
The behaviour of older servers that differs from newer ones.

Source: hashicorp/nomad, CHANGELOG.md. Enterprise versions may have some of it earlier.
"""

from __future__ import annotations

from collections.abc import Iterator

from dispatchfile.findings import Finding, Level

Version = tuple[int, int, int]
CHECK = "version"

# The first version that has it, how bad it is to be older, and what happens then.
FIRST_WITH: tuple[tuple[Version, Level, str], ...] = (
    ((1, 3, 0), Level.FAIL, "list requests support no filter, so nothing can be watched"),
    ((1, 4, 2), Level.FAIL, "ID prefixes are ignored, so children cannot be found again after a fault; a run stops"),
    ((1, 10, 1), Level.WARN, "priority is ignored, so a manifest that sets it is refused"),
    ((1, 10, 5), Level.WARN, "after a server fault, a child may have no evaluation and stay pending forever"),
    ((1, 11, 2), Level.WARN, "two simultaneous dispatches with one idempotency token may create two children"),
    (
        (2, 0, 1),
        Level.WARN,
        "a child looks dead between a failure and its next start, so each ending takes one more request",
    ),
)


def age_findings(version: Version) -> Iterator[Finding]:
    """Return the problems of an older server, the worst first."""
    for first, level, story in FIRST_WITH:
        if version < first:
            yield Finding(level, CHECK, f"before {'.'.join(map(str, first))} {story}")
