"""
The order in which the tasks of an allocation may run.

Source: hashicorp/nomad, client/allocrunner/tasklifecycle/coordinator.go.
"""

from collections.abc import Mapping, Sequence
from enum import Enum, IntEnum
from typing import Any, Final, Protocol


class Stage(Enum):
    """The part of an allocation's life that a task belongs to."""

    PRESTART = "prestart"
    PRESTART_SIDECAR = "prestart sidecar"
    MAIN = "main"
    POSTSTART = "poststart"
    POSTSTART_SIDECAR = "poststart sidecar"
    POSTSTOP = "poststop"

    @property
    def is_sidecar(self) -> bool:
        return self in (Stage.PRESTART_SIDECAR, Stage.POSTSTART_SIDECAR)


class Phase(IntEnum):
    """The phase of an allocation. Phases only go forward, and tasks of past ephemeral stages never run again."""

    PRESTART = 0
    MAIN = 1
    POSTSTART = 2
    RUNNING = 3
    POSTSTOP = 4


ALLOWED: Final[Mapping[Phase, frozenset[Stage]]] = {
    Phase.PRESTART: frozenset({Stage.PRESTART, Stage.PRESTART_SIDECAR}),
    Phase.MAIN: frozenset({Stage.PRESTART_SIDECAR, Stage.MAIN}),
    Phase.POSTSTART: frozenset({Stage.PRESTART_SIDECAR, Stage.MAIN, Stage.POSTSTART, Stage.POSTSTART_SIDECAR}),
    Phase.RUNNING: frozenset({Stage.PRESTART_SIDECAR, Stage.MAIN, Stage.POSTSTART_SIDECAR}),
    Phase.POSTSTOP: frozenset({Stage.POSTSTOP}),
}


class Placed(Protocol):
    """The requirements of a task in this allocation."""

    @property
    def stage(self) -> Stage: ...
    @property
    def state(self) -> str: ...
    @property
    def failed(self) -> bool: ...


def stage_of(task: Mapping[str, Any]) -> Stage:
    """The stage of a task of the API."""
    lifecycle = task.get("Lifecycle") or {}
    sidecar = bool(lifecycle.get("Sidecar"))
    match lifecycle.get("Hook"):
        case "prestart":
            return Stage.PRESTART_SIDECAR if sidecar else Stage.PRESTART
        case "poststart":
            return Stage.POSTSTART_SIDECAR if sidecar else Stage.POSTSTART
        case "poststop":
            return Stage.POSTSTOP
    return Stage.MAIN


def next_phase(phase: Phase, tasks: Sequence[Placed]) -> Phase:
    """The phase that follows from the tasks' states, possibly several steps on."""
    if all(task.state == "dead" for task in tasks if task.stage is not Stage.POSTSTOP):
        return Phase.POSTSTOP
    while phase < Phase.RUNNING and _is_done(phase, tasks):
        phase = Phase(phase + 1)
    return phase


def _is_done(phase: Phase, tasks: Sequence[Placed]) -> bool:
    match phase:
        case Phase.PRESTART:
            ended_well = all(t.state == "dead" and not t.failed for t in tasks if t.stage is Stage.PRESTART)
            return ended_well and all(t.state == "running" for t in tasks if t.stage is Stage.PRESTART_SIDECAR)
        case Phase.MAIN:
            return all(t.state != "pending" for t in tasks if t.stage is Stage.MAIN)
    return all(t.state == "dead" for t in tasks if t.stage is Stage.POSTSTART)
