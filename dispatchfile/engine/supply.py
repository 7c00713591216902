"""Items offered as they are wanted, each with what earlier processes did with it."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from dispatchfile.engine.commands import Want
from dispatchfile.engine.happenings import Begun, Offer, Offered
from dispatchfile.engine.source import RankedItem
from dispatchfile.engine.spec import BatchSpec, Start

FRESH = Start()


class Supply:
    """Carries out `Want`: one `Offered` follows on each."""

    def __init__(self, spec: BatchSpec, post: Callable[[Offered], None]) -> None:
        self._source, self._resumption, self._post = spec.source, spec.resumption, post

    def begin(self) -> Begun:
        """Return the items that earlier processes have begun."""
        return Begun(tuple(self._offers(self._source.take_begun())))

    def offer(self, command: Want) -> None:
        offers = tuple(self._offers(self._source.take(command.count, command.without)))
        self._post(Offered(offers, self._source.is_empty))

    def _offers(self, entries: Iterable[RankedItem]) -> Iterable[Offer]:
        starts, verdicts = self._resumption.starts, self._resumption.verdicts
        for rank, item, is_canary in entries:
            yield Offer(rank, item, starts.get(item.id, FRESH), is_canary, verdicts.get(item.id))
