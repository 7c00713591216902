"""Why no node took a group, in one sentence."""

import pytest

from dispatchfile.nomad.models import PlacementFailure
from dispatchfile.verdict import explain_placement_failure


@pytest.mark.parametrize(
    ("failure", "sentence"),
    [
        (PlacementFailure(), "no node is eligible"),
        (PlacementFailure(3, 0, 3, dimension_exhausted={"memory": 3}), "memory exhausted on 3 nodes"),
        (
            PlacementFailure(2, 0, 2, dimension_exhausted={"memory": 1, "cpu": 1}),
            "cpu exhausted on 1 node, memory exhausted on 1 node",
        ),
        (
            PlacementFailure(1, 0, 1, dimension_exhausted={"network: port collision": 1}),
            "network: port collision on 1 node",
        ),
        (
            PlacementFailure(1, 0, 1, dimension_exhausted={"max allocation exceeded": 1}),
            "max allocation exceeded on 1 node",
        ),
        (PlacementFailure(2, 0, 2), "2 nodes exhausted"),
        (PlacementFailure(1, 1, 0, {"missing drivers": 1}), "no node has its driver (1 filtered)"),
        (
            PlacementFailure(4, 1, 3, {"missing drivers": 1}, {"memory": 3}),
            "memory exhausted on 3 nodes, its driver is missing on 1 node",
        ),
        (
            PlacementFailure(2, 2, 0, {"missing compatible host volumes": 2}),
            "no node has its host volume (2 filtered)",
        ),
        (PlacementFailure(1, 1, 0, {"${meta.ready} = yes": 1}), 'no node meets "${meta.ready} = yes" (1 filtered)'),
        (
            PlacementFailure(3, 3, 0, {"${attr.kernel.name} = linux": 1, "missing devices": 2}),
            '"${attr.kernel.name} = linux" not met by 1 node, its device is missing on 2 nodes',
        ),
        (PlacementFailure(1, 1, 0, {"computed class ineligible": 1}), "no node meets its constraints (1 filtered)"),
        (
            PlacementFailure(1, 1, 0, {"CSI plugin nfs is missing from client 1f": 1}),
            "CSI plugin nfs is missing from client 1f (1 filtered)",
        ),
        (PlacementFailure(2, 2, 0, class_filtered={"gpu": 2}), "2 nodes of class gpu filtered"),
        (PlacementFailure(2, 2, 0), "2 nodes filtered"),
        (PlacementFailure(quota_exhausted=("memory", "cpu")), "quota exhausted (cpu, memory)"),
    ],
)
def test_a_failure_is_one_sentence(failure: PlacementFailure, sentence: str) -> None:
    """Exhausted nodes first, then filtered ones, by constraint."""
    assert explain_placement_failure({"g": failure}) == sentence


def test_groups_are_named_only_where_they_differ() -> None:
    """Most jobs have one, or several that want the same."""
    full, unfit = PlacementFailure(1, 0, 1, dimension_exhausted={"memory": 1}), PlacementFailure()
    assert explain_placement_failure({"b": full, "a": full}) == "memory exhausted on 1 node"
    assert (
        explain_placement_failure({"b": full, "a": unfit})
        == "group a: no node is eligible; group b: memory exhausted on 1 node"
    )
    assert explain_placement_failure({}) == ""
