"""Forgetting what is over. Source: hashicorp/nomad, nomad/core_sched.go."""

from collections.abc import Callable, Sequence

from dispatchfile.agent.clock import AgentClock
from dispatchfile.agent.records import Key, StoredJob
from dispatchfile.agent.state import StateStore, StreamEntry


class Collector:
    """
    Deletes dead jobs with everything that belongs to them, on request or some time after their end.

    after_seconds: how long a dead job is kept. forget: deletes jobs, as one step.
    """

    def __init__(
        self, state: StateStore, clock: AgentClock, after_seconds: float, forget: Callable[[Sequence[StoredJob]], None]
    ) -> None:
        self._state = state
        self._clock = clock
        self._after_ns = int(after_seconds * 10**9)
        self._forget = forget
        self._ended: dict[Key, int] = {}
        self._is_due = False
        state.listeners.add(self._notice)

    def collect_all(self) -> None:
        """Forget all dead jobs at once, as `nomad system gc` does."""
        self._forget([job for job in self._state.jobs.values() if self._is_over(job)])

    def _is_over(self, job: StoredJob) -> bool:
        """Return whether the job is dead and the processes of its allocations are gone. Nobody could end them later."""
        return (
            job.status == "dead"
            and all(alloc.is_client_terminal for alloc in self._state.allocs_of(job.key))
            and all(evaluation.is_terminal for evaluation in self._state.evals_of(job.key))
        )

    def _notice(self, entry: StreamEntry) -> None:
        """Keep the dead jobs in the order of their ends, and await the first."""
        now = self._clock.now_ns()
        for changed in entry.changed:
            if isinstance(changed, StoredJob):
                self._ended.pop(changed.key, None)
                if changed.status == "dead" and changed.key not in entry.deleted:
                    self._ended[changed.key] = now
        self._await_first()

    def _await_first(self) -> None:
        if self._ended and not self._is_due:
            self._is_due = True
            first = next(iter(self._ended.values()))
            seconds = (first + self._after_ns - self._clock.now_ns()) / 10**9
            self._clock.call_later(max(0.001, seconds), self._collect_old)

    def _collect_old(self) -> None:
        self._is_due = False
        now = self._clock.now_ns()
        old = [key for key, ended in self._ended.items() if ended <= now - self._after_ns]
        over = {key: job for key in old if self._is_over(job := self._state.jobs[key])}
        for key in old:
            del self._ended[key]
        self._ended.update((key, now) for key in old if key not in over)
        self._forget(list(over.values()))
        self._await_first()
