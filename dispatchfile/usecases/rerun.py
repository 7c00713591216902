"""`rerun`: some items of a past run once more, as a run of their own, with the requests that were stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from dispatchfile.clock import Clock
from dispatchfile.engine import Start
from dispatchfile.errors import NothingToRerun, RunRefused, UsageError
from dispatchfile.items import Item
from dispatchfile.journal import JournalReader, RunHeader, StoredRun, Target
from dispatchfile.nomad.client import Client
from dispatchfile.nomad.connection import Connection
from dispatchfile.results import Results
from dispatchfile.settings import SettingError, Settings, Wait, override_settings
from dispatchfile.usecases.choose import Choice, Chosen, choose_items
from dispatchfile.usecases.folding import fold_past
from dispatchfile.usecases.load import ManifestSource
from dispatchfile.usecases.past import RunName
from dispatchfile.usecases.reporting import Reporter
from dispatchfile.usecases.reruns import read_family, read_later_ends
from dispatchfile.usecases.run_ids import new_run_id
from dispatchfile.usecases.running.adopt import find_predecessors
from dispatchfile.usecases.running.connect import Connect, connected
from dispatchfile.usecases.running.control import Control
from dispatchfile.usecases.running.ends import RunEnd
from dispatchfile.usecases.running.preflight import preflight
from dispatchfile.usecases.running.start import NewRun, start_run
from dispatchfile.usecases.sensitive import (
    check_variables,
    manifest_change,
    restore_sensitive,
    source_of,
)
from dispatchfile.usecases.unread_logs import check_logs
from dispatchfile.usecases.variables import NO_VARIABLES, GivenVariables
from dispatchfile.version import VERSION

OF_ITEMS = frozenset({0, 2})  # exit codes by how items ended


@dataclass(frozen=True, slots=True, kw_only=True)
class RerunOptions:
    """The options of `rerun`."""

    name: RunName
    choice: Choice
    connection: Connection
    settings: Mapping[str, str | None] = field(default_factory=dict)  # flags by manifest key, as typed
    variables: GivenVariables = NO_VARIABLES  # for sensitive values, which are stored nowhere
    allow_outside: bool = False
    logs: str = ""
    new: bool = False  # even beside an unfinished run of the same manifest and target


@dataclass(frozen=True, slots=True)
class Again:
    """The items of a past run that are to run once more, with all that their requests hold."""

    reader: JournalReader
    stored: StoredRun
    results: Results
    items: tuple[Item, ...]
    settings: Settings
    chosen: Chosen

    @property
    def run(self) -> str:
        return self.stored.header.id


def read_again(options: RerunOptions) -> Again:
    """
    Read the items to run again from the journal alone, without sensitive values.

    Raises RunRefused while the run is unfinished, UsageError for a choice or settings that are not valid,
    NothingToRerun, JournalError.
    """
    reader = options.name.open()
    stored = reader.run()
    if stored.is_unfinished:
        run = stored.header.id
        raise RunRefused(
            f"run {run} is unfinished: `dispatchfile resume {run}` continues it, `dispatchfile stop {run}` ends it"
        )
    settings, results = _settings(options, stored), fold_past(reader, stored)
    run, later = stored.header.id, read_later_ends(reader.path.parents[1], stored.header.id)
    try:
        chosen = choose_items(run, tuple(reader.items(payloads=False)), results, options.choice, later)
    except NothingToRerun as nothing:
        if options.variables.places:
            nothing.notes = check_given_variables(options, stored.header, list(reader.items(payloads=False)))
        raise
    wanted = {item.id for item in chosen.items}
    items = tuple(item for item in reader.items() if item.id in wanted)
    return Again(reader, stored, results, items, settings, chosen)


def _settings(options: RerunOptions, stored: StoredRun) -> Settings:
    try:
        settings = override_settings(stored.header.settings, options.settings)
    except SettingError as error:
        raise UsageError(f"--{error.key.replace('_', '-')}: {error.message}") from error
    if stored.header.local and settings.wait is not Wait.COMPLETION:
        raise UsageError("a local run always waits for completion, because its tasks end with it")
    return settings


def _findable(item: Item) -> Item:
    """Give the child's ID this run's prefix, where neither a prefix nor a token would find it again."""
    return replace(item, exact_prefix=False) if item.exact_prefix and not item.request.token else item


def restored_items(options: RerunOptions, again: Again) -> tuple[Item, ...]:
    """Return the items with their sensitive values. Raises UsageError where these cannot be rendered again."""
    header = again.stored.header
    return restore_sensitive(again.items, header, _source(options, header))


def check_given_variables(options: RerunOptions, header: RunHeader, items: Sequence[Item]) -> list[str]:
    """Call `check_variables` with the variables of the *options*; return its notes."""
    return check_variables(header, _source(options, header), items)


def _source(options: RerunOptions, header: RunHeader) -> ManifestSource:
    return source_of(
        header, variables=options.variables, environ=options.name.environ, allow_outside=options.allow_outside
    )


async def send_again(
    options: RerunOptions,
    again: Again,
    *,
    reporter: Reporter,
    control: Control,
    clock: Clock,
    connect: Connect = connected,
) -> RunEnd:
    """
    Start a new run of the items that were read from the journal.

    Raises UsageError where sensitive values cannot be rendered again; RunRefused beside an unfinished run of the same
    manifest and target, and where a child of somebody else would have to be stopped first; NomadError where the server
    cannot be reached before the first dispatch.
    """
    for note in filter(None, [check_logs(options.logs, again.settings, options.settings), *again.chosen.notes()]):
        reporter.note(note)
    if any(item.sensitive for item in again.items) and (note := manifest_change(again.stored.header, again.items)):
        reporter.note(note)
    for note in check_given_variables(options, again.stored.header, again.items):
        reporter.note(note)
    again = replace(again, items=tuple(map(_findable, restored_items(options, again))))
    folder = again.reader.path.parents[1]
    async with connect(options.connection, again.settings) as client:
        server = await preflight(client, again.items, again.settings)
        if server.has_errors:
            return RunEnd(None, server.problems)
        for warning in server.problems:
            reporter.note(warning.as_warning)
        starts = await _find_predecessors(client, again, folder)
        header, items = _header(options, again, clock), again.items
        run = NewRun(header=header, items=items, selected=items, server=server, starts=starts, logs=options.logs)
        journal = run.open_journal(folder, new=options.new)
        summary = await start_run(run, client, journal, reporter=reporter, control=control, clock=clock)
    if again.chosen.open and summary.exit_code in OF_ITEMS:
        summary = replace(summary, exit_code=1)  # it was asked for more than it could do
    reporter.finished(summary)
    return RunEnd(summary)


async def _find_predecessors(client: Client, again: Again, folder: Path) -> dict[str, Start]:
    """Return for each item the child of the run, or of a rerun, that still lives. Those of a local run do not."""
    if again.stored.header.local:
        return {}
    patient = client.patient(again.settings.unreachable_after)
    return await find_predecessors(patient, read_family(folder, again.run), again.items)


def _header(options: RerunOptions, again: Again, clock: Clock) -> RunHeader:
    old = again.stored.header
    target = Target(
        address=old.target.address if old.local else options.connection.address,
        region=old.target.region,
        namespaces=tuple(sorted({item.request.namespace for item in again.items})),
    )
    return replace(
        old,
        id=new_run_id(),
        target=target.without_credentials(),
        settings=again.settings,
        started_at=clock.wall(),
        tool_version=VERSION,
        rerun_of=old.id,
        is_dispatch=False,
    )
