"""What public scripts dispatch by hand, as manifests: the same dispatches on the embedded agent and on a real Nomad."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from dispatchfile.clock import Clock
from dispatchfile.files import StandardInput
from dispatchfile.usecases.load import ManifestSource, load_items
from dispatchfile.usecases.run import run_manifest
from dispatchfile.usecases.running.control import Control
from dispatchfile.usecases.running.prepare import RunOptions
from tests.conformance.backends import Backend
from tests.conformance.driver import Told
from tests.conformance.jobs import job, takes

USAGES = Path(__file__).parent / "usages"
ENVIRON = {"AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "s3cr3t", "GLCR_TOKEN": "glcr", "WANDB_KEY": "w"}


@dataclass(frozen=True, slots=True)
class Given:
    """What a usage's manifest gets from outside."""

    variables: Mapping[str, object] = field(default_factory=dict)
    piped: bytes = b""


GIVEN = {
    "U02": Given({"tickers": "AAPL,TSLA", "days": "126"}),
    "U05": Given(piped=b"segment-000.mkv\nsegment-001.mkv\n"),
    "U18": Given({"action": "stop"}),
}
FOLDERS = [pytest.param(folder, id=folder.name) for folder in sorted(USAGES.iterdir())]


def source_of(folder: Path) -> ManifestSource:
    given = GIVEN.get(folder.name, Given())
    return ManifestSource(
        path=str(folder / "dispatchfile.yaml"),
        content=None,
        variables=given.variables,
        environ=ENVIRON,
        standard_input=StandardInput(lambda _: given.piped),
    )


@pytest.mark.parametrize("folder", FOLDERS)
async def test_a_usage_dispatches_what_its_script_does(backend: Backend, tmp_path: Path, folder: Path) -> None:
    """Each child has the meta that `sent.json` shows, and there is no other."""
    loaded = load_items(source_of(folder))
    assert loaded.problems == ()
    keys = sorted({key for item in loaded.items for key in item.request.meta})
    await backend.register(job(loaded.items[0].request.job, **takes(optional=keys)))
    options = RunOptions(
        source=source_of(folder), connection=backend.connection, settings={}, state_dir=str(tmp_path), new=True
    )
    end = await run_manifest(options, reporter=Told(), control=Control(), clock=Clock())
    assert end.summary is not None, end.problems
    sent = {item.id: (await backend.job(item.child or "") or {}).get("Meta") for item in end.summary.items}
    assert end.exit_code == 0
    assert sent == json.loads((folder / "sent.json").read_text(encoding="utf-8"))
