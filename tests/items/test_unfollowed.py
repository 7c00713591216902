"""Keys of dispatches that have no effect because of `wait` are told, once each."""

from dataclasses import replace
from pathlib import Path

import pytest

from dispatchfile.items import unfollowed_keys
from dispatchfile.manifest import load_manifest
from dispatchfile.problems import Severity
from dispatchfile.settings import Settings, Share, Wait

PLACEMENT = "has no effect after the placement, because with wait: placement the run does not see how items end"
DETACH = "has no effect with wait: detach, because the run does not see what becomes of items"
HINT = "set settings.wait: completion, or pass --wait"


def told(manifest: str, settings: Settings) -> list[tuple[int, str]]:
    """The line and the text of each warning."""
    document, _ = load_manifest(f"version: 1\n{manifest}".encode(), path="m.yaml", folder=Path("/"))
    assert document is not None
    found = list(unfollowed_keys(document, settings))
    assert {(problem.code, problem.severity, problem.hint) for problem in found} <= {("DF017", Severity.WARNING, HINT)}
    return [(problem.position.line, problem.found) for problem in found]


@pytest.mark.parametrize(
    ("manifest", "placement", "detach"),
    [
        pytest.param("dispatches: [{job: j}]", [], [], id="neither key"),
        pytest.param("dispatches:\n- {job: j}\n- {timeout: 5m, job: j}", [4], [4], id="a timeout"),
        pytest.param("dispatches:\n- {retry: {attempts: 2}, job: j}", [3], [3], id="the default of on is failed"),
        pytest.param("dispatches:\n- {retry: {attempts: 2, on: [lost, oom]}, job: j}", [3], [3], id="ends"),
        pytest.param("dispatches:\n- {retry: {attempts: 2, on: [failed, unplaced]}, job: j}", [], [3], id="unplaced"),
        pytest.param("defaults: {timeout: 5m}\ndispatches:\n- {job: j, timeout: 3m}", [2], [2], id="defaults, once"),
    ],
)
def test_a_key_that_only_the_end_of_an_item_uses_is_told_once(
    manifest: str, placement: list[int], detach: list[int]
) -> None:
    """With wait: placement a retry of unplaced items has its effect; with detach none has."""
    for wait, lines, why in ((Wait.PLACEMENT, placement, PLACEMENT), (Wait.DETACH, detach, DETACH)):
        key = "timeout" if "timeout" in manifest else "retry"
        assert told(manifest, Settings(wait=wait)) == [(line, f"{key} {why}") for line in lines]
    assert told(manifest, Settings(wait=Wait.COMPLETION)) == []


def test_both_keys_have_their_effect_on_canaries() -> None:
    """Canaries are followed to their end whatever the run waits for."""
    manifest = "dispatches: [{job: j, timeout: 5m, retry: {attempts: 2}}]"
    settings = Settings(wait=Wait.PLACEMENT)
    assert [text.split()[0] for _, text in told(manifest, settings)] == ["timeout", "retry"]
    assert told(manifest, replace(settings, canary=Share(1))) == []
