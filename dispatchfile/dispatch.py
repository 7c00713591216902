"""
Requests sent in one task group, each at most once: what is in doubt is settled before anything is repeated.

A request is in doubt when it may have reached Nomad and no answer came back. Its child, if there is one, bears the
attempt's own ID prefix, so it can be looked for; never two requests are under way for one item.
"""

from __future__ import annotations

import asyncio
import itertools
import os.path
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from dispatchfile.clock import Clock
from dispatchfile.errors import (
    NomadAmbiguous,
    NomadError,
    NomadForbidden,
    NomadNotFound,
    NomadRefused,
    NomadThrottled,
    NomadUnavailable,
)
from dispatchfile.events import (
    Accepted,
    Cause,
    Doubled,
    Doubted,
    Event,
    Intent,
    Ledger,
    Notice,
    NoticeKind,
    Outcome,
    Repeated,
    Sending,
    Verdict,
)
from dispatchfile.flow import Finished, Flow, Parent, Ticket, parent_of
from dispatchfile.items import attempt_token, child_prefix, is_child_of
from dispatchfile.nomad.client import Client
from dispatchfile.nomad.filters import literal, matches, quote
from dispatchfile.nomad.models import Dispatched

T = TypeVar("T")

NEVER_MADE = "no child was found, so the request was definitely not carried out"  # why a request in doubt is repeated
MARKED_TOGETHER = 64  # attempts marked "may be sent" in one commit, at most
LOOKED_FOR_TOGETHER = 50  # attempts whose children one list shows
LOOK_PAUSES_S = (0.5, 1.0, 2.0, 4.0, 5.0)  # between two looks; the last one from then on
LAST_LOOK_S = 5.0  # how long a look may take once the run is to end: a resume looks again
LEFT_IN_DOUBT = "possibly sent before the run was resumed"
GRACE_S = 15.0  # the whole run ends before one attempt is given up
UNBROKEN_S = 10.0  # looks further apart than this leave a gap in which a child may come and go


@dataclass(frozen=True, slots=True)
class Baseline:
    """What a parent had before this run's first dispatch. Collection and purging never lower its total."""

    children: int
    index: int  # children made later have a higher CreateIndex


Sighting = tuple[int, str]  # of a child: its CreateIndex and its ID


class Desk(Protocol):
    """Who is told what became of each attempt."""

    def emit(self, event: Event) -> None: ...

    async def before_send(self, ticket: Ticket) -> Verdict | None:
        """
        What has to be done before the attempt may leave. A verdict instead if it must not leave at all.

        Raises NomadUnavailable where it could not be done for now.
        """

    def accepted(self, ticket: Ticket, event: Accepted) -> None:
        """Nomad has a child; it is to be watched as far as asked."""

    def concluded(self, ticket: Ticket, verdict: Verdict) -> None:
        """The attempt is over without a child to watch."""

    def given_back(self, ticket: Ticket) -> None:
        """The attempt surely was not carried out, and the run has stopped: it stays unsent."""

    def trouble(self, error: NomadError) -> None:
        """Nomad could not be reached, or could not answer."""

    def answered(self) -> None:
        """Nomad has answered."""

    async def ends_with(self, error: NomadForbidden) -> bool:
        """Whether the work ends with this refusal, which then says nothing of an item."""

    def is_watched(self, ticket: Ticket) -> bool:
        """Whether somebody looks at the child that Nomad answers with."""

    def made_children(self, parent: Parent) -> Collection[str]:
        """IDs of the parent's children that this run, and nobody else, has surely made since the baseline."""


def intent_of(ticket: Ticket, *, run: str, rerun_of: str | None) -> Intent:
    """What the attempt would send. A retry and a rerun want a new child, so each varies the token."""
    item, token = ticket.item, ticket.item.request.token
    varied = attempt_token(token, attempt=ticket.attempt, rerun=run if rerun_of else None) if token else None
    prefix = child_prefix(item, run=run, attempt=ticket.attempt)
    return Intent(item.id, ticket.attempt, item.fingerprint, prefix, varied)


