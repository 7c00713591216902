"""The examples come to the same on the embedded agent and on a real Nomad, item by item."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from dispatchfile.events import Cause, Outcome
from dispatchfile.jobspec import read_job
from tests.conformance.backends import Backend
from tests.conformance.cases import OK, Ending
from tests.conformance.driver import end_of

EXAMPLES = Path(__file__).parents[2] / "examples"
FOLDERS = [pytest.param(folder, sorted(folder.glob("jobs/*")), id=folder.name) for folder in sorted(EXAMPLES.iterdir())]
KNOWN_CODECS = {"vp9", "av1", "h264"}
LONGEST_MINUTES = 240


def expected(folder: Path, item: str) -> Ending:
    """Only the list of films holds some that fail, on purpose."""
    if folder.name != "bulk-rerun":
        return OK
    with (folder / "films.csv").open(encoding="utf-8", newline="") as file:
        film = next(row for row in csv.DictReader(file) if row["slug"] == item)
    if film["codec"] not in KNOWN_CODECS:
        return Ending(Outcome.FAILED, Cause.EXIT, 3)
    return Ending(Outcome.FAILED, Cause.EXIT, 65) if int(film["minutes"]) > LONGEST_MINUTES else OK


def text_of(file: Path) -> str:
    return file.read_text(encoding="utf-8")


async def register(backend: Backend, file: Path) -> None:
    """On a real server by its own reading of the job file."""
    if backend.kind == "real":
        await backend.register(await backend.put("/v1/jobs/parse", {"JobHCL": text_of(file)}))
    else:
        await backend.register(read_job(file))


@pytest.mark.timeout(120)
@pytest.mark.parametrize(("folder", "jobs"), FOLDERS)
async def test_an_example_ends_as_it_says(backend, tmp_path, folder, jobs):
    """Whatever an example shows on a laptop, it shows on a cluster."""
    for file in jobs:
        await register(backend, file)
    end = await end_of(backend, tmp_path, folder / "dispatchfile.yaml")
    assert end.summary is not None
    found = {item.id: Ending.of(item) for item in end.summary.items}
    assert found == {item: expected(folder, item) for item in found}
