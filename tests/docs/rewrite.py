"""Write the commands' help into docs/commands.md anew: `python -m tests.docs.rewrite`."""

from __future__ import annotations

import re

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


if __name__ == "__main__":
    PAGE.write_text(rewritten(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
