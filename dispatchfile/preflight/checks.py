"""What the server would refuse of each item, and where it would start tasks more often than wanted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from dispatchfile.errors import NomadError
from dispatchfile.events import Cause, Outcome
from dispatchfile.items import Item
from dispatchfile.names import JobKey
from dispatchfile.nomad.models import Job, Parameterized
from dispatchfile.preflight.never import find_never
from dispatchfile.problems import Problem
from dispatchfile.settings import Settings, Wait
from dispatchfile.similar import did_you_mean, similar_names
from dispatchfile.source import Position
from dispatchfile.verdict import max_starts

LOWEST_PRIORITY, HIGHEST_PRIORITY = 1, 32_766  # the upper bound is configured in job_max_priority, 100 by default
DEFAULT_HIGHEST_PRIORITY = 100
FIRST_WITH_PRIORITY = (1, 10, 1)
NEVER: Mapping[str, str] = MappingProxyType({})
CLOSED = "disabled by the scheduler configuration"  # RejectJobRegistration
# After these ends a child may still live, and the next attempt stops it first.
MAY_LIVE_AFTER = {outcome for outcome in Outcome if outcome.may_still_live} | {
    Cause.NODE_LOST,
    Cause.MAX_RUN_DURATION,
    Cause.DEADLINE,
    Cause.NO_CAPACITY,
    Cause.EVAL_FAILED,
}
Version = tuple[int, int, int]
THE_TOKEN = "the token"  # noqa: S105  words of a message
NO_TOKEN = "no token is given (NOMAD_TOKEN, --token, --token-file), and the anonymous one"  # noqa: S105  words of a message


# What is cut off the end of a path below /v1/job/, and so cannot end the ID of a job that is to be read.
# Source: hashicorp/nomad, command/agent/job_endpoint.go, JobSpecificRequest.
ROUTES = (
    *("/evaluate", "/allocations", "/evaluations", "/periodic/force", "/plan", "/summary", "/dispatch"),
    *("/dispatch/payload", "/versions", "/revert", "/deployments", "/deployment", "/stable", "/scale", "/services"),
    *("/submission", "/actions", "/action"),
)


def route_in(job: str) -> str:
    """Return the route of Nomad's in which the ID ends, if it does; not every server knows each of them."""
    return next((route for route in ROUTES if job.endswith(route)), "")


@dataclass(frozen=True, slots=True)
class ParentState:
    """The server's answers about a job that items want to dispatch."""

    job: Job | None = None  # None: not registered in that namespace
    near_misses: tuple[str, ...] = ()
    may_read: bool = True
    may_dispatch: bool = True
    refusal: str = ""  # Nomad's words, where it may not be dispatched
    may_stop: bool = True  # its children; asked only where the run may have to
    trouble: NomadError | None = None  # no answer that tells of the job
    children: int = 0  # all ever made
    children_index: int = 0  # the index of that count


@dataclass(frozen=True, slots=True)
class StartLimit:
    """The number of times that an item of this job may start a task, attempts included. None: no limit."""

    job: str
    starts: int | None

    @property
    def sentence(self) -> str:
        """Describe how often a failing task may start; a lost node and a stopped allocation may cause more starts."""
        if self.starts == 1:
            return f"{self.job}: a task that fails is not started again"
        often = "without limit" if self.starts is None else f"up to {self.starts} times"
        return f"{self.job}: its restart and reschedule policies may start a failing task {often}"


def parents_in(items: Iterable[Item]) -> dict[JobKey, Item]:
    """Return each parent with the first item that names it, in the order of the items."""
    found: dict[JobKey, Item] = {}
    for item in items:
        found.setdefault(item.request.job_key, item)
    return found


def near_misses(job: str, registered: Sequence[str]) -> tuple[str, ...]:
    """Return the registered job IDs most like *job*."""
    return tuple(similar_names(job, registered, most=3))


def find_stops(items: Iterable[Item], settings: Settings, *, on_interrupt: bool = False) -> dict[str, str]:
    """
    Return, by item, why the run may stop a child of the item. Items whose children are never stopped are left out.

    on_interrupt: an interrupted run stops whatever lives of it.
    """
    stops = {item.id: "--on-interrupt=stop" if on_interrupt else _stop_in(item, settings) for item in items}
    return {item: why for item, why in stops.items() if why}


