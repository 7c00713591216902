"""Keys and texts of a manifest that would have no effect are told."""

from pathlib import Path

import pytest

from dispatchfile.problems import Severity
from dispatchfile.usecases.load import ManifestSource, load_items

TIMEOUT = "on_timeout has no effect without a timeout"


def found(folder: Path, manifest: str, *, timeout_given: bool = False) -> list[tuple[str, str, Severity]]:
    path = folder / "dispatchfile.yaml"
    path.write_text(f"version: 1\n{manifest}\n")
    source = ManifestSource(path=str(path), content=None, variables={}, environ={}, timeout_given=timeout_given)
    return [(problem.code, problem.found, problem.severity) for problem in load_items(source).problems]


@pytest.mark.parametrize(
    ("manifest", "count"),
    [
        ("dispatches: [{job: j, on_timeout: stop}]", 1),
        ("defaults: {on_timeout: stop}\ndispatches: [{job: j}]", 1),
        ("dispatches: [{job: j, on_timeout: stop, timeout: 5m}]", 0),
        ("defaults: {timeout: 5m}\ndispatches: [{job: j, on_timeout: stop}]", 0),
        ("settings: {timeout: 5m}\ndispatches: [{job: j, on_timeout: stop}]", 0),
        ("defaults: {on_timeout: stop}\ndispatches: [{id: a, job: j}, {id: b, job: j, timeout: 5m}]", 0),
    ],
)
def test_on_timeout_without_a_timeout_is_a_warning(tmp_path: Path, manifest: str, count: int) -> None:
    """The option --timeout gives it an effect, so it is no error."""
    assert found(tmp_path, manifest) == [("DF013", TIMEOUT, Severity.WARNING)] * count
    assert found(tmp_path, manifest, timeout_given=True) == []


def test_a_sensitive_payload_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    """It is an error like a sensitive meta key that the dispatch does not have."""
    manifest = "dispatches: [{job: j, sensitive: [payload]}]"
    assert found(tmp_path, manifest) == [("DF015", "the dispatch has no payload", Severity.ERROR)]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("${var.x}", "${var.x} is HCL syntax, which is sent as it is"),
        ("a-${vars.x}-b", "${vars.x} is HCL syntax, which is sent as it is"),
        ("${HOME}", None),
        ("${NOMAD_META_x}", None),
        ("$var.x", None),
    ],
)
def test_a_variable_in_the_syntax_of_hcl_is_a_warning(tmp_path: Path, text: str, told: str | None) -> None:
    """It is sent as it is; a shell's variables are left alone."""
    expected = [] if told is None else [("DF039", told, Severity.WARNING)]
    assert found(tmp_path, f'dispatches: [{{job: j, meta: {{k: "{text}"}}}}]') == expected
    assert found(tmp_path, f'dispatches: [{{job: j, payload: {{json: {{a: ["{text}"]}}}}}}]') == expected
