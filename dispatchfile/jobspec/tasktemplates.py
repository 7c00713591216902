"""Templates that cannot be rendered here, told when the job is read."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dispatchfile.jobspec.body import FilePosition
from dispatchfile.jobspec.gotemplate import TemplateSyntaxError, parse

Api = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class BrokenTemplate:
    """message: names the task, the template and its line. lines: the template's. line: that line's number, from 1."""

    message: str
    lines: tuple[str, ...]
    line: int

    def places_in(self, text: str) -> list[FilePosition]:
        """Return where a job file has the line: in copies of the whole template, else the line's only place."""
        rows, number = text.split("\n"), self.line - 1
        whole = [line.strip() for line in self.lines]
        found = [_first_word(rows, start + number) for start in _occurrences([row.strip() for row in rows], whole)]
        return found or self._only_place(text)

    def _only_place(self, text: str) -> list[FilePosition]:
        line = self.lines[self.line - 1].strip()
        if not line or text.count(line) != 1:
            return []
        position = text.index(line)
        return [FilePosition(text.count("\n", 0, position) + 1, position - text.rfind("\n", 0, position))]


def located(broken: Iterable[BrokenTemplate], text: str) -> Iterator[tuple[BrokenTemplate, FilePosition | None]]:
    """Pair each template with its place in a job file; the file has equal templates in the same order."""
    earlier = Counter[tuple[str, ...]]()
    for template in broken:
        places, number = template.places_in(text), earlier[template.lines]
        earlier[template.lines] += 1
        yield template, places[number] if number < len(places) else None


def _occurrences(rows: Sequence[str], part: Sequence[str]) -> Iterator[int]:
    """Yield the indexes at which *rows* continue with *part*."""
    return (start for start in range(len(rows)) if rows[start] == part[0] and rows[start : start + len(part)] == part)


def _first_word(rows: Sequence[str], index: int) -> FilePosition:
    return FilePosition(index + 1, len(rows[index]) - len(rows[index].lstrip()) + 1)


def broken_templates(job: Api) -> Iterator[BrokenTemplate]:
    """Return the templates of a canonical job with an action that cannot be rendered here."""
    for group in job["TaskGroups"] or ():
        for task in group["Tasks"] or ():
            for template in task["Templates"] or ():
                yield from _broken(task["Name"], template)


def _broken(task: str, template: Api) -> Iterator[BrokenTemplate]:
    text = template["EmbeddedTmpl"]
    try:
        parse(text, template["LeftDelim"], template["RightDelim"])
    except TemplateSyntaxError as exc:
        lines = tuple(text.removesuffix("\n").split("\n"))
        place = f'task "{task}": template "{template["DestPath"]}", line {exc.line}'
        yield BrokenTemplate(f"{place}: {exc.message}", lines, min(exc.line, len(lines)))
