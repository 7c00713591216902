"""The variables from outside that sensitive values are made of."""

from pathlib import Path

import pytest

from dispatchfile.files import Files
from dispatchfile.items import Origins, read_origins
from tests.items.manifests import load

GIVEN: dict[str, object] = {"release": "r5", "key": "s3cret", "count": 7, "unused": "x"}


def origins(folder: Path, dispatch: str, given: dict[str, object] = GIVEN) -> Origins:
    document = load(folder, f"dispatches:\n- {{{dispatch}}}\n")
    return read_origins(document, Files(folder), given)


def test_what_a_sensitive_value_is_made_of_is_hidden_and_all_else_is_kept(tmp_path: Path) -> None:
    """The other values are in the stored requests anyway; what no template reads is none of the run's business."""
    found = origins(
        tmp_path,
        'id: "{{ vars.release }}", job: j, meta: {k: "{{ vars.key }}", n: "{{ vars.count }}"}, sensitive: [meta.k]',
    )
    assert found == Origins(frozenset({"key", "count"}), {"release": "r5"})


def test_without_sensitive_values_nothing_is_kept(tmp_path: Path) -> None:
    """Nothing will ever be rendered again."""
    assert origins(tmp_path, 'id: "{{ vars.release }}", job: j, meta: {k: "{{ vars.key }}"}') == Origins()


@pytest.mark.parametrize(
    "payload",
    [
        pytest.param('{text: "{{ vars.key }}"}', id="text"),
        pytest.param('{json: {deep: [{k: "{{ vars.key }}"}]}}', id="json"),
        pytest.param("{template: t.j2}", id="template"),
    ],
)
def test_a_payload_of_any_form_is_looked_into(tmp_path: Path, payload: str) -> None:
    """The one that is sensitive, and the one that is not."""
    (tmp_path / "t.j2").write_text("{{ vars.key }}")
    hidden = f"id: a, job: j, payload: {payload}, sensitive: [payload]"
    plain = f"id: a, job: j, payload: {payload}, meta: {{m: secret}}, sensitive: [meta.m]"
    assert origins(tmp_path, hidden) == Origins(frozenset({"key"}), {})
    assert origins(tmp_path, plain) == Origins(frozenset(), {"key": "s3cret"})


@pytest.mark.parametrize("payload", ['{text: "{{ vars | tojson }}"}', "{template: '{{ vars.key }}.j2'}"])
def test_where_it_cannot_be_told_all_is_hidden(tmp_path: Path, payload: str) -> None:
    """A template that may read any variable hides all: without them the item cannot be rendered again."""
    found = origins(tmp_path, f"id: a, job: j, payload: {payload}, meta: {{m: s}}, sensitive: [meta.m]")
    assert found == Origins(frozenset(GIVEN), {})
