"""Messages about a task that does not work while Nomad's policies still try it again."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from dispatchfile.agent.records import Allocation
from dispatchfile.agent.scheduler import Report

Say = Callable[[str, str], None]

_NOT_FOUND: Final = "could not be found"


class Setbacks:
    """
    Says once for each task of a job why it did not start, or failed, if it will be tried again.

    say: takes the ID of the job, which is the parent's for a dispatched job, and a sentence.
    """

    def __init__(self, say: Say) -> None:
        self._say = say
        self._said: set[tuple[str, str]] = set()

    def note(self, alloc: Allocation, report: Report) -> None:
        """Look at what the client reports of one allocation."""
        job = alloc.job.parent_id or alloc.job.id
        for task, state in report.task_states.items():
            if (job, task) in self._said:
                continue
            sentence = _sentence(state.get("Events"), reschedules=_may_reschedule(alloc))
            if sentence:
                self._said.add((job, task))
                self._say(job, f"task {task} {sentence}")


def _may_reschedule(alloc: Allocation) -> bool:
    policies = (group.reschedule for group in alloc.job.spec.groups if group.name == alloc.group)
    return any(policy is not None and policy.enabled for policy in policies)


def _sentence(events: object, *, reschedules: bool) -> str | None:
    """Return what happened and what follows; None if the task works, or is not tried again."""
    match events:
        case [*_, Mapping() as failure, {"Type": "Restarting", "StartDelay": int(delay_ns)}]:
            return (
                f"{_failure(failure)}; its restart policy starts it again in {delay_ns / 1e9:.0f} s{_remedy(failure)}"
            )
        case [*_, Mapping() as failure, {"Type": "Not Restarting"}] if reschedules:
            return f"{_failure(failure)}; its reschedule policy may start it again{_remedy(failure)}"
    return None


def _failure(event: Mapping[str, Any]) -> str:
    if event["Type"] == "Terminated":
        return f"failed ({event['DisplayMessage']})"
    text = str(event["DisplayMessage"])
    return f"did not start: {text.partition(' code = Unknown desc = ')[2] or text}"


def _remedy(event: Mapping[str, Any]) -> str:
    is_missing = event["Type"] == "Driver Failure" and str(event["DisplayMessage"]).endswith(_NOT_FOUND)
    return ": to try the job here, use a copy with a command of this machine" if is_missing else ""