def _stop_in(item: Item, settings: Settings) -> str:
    if settings.wait is Wait.DETACH and settings.canary is None:  # canaries are watched in any case
        return ""
    if item.stop_on_deadline and (item.deadline or settings.timeout):
        return "on_timeout: stop"
    if item.retry.attempts == 1:
        return ""
    if settings.unplaced_after:  # then any outcome may be that of a child which is still queued
        return "retry with unplaced_after"
    after = sorted(item.retry.on & MAY_LIVE_AFTER)
    return f"retry on {', '.join(after)}" if after else ""


def check_items(
    items: Sequence[Item],
    parents: Mapping[JobKey, ParentState],
    *,
    wait: Wait,
    version: Version | None,
    highest_priority: int | None = None,
    stops: Mapping[str, str] = NEVER,
    has_token: bool = True,
) -> tuple[Problem, ...]:
    """
    Return every problem of every item; one of a parent as a whole is told once, at the first item that names it.

    highest_priority: of the server's configuration, None where that is not known. stops: as `find_stops` gives them.
    """
    problems: list[Problem] = []
    told: set[tuple[JobKey, str]] = set()
    who = THE_TOKEN if has_token else NO_TOKEN
    for item in items:
        parent = item.request.job_key
        for problem in _check_parent(item, parents[parent], wait, stops.get(item.id, ""), who):
            if (parent, problem.found) not in told:
                told.add((parent, problem.found))
                problems.append(problem)
        problems += _check_item(item, parents[parent])
        problems += _check_priority(item, version, highest_priority)
    jobs = {parent: state.job for parent, state in parents.items() if state.job is not None}
    return (*problems, *find_never(items, jobs))


def policies(items: Iterable[Item], parents: Mapping[JobKey, ParentState]) -> tuple[StartLimit, ...]:
    """Return the effective retry policy of each parent, with the most attempts any of its items may make."""
    attempts: dict[JobKey, int] = {}
    for item in items:
        parent = item.request.job_key
        attempts[parent] = max(attempts.get(parent, 1), item.retry.attempts)
    return tuple(
        StartLimit(parent[2], _starts(job, most)) for parent, most in attempts.items() if (job := parents[parent].job)
    )


def _starts(job: Job, attempts: int) -> int | None:
    return max_starts({group.name: group for group in job.groups}, attempts, job.type)


def _problem(code: str, item: Item, found: str, hint: str, position: Position | None = None) -> Problem:
    return Problem(code, position or item.row or item.position, found, hint, item=item.id)


def _check_parent(item: Item, state: ParentState, wait: Wait, stop: str, who: str) -> Iterator[Problem]:
    job, namespace = item.request.job, item.request.namespace
    if not state.may_read and wait is not Wait.DETACH:
        yield _problem(
            "DF107",
            item,
            f"{who} has no permission to read job {job!r} in namespace {namespace!r}",
            "it needs read-job",
        )
    if not state.may_dispatch:
        yield _no_right_to_dispatch(item, state.refusal, who)
    if not state.may_stop and stop:
        found = f"{stop}, but {who} has no permission to stop jobs in namespace {namespace!r}"
        yield _problem("DF107", item, found, "it needs submit-job")
    if state.trouble is not None:
        yield _unreadable(item, state.trouble)
    elif state.may_read and state.job is None:
        likely = ", ".join(repr(name) for name in state.near_misses)
        hint = f"did you mean {likely}?" if likely else "register it with `nomad job run`, or name another namespace"
        yield _problem("DF100", item, f"job {job!r} is not registered in namespace {namespace!r}", hint)
    if state.job is not None:
        yield from _check_job(item, state.job, wait)


def _no_right_to_dispatch(item: Item, refusal: str, who: str) -> Problem:
    if CLOSED in refusal:
        return _problem("DF107", item, f"Nomad accepts no dispatches: {refusal}", "it needs a management token")
    found = f"{who} has no permission to dispatch in namespace {item.request.namespace!r}"
    return _problem("DF107", item, found, "it needs dispatch-job")


