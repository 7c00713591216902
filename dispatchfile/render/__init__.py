"""Templates to texts: the only room with Jinja2."""

from dispatchfile.render.limits import MAX_TEXT, TooMuch
from dispatchfile.render.reads import may_read_row, variables_read, variables_read_with_files
from dispatchfile.render.renderer import Renderer, TemplateProblem, TemplateTrouble, assignment_of, has_template
from dispatchfile.render.sandbox import read_template
from dispatchfile.render.texts import NotText, compact_json, print_value

__all__ = [
    "MAX_TEXT",
    "NotText",
    "Renderer",
    "TemplateProblem",
    "TemplateTrouble",
    "TooMuch",
    "assignment_of",
    "compact_json",
    "has_template",
    "may_read_row",
    "print_value",
    "read_template",
    "variables_read",
    "variables_read_with_files",
]
