"""The program: arguments in, an exit code out."""

from __future__ import annotations

import sys
from typing import NoReturn

from dispatchfile import __version__

VERSION_CALLS = (["--version"], ["-version"])


def main() -> NoReturn:
    """Run the command that the arguments name, and exit with its code."""
    if sys.argv[1:] in VERSION_CALLS:  # before anything is imported: shell prompts and CI ask often
        print(f"dispatchfile {__version__}")  # noqa: T201
        sys.exit(0)
    from dispatchfile.cli.exits import run_to_exit_code  # noqa: PLC0415  see above

    sys.exit(run_to_exit_code(sys.argv[1:]))


if __name__ == "__main__":
    main()
