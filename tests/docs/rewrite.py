"""Write the commands' help and the sessions of the guides into docs anew: `python -m tests.docs.rewrite`."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

from tests.docs import guides
from tests.docs.pages import ROOT
from tests.docs.terminal import run_dispatchfile

PAGE = ROOT / "docs" / "commands.md"
_HELP = re.compile(r"```text\nUsage: dispatchfile ([a-z]*).*?\n```\n", re.DOTALL)


def help_of(command: str) -> str:
    """
    Return what `dispatchfile COMMAND --help` prints on a terminal of 100 columns, or the program's
    own help for "".
    """
    lines, exit_code = run_dispatchfile([*command.split(), "--help"])
    assert exit_code == 0, lines
    return "\n".join(line.rstrip() for line in lines).strip() + "\n"


def rewritten(text: str) -> str:
    """The page with the help of today."""
    return _HELP.sub(lambda match: f"```text\n{help_of(match[1])}```\n", text)


def rewritten_guides(text: str) -> str:
    """The page of the guides with what their commands print today."""
    for guide in guides.guides():
        with tempfile.TemporaryDirectory() as home:
            printed = {call.place: lines for call, lines in guides.play(guide, Path(home))}
        for block in guide.blocks:
            text = text.replace(f"console\n{block.text}```", f"console\n{guides.rewritten_block(block, printed)}```")
    return text


if __name__ == "__main__":
    PAGE.write_text(rewritten(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    guide = guides.PAGE
    guide.write_text(rewritten_guides(guide.read_text(encoding="utf-8")), encoding="utf-8")
