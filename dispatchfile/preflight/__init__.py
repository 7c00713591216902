"""
Items against what the server says of their parents: problems before anything is sent, and effective retry policies.

Pure: the facts are read by a use case. Nomad checks the same at each dispatch, but one by one and with a 500.
"""

from dispatchfile.preflight.checks import (
    ParentState,
    StartLimit,
    cap_problems,
    check_items,
    find_stops,
    near_misses,
    parents_in,
    policies,
    route_in,
)

__all__ = [
    "ParentState",
    "StartLimit",
    "cap_problems",
    "check_items",
    "find_stops",
    "near_misses",
    "parents_in",
    "policies",
    "route_in",
]
