"""What may happen to a run, as plain values: its items, and what each of its processes lives through."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

from dispatchfile.items import Item, Retry
from dispatchfile.settings import Settings, Wait
from tests.making import make_item

IDS = ("a", "a-1", "b", "a-1-1", "b-2", "c", "d", "e")  # some are what others' prefixes begin with
JOBS = ("encode", "mix")
DEFAULTS = Settings(wait=Wait.COMPLETION)


@dataclass(frozen=True, slots=True)
class ItemScript:
    """One item, and how its children live."""

    failing: int = 0  # so many attempts end with an error
    attempts: int = 1
    delay_s: float = 0.0
    life_s: float = 5.0
    timeout_s: float | None = None
    stop: bool = False  # when its time is up
    token: str = ""  # "own", "shared", or none
    prefix: str = ""  # "written", "exact" (which wants a token), or none
    job: str = JOBS[0]


@dataclass(frozen=True, slots=True)
class Crash:
    """The process is killed as it reaches Nomad or its journal for the n-th time."""

    at: int
    kept: int = 0  # so many events that were recorded but not yet committed are on disk all the same
    late_s: float | None = None  # what was under way is carried out so much later; None: it never is


@dataclass(frozen=True, slots=True)
class Interrupt:
    """The process is told to end."""

    after_s: float


@dataclass(frozen=True, slots=True)
class Weather:
    """Something that happens so long after the process began: an `outage`, or what `World.happen` knows."""

    after_s: float
    what: str
    lasts_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Life:
    """The events that one process lives through."""

    end: Crash | Interrupt | None = None
    faults: tuple[str, ...] = ()  # one for each dispatch, then none
    weather: tuple[Weather, ...] = ()
    afterwards: tuple[str, ...] = ()  # what happens before the next process begins
    downtime_s: float = 0.0


@dataclass(frozen=True, slots=True)
class RunScript:
    """One run from its first process to its last; after these lives one more goes on to the end."""

    items: tuple[ItemScript, ...]
    lives: tuple[Life, ...] = ()
    settings: Settings = DEFAULTS
    known_tokens: tuple[int, ...] = ()  # items whose token somebody has used before the run
    late_s: float = 20.0  # after which a request whose answer was lost is carried out

    @property
    def all_items(self) -> list[Item]:
        return [_item(item_id, script) for item_id, script in zip(IDS, self.items, strict=False)]


def _item(item_id: str, script: ItemScript) -> Item:
    token = {"own": f"token-{item_id}", "shared": "token"}.get(script.token)
    if script.prefix == "exact" and token is None:
        token = f"token-{item_id}"
    item = make_item(
        item_id,
        job=script.job,
        token=token,
        prefix=f"w-{item_id}" if script.prefix else "",
        exact=script.prefix == "exact",
        deadline_s=script.timeout_s,
        stop_on_deadline=script.stop,
    )
    return replace(
        item,
        retry=Retry(script.attempts, frozenset({"failed", "timed_out"}), timedelta(seconds=script.delay_s)),
    )
