"""The core of the engine alone: happenings in, commands out, on a time that the test tells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from dispatchfile.engine.commands import Command, MarkAttempts, Record, Send, Want
from dispatchfile.engine.happenings import Durable, Happening
from dispatchfile.engine.lifecycle import Lifecycle
from dispatchfile.engine.source import ListedItems
from dispatchfile.engine.spec import Baseline, BatchSpec, Listing, ParentSpec, Resumption, Start
from dispatchfile.engine.supply import Supply
from dispatchfile.events import Ended, Event
from dispatchfile.items import Item
from dispatchfile.settings import Settings, Wait
from tests.fake_nomad import GROUP

RUN = "run1"
DETACH = Settings(wait=Wait.DETACH, in_flight=None)
COMPLETION = Settings(wait=Wait.COMPLETION)


def make_spec(
    items: Sequence[Item],
    settings: Settings = COMPLETION,
    *,
    starts: Mapping[str, Start] | None = None,
    canaries: Sequence[str] = (),
    **options,
) -> BatchSpec:
    """What a batch of these items is to do."""
    begun = starts or {}
    return BatchSpec(
        run=RUN,
        settings=settings,
        source=ListedItems(
            items,
            run=RUN,
            begun=[item for item, start in begun.items() if start.has_begun],
            canaries=frozenset(canaries),
        ),
        jobs={
            item.request.job_key: ParentSpec("batch", {"g": GROUP}, Listing("p"), baseline=Baseline(0, 7))
            for item in items
        },
        selected=len(items),
        resumption=Resumption(begun),
        **options,
    )


@dataclass
class Core:
    """A core with its supply; marks are durable as soon as they are asked for, unless *keeps_marks*."""

    spec: BatchSpec
    keeps_marks: bool = False
    now: float = 1_000.0
    commands: list[Command] = field(default_factory=list)  # since they were taken last
    events: list[Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.core = Lifecycle(self.spec)
        self._waiting: list[Happening] = []
        self._supply = Supply(self.spec, self._waiting.append)
        self.happen(self._supply.begin())

    def happen(self, happening: Happening) -> None:
        self._waiting.append(happening)
        while self._waiting:
            for command in self.core.step(self._waiting.pop(0), self.now, self.now):
                self._carry_out(command)

    def _carry_out(self, command: Command) -> None:
        if isinstance(command, Want):
            self._supply.offer(command)
        elif isinstance(command, Record):
            self.events.append(command.event)
        else:
            self.commands.append(command)
            if isinstance(command, MarkAttempts) and not self.keeps_marks:
                self._waiting.append(Durable(command.serial))

    def take(self, kind: type) -> list:
        """The commands of this kind, which are not given again."""
        found = [command for command in self.commands if isinstance(command, kind)]
        self.commands = [command for command in self.commands if not isinstance(command, kind)]
        return found

    def sent(self) -> list[str]:
        """The items that have left since this was asked last."""
        return [command.key[0] for command in self.take(Send)]

    def ends(self) -> dict[str, str]:
        return {event.item: str(event.verdict.outcome) for event in self.events if isinstance(event, Ended)}