def _unreadable(item: Item, trouble: NomadError) -> Problem:
    job, namespace = item.request.job, item.request.namespace
    found = f"job {job!r} in namespace {namespace!r} cannot be read: {trouble.message}"
    if route := route_in(job):
        return _problem("DF111", item, found, f"Nomad reads the end of its ID, {route}, as a route: give it another ID")
    where = f"region {item.request.region!r}" if item.request.region else "this job"
    return _problem("DF111", item, found, f"check the proxy or server that answers for {where}, and the job's ID")


def _check_job(item: Item, job: Job, wait: Wait) -> Iterator[Problem]:
    if job.parameterized is None or job.dispatched:
        yield _problem(
            "DF101", item, f"job {job.id!r} is not parameterized", "only parameterized jobs can be dispatched"
        )
    if job.stop:
        yield _problem("DF102", item, f"job {job.id!r} is stopped", "start it again with `nomad job run`")
    if job.periodic and wait is Wait.COMPLETION:
        yield _problem(
            "DF109",
            item,
            f"job {job.id!r} is periodic, so its dispatches never end",
            "use wait: placement or detach, or a job without a periodic block",
        )


def _check_item(item: Item, state: ParentState) -> Iterator[Problem]:
    job = state.job
    if job is None or job.parameterized is None:
        return
    yield from _check_payload(item, job.parameterized)
    yield from _check_meta(item, job.parameterized)
    limit, starts = item.max_starts, _starts(job, item.retry.attempts)
    if limit is not None and (starts is None or starts > limit):
        may = "without limit" if starts is None else f"up to {starts} times"
        yield _problem(
            "DF108",
            item,
            f"max_starts is {limit}, but job {job.id!r} may start this item {may} (restarts, reschedules and attempts)",
            "lower the job's restart and reschedule attempts, or raise max_starts",
        )


def _check_payload(item: Item, rules: Parameterized) -> Iterator[Problem]:
    if rules.payload == "required" and not item.request.payload:
        yield _problem("DF103", item, "the item has no payload, but the job requires one", "give the item a payload")
    if rules.payload == "forbidden" and item.request.payload:
        yield _problem("DF103", item, "the item has a payload, but the job forbids one", "leave the payload out")


def _check_meta(item: Item, rules: Parameterized) -> Iterator[Problem]:
    allowed = [*rules.meta_required, *rules.meta_optional]
    for key in item.request.meta:
        if key not in allowed:
            hint = did_you_mean(key, allowed, otherwise=f"it allows {', '.join(allowed) or 'none'}", quoted=True)
            yield _problem("DF104", item, f"the job does not allow meta key {key!r}", hint)
    for key in rules.meta_required:
        if key not in item.request.meta:
            yield _problem("DF105", item, f"the job requires meta key {key!r}, which is missing", "add it to meta")


def _check_priority(item: Item, version: Version | None, highest: int | None) -> Iterator[Problem]:
    priority = item.request.priority
    if priority is None:
        return
    if version is not None and version < FIRST_WITH_PRIORITY:
        shown = ".".join(str(part) for part in version)
        yield _problem(
            "DF110",
            item,
            f"the server (Nomad {shown}) would ignore priority",
            "it needs Nomad 1.10.1",
        )
    if not LOWEST_PRIORITY <= priority <= (highest or HIGHEST_PRIORITY):
        yield _problem(
            "DF106",
            item,
            f"priority {priority} is not allowed",
            f"use {LOWEST_PRIORITY} to {highest or DEFAULT_HIGHEST_PRIORITY}",
        )


def cap_problems(problems: Sequence[Problem], *, each: int = 20) -> tuple[Problem, ...]:
    """Return at most *each* problems of one kind; the last one says how many more there are."""
    kept: list[Problem] = []
    by_kind: dict[tuple[str, str], list[Problem]] = {}
    for problem in problems:
        by_kind.setdefault((problem.code, problem.found), []).append(problem)
    for same in by_kind.values():
        kept += same[:each]
        if len(same) > each:
            more = len(same) - each
            told = f"and {more:,} more items like this"
            kept.append(replace(kept[-1], found=told, hint="", item=None, stands_for=more, is_count=True))
    return tuple(kept)
