"""Options that would have no effect beside others: they are refused, never dropped without a word."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict

from dispatchfile.cli.option_groups import AgentFlags, ConnectionFlags, JobVariableFlags
from dispatchfile.errors import UsageError
from dispatchfile.journal import RunHeader
from dispatchfile.reports.formats import OutputFormat
from dispatchfile.usecases.choose import Choice
from dispatchfile.usecases.select import asks_for_endings

LEAVE_IT_OUT = "leave it out"
LEAVE_ONE_OUT = "remove one of them"
SCOPE = frozenset({"namespace", "region"})
JOB_VARIABLES = frozenset(JobVariableFlags.__dataclass_fields__)
CLUSTER_FLAGS = frozenset(ConnectionFlags.__dataclass_fields__) - SCOPE


def refuse_without_effect(options: Iterable[str], why: str, remedy: str = LEAVE_IT_OUT) -> None:
    """Raise UsageError for the first of the given *options*, by parameter name; do nothing if there is none."""
    for option in options:
        raise UsageError(f"--{option.replace('_', '-')} has no effect {why}: {remedy}")


def given(options: Mapping[str, object]) -> list[str]:
    """Return the names of the *options* that were given: empty values and defaults are None, False or empty."""
    return [name for name, value in options.items() if value not in (None, False, "", (), [])]


def given_cluster_flags(flags: ConnectionFlags) -> list[str]:
    """Return the names of the options that say where a cluster is and how it is reached."""
    return [name for name in given(flags.as_mapping()) if name in CLUSTER_FLAGS]


# run


def check_dry_run(
    options: Mapping[str, object], selectors: Sequence[str], agent: AgentFlags, connection: ConnectionFlags
) -> None:
    """
    Refuse what only a run that is sent would use.

    options: by parameter name. selectors: of --only and --skip; `outcome:` among them reads the journal of the target.
    """
    from_journal = {"address", "state_dir"} if asks_for_endings(selectors) else set()
    wanted = [*given(options), *_given_agent_flags(agent), *given_cluster_flags(connection)]
    names = (name for name in wanted if name not in from_journal)
    refuse_without_effect(names, "with --dry-run, which asks no server and sends nothing", LEAVE_ONE_OUT)


NOT_LOCAL = {
    "on_interrupt": "with --local: the tasks of a local run end with it, however it ends",
    "skip_succeeded": "with --local: a new embedded agent knows nothing of earlier runs, so every item is sent",
}


def check_local_run(connection: ConnectionFlags, options: Mapping[str, object]) -> None:
    """Refuse what a run on an embedded agent of its own cannot use."""
    refuse_cluster_flags(connection)
    for option, why in NOT_LOCAL.items():
        if options[option]:
            refuse_without_effect([option], why, LEAVE_ONE_OUT)


def refuse_cluster_flags(flags: ConnectionFlags) -> None:
    """Raise UsageError for flags that say where a cluster is, of a run that has an agent of its own."""
    refuse_without_effect(given_cluster_flags(flags), "on a local run, which has an embedded agent of its own")


def check_cluster_run(agent: AgentFlags, *, reads_job_files: bool = False) -> None:
    """
    Refuse the embedded agent's options: a user who forgot --local must not reach a cluster.

    reads_job_files: the run uses the job files of its manifest, and so the values of their variables.
    """
    names = _given_agent_flags(agent) if reads_job_files else given(asdict(agent))
    refuse_without_effect(names, "without --local", f"add --local, or {LEAVE_IT_OUT}")


def _given_agent_flags(agent: AgentFlags) -> list[str]:
    """Return the names of the given options that only an embedded agent uses."""
    return [name for name in given(asdict(agent)) if name not in JOB_VARIABLES]


def check_no_journal(*, new: bool, stop_on_interrupt: bool, state_dir: str | None, reads_journals: bool) -> None:
    """
    Refuse what a run of which no journal is kept does not do: look for unfinished runs, and find its own jobs.

    reads_journals: an option asks for the ends of earlier runs.
    """
    if new:
        why = "with --no-journal, which does not look for unfinished runs"
        refuse_without_effect(["new"], why, LEAVE_ONE_OUT)
    if stop_on_interrupt:
        raise UsageError("--on-interrupt stop finds the run's children by its journal: leave out --no-journal")
    if state_dir is not None and not reads_journals:
        refuse_without_effect(["state_dir"], "with --no-journal, which writes nothing there", LEAVE_ONE_OUT)


# Plans


def check_plan_output(*, show: str | None, every: bool, output: str) -> None:
    """Refuse what only the text form of `plan` uses, and both at once."""
    if output != OutputFormat.TEXT:
        refuse_without_effect(
            given({"show": show, "all": every}), f"with -o {output}, which has every item", LEAVE_ONE_OUT
        )
    if show is not None and every:
        refuse_without_effect(["all"], "with --show, which shows one item", LEAVE_ONE_OUT)


def check_plan(
    connection: ConnectionFlags, *, changed: str | None, against: str | None, offline: bool, skip_succeeded: bool
) -> None:
    """Refuse options of `plan` that contradict each other."""
    if changed is not None and against is not None:
        refuse_without_effect(["against"], "with --changed, which compares, too", LEAVE_ONE_OUT)
    if not offline:
        return
    if skip_succeeded:
        raise UsageError(
            "--skip-succeeded needs the versions of the jobs, which only a server knows: remove it or --offline"
        )
    flags = [name for name in given_cluster_flags(connection) if name != "address"]
    refuse_without_effect(flags, "with --offline, which asks no server", LEAVE_ONE_OUT)


def check_plan_file(
    options: Mapping[str, object], selection: object, manifest_flags: object, connection: ConnectionFlags
) -> None:
    """Refuse what only a plan that is made uses."""
    wanted = {**options, **asdict(selection), **asdict(manifest_flags), **connection.as_mapping()}  # type: ignore[call-overload]  # both are dataclasses
    refuse_without_effect(given(wanted), "on a plan file, which is shown as it is")


def check_apply(options: Mapping[str, object], selection: object, connection: ConnectionFlags) -> None:
    """Refuse what would change which items a plan sends, and where to."""
    scope = {"namespace": connection.namespace, "region": connection.region}
    wanted = {**options, **asdict(selection), **scope}  # type: ignore[call-overload]  # a dataclass
    refuse_without_effect(given(wanted), "on a plan, which is sent as it was reviewed")


def check_no_plan(options: Mapping[str, object]) -> None:
    """Refuse what only `run PLAN` uses."""
    refuse_without_effect(given(options), "on a manifest: it is for plan files", LEAVE_IT_OUT)


# Past runs


def check_past_run(header: RunHeader, connection: ConnectionFlags, agent: AgentFlags | None = None) -> None:
    """Refuse what cannot change where a past run's items are."""
    _refuse_other_scope(header, "namespace", connection.namespace, header.target.namespaces)
    _refuse_other_scope(header, "region", connection.region, [header.target.region] if header.target.region else [])
    if header.local:
        refuse_cluster_flags(connection)
    elif agent is not None:
        where = f"on run {header.id}, which went to {header.target.address} and not to an embedded agent"
        refuse_without_effect(given(asdict(agent)), where)


