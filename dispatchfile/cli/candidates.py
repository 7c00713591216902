"""Completes runs, items, manifests and values of options for the shells. Never asks a server."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from dispatchfile.results import ItemFacts

Candidates = list[tuple[str, str]]  # values, each with a description, which may be empty
Complete = Callable[[typer.Context, str], Candidates]

MOST = 200  # candidates: nobody reads more
MOST_SCANNED = 20_000  # items of a run
YAML = (".yaml", ".yml")
WRITTEN_ID = r"""(?m)^[\s{-]*\bid:\s*["']?([A-Za-z0-9._-]+)["']?\s*(?:[,}#].*)?$"""  # compiled only where it is used


def complete_values(*candidates: str) -> Complete:
    """Return a function that completes these values."""

    def complete(ctx: typer.Context, incomplete: str) -> Candidates:  # noqa: ARG001  as Typer calls it
        return [(value, "") for value in candidates]

    return complete


def complete_manifests(ctx: typer.Context, incomplete: str) -> Candidates:
    """Complete the YAML files of the current folder, or of the one that is typed, and of the folders in it."""
    given = {str(path) for path in ctx.params.get("manifests") or ()}
    found = [path for path in _yaml_files(incomplete) if path not in given]
    return [(path, "") for path in islice(sorted(found, key=_manifests_first), MOST)]


def _yaml_files(incomplete: str) -> Iterator[str]:
    folder, start = os.path.split(incomplete)
    for entry in _entries(folder):
        if entry.name.startswith(start) and (start.startswith(".") or not entry.name.startswith(".")):
            path = os.path.join(folder, entry.name)  # noqa: PTH118  as it is typed: "./x" and "x" are two texts
            if entry.is_dir():
                yield from (os.path.join(path, inner.name) for inner in _entries(path) if _is_yaml(inner))  # noqa: PTH118
            elif _is_yaml(entry):
                yield path


def _entries(folder: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(os.path.expanduser(folder) or ".") as entries:  # noqa: PTH111
            return list(islice(entries, MOST_SCANNED))
    except OSError:
        return []


def _is_yaml(entry: os.DirEntry[str]) -> bool:
    return entry.name.endswith(YAML) and entry.is_file()


def _manifests_first(path: str) -> tuple[bool, int, str]:
    name = Path(path).stem
    return not (name == "dispatchfile" or name.endswith(".dispatchfile")), path.count(os.sep), path


def complete_runs(ctx: typer.Context, incomplete: str) -> Candidates:
    """Complete the IDs of runs, the newest first, and manifests, which stand for their latest run."""
    return [*_run_ids(ctx, incomplete), *complete_manifests(ctx, incomplete)]


def _run_ids(ctx: typer.Context, incomplete: str) -> Iterator[tuple[str, str]]:
    from dispatchfile.errors import JournalError  # noqa: PLC0415  only these need the journal
    from dispatchfile.journal.folder import run_files, run_id  # noqa: PLC0415
    from dispatchfile.journal.store import read_run  # noqa: PLC0415
    from dispatchfile.reports.history import started_text  # noqa: PLC0415

    paths = (path for path in run_files(_state_folder(ctx)) if run_id(path).startswith(incomplete))
    for path in islice(paths, MOST):
        try:
            stored = read_run(path)
        except JournalError:
            continue
        state = stored.status.state.replace("_", " ")
        yield run_id(path), f"{stored.header.name}, {started_text(stored.header.started_at)[:16]}Z, {state}"


def _state_folder(ctx: typer.Context) -> Path:
    from dispatchfile.journal.folder import state_folder  # noqa: PLC0415

    return state_folder(ctx.params.get("state_dir"), os.environ)


def complete_items(ctx: typer.Context, incomplete: str) -> Candidates:
    """Complete the IDs of the items of the run that is typed."""
    given = set(ctx.params.get("items") or ())
    found = (item.id for item in _items_of_run(ctx) if item.id.startswith(incomplete) and item.id not in given)
    return [(item_id, "") for item_id in islice(found, MOST)]


def complete_selectors(ctx: typer.Context, incomplete: str) -> Candidates:
    """Complete what --only and --skip take: the items of the run or manifest, and their tags, jobs and outcomes."""
    from dispatchfile.events import Outcome  # noqa: PLC0415  to import the events takes a tenth of a start

    known = list(_items_of_run(ctx)) or list(_items_of_latest_run(ctx))
    ids = [item.id for item in known] or _written_ids(ctx)
    others = dict.fromkeys(
        [
            *(f"tag:{tag}" for item in known for tag in item.tags),
            *(f"job:{item.job}" for item in known),
            *(f"outcome:{outcome}" for outcome in Outcome),
        ]
    )
    found = (text for text in (*ids, *others) if text.startswith(incomplete))
    return [(text, "") for text in islice(found, MOST)]


def _items_of_run(ctx: typer.Context) -> Iterable[ItemFacts]:
    from dispatchfile.cli.past_run import name_run  # noqa: PLC0415  only these need the journal
    from dispatchfile.errors import DispatchfileError  # noqa: PLC0415

    if "run" not in ctx.params:
        return ()
    try:
        reader = name_run(_argument(ctx, "run"), ctx.params.get("state_dir")).open()
        return list(islice(reader.facts(), MOST_SCANNED))
    except DispatchfileError:
        return ()  # no such run


def _items_of_latest_run(ctx: typer.Context) -> Iterable[ItemFacts]:
    from dispatchfile.errors import DispatchfileError  # noqa: PLC0415
    from dispatchfile.journal import JournalReader, StoredRun, each_run  # noqa: PLC0415

    manifest = _manifest(ctx)
    real = str(manifest.resolve()) if manifest else ""
    known = (run for run in each_run(_state_folder(ctx)) if isinstance(run, StoredRun))
    latest = next((run for run in known if run.header.manifest == real), None)
    try:
        return list(islice(JournalReader(latest.path).facts(), MOST_SCANNED)) if latest else ()
    except DispatchfileError:
        return ()


def _argument(ctx: typer.Context, name: str) -> str | None:
    """Return the argument, also where the line ends with an option without its value: Click then leaves it over."""
    given: str | None = ctx.params.get(name)
    return given or next((text for text in ctx.args if not text.startswith("-")), None)


def _manifest(ctx: typer.Context) -> Path | None:
    from dispatchfile.cli.sources import manifest_here  # noqa: PLC0415

    name = _argument(ctx, "manifest") or manifest_here()
    return Path(name) if name else None


def _written_ids(ctx: typer.Context) -> list[str]:
    """Return the IDs that stand in the manifest, as far as they are no templates."""
    path = _manifest(ctx)
    try:
        return re.findall(WRITTEN_ID, path.read_text(encoding="utf-8")) if path else []
    except (OSError, UnicodeDecodeError):
        return []


def complete_names(ctx: typer.Context, incomplete: str) -> Candidates:  # noqa: ARG001  as Typer calls it
    """Complete codes, outcomes, causes, states and exit codes."""
    from dispatchfile.reports.handbook import read_handbook  # noqa: PLC0415

    return [(entry.name, entry.title) for entry in read_handbook() if entry.kind != "exit code"]
