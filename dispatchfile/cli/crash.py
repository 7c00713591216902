"""Reports an unexpected exception: one line to show, and a file with the traceback, both without secrets."""

from __future__ import annotations

import json
import re
import sys
import tempfile
import traceback
from collections.abc import Iterator, Mapping, Sequence

from dispatchfile.cli.argv import values_of
from dispatchfile.secrecy import MASKED, forms_of, kind_of_secret, masked
from dispatchfile.version import VERSION

SECRET_VARIABLES = ("NOMAD_TOKEN", "NOMAD_HTTP_AUTH")
SECRET_OPTIONS = ("--token", "--var")


def describe_crash(exc: BaseException, argv: Sequence[str], environ: Mapping[str, str]) -> str:
    """The line to show; the traceback is stored beside it, in a file of its own that the line names."""
    secrets = forms_of(_secrets(argv, environ))
    what = _scrubbed(f"{type(exc).__name__}: {exc}", secrets)
    header = f"dispatchfile {VERSION}, Python {sys.version}\narguments: {json.dumps(list(argv))}\n\n"
    trace = _scrubbed(header + "".join(traceback.format_exception(exc)), secrets)
    try:
        return f"internal error: {what} (traceback in {_store(trace)})"
    except OSError as failure:
        return f"internal error: {what} (its traceback could not be stored: {failure.strerror})"


def _store(trace: str) -> str:
    """Return the path of a new file that only this user may read."""
    with tempfile.NamedTemporaryFile(
        "w", prefix="dispatchfile-error-", suffix=".txt", delete=False, encoding="utf-8", errors="backslashreplace"
    ) as file:
        file.write(trace)
    return file.name


def _secrets(argv: Sequence[str], environ: Mapping[str, str]) -> Iterator[str]:
    given = [environ.get(name, "") for name in SECRET_VARIABLES]
    given += [value for option in SECRET_OPTIONS for value in values_of(option, argv)]
    words = [word for argument in argv for word in (argument, argument.partition("=")[2])]
    yield from (word for word in (*words, *environ.values()) if kind_of_secret(word))
    for text in given:
        after_name = re.split(r"[:=]", text, maxsplit=1)[-1]  # of user:password and key=value
        yield from (text, after_name)


def _scrubbed(text: str, secrets: Sequence[str]) -> str:
    return re.sub(r"(\w+://)[^/\s@]+@", rf"\1{MASKED}@", masked(text, secrets))
