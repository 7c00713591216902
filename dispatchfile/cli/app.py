"""The whole program, for those who read what all of its commands are called with."""

from __future__ import annotations

from dispatchfile.cli.program import COMMANDS, program_of

app = program_of(COMMANDS)
