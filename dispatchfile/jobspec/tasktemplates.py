"""Templates that cannot be rendered here, told when the job is read."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from dispatchfile.jobspec.body import Place
from dispatchfile.jobspec.gotemplate import TemplateSyntaxError, parse

Api = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class BrokenTemplate:
    """message: names the task, the template and its line. source: that line."""

    message: str
    source: str

    def place_in(self, text: str) -> Place | None:
        """Where the line is in a job file, if it is there once."""
        line = self.source.strip()
        if not line or text.count(line) != 1:
            return None
        position = text.index(line)
        return Place(text.count("\n", 0, position) + 1, position - text.rfind("\n", 0, position))


def broken_templates(job: Api) -> Iterator[BrokenTemplate]:
    """All templates of a canonical job with an action that cannot be rendered here."""
    for group in job["TaskGroups"] or ():
        for task in group["Tasks"] or ():
            for template in task["Templates"] or ():
                yield from _broken(task["Name"], template)


def _broken(task: str, template: Api) -> Iterator[BrokenTemplate]:
    text = template["EmbeddedTmpl"]
    try:
        parse(text, template["LeftDelim"], template["RightDelim"])
    except TemplateSyntaxError as exc:
        lines = text.split("\n")
        source = lines[exc.line - 1] if exc.line <= len(lines) else ""
        place = f'task "{task}": template "{template["DestPath"]}", line {exc.line}'
        yield BrokenTemplate(f"{place}: {exc.message}", source)
