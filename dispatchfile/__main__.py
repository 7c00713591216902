"""The program: arguments in, an exit code out."""

from __future__ import annotations

import os
import sys
from typing import NoReturn

from dispatchfile import __version__

INTERRUPTED = 130
STANDARD_OUTPUT = 1  # `sys.stdout` is None where it is closed
VERSION_CALLS = (["--version"], ["-version"])


def main() -> NoReturn:
    """Run the command that the arguments name, and exit with its code."""
    if sys.argv[1:] in VERSION_CALLS:  # before anything is imported: shell prompts and CI ask often
        _print_version()
        sys.exit(0)
    try:
        from dispatchfile.cli.exits import run_to_exit_code  # noqa: PLC0415  see above

        code = run_to_exit_code(sys.argv[1:])
    except KeyboardInterrupt:  # so early that nobody is there yet to say so in good order
        code = INTERRUPTED
    sys.exit(code)


def _print_version() -> None:
    try:
        os.write(STANDARD_OUTPUT, f"dispatchfile {__version__}\n".encode())  # unbuffered: it is written, or fails here
    except BrokenPipeError:
        return  # nobody reads on: fine
    except OSError as exc:
        sys.exit(f"Error: standard output: {exc.strerror}")


if __name__ == "__main__":
    main()
