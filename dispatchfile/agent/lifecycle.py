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


class AllocPhase(IntEnum):
    """The phase of an allocation. Phases only go forward, and tasks of past ephemeral stages never run again."""

    PRESTART = 0
    MAIN = 1
    POSTSTART = 2
    RUNNING = 3
    POSTSTOP = 4


ALLOWED: Final[Mapping[AllocPhase, frozenset[Stage]]] = {
    AllocPhase.PRESTART: frozenset({Stage.PRESTART, Stage.PRESTART_SIDECAR}),
    AllocPhase.MAIN: frozenset({Stage.PRESTART_SIDECAR, Stage.MAIN}),
    AllocPhase.POSTSTART: frozenset({Stage.PRESTART_SIDECAR, Stage.MAIN, Stage.POSTSTART, Stage.POSTSTART_SIDECAR}),
    AllocPhase.RUNNING: frozenset({Stage.PRESTART_SIDECAR, Stage.MAIN, Stage.POSTSTART_SIDECAR}),
    AllocPhase.POSTSTOP: frozenset({Stage.POSTSTOP}),
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


def next_phase(phase: AllocPhase, tasks: Sequence[Placed]) -> AllocPhase:
    """The phase that follows from the tasks' states, possibly several steps on."""
    if all(task.state == "dead" for task in tasks if task.stage is not Stage.POSTSTOP):
        return AllocPhase.POSTSTOP
    while phase < AllocPhase.RUNNING and _is_done(phase, tasks):
        phase = AllocPhase(phase + 1)
    return phase


def _is_done(phase: AllocPhase, tasks: Sequence[Placed]) -> bool:
    match phase:
        case AllocPhase.PRESTART:
            ended_well = all(t.state == "dead" and not t.failed for t in tasks if t.stage is Stage.PRESTART)
            return ended_well and all(t.state == "running" for t in tasks if t.stage is Stage.PRESTART_SIDECAR)
        case AllocPhase.MAIN:
            return all(t.state != "pending" for t in tasks if t.stage is Stage.MAIN)
    return all(t.state == "dead" for t in tasks if t.stage is Stage.POSTSTART)
