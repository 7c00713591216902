"""A program that uses every name of the API; `mypy --strict` has to accept it as it is."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import dispatchfile
from dispatchfile import (
    Cause,
    Change,
    DispatchfileError,
    FileError,
    InvalidManifest,
    ItemResult,
    JournalError,
    Manifest,
    ManifestItem,
    NomadError,
    Outcome,
    PlanError,
    PlannedRun,
    Position,
    Problem,
    RunRefused,
    Severity,
    State,
    Summary,
    UsageError,
)


def read(path: Path) -> tuple[ManifestItem, ...]:
    manifest: Manifest = dispatchfile.load(path, variables={"day": 3, "films": ["alien"]}, namespace="films")
    errors: list[Problem] = [problem for problem in manifest.problems if problem.severity is Severity.ERROR]
    places: list[Position] = [problem.position for problem in errors]
    print(manifest.name, manifest.is_valid, [f"{place.file}:{place.line}:{place.column}" for place in places])
    return manifest.items


def shown(item: ManifestItem) -> tuple[str, str, str, bytes | None, Mapping[str, str], tuple[str, ...]]:
    return item.id, item.job, item.namespace, item.payload, item.meta, item.tags


def review(path: str) -> list[str]:
    plan: PlannedRun = dispatchfile.plan(path, against="main", offline=True, out=Path("a.plan"))
    changes: Mapping[str, Change] = plan.changes
    return [item.id for item in plan.items if changes.get(item.id) is not Change.UNCHANGED]


def send(path: str) -> int:
    try:
        summary: Summary = dispatchfile.run(
            path,
            only="tag:films",
            skip=["intro"],
            settings={"timeout": timedelta(hours=1), "in_flight": 10},
            environ={"NOMAD_ADDR": "http://127.0.0.1:4646"},
        )
    except InvalidManifest as error:
        return len(error.problems)
    except (FileError, JournalError, NomadError, PlanError, RunRefused, UsageError):
        raise
    except DispatchfileError as error:
        return error.exit_code
    return summary.exit_code if not failures(summary) else summary.counts["failed"]


def failures(summary: Summary) -> list[tuple[str, Outcome | None, Cause | None, State]]:
    results: list[ItemResult] = [item for item in summary.items if item.outcome is not Outcome.SUCCEEDED]
    return [(item.id, item.outcome, item.cause, item.state) for item in results]


async def all_at_once(path: str) -> None:
    manifest: Manifest = await dispatchfile.load_async(path)
    plan: PlannedRun = await dispatchfile.plan_async(path)
    summary: Summary = await dispatchfile.run_async(path, run_id="day1", new=False)
    print(manifest.is_valid, plan.digest, summary.state, dispatchfile.__version__)


if __name__ == "__main__":
    asyncio.run(all_at_once("dispatchfile.yaml"))
