"""
How dispatched jobs end: each case drives one ending for real, and says what it comes to.

The same cases run on the embedded agent and on a real Nomad, and fill the table in docs/verdicts.md.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from dispatchfile.events import Cause, Outcome
from dispatchfile.results import ItemResult
from tests.conformance.backends import Backend
from tests.conformance.jobs import FOR_EVER, PERIODIC, Document, group, job, mock, shell, wants_meta, with_memory
from tests.conformance.waits import until_blocked, until_dead, until_restarting, until_running


@dataclass(frozen=True, slots=True)
class Ending:
    """What the tool says of an item. *exit_code* is the task's; *starts* counts its starts."""

    outcome: Outcome
    cause: Cause | None = None
    exit_code: int | None = None
    starts: int = 1

    @classmethod
    def of(cls, item: ItemResult) -> Ending | None:
        return None if item.outcome is None else cls(item.outcome, item.cause, item.exit_code, item.starts)


@dataclass(frozen=True, slots=True)
class Dispatched:
    """A child of a case's job, and where to act on it. *seen* returns when the tool has seen it running."""

    backend: Backend
    parent: str
    child: str
    seen: Callable[[], Awaitable[object]]


Act = Callable[[Dispatched], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Case:
    """
    One ending. *job*: made for a given ID. *act*: what is done to the child after its dispatch.

    nomad_exit: what `nomad job dispatch -wait` exits with in the same case; None where it waits in vain.
    """

    name: str
    story: str
    ending: Ending
    nomad_exit: int | None
    job: Callable[[str], Document]
    act: Act | None = None


@dataclass(frozen=True, slots=True)
class Scene:
    """
    Cases that one run has together.

    settings: of the run. own: options of a backend of its own, where the shared one would not do. prepare: what is done
    to the backend beforehand. lacking: what keeps the embedded agent from it, a key of EMBEDDED_LACKS.
    """

    name: str
    cases: tuple[Case, ...]
    settings: Mapping[str, str] = field(default_factory=dict)
    own: Mapping[str, Any] | None = None
    prepare: Callable[[Backend], Awaitable[None]] | None = None
    lacking: str = ""


# What is done to a child


async def stop(dispatched: Dispatched) -> None:
    await until_running(dispatched.backend, dispatched.child)
    await dispatched.backend.stop_job(dispatched.child)


async def stop_when_restarting(dispatched: Dispatched) -> None:
    await until_restarting(dispatched.backend, dispatched.child)
    await dispatched.backend.stop_job(dispatched.child)


async def stop_when_blocked(dispatched: Dispatched) -> None:
    await until_blocked(dispatched.backend, dispatched.child)
    await dispatched.backend.stop_job(dispatched.child)


async def stop_when_dead(dispatched: Dispatched) -> None:
    await until_dead(dispatched.backend, dispatched.child)
    await dispatched.backend.stop_job(dispatched.child)


async def purge(dispatched: Dispatched) -> None:
    await dispatched.seen()
    await dispatched.backend.stop_job(dispatched.child, purge=True)


async def purge_parent(dispatched: Dispatched) -> None:
    await until_running(dispatched.backend, dispatched.child)
    await dispatched.backend.stop_job(dispatched.parent, purge=True)


async def stop_alloc(dispatched: Dispatched) -> None:
    alloc = await until_running(dispatched.backend, dispatched.child)
    await dispatched.backend.stop_alloc(alloc["ID"], alloc["JobType"])


async def migrate_alloc(dispatched: Dispatched) -> None:
    """The route alone asks for no reschedule, as `nomad job restart -reschedule` does."""
    alloc = await until_running(dispatched.backend, dispatched.child)
    await dispatched.backend.put(f"/v1/allocation/{alloc['ID']}/stop")


async def meet_constraint(dispatched: Dispatched) -> None:
    """The node's metadata gets what the job waits for, once the job is known to wait."""
    await until_blocked(dispatched.backend, dispatched.child)
    await dispatched.backend.set_node_meta(dispatched.parent, "yes")


# The jobs

FIRST_TIME_7 = "test -f {mark} && exit 0; touch {mark}; exit 7"
MARK_OF_ALLOC = "$NOMAD_ALLOC_DIR/data/mark"
MARK_OF_CHILD = '$NOMAD_ALLOC_DIR/../../$(basename "$NOMAD_JOB_ID").mark'  # beside the folders of all allocations
DEAF = "trap '' TERM; sleep 600"
NOBODY = "http://127.0.0.1:1/none.txt"
Make = Callable[[str], Document]


def made(*groups: Document, **fields: object) -> Make:
    return lambda job_id: job(job_id, *groups, **fields)


def blocked(job_id: str, kind: str = "batch") -> Document:
    """No node takes it until its metadata says so under the job's ID."""
    return job(job_id, mock(), kind=kind, **wants_meta(job_id))


RESTART_OK = made(group(shell(FIRST_TIME_7.format(mark=MARK_OF_ALLOC)), restarts=2))
RESCHEDULE_OK = made(group(shell(FIRST_TIME_7.format(mark=MARK_OF_CHILD)), reschedules=1))
OVER_AT_RESTART = made(
    group(shell(FIRST_TIME_7.format(mark=MARK_OF_ALLOC).replace("exit 0", "exec sleep 600")), restarts=2, max_run_s=8)
)
RESTARTS_LATE = made(group(mock(exit_code=3), restarts=1, restart_delay_s=60))
LEADER = made(group(mock("main", leader=True, run_for="1s"), shell("sleep 600", "follower")))
TWO_TASKS = made(group(mock("bad", run_for="500ms", exit_code=3), mock("good", run_for=FOR_EVER)))
TWO_GROUPS = made(group(mock(), name="g1"), group(mock(exit_code=3), name="g2"))
RESCHEDULE_FAIL = made(group(mock(exit_code=4), restarts=1, reschedules=1))
COUNT_TWO = made(group(shell("exit $NOMAD_ALLOC_INDEX"), count=2))
START_ERROR = mock(start_error="no such device")
START_ERROR_TWICE = made(group(mock(start_error="no such device", start_error_recoverable=True), restarts=1))
NO_COMMAND = {**shell(""), "Config": {"command": "/no/such/program"}}
BAD_CONFIG = {**shell(""), "Config": {"comand": "/bin/true"}}
NO_ARTIFACT = {**mock(), "Artifacts": [{"GetterSource": NOBODY, "RelativeDest": "local/"}]}


def with_hooks(pre: int = 0, post: int = 0) -> Make:
    """Three tasks after each other; *pre* and *post* are the exit codes of the first and the last one."""
    tasks = mock("pre", hook="prestart", exit_code=pre), mock("main"), mock("post", hook="poststop", exit_code=post)
    return made(group(*tasks))


# What surrounds a child


async def drain(dispatched: Dispatched) -> None:
    await until_running(dispatched.backend, dispatched.child)
    await dispatched.backend.drain_node(deadline_s=1)


async def lose_node(dispatched: Dispatched) -> None:
    await dispatched.seen()
    await until_running(dispatched.backend, dispatched.child)
    dispatched.backend.lose_node()


async def forbid_node(backend: Backend) -> None:
    await backend.set_eligible(eligible=False)


async def allow_node(dispatched: Dispatched) -> None:
    await until_blocked(dispatched.backend, dispatched.child)
    await dispatched.backend.set_eligible(eligible=True)


HOG = "hog"


async def fill_node(backend: Backend) -> None:
    """Another job takes what there is."""
    await backend.register(job(HOG, with_memory(mock(run_for=FOR_EVER), 600), Priority=90))
    hog = (await backend.dispatch(HOG))["DispatchedJobID"]
    await until_running(backend, hog)


async def free_node(dispatched: Dispatched) -> None:
    await until_blocked(dispatched.backend, dispatched.child)
    for hog in await dispatched.backend.children(HOG):
        await dispatched.backend.stop_job(hog)


async def allow_preemption(backend: Backend) -> None:
    await backend.put("/v1/operator/scheduler/configuration", {"PreemptionConfig": {"BatchSchedulerEnabled": True}})


async def preempt(dispatched: Dispatched) -> None:
    await dispatched.seen()
    await fill_node(dispatched.backend)


def on_second_node(job_id: str) -> Document:
    return job(job_id, group(mock(run_for=FOR_EVER)), **wants_meta("second"))


# The endings

OK = Ending(Outcome.SUCCEEDED, None, 0)
TWICE_OK = replace(OK, starts=2)
OVER_MAX = Ending(Outcome.TIMED_OUT, Cause.MAX_RUN_DURATION)
STOPPED = Ending(Outcome.STOPPED, Cause.USER_STOP)
NEVER_PLACED = Ending(Outcome.UNPLACED, Cause.NO_CAPACITY, starts=0)
ENDLESS_TASK = mock(run_for=FOR_EVER)
ENDLESS = made(ENDLESS_TASK)
BIG = made(with_memory(mock(), 600))


def failed(exit_code: int | None, cause: Cause = Cause.EXIT, starts: int = 1) -> Ending:
    return Ending(Outcome.FAILED, cause, exit_code, starts)


SUCCESSES = (
    Case("ok", "exits 0", OK, 0, made()),
    Case("restart-ok", "exits 7, then 0 after a restart", TWICE_OK, 0, RESTART_OK),
    Case("resched-ok", "exits 7, then 0 in another allocation", TWICE_OK, 2, RESCHEDULE_OK),
    Case("lifecycle-ok", "prestart, main and poststop task exit 0", OK, 0, with_hooks()),
    Case("leader", "the leader exits 0, its follower is killed", OK, 0, LEADER),
    Case("sys-ok", "sysbatch: exits 0", OK, 0, made(kind="sysbatch")),
    Case("parent-purged", "exits 0, the parent was purged meanwhile", OK, 0, made(mock(run_for="2s")), purge_parent),
    Case(
        "alloc-stop-resched",
        "`nomad alloc stop`, and another allocation exits 0",
        TWICE_OK,
        0,
        made(group(mock(run_for="2s"), reschedules=1)),
        stop_alloc,
    ),
    Case(
        "alloc-migrate",
        "the API stops its allocation, and another exits 0",
        TWICE_OK,
        0,
        made(mock(run_for="2s")),
        migrate_alloc,
    ),
    Case("placed-later", "no node takes it at first", OK, 1, blocked, meet_constraint),
)
FAILURES = (
    Case("exit3", "exits 3", failed(3), 2, made(mock(exit_code=3))),
    Case("resched-fail", "exits 4, four times in two allocations", failed(4, starts=4), 2, RESCHEDULE_FAIL),
    Case("count2", "one of two allocations exits 1", failed(1), 2, COUNT_TWO),
    Case("twotasks", "one of two tasks exits 3", failed(3), 2, TWO_TASKS),
    Case("twogroups", "one of two groups exits 3", failed(3), 2, TWO_GROUPS),
    Case("prestart-fail", "the prestart task exits 2", failed(2), 2, with_hooks(pre=2)),
    Case("poststop-fail", "the poststop task exits 6", failed(6), 2, with_hooks(post=6)),
    Case("starterr", "the driver cannot start it", failed(None, Cause.DRIVER), 2, made(START_ERROR)),
    Case("starterr-rec", "nor at a second try", failed(None, Cause.DRIVER, starts=2), 2, START_ERROR_TWICE),
    Case("nocmd", "there is no such command", failed(None, Cause.DRIVER), 2, made(NO_COMMAND)),
    Case("badconfig", "a misspelt key for the driver", failed(None, Cause.VALIDATION), 2, made(BAD_CONFIG)),
    Case("artifact", "an artifact cannot be fetched", failed(None, Cause.ARTIFACT), 2, made(NO_ARTIFACT)),
    Case("kill9", "is killed by signal 9", failed(137, Cause.SIGNAL), 2, made(shell("kill -9 $$"))),
    Case("exit137", "exits 137 by itself", failed(137), 2, made(shell("exit 137"))),
    Case("sys-fail", "sysbatch: exits 3", failed(3), 2, made(mock(exit_code=3), kind="sysbatch")),
    Case(
        "failed-then-stopped", "exits 3, is stopped afterwards", failed(3), 2, made(mock(exit_code=3)), stop_when_dead
    ),
)
OTHERS = (
    Case("maxrun", "runs over its max_run_duration", OVER_MAX, 0, made(group(mock(run_for=FOR_EVER), max_run_s=2))),
    Case("maxrun-exec", "the same, and ignores SIGTERM", OVER_MAX, 0, made(group(shell(DEAF), max_run_s=4))),
    Case("maxrun-restarted", "exits 7, then runs over it", replace(OVER_MAX, starts=2), 0, OVER_AT_RESTART),
    Case("stop", "is stopped by a user", STOPPED, 0, ENDLESS, stop),
    Case("alloc-stop", "`nomad alloc stop`, and nothing replaces it", STOPPED, 0, ENDLESS, stop_alloc),
    Case("sys-alloc-stop", "sysbatch: `nomad alloc stop`", STOPPED, 0, made(ENDLESS_TASK, kind="sysbatch"), stop_alloc),
    Case("stop-restarting", "exits 3, is stopped before its restart", STOPPED, 0, RESTARTS_LATE, stop_when_restarting),
    Case("unplaced-stopped", "is stopped while it waits", replace(STOPPED, starts=0), 1, blocked, stop_when_blocked),
    Case("purge", "is purged while it runs", Ending(Outcome.STOPPED, Cause.PURGE, starts=0), 1, ENDLESS, purge),
    Case("count0", "no group has anything to run", Ending(Outcome.UNPLACED, starts=0), 0, made(group(mock(), count=0))),
    Case("sys-unplaced", "sysbatch: no node takes it", NEVER_PLACED, 1, lambda job_id: blocked(job_id, "sysbatch")),
)
UNPLACED = Case("unplaced", "no node ever takes it (`unplaced_after`)", NEVER_PLACED, 1, blocked)
PERIODIC_PARENT = Case(
    "periodic",
    "a periodic job: there is no end (`--detach`)",
    Ending(Outcome.DISPATCHED, starts=0),
    0,
    made(**PERIODIC),
)
DRAINED = Case("drain", "its node is drained", Ending(Outcome.STOPPED, Cause.DRAIN), 0, ENDLESS, drain)
SYS_DRAINED = Case(
    "sys-drain",
    "sysbatch: its node is drained",
    Ending(Outcome.STOPPED, Cause.DRAIN),
    0,
    made(ENDLESS_TASK, kind="sysbatch"),
    drain,
)
INELIGIBLE = Case("ineligible", "no node is eligible at first", OK, 1, made(), allow_node)
FULL = Case("full", "the node holds all it may at first", OK, 1, made(), free_node)
TOO_BIG = Case("toobig", "the node's memory is taken at first", OK, 1, BIG, free_node)
PREEMPTED = Case(
    "preempted",
    "a job of higher priority takes its place (`unplaced_after`)",
    Ending(Outcome.STOPPED, Cause.PREEMPTION),
    None,
    made(with_memory(mock(run_for=FOR_EVER), 600)),
    preempt,
)
LOST = Case(
    "lost",
    "its node goes away, no other takes it (`unplaced_after`)",
    Ending(Outcome.LOST, Cause.NODE_LOST),
    None,
    on_second_node,
    lose_node,
)
IMPATIENT = {"unplaced_after": "1s"}

SCENES = (
    Scene("together", (*SUCCESSES, *FAILURES, *OTHERS)),
    Scene("impatient", (UNPLACED,), settings=IMPATIENT),
    Scene("detached", (PERIODIC_PARENT,), settings={"wait": "detach"}),
    Scene("drained", (DRAINED,), own={}),
    Scene("sys-drained", (SYS_DRAINED,), own={}),
    Scene("ineligible", (INELIGIBLE,), own={}, prepare=forbid_node),
    Scene("full", (FULL,), own={"slots": 1}, prepare=fill_node),
    Scene("toobig", (TOO_BIG,), own={"memory_mb": 1000}, prepare=fill_node, lacking="memory"),
    Scene("preempted", (PREEMPTED,), IMPATIENT, {"memory_mb": 1000}, allow_preemption, lacking="memory"),
    Scene("lost", (LOST,), settings=IMPATIENT, own={"second_node": True}),
)