class Dispatcher:
    """Sends what the flow lets go, until nothing is left to send."""

    def __init__(
        self,
        *,
        client: Client,
        flow: Flow,
        ledger: Ledger,
        desk: Desk,
        clock: Clock,
        run: str,
        settle_s: float,
        patience_s: float,
        marked_together: int = MARKED_TOGETHER,
        baselines: Mapping[Parent, Baseline],
        rerun_of: str | None = None,
    ) -> None:
        self._client, self._flow, self._ledger, self._desk, self._clock = client, flow, ledger, desk, clock
        self._run, self._rerun_of = run, rerun_of
        self._settle_s, self._patience_s = settle_s, patience_s
        self._block = marked_together
        self._baselines = baselines
        self._marked: set[tuple[str, int]] = set()  # and not sent yet
        self._being_marked: set[tuple[str, int]] = set()
        self._marking: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()
        self._sequence = itertools.count()
        self._counting: dict[Parent, asyncio.Lock] = {}
        self._counts: dict[Parent, tuple[int, bool]] = {}  # when it began, and whether nothing was unseen
        self._verify: set[tuple[str, int]] = set()  # repeats with a token, whose answer may name a phantom
        self._asking: dict[Parent, dict[str, asyncio.Future[list[Sighting]]]] = {}
        self._listing: dict[Parent, asyncio.Lock] = {}
        self._may_filter = True
        self._abandonment = asyncio.Event()
        self._looks: set[asyncio.Timeout] = set()  # under way
        self._halted = False

    def wake(self) -> None:
        """The flow has changed: look at it again."""
        self._changed.set()

    async def run(self, doubts: Collection[tuple[Ticket, float]] = ()) -> None:
        """
        Send until nothing is left to send and nothing sent is without outcome.

        doubts: attempts of an earlier process that may have been sent, each with the time its looks begin.
        """
        async with asyncio.TaskGroup() as group:
            for ticket, since in doubts:
                self._flow.adopt(ticket)
                self._desk.emit(Doubted(ticket.item.id, ticket.attempt, self._clock.wall(), LEFT_IN_DOUBT))
                group.create_task(self._settle(ticket, since, unbroken=False, answered=False))
            while not self._halted and not isinstance(step := self._flow.next(self._clock.now()), Finished):
                if isinstance(step, Ticket):
                    await self._mark(step, group)
                    group.create_task(self._send(step))
                else:
                    await self._clock.wait(self._changed, step.until)
                    self._changed.clear()

    async def _mark(self, ticket: Ticket, group: asyncio.TaskGroup) -> None:
        """Returns once the ticket is marked, or the run has stopped. The next block is marked while this one leaves."""
        if ticket.key not in self._marked and self._marking is not None:
            await self._marking
        if ticket.key not in self._marked:
            await self._mark_block([ticket, *self._flow.upcoming(self._block - 1)])
        self._marked.discard(ticket.key)
        if len(self._marked) <= self._block // 2 and (self._marking is None or self._marking.done()):
            self._marking = group.create_task(self._mark_block(self._flow.upcoming(self._block)))

    async def _mark_block(self, block: Sequence[Ticket]) -> None:
        fresh = [entry for entry in block if entry.key not in self._marked]
        if retries := [self.intent(entry) for entry in fresh if entry.attempt > 1]:
            await self._ledger.add_intents(retries)
        if not fresh or self._flow.stopped is not None:
            return  # what is unsent is on record as such by now, and a mark behind that would put it in doubt
        keys = [entry.key for entry in fresh]
        self._being_marked.update(keys)
        await self._ledger.mark_may_send(keys)
        self._being_marked.difference_update(keys)
        self._marked.update(keys)

    def is_marked(self, ticket: Ticket) -> bool:
        """Whether the journal says, or is about to say, that the attempt may have been sent, though it has not."""
        return ticket.key in self._marked or ticket.key in self._being_marked

    def intent(self, ticket: Ticket) -> Intent:
        return intent_of(ticket, run=self._run, rerun_of=self._rerun_of)

    def prefix(self, ticket: Ticket) -> str:
        return child_prefix(ticket.item, run=self._run, attempt=ticket.attempt)

    def token(self, ticket: Ticket) -> str | None:
        return self.intent(ticket).token

    # One request

    async def _send(self, ticket: Ticket) -> None:
        if not await self._may_leave(ticket):
            self.wake()
            return
        self._desk.emit(Sending(ticket.item.id, ticket.attempt, self._clock.wall()))
        try:
            answer = await self._request(ticket)
        except NomadUnavailable as error:
            self._repeat(ticket, error)
        except NomadAmbiguous as error:
            await self._doubt(ticket, error)
        except NomadRefused as error:
            await self._take_refusal(ticket, error)
        else:
            self._desk.answered()
            await self._take(ticket, answer)
        self.wake()

    async def _may_leave(self, ticket: Ticket) -> bool:
        """Not if the run has stopped since the flow let it go, nor if what comes before cannot be done."""
        try:
            hindrance = None if self._flow.stopped else await self._desk.before_send(ticket)
        except NomadUnavailable as error:
            self._repeat(ticket, error)
            return False
        if self._flow.stopped is not None:
            self._go_back(ticket, was_sending=True)
        elif hindrance is not None:
            self._flow.answered(ticket)
            self._desk.concluded(ticket, hindrance)
        else:
            return True
        return False

    async def _request(self, ticket: Ticket) -> Dispatched:
        request = ticket.item.request
        return await self._client.dispatch_job(
            request.job,
            namespace=request.namespace,
            region=request.region,
            payload=request.payload,
            meta=request.meta,
            id_prefix=self.prefix(ticket),
            token=self.token(ticket),
            priority=request.priority,
        )

    def _repeat(self, ticket: Ticket, error: NomadUnavailable, *, was_sending: bool = True) -> None:
        throttled = isinstance(error, NomadThrottled)
        if not throttled:
            self._desk.trouble(error)
        self._desk.emit(Repeated(ticket.item.id, ticket.attempt, self._clock.wall(), error.message, throttled))
        self._flow.slow_down(self._clock.now())
        self._go_back(ticket, was_sending=was_sending)

    def _go_back(self, ticket: Ticket, *, was_sending: bool) -> None:
        self._marked.add(ticket.key)
        self.wake()
        if not self._flow.repeat(ticket, self._clock.now(), was_sending=was_sending):
            self._desk.given_back(ticket)

    async def _take_refusal(self, ticket: Ticket, error: NomadRefused) -> None:
        self._desk.answered()
        if isinstance(error, NomadForbidden) and await self._desk.ends_with(error):
            self._go_back(ticket, was_sending=True)
            return
        self._flow.answered(ticket)
        cause = Cause.PERMISSION if isinstance(error, NomadForbidden) else Cause.VALIDATION
        self._desk.concluded(ticket, Verdict(Outcome.REFUSED, cause, error.message))

    async def _take(self, ticket: Ticket, answer: Dispatched) -> None:
        if self._wants_proof(ticket, answer) and not await self._exists(ticket, answer.child):
            self._flow.answered(ticket)
            await self._settle(ticket, self._clock.now(), unbroken=True, answered=True)
            return
        self._flow.accepted(ticket)
        ours = self._bears_prefix(ticket, answer.child)
        is_hit = self.token(ticket) is not None and not answer.eval_id
        if not is_hit:
            self._check_prefix(ticket, answer.child, ours=ours)
        self._accept(ticket, answer.child, eval_id=answer.eval_id, existing=is_hit and not self._is_own(ticket, ours))

    def _wants_proof(self, ticket: Ticket, answer: Dispatched) -> bool:
        """
        Of two requests with one token, Nomad may answer the second with a child that does not exist.

        The other one may be a repeated request's own first, or anybody's; whoever watches the child finds that out.
        """
        if self.token(ticket) is None:
            return False
        return ticket.key in self._verify or (bool(answer.eval_id) and not self._desk.is_watched(ticket))

    def _bears_prefix(self, ticket: Ticket, child: str) -> bool:
        return is_child_of(child, job=ticket.item.request.job, prefix=self.prefix(ticket))

    def _is_own(self, ticket: Ticket, bears_prefix: bool) -> bool:
        return bears_prefix and not ticket.item.exact_prefix

    def _check_prefix(self, ticket: Ticket, child: str, *, ours: bool) -> None:
        parent = parent_of(ticket.item)
        if ours:
            self._flow.prove(parent)
        elif not self._flow.is_proven(parent):
            message = (
                f"{child} does not have the requested ID prefix: this server ignores prefixes (as Nomad before 1.4.2 "
                "does), so children could not be found again after a fault; the run stops"
            )
            self._desk.emit(Notice(self._clock.wall(), NoticeKind.PREFIX_IGNORED, message))
            self._flow.stop(Cause.VALIDATION)

    def _accept(
        self, ticket: Ticket, child: str, *, eval_id: str = "", existing: bool = False, adopted: bool = False
    ) -> None:
        event = Accepted(ticket.item.id, ticket.attempt, self._clock.wall(), child, eval_id, existing, adopted)
        self._desk.accepted(ticket, event)

    async def _exists(self, ticket: Ticket, child: str) -> bool:
        """Read the child with default consistency: its own server knows it as soon as it has answered."""
        request = ticket.item.request
        try:
            await self._client.read_job(child, namespace=request.namespace, region=request.region)
        except NomadForbidden:
            return True  # nobody can look
        except NomadError as error:
            if not isinstance(error, NomadNotFound):
                self._desk.trouble(error)
            return False  # looks will tell
        return True

    # Doubt

    async def _doubt(self, ticket: Ticket, error: NomadAmbiguous) -> None:
        self._flow.answered(ticket)
        self._flow.slow_down(self._clock.now())
        self._desk.trouble(error)
        self._desk.emit(Doubted(ticket.item.id, ticket.attempt, self._clock.wall(), error.message))
        self.wake()
        await self._settle(ticket, self._clock.now(), unbroken=True, answered=False)

    async def settle_phantom(self, ticket: Ticket) -> None:
        """
        Nomad answered with a child that nobody has ever seen: find the real one, or send again if there is none.

        It may have come, ended and been collected before the first look, so looks alone do not prove that it never was.
        """
        await self._settle(ticket, self._clock.now(), unbroken=False, answered=True)
        self.wake()

    async def _settle(self, ticket: Ticket, since: float, *, unbroken: bool, answered: bool) -> None:
        """
        Look until *settle* has passed since the connection was lost, with the last look after that.

        Found: adopted. Never seen in unbroken looks: repeated. Where looking had a gap, a child may have come, ended
        and been collected unseen: then the parent's total has to speak for it. A machine that slept has a gap that
        only the wall clock shows. A child that only bears the token is somebody else's: as long as the request has not
        been *answered*, its own child may still come, if that one is collected before.
        """
        deadline, seen_until, looks = since + self._settle_s, since, 0
        stuck_since: float | None = None
        seen_until_wall = self._clock.wall() - (self._clock.now() - since)
        while True:
            looked_at, looked_at_wall = self._clock.now(), self._clock.wall()
            try:
                children = await self._look_in_time(ticket)
            except NomadForbidden as error:
                if await self._desk.ends_with(error):
                    return None
                message = f"sent, or possibly sent; the token has no permission to look for the child: {error.message}"
                return self._desk.concluded(ticket, Verdict(Outcome.UNKNOWN, Cause.PERMISSION, message))
            if children and (answered or looked_at >= deadline or self._bears_prefix(ticket, children[0])):
                return self._adopt(ticket, children)
            if children is not None:
                gap_s = max(looked_at - seen_until, looked_at_wall - seen_until_wall)
                unbroken = unbroken and gap_s <= UNBROKEN_S
                seen_until, seen_until_wall = looked_at, looked_at_wall
            if self._abandonment.is_set():
                return None
            is_due = children == [] and looked_at >= deadline
            if is_due and await self._decide(ticket, unbroken=unbroken):
                return None
            if children is not None and not is_due:
                stuck_since = None
            elif stuck_since is None:
                stuck_since = looked_at
            elif self._clock.now() - max(stuck_since, deadline) >= self._patience_s + GRACE_S:
                return self._give_up(ticket)
            await self._pause(looks, deadline)
            looks += 1

    def _give_up(self, ticket: Ticket) -> None:
        """Nomad answers others, or the run would have ended, but nothing that tells of this attempt."""
        message = f"sent, or possibly sent; for {self._patience_s:g} s no lookup could determine which"
        self._desk.concluded(ticket, Verdict(Outcome.UNKNOWN, Cause.UNREACHABLE, message))

    async def _pause(self, looks: int, deadline: float) -> None:
        now = self._clock.now()
        until = now + LOOK_PAUSES_S[min(looks, len(LOOK_PAUSES_S) - 1)]
        await self._clock.wait(self._abandonment, deadline if now < deadline < until else until)

    async def _decide(self, ticket: Ticket, *, unbroken: bool) -> bool:
        """False if Nomad could not be asked. Looks by a prefix prove nothing where it may have been ignored."""
        parent = parent_of(ticket.item)
        try:
            surely_not_made = (unbroken and self._flow.is_proven(parent)) or await self._nothing_unseen(parent)
        except NomadRefused:
            surely_not_made = False  # the parent is gone, or may not be read
        except NomadError as error:
            self._desk.trouble(error)
            return False
        if surely_not_made:
            self._verify.add(ticket.key)
            self._desk.emit(Repeated(ticket.item.id, ticket.attempt, self._clock.wall(), NEVER_MADE))
            self._go_back(ticket, was_sending=False)
            return True
        message = "sent, or possibly sent; a child could have ended and been garbage-collected between two lookups"
        self._desk.concluded(ticket, Verdict(Outcome.UNKNOWN, Cause.COLLECTED, message))
        return True

    def _adopt(self, ticket: Ticket, children: Sequence[str]) -> None:
        if len(children) > 1:
            self._desk.emit(Doubled(ticket.item.id, ticket.attempt, self._clock.wall(), tuple(children)))
        ours = self._bears_prefix(ticket, children[0])
        if ours:
            self._flow.prove(parent_of(ticket.item))
        self._accept(ticket, children[0], existing=not self._is_own(ticket, ours), adopted=True)

    async def _look_in_time(self, ticket: Ticket) -> list[str] | None:
        """As a look, but nobody waits for one at length once the run is to end."""
        try:
            async with asyncio.timeout(LAST_LOOK_S if self._abandonment.is_set() else None) as limit:
                self._looks.add(limit)
                try:
                    return await self._look(ticket)
                finally:
                    self._looks.discard(limit)
        except TimeoutError:
            return None

    async def _look(self, ticket: Ticket) -> list[str] | None:
        """The IDs of the attempt's children, oldest first; None if nobody could tell. Raises NomadForbidden."""
        try:
            found = [] if ticket.item.exact_prefix else await self._find_by_prefix(ticket)
            children = found or await self._find_by_token(ticket)
        except NomadForbidden:
            raise
        except NomadError as error:
            self._may_filter = self._may_filter and not isinstance(error, NomadRefused)
            self._desk.trouble(error)
            return None
        self._desk.answered()
        return children

    async def _find_by_prefix(self, ticket: Ticket) -> list[str]:
        job, prefix = ticket.item.request.job, self.prefix(ticket)
        found = await self._sightings(parent_of(ticket.item), f"{job}/dispatch-{prefix}")
        ours = [entry for entry in sorted(found) if is_child_of(entry[1], job=job, prefix=prefix)]
        return list(dict.fromkeys(child for _, child in ours))

    async def _sightings(self, parent: Parent, stem: str) -> list[Sighting]:
        """
        Children whose IDs begin with *stem*, perhaps with others among them.

        Attempts that ask while a list is under way share the next one: after a kill there may be dozens.
        """
        asking = self._asking.setdefault(parent, {})
        answer: asyncio.Future[list[Sighting]] = asyncio.get_running_loop().create_future()
        asking[stem] = answer
        async with self._listing.setdefault(parent, asyncio.Lock()):
            if not answer.done():
                at_once = LOOKED_FOR_TOGETHER if self._may_filter else 1
                stems = [stem, *itertools.islice((other for other in asking if other != stem), at_once - 1)]
                answers = [asking.pop(name) for name in stems]
                try:
                    found = await self._read_sightings(parent, stems)
                except NomadError as error:
                    for each in _awaited(answers):
                        each.set_exception(error)
                except asyncio.CancelledError:
                    asking.update(zip(stems, answers, strict=True))  # for those who wait longer
                    raise
                else:
                    for each in _awaited(answers):
                        each.set_result(found)
        return await answer

    async def _read_sightings(self, parent: Parent, stems: Sequence[str]) -> list[Sighting]:
        namespace, region, _ = parent
        common = os.path.commonprefix([f"{stem}-" for stem in stems])  # noqa: RUF071  characters are what it is to compare
        pattern = f"^({'|'.join(map(literal, stems))})-[0-9]+-[0-9a-f]+$"
        condition = matches("ID", pattern) if len(stems) > 1 else ""
        try:
            rows = await self._client.list_all_jobs(prefix=common, namespace=namespace, region=region, filter=condition)
        except NomadForbidden:  # no list-jobs: the children's evaluations tell as much, and need read-job only
            evals = await self._client.list_evaluations(
                namespace=namespace, region=region, filter=matches("JobID", pattern)
            )
            return [(evaluation.create_index, evaluation.job_id) for evaluation in evals]
        return [(row.create_index, row.id) for row in rows]

    async def _find_by_token(self, ticket: Ticket) -> list[str]:
        token = self.token(ticket)
        quoted = quote(token) if token else None
        if quoted is None:
            return []
        request = ticket.item.request
        try:
            rows = await self._client.list_all_jobs(
                prefix=f"{request.job}/dispatch-",
                namespace=request.namespace,
                region=request.region,
                filter=f"DispatchIdempotencyToken == {quoted}",
            )
        except NomadForbidden:
            if ticket.item.exact_prefix:
                raise
            return []  # its own child, which the prefix finds, is what counts: with the token a repeat makes no other
        return [row.id for row in sorted(rows, key=lambda row: row.create_index)]

    async def _nothing_unseen(self, parent: Parent) -> bool:
        """
        Whether every child made since the baseline, anybody's, is known: made by this run, or listed.

        Attempts that ask at the same time share a count, if it began after they asked. Raises NomadError.
        """
        asked_at = next(self._sequence)
        async with self._counting.setdefault(parent, asyncio.Lock()):
            count = self._counts.get(parent)
            if count is None or count[0] < asked_at:
                count = self._counts[parent] = next(self._sequence), await self._count(parent)
            return count[1]

    async def _count(self, parent: Parent) -> bool:
        """
        The list is read after the total, and of it only children up to the total's index count, so children that are
        made meanwhile cannot stand in for one that is gone. A parent registered anew counts from zero, and servers can
        be told to count anew: then the total has fallen, to less than this run alone has made.
        """
        namespace, region, job = parent
        baseline = self._baselines.get(parent)
        if baseline is None:
            return False
        made = set(self._desk.made_children(parent))
        registered = await self._client.read_job(job, namespace=namespace, region=region)
        summary = await self._client.read_summary(job, namespace=namespace, region=region)
        rows = await self._client.list_all_jobs(prefix=f"{job}/dispatch-", namespace=namespace, region=region)
        listed = {
            row.id
            for row in rows
            if row.parent_id == job
            and baseline.index < row.create_index <= summary.modify_index
            and (self._flow.is_proven(parent) or not is_child_of(row.id, job=job, prefix=""))  # else perhaps looked for
        }
        grown = (summary.children.total if summary.children else 0) - baseline.children
        return registered.create_index <= baseline.index and len(made) <= grown <= len(made | listed)

    def halt(self) -> None:
        """Send nothing more, wait for the answers under way, take one more look at what is in doubt, then end."""
        self._halted = True
        self._abandonment.set()
        for look in self._looks:
            look.reschedule(self._clock.now() + LAST_LOOK_S)
        self.wake()


def _awaited(answers: Iterable[asyncio.Future[T]]) -> Iterator[asyncio.Future[T]]:
    """Those that somebody still waits for."""
    return (answer for answer in answers if not answer.done())
