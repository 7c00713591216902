"""A problem: what is wrong with an input, where, and what would be right."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from dispatchfile.source import Position

SHOWN_PROBLEMS = 200


class Severity(StrEnum):
    """An error stops a run; a warning does not."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong at *position*: what was found, and what would be right."""

    code: str  # DF and three digits, stable between versions; CODES has them all
    position: Position
    found: str
    hint: str = ""
    severity: Severity = Severity.ERROR
    item: str | None = None  # the item's id, where one is known
    excerpt: str = ""  # the source line and a caret
    row: Position | None = None  # of for_each, where the problem is one of a row; `found` names it as well
    stands_for: int = 1  # how many problems it tells of
    is_count: bool = False  # it only tells how many more there are like those before it

    @property
    def text(self) -> str:
        """Return what was found and what would be right, in one line."""
        return f"{self.found}: {self.hint}" if self.hint else self.found

    @property
    def as_warning(self) -> str:
        """Return the line that says this of a run that goes on."""
        return f"{self.position}: {self.code} warning: {self.text}"

    def __str__(self) -> str:
        return f"{self.position}: {self.text}"


def sort_problems(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Return the problems in the order of their places: file, line, column, then code. Equal ones come once."""
    return tuple(sorted(dict.fromkeys(problems), key=_place_in_report))


def _place_in_report(problem: Problem) -> tuple[Position, str, bool, list[tuple[int, str]]]:
    """Numbers in texts sort as numbers; what only counts stands behind what it counts more of."""
    pieces = re.split(r"([0-9]{1,18})", problem.text)
    natural = [(int(piece), "") if number % 2 else (0, piece) for number, piece in enumerate(pieces)]
    return problem.position, problem.code, problem.is_count, natural


def row_suffix(row: Position | None) -> str:
    """Return what stands in the text of a problem for its row."""
    return f" (row {row})" if row else ""


def count_problems(problems: Iterable[Problem]) -> int:
    """Return how many *problems* there are, those that are only counted included."""
    return sum(problem.stands_for for problem in problems)


# Problems whose words quote what stands in the line, and what can be said instead.
_QUOTING = {
    "DF001": "not valid YAML: check quotes and indentation",
    "DF006": "an alias that cannot be used: quote text that starts with *",
    "DF008": "a tag, directive or number that cannot be used: quote text that starts with ! or %",
}


def without_quotes(problem: Problem) -> Problem:
    """Return *problem* without anything of the line that it is about, as that may hold a secret."""
    found = _QUOTING.get(problem.code)
    if found is None:
        return replace(problem, excerpt="")
    return replace(problem, excerpt="", found=found, hint="")


UNQUOTED = frozenset({"DF038"})  # problems whose line is never shown


def has_errors(problems: Sequence[Problem]) -> bool:
    return any(problem.severity is Severity.ERROR for problem in problems)


CODES: dict[str, str] = {
    # Reading the manifest
    "DF001": "not valid YAML",
    "DF002": "not UTF-8, or a character that YAML forbids",
    "DF003": "more than one document",
    "DF004": "a duplicate key",
    "DF005": "nested too deeply",
    "DF006": "aliases or merge keys expand too far",
    "DF007": "an unquoted template",
    "DF008": "a tag, directive or number that a manifest may not use",
    "DF009": "the manifest is empty or not a mapping",
    "DF010": "the manifest cannot be read",
    # Its shape
    "DF011": "an unknown key",
    "DF012": "a value of the wrong type",
    "DF013": "a required key is missing",
    "DF014": "keys that exclude each other",
    "DF015": "a value that is not allowed",
    "DF016": "a setting that is not valid",
    "DF017": "settings that contradict each other",
    "DF019": "more problems than are shown",
    # Its items
    "DF020": "two items have the same id",
    "DF021": "an id that cannot be used",
    "DF022": "for_each gives no rows",
    "DF023": "for_each cannot be read",
    "DF024": "a row of for_each does not match the others",
    "DF025": "an item has no job",
    "DF026": "a namespace or region that differs from the flag's",
    "DF027": "a duplicate idempotency token",
    "DF028": "a where that is not true or false",
    "DF029": "standard input cannot be used for rows",
    # Files and templates
    "DF030": "a file cannot be read",
    "DF031": "a file outside the manifest's folder",
    "DF032": "a template does not compile",
    "DF033": "a template uses something that is not defined",
    "DF034": "a template fails",
    "DF035": "a template exceeds a limit",
    "DF036": "an environment variable that is not set",
    "DF037": "a variable that the manifest does not have",
    "DF038": "what may be a secret, in the place of a file's name",
    "DF039": "HCL syntax in the place of a template",
    # What Nomad would refuse or mangle
    "DF040": "a payload over Nomad's limit",
    "DF041": "a meta value that is not text",
    "DF042": "meta keys that collide in the task's environment",
    "DF043": "an idempotency token with control characters",
    "DF044": "an ID prefix that cannot be used",
    "DF045": "a payload that is not base64",
    "DF046": "a job ID that cannot be used",
    # The job files under `jobs`
    "DF050": "a job file that cannot be used",
    "DF051": "an HCL variable that no job file declares",
    "DF052": "a job file that only Nomad can read",
    "DF053": "the same job in two job files",
    "DF054": "a job file for another namespace or region",
    "DF055": "a multiregion job",
    # Preflight: what the server says of the parents
    "DF100": "the job is not registered",
    "DF101": "the job is not parameterized",
    "DF102": "the job is stopped",
    "DF103": "a payload is required or forbidden",
    "DF104": "a meta key that the job does not allow",
    "DF105": "a meta key that the job requires is missing",
    "DF106": "a priority that the server does not allow",
    "DF107": "the token lacks a capability",
    "DF108": "the job may start an item more often than max_starts",
    "DF109": "a periodic job never completes",
    "DF110": "the server is too old for this",
    "DF111": "the job cannot be read",
    "DF112": "a placement rule with a variable that Nomad does not replace",
    "DF113": "a meta key that the job overrides",
}
