"""Shared by the commands on past runs: the run, the address of its Nomad, and the output."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

from dispatchfile.cli.conflicts import check_past_run
from dispatchfile.cli.option_groups import AgentFlags, ConnectionFlags, Display
from dispatchfile.cli.session import print_message
from dispatchfile.cli.sources import manifest_here
from dispatchfile.errors import UsageError
from dispatchfile.journal import RunHeader, StoredRun
from dispatchfile.nomad.connection import Connection, read_connection
from dispatchfile.reports.history import Places
from dispatchfile.reports.words import LogLevel
from dispatchfile.secrecy import kind_of_secret, shown_name
from dispatchfile.usecases.load import ManifestSource
from dispatchfile.usecases.past import RunName
from dispatchfile.usecases.reporting import Reporter
from dispatchfile.usecases.run_ids import is_run_id
from dispatchfile.usecases.running.control import Control
from dispatchfile.usecases.running.ends import RunEnd

OF_NEW_RUNS = frozenset({"NOMAD_NAMESPACE", "NOMAD_REGION"})
YAML = frozenset({".yaml", ".yml"})


OnNomad = Callable[[Connection, Reporter, Control], Awaitable[RunEnd]]


def name_run(run: str | None, state_dir: str | None) -> RunName:
    """
    Return the run that *run* names: an ID or the beginning of one, or a manifest; without, this folder's manifest.

    A manifest stands for its latest run, even one that is gone by now. Raises UsageError for what can be neither.
    """
    if run is not None and is_run_id(run):
        return RunName(run, None, state_dir, os.environ)
    if run is not None and not Path(run).exists() and Path(run).suffix.lower() not in YAML:
        shown = shown_name(run) if kind_of_secret(run) else repr(run)
        raise UsageError(f"{shown} is neither a run's ID ([a-z0-9], at most 20 characters) nor a manifest")
    manifest = run if run is not None else manifest_here()
    return RunName(None, Path(manifest) if manifest else None, state_dir, os.environ)


def find_past_run(run: str | None, state_dir: str | None) -> tuple[RunName, StoredRun]:
    """Return the run, named by its ID, and what is stored of it. Raises UsageError, RunRefused and JournalError."""
    name = name_run(run, state_dir)
    stored = name.open().run()
    return replace(name, run=stored.header.id), stored


def connection_to(header: RunHeader, flags: ConnectionFlags, display: Display) -> Connection:
    """
    Return the connection that the run used. The environment may point to another cluster.

    A flag is believed: one cluster has many addresses. The environment's namespace and region are for new runs: the
    items of this one have theirs.
    """
    check_past_run(header, flags)
    there = header.target.address
    environ = {name: value for name, value in os.environ.items() if name not in OF_NEW_RUNS}
    connection = read_connection(flags.as_mapping(), environ)
    if flags.address or header.local or connection.address == there:
        return connection
    if os.environ.get("NOMAD_ADDR"):
        note = f"run {header.id} went to {there}: asking there, and not {connection.address} (NOMAD_ADDR)"
        print_message(LogLevel.INFO, f"{note}; --address says otherwise", display)
    return read_connection({**flags.as_mapping(), "address": there}, environ)


def on_nomad(
    header: RunHeader, agent: AgentFlags, flags: ConnectionFlags, display: Display, work: OnNomad
) -> Callable[[Reporter, Control], Awaitable[RunEnd]]:
    """*work* where the run went; for a local run that is an embedded agent of its own, started for the while."""
    if not header.local:
        connection = connection_to(header, flags, display)
        return lambda reporter, control: work(connection, reporter, control)
    from dispatchfile.cli.embedded_agent import started_agent  # noqa: PLC0415  only local runs need an agent
    from dispatchfile.cli.job_files import read_job_values  # noqa: PLC0415
    from dispatchfile.cli.local_run import note_setbacks, note_unread, read_local_jobs  # noqa: PLC0415

    source = ManifestSource(header.manifest, None, {}, os.environ, job_values=read_job_values(agent))
    files = read_local_jobs(agent, source)

    async def on_agent(reporter: Reporter, control: Control) -> RunEnd:
        note_unread(files, reporter)
        async with started_agent(agent, files.jobs, note_setbacks(reporter)) as started:
            return await work(Connection(address=started.address), reporter, control)

    return on_agent


def known_places() -> Places:
    """Return the current folder and the home folder, as far as there are any."""
    home = os.path.expanduser("~")  # noqa: PTH111  Path.expanduser raises where there is none
    try:
        return Places(str(Path.cwd()), "" if home == "~" else home)
    except OSError:
        return Places("", home)  # the current folder was deleted
