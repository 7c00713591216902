"""What is there beside a run's processes: Nomad, the disk, other people, and the truth about all of them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

from dispatchfile.clock import Clock
from dispatchfile.events import Outcome
from dispatchfile.items import Item, attempt_token, child_prefix
from dispatchfile.journal import JournalReader, RunState
from dispatchfile.results import Results
from dispatchfile.usecases.folding import fold_journal
from tests.exactly_once.scripts import JOBS, ItemScript, RunScript
from tests.exactly_once.steady import Elsewhere
from tests.fake_nomad import FakeChild, FakeNomad

RUN = "run1"
OVER = (RunState.FINISHED, RunState.STOPPED_EARLY)
OLD_S = 15.0  # what is dead for so long has been seen by every look and poll that nothing hinders


class World:
    """One run's surroundings. They outlive each of its processes."""

    def __init__(self, script: RunScript, folder: Path, runner: Elsewhere) -> None:
        self.script, self.folder, self.runner = script, folder, runner
        self.items = script.all_items
        self.clock = Clock(wall=asyncio.get_running_loop().time)
        self.nomad = self._nomad()
        self.path: Path | None = None  # of the journal, once there is one
        self.sending: set[str] = set()  # items of which a request is under way
        self.began_at = 0.0  # as the journal has it
        self.lives = 0
        self.outcomes: Mapping[str, Outcome | None] = {}  # once the run is over
        self.points = 0  # at which the first process could have been killed
        self.was_hindered = False  # something kept the run from looking
        self.has_forgotten = False  # Nomad has lost something
        self.registered_anew: set[str] = set()  # parents
        self._attempts = {
            (child_prefix(item, run=RUN, attempt=attempt), token_of(item, attempt)): (number, attempt)
            for number, item in enumerate(self.items)
            for attempt in range(1, item.retry.attempts + 1)
        }
        for number in script.known_tokens:
            self._use_token(self.items[number % len(self.items)])

    def _nomad(self) -> FakeNomad:
        late_s = self.script.late_s
        return FakeNomad(jobs=JOBS, lifetime_s=self.lifetime, exit_code=self.exit_code, late_s=late_s)

    def _use_token(self, item: Item) -> None:
        if token := item.request.token:
            self.nomad.carry_out(item.request.job, namespace="default", token=token, prefix="old", payload=b"", meta={})

    # Attempts and their children

    def attempt_of(self, prefix: str, token: str) -> tuple[Item, int]:
        number, attempt = self._attempts[prefix, token]
        return self.items[number], attempt

    def children_of(self, item: Item, attempt: int) -> list[FakeChild]:
        """All that this run's requests have ever made for the attempt."""
        sought = child_prefix(item, run=RUN, attempt=attempt), token_of(item, attempt)
        return [child for child in self.nomad.made if (child.prefix, child.token) == sought]

    def _script_of(self, prefix: str) -> tuple[ItemScript, int] | None:
        """None for a child of somebody else. The attempts of an exact prefix look the same: they count as the first."""
        found = next((value for (known, _), value in self._attempts.items() if known == prefix), None)
        return None if found is None else (self.script.items[found[0]], found[1])

    def lifetime(self, prefix: str) -> float:
        found = self._script_of(prefix)
        return 3.0 if found is None else found[0].life_s

    def exit_code(self, prefix: str) -> int:
        found = self._script_of(prefix)
        return 3 if found is not None and found[1] <= found[0].failing else 0

    # What else happens

    def happen(self, what: str, *, old_s: float = OLD_S) -> None:
        """old_s: what somebody removes has been there for so long."""
        match what:
            case "collect":
                self.has_forgotten |= self.nomad.collect(dead_for_s=old_s) > 0
            case "stranger":
                job = self.items[0].request.job
                self.nomad.carry_out(job, namespace="default", token="", prefix="theirs", payload=b"", meta={})
            case "register_anew":
                self.has_forgotten = True
                self.registered_anew.add(self.items[0].request.job)
                self.nomad.register_anew(self.items[0].request.job)
            case "stop":
                self._stop_oldest(old_s)
            case "purge":
                self._purge_oldest(old_s)

    def _old_children(self, old_s: float) -> list[FakeChild]:
        born = dict(zip((child.id for child in self.nomad.made), self.nomad.dispatch_times, strict=True))
        return [child for child in self.nomad.children.values() if self.clock.now() - born[child.id] >= old_s]

    def _stop_oldest(self, old_s: float) -> None:
        if living := [child for child in self._old_children(old_s) if child.status != "dead"]:
            living[0].stop, living[0].status, living[0].ended_at = True, "dead", self.clock.now()

    def _purge_oldest(self, old_s: float) -> None:
        if old := self._old_children(old_s):
            self.has_forgotten = True
            self.nomad.purge(old[0])

    # What the disk says

    @property
    def is_over(self) -> bool:
        return self.path is not None and JournalReader(self.path).run().status.state in OVER

    def results(self) -> Results:
        assert self.path is not None
        reader = JournalReader(self.path)
        return fold_journal(reader, reader.run())


def token_of(item: Item, attempt: int) -> str:
    """Return the token as sent; empty if there is none."""
    token = item.request.token
    return attempt_token(token, attempt=attempt) if token else ""
