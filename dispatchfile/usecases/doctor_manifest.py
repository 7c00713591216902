"""A manifest as `doctor` sees it: its problems, its jobs in Nomad, and the load that a run would make."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta

from dispatchfile.errors import NomadError
from dispatchfile.findings import Finding, LoadEstimate, ParentChildren, StoredJobs, fail, ok, skip, warn
from dispatchfile.names import JobKey
from dispatchfile.nomad.client import Client
from dispatchfile.preflight import ParentState, policies
from dispatchfile.problems import Problem, Severity
from dispatchfile.settings import Settings, Wait, format_duration
from dispatchfile.usecases.estimate import added_token_s, estimate_load
from dispatchfile.usecases.running.preflight import preflight
from dispatchfile.usecases.running.prepare import Prepared, RunOptions, prepare

CHECK, PREFLIGHT = "manifest", "preflight"
SETTINGS = ("in_flight", "canary", "stop_on", "unplaced_after", "unreachable_after", "timeout", "settle")
MOST_PAGES = 10  # of the list of a parent's children; 1,000 rows each
NOTICEABLE_S = 0.0001
NOTICEABLE_SENDING_S = 0.1
DEAR_TOKEN_S = 0.005  # for each dispatch; so much is felt by everybody who uses the cluster


@dataclass(frozen=True, slots=True)
class ManifestExam:
    """The findings about a manifest that need no server."""

    findings: tuple[Finding, ...]
    prepared: Prepared | None  # None: it cannot be run


@dataclass(frozen=True, slots=True)
class ParentsExam:
    """The server's answers about the manifest's jobs, and the load that a run would cause."""

    findings: tuple[Finding, ...]
    children: tuple[ParentChildren, ...] = ()
    load: LoadEstimate | None = None


def examine_manifest(options: RunOptions) -> ManifestExam:
    """Raises UsageError for settings that cannot be meant."""
    prepared = prepare(options)
    if isinstance(prepared, tuple):
        return ManifestExam(tuple(_problem_findings(prepared)), None)
    told = f"{options.source.shown}: {len(prepared.selection.selected):,} to dispatch, wait: {prepared.settings.wait}"
    settings = _describe_settings(prepared.settings)
    return ManifestExam((ok(CHECK, told), *settings, *_problem_findings(prepared.problems)), prepared)


def _describe_settings(settings: Settings) -> Iterator[Finding]:
    """Yield the settings that the lines on the manifest and its load leave out, if any is not the default."""
    default = Settings(in_flight=None) if settings.wait is Wait.DETACH else Settings()
    given = {key: getattr(settings, key) for key in SETTINGS if getattr(settings, key) != getattr(default, key)}
    shown = {
        key: format_duration(value) if isinstance(value, timedelta) else value or "unlimited"
        for key, value in given.items()
    }
    if shown:
        yield ok("settings", ", ".join(f"{key}: {value}" for key, value in shown.items()))


def _problem_findings(problems: Iterable[Problem], check: str = CHECK) -> Iterator[Finding]:
    for problem in problems:
        tell = fail if problem.severity is Severity.ERROR else warn
        yield tell(check, f"{problem.position}: {problem.code} {problem.text}")


async def examine_parents(client: Client, prepared: Prepared, *, round_trip_s: float) -> ParentsExam:
    """Preflight as `run` makes it, and the children that are there already."""
    items = prepared.selection.selected
    if not items:
        return ParentsExam(())
    try:
        server = await preflight(client, items, prepared.settings)
    except NomadError as error:
        return ParentsExam((fail(PREFLIGHT, error.message),))
    children = [await _read_children(client, parent, state) for parent, state in server.states.items() if state.job]
    stored = {JobKey(each.namespace, each.region, each.job): each.stored for each in children if each.stored}
    load = estimate_load(items, prepared.settings, stored=stored, round_trip_s=round_trip_s)
    findings = [*_problem_findings(server.problems, PREFLIGHT)]
    findings += [ok("job", policy.sentence) for policy in policies(items, server.states)]
    findings += [_describe_children(each, prepared) for each in children]
    return ParentsExam((*findings, *_describe_load(load, prepared)), tuple(children), load)


async def _read_children(client: Client, parent: JobKey, state: ParentState) -> ParentChildren:
    namespace, region, job = parent
    return ParentChildren(job, namespace, region, state.children, await _count_stored(client, parent))


async def _count_stored(client: Client, parent: JobKey) -> StoredJobs | None:
    """Return the jobs below the parent's ID, counted up to a limit; None if they may not be listed."""
    namespace, region, job = parent
    counted, token = 0, ""
    try:
        for _ in range(MOST_PAGES):
            page = await client.list_jobs(prefix=job, namespace=namespace, region=region, next_token=token)
            counted, token = counted + len(page.rows), page.next_token
            if not token:
                return StoredJobs(counted, is_all=True)
    except NomadError:
        return None
    return StoredJobs(counted, is_all=False)


def _describe_children(children: ParentChildren, prepared: Prepared) -> Finding:
    count = _count_of(children.made, "child", "children")
    made = f"job {children.job} in {children.namespace}: {count} created so far"
    stored = children.stored
    if stored is None:
        return skip("children", f"{made}; counting those that still exist needs list-jobs")
    more = "" if stored.is_all else " or more"
    token_s = added_token_s(stored)
    share = f"{_count_of(stored.jobs, 'job', 'jobs')}{more} {'shares' if stored.jobs == 1 else 'share'} this ID prefix"
    cost = f"an idempotency token costs the server about {token_s * 1000:,.1f} ms for each dispatch ({share})"
    if token_s < NOTICEABLE_S:
        cost = f"idempotency tokens are cheap here ({share})"
    tell = warn if token_s >= DEAR_TOKEN_S and _sends_tokens(children, prepared) else ok
    return tell("children", f"{made}; {cost}")


def _count_of(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"


def _sends_tokens(children: ParentChildren, prepared: Prepared) -> bool:
    parent = (children.namespace, children.region, children.job)
    return any(item.request.token and item.request.job_key == parent for item in prepared.selection.selected)


def _describe_load(load: LoadEstimate, prepared: Prepared) -> Iterator[Finding]:
    settings = prepared.settings
    reads = [f"{load.reads_before:,} before the first dispatch", f"{load.reads_while:,} to watch"]
    reads += [f"at most {load.log_reads:,} for log lines"] if load.log_reads else []
    dispatches = _count_of(load.dispatches, "dispatch", "dispatches")
    yield ok("load", f"{dispatches}; read requests: {', '.join(reads)}, {load.lists_at_end:,} at the end")
    if load.lists_a_second:
        yield ok("load", "while children run, at most one list request per second for each job")
    yield ok("load", f"{load.payload_bytes:,} bytes of payload, {load.sent_bytes:,} bytes sent")
    if load.sending_s >= NOTICEABLE_SENDING_S:
        pace = f"{settings.concurrency} requests at a time" + (f", {settings.rate}" if settings.rate else "")
        yield ok("load", f"at {pace}: sending them takes at least {load.sending_s:.1f} s")
    if load.tokens:
        yield ok("load", f"{load.tokens:,} with an idempotency token: about {load.token_s:.1f} s of server time")
