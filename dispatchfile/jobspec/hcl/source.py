"""The text of a file, places in it, and what is wrong with it."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field

from dispatchfile.jobspec.body import FilePosition


@dataclass(frozen=True, slots=True)
class HclProblem:
    """
    Something in a file that keeps it from being read.

    unsupported: Nomad's reader may well know the answer, so that `try` must not go on to the next one.
    """

    message: str
    place: FilePosition
    unsupported: bool = False


@dataclass(frozen=True, slots=True)
class Source:
    """
    A file's text.

    fixed: the place of everything in it, for text that stands in no file, such as a value on the command line.
    """

    text: str
    fixed: FilePosition | None = None
    _lines: list[int] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        starts = [0]
        while (end := self.text.find("\n", starts[-1])) >= 0:
            starts.append(end + 1)
        object.__setattr__(self, "_lines", starts)

    def place(self, offset: int) -> FilePosition:
        if self.fixed:
            return self.fixed
        line = bisect_right(self._lines, offset)
        return FilePosition(line, offset - self._lines[line - 1] + 1)

    def problem(self, message: str, offset: int, *, unsupported: bool = False) -> HclProblem:
        return HclProblem(message, self.place(offset), unsupported)


class HclError(Exception):
    """Text that is not HCL, or that cannot be evaluated."""

    def __init__(self, problems: Sequence[HclProblem]) -> None:
        super().__init__(problems[0].message)
        self.problems = tuple(problems)
