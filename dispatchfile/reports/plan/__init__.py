"""A reviewed plan as text, JSON or Markdown."""

from dispatchfile.reports.plan.as_json import plan_json
from dispatchfile.reports.plan.as_markdown import plan_markdown
from dispatchfile.reports.plan.as_text import plan_text

__all__ = ["plan_json", "plan_markdown", "plan_text"]