def _refuse_other_scope(header: RunHeader, key: str, flag: str | None, known: Sequence[str]) -> None:
    if flag and known and list(known) != [flag]:
        names = ", ".join(repr(name) for name in known)
        kind = key if len(known) == 1 else f"{key}s"
        raise UsageError(f"--{key} {flag}: the items of run {header.id} are in {kind} {names}: {LEAVE_IT_OUT}")


def check_over(header: RunHeader, settings: Mapping[str, object], options: Mapping[str, object]) -> None:
    """Refuse what `resume` would need for a run that it only shows, because it has finished."""
    why = f"on run {header.id}, which has finished"
    if settings.get("wait") is not None:
        watch = f"{LEAVE_IT_OUT}, or follow its jobs with `dispatchfile watch {header.id}`"
        refuse_without_effect(["wait"], why, watch)
    refuse_without_effect(given({**settings, **options}), why)


def check_again(choice: Choice) -> None:
    """Refuse --again beside options that name items: they are repeated whatever became of them since."""
    if choice.again and not choice.goes_by_endings and choice.only:
        refuse_without_effect(["again"], "with --only alone, which repeats items that succeeded since, too")


def check_export(
    options: Mapping[str, object], connection: ConnectionFlags, agent: AgentFlags, output: OutputFormat
) -> None:
    """Refuse what only a rerun that is sent would use."""
    wanted = {**options, **connection.as_mapping(), **asdict(agent), "output": output is not OutputFormat.TEXT}
    refuse_without_effect(given(wanted), "with --export, which writes a manifest and sends nothing", LEAVE_ONE_OUT)


# Commands that ask a server only if they are told to


def check_unasked(connection: ConnectionFlags, option: str, why: str) -> None:
    """Refuse connection flags of a command that asks no server without the *option*."""
    refuse_without_effect(given(connection.as_mapping()), why, f"add {option}, or {LEAVE_IT_OUT}")


def check_no_manifest(options: Mapping[str, object]) -> None:
    """Refuse what is for the manifest of `doctor`, if it has none."""
    refuse_without_effect(given(options), "without a manifest", f"name a manifest, or {LEAVE_IT_OUT}")
