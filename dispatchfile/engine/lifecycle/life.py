"""Shared by the transitions of all attempts: the parts of the core, the time, and the commands that they give."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable

from dispatchfile.engine.commands import CheckToken, Command, Record
from dispatchfile.engine.happenings import Key, RequestFailure
from dispatchfile.engine.lifecycle.attempt import BUSY, Attempt, Phase
from dispatchfile.engine.lifecycle.availability import Availability
from dispatchfile.engine.lifecycle.internal import Internal, TokenJudged
from dispatchfile.engine.lifecycle.limits import StopLimits
from dispatchfile.engine.lifecycle.lines import Lines
from dispatchfile.engine.lifecycle.logs import LogChoice
from dispatchfile.engine.lifecycle.pace import Pace
from dispatchfile.engine.lifecycle.questions import Accounts, Asker, TokenQuestion
from dispatchfile.engine.lifecycle.timers import Deadlines, Timers
from dispatchfile.engine.spec import BatchSpec
from dispatchfile.events import RESUMABLE_CAUSES, Cause, Event, Notice, NoticeKind
from dispatchfile.names import JobKey, is_child_of
from dispatchfile.settings import Wait


class Life:
    """The state of a batch. *now* and *wall* are the times of the happening that is being taken."""

    def __init__(self, spec: BatchSpec, jitter: Callable[[], float]) -> None:
        self.spec, self.settings = spec, spec.settings
        self.now = self.wall = 0.0
        self.out: list[Command] = []
        self.pending: deque[tuple[Attempt, Internal]] = deque()  # happens to attempts after the present transition
        self.attempts: dict[Key, Attempt] = {}  # that are not over
        self.busy = 0  # number of those for which an interrupted run waits
        self.marked = 0  # number of those that are marked and have not left
        self.serials = itertools.count(1)
        self.pace = Pace(spec.settings, jitter)
        self.lines = Lines()
        self.timers, self.deadlines = Timers(), Deadlines()
        self.limits = StopLimits(spec.source.canaries, spec.settings.stop_on, spec.selected)
        self.accounts = Accounts(spec.resumption.made_children)
        self.token = TokenQuestion()
        self.logs = LogChoice(spec.logs)
        self.availability = Availability(spec.settings.unreachable_after.total_seconds(), self.notice)
        self.followed: set[JobKey] = set()  # jobs with children of this run
        self.stopped: Cause | None = None
        self.is_resumed_later = False  # a resume makes the retries that are due
        self.is_interrupted = False
        self._prove_jobs()

    def _prove_jobs(self) -> None:
        for job, children in self.accounts.made.items():
            if any(not is_child_of(child, job=job.job, prefix="") for child in children):
                self.lines.confirm_prefix(job)

    # Commands

    def ask(self, attempt: Attempt) -> int:
        """Return the serial of the attempt's next command; no other answer is waited for any more."""
        attempt.serial = next(self.serials)
        return attempt.serial

    def record(self, event: Event) -> None:
        self.out.append(Record(event))
        self.availability.hear(event, self.now)

    def notice(self, kind: NoticeKind, message: str) -> None:
        self.record(Notice(self.wall, kind, message))

    def trouble(self, failure: RequestFailure) -> None:
        self.availability.trouble(failure, self.now)

    def reached(self) -> None:
        self.availability.answered()

    def ask_token(self, asker: Asker) -> None:
        """Find out whether Nomad refuses the token itself, as it says the same of a token that lacks a right."""
        question = self.token
        if question.refusal:
            self.judge_token(asker, is_refused=True)
        elif question.serial:
            question.later.append(asker)
        else:
            question.asking.append(asker)
            self.check_token()

    def check_token(self) -> None:
        self.token.serial = next(self.serials)
        self.out.append(CheckToken(self.token.serial))

    def judge_token(self, asker: Asker, *, is_refused: bool) -> None:
        if isinstance(asker, Attempt):
            self.pending.append((asker, TokenJudged(is_refused)))

    # Attempts

    def enter(self, attempt: Attempt, phase: Phase) -> None:
        """The attempt is in this phase from now on."""
        before, attempt.phase = attempt.phase, phase
        if phase is before:
            return
        self.busy += (phase in BUSY) - (before in BUSY)
        self.marked += (phase is Phase.MARKED) - (before is Phase.MARKED)
        if phase is Phase.OVER:
            self.attempts.pop(attempt.key, None)

    def begin(self, attempt: Attempt) -> None:
        """The core knows of the attempt from now on."""
        self.attempts[attempt.key] = attempt

    def fly(self, attempt: Attempt) -> None:
        """The attempt counts as in flight: sent, or about to be, and without outcome."""
        if not attempt.is_in_flight:
            attempt.is_in_flight = True
            self.pace.in_flight += 1

    def land(self, attempt: Attempt) -> None:
        if attempt.is_in_flight:
            attempt.is_in_flight = False
            self.pace.in_flight -= 1

    def take_slot(self, attempt: Attempt) -> None:
        attempt.has_slot = True
        self.pace.leave()
        self.lines.leave(attempt)

    def free_slot(self, attempt: Attempt) -> None:
        """The attempt's request is over."""
        if attempt.has_slot:
            attempt.has_slot = False
            self.pace.answer()
            self.lines.answer(attempt)

    # Stopping

    def stop(self, cause: Cause, *, resumed_later: bool = False) -> None:
        """Start nothing more. The first cause stays."""
        if self.stopped is None:
            self.stopped, self.is_resumed_later = cause, resumed_later

    @property
    def keeps_retries(self) -> bool:
        """Return whether the retries that are due are left to a resume."""
        return self.is_interrupted and self.stopped in RESUMABLE_CAUSES

    def is_watched(self, attempt: Attempt) -> bool:
        """Return whether the child that Nomad answers with is watched."""
        job = self.spec.jobs.get(attempt.job)
        return self.wait_of(attempt) is not Wait.DETACH and not (job is not None and job.is_periodic)

    def wait_of(self, attempt: Attempt) -> Wait:
        return Wait.COMPLETION if attempt.is_canary else self.settings.wait
