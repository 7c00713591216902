"""`range`: numbers from one to another."""

from __future__ import annotations

from collections.abc import Iterator

from dispatchfile.expand.rows import MAX_ROWS, Found
from dispatchfile.expand.site import Site


class RangeRows:
    """The numbers of a range, its end included; texts with leading zeros where it has a width."""

    def __init__(self, site: Site) -> None:
        self._site = site
        first, last, step = (int(site.value.get(key, 1)) for key in ("from", "to", "step"))
        self._first, self._last, self._step = first, last, step
        self._width = int(site.value.get("width", 0))

    @property
    def origin(self) -> str:
        return self._site.called

    def rows(self) -> Iterator[Found]:
        if self._last < self._first:
            yield self._backwards()
            return
        if (size := self.size()) > MAX_ROWS:
            yield self._site.problem("DF023", f"the range gives {size:,} rows", f"at most {MAX_ROWS:,} are allowed")
            return
        position, width = self._site.key_position, self._width
        for number in range(self._first, self._last + 1, self._step):
            yield (f"{number:0{width}}" if width else number), position

    def _backwards(self) -> Found:
        found = f"{self.origin} gives no rows: it goes from {self._first:,} to {self._last:,}"
        return self._site.problem("DF022", found, "`to` must not be less than `from`")

    def size(self) -> int:
        return max(0, (self._last - self._first) // self._step + 1)
