"""`run --run-id` of a run that is in the journal: what it asks for now has to be what the run was started with."""

from __future__ import annotations

from collections.abc import Sequence

from dispatchfile.errors import RunRefused
from dispatchfile.items import Item
from dispatchfile.journal import JournalReader, RunHeader, StoredRun
from dispatchfile.problems import has_errors
from dispatchfile.usecases.load import load_items
from dispatchfile.usecases.running.prepare import RunOptions, real_path
from dispatchfile.usecases.select import asks_for_endings, select_items


def check_same_run(reader: JournalReader, options: RunOptions) -> None:
    """
    Refuse to go on with a run under other content: the same ID stands for the same items with the same requests.

    Sensitive values are not compared, as they are stored nowhere. Raises RunRefused for a run of another manifest or
    target, and with the place of the first item that differs; UsageError for selectors that match nothing.
    """
    _check_same_target(reader.run().header, options)
    _check_same_items(reader, options)


def _check_same_target(header: RunHeader, options: RunOptions) -> None:
    """Raises RunRefused if the run of that ID is of another manifest, or went somewhere else."""
    if header.manifest != real_path(options.source):
        raise RunRefused(f"run ID {header.id} belongs to a run of {header.shown_manifest}: choose another --run-id")
    if options.address != header.target.address:
        raise RunRefused(
            f"run {header.id} was sent to {header.target.address}: choose another --run-id, "
            f"or continue with: dispatchfile resume {header.id}"
        )


def _check_same_items(reader: JournalReader, options: RunOptions) -> None:
    loaded = load_items(options.source)
    run, ways_on = reader.run().header.id, _ways_on(reader.run())
    if has_errors(loaded.problems):
        first = next(problem for problem in loaded.problems if problem.severity == "error")
        raise RunRefused(f"{first}; run {run} was started with a manifest that could be sent: {ways_on}")
    before = {item.id: item.fingerprint for item in reader.items(payloads=False)}
    for item in loaded.items:
        if before.pop(item.id, None) != item.fingerprint:
            raise RunRefused(f"{_place(item)}: item {item.id!r} is not the one that run {run} has: {ways_on}")
    if before:
        raise RunRefused(f"{options.source.shown}: item {next(iter(before))!r} of run {run} is missing: {ways_on}")
    _check_same_selection(reader, options, loaded.items, ways_on)


def _ways_on(stored: StoredRun) -> str:
    run = stored.header.id
    command = f"resume {run}" if stored.is_unfinished else f"rerun {run} --failed"
    verb = "continue with" if stored.is_unfinished else "repeat"
    return f"choose another --run-id, or {verb} the stored items: dispatchfile {command}"


def _place(item: Item) -> str:
    return str(item.row or item.position)


def _check_same_selection(reader: JournalReader, options: RunOptions, items: Sequence[Item], ways_on: str) -> None:
    """Selectors by outcome are not compared: the run itself has changed what they match."""
    if asks_for_endings((*options.only, *options.skip)) or options.skip_succeeded:
        return
    selected = {item.id for item in select_items(items, only=options.only, skip=options.skip).selected}
    stored = {item_id for item_id, _ in reader.attempts()}
    if selected != stored:
        other = min(selected ^ stored)
        raise RunRefused(
            f"--only and --skip select other items than run {reader.run().header.id}, such as {other!r}: {ways_on}"
        )
