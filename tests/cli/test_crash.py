"""Unexpected exceptions."""

import re
import stat
import traceback
from pathlib import Path

from dispatchfile.cli.crash import describe_crash


def _raised(message: str) -> Exception:
    try:
        raise ZeroDivisionError(message)
    except ZeroDivisionError as exc:
        return exc


def _trace_file(line: str) -> Path:
    match = re.search(r"\(traceback in (.*)\)$", line)
    assert match is not None, line
    return Path(match[1])


def test_one_line_names_the_file_with_the_traceback() -> None:
    """The file is for a bug report: it has the traceback, the versions and the arguments, for this user only."""
    exc = _raised("by zero")
    line = describe_crash(exc, ["run", "m.yaml"], {})
    file = _trace_file(line)
    content = file.read_text()
    mode = stat.S_IMODE(file.stat().st_mode)
    file.unlink()
    assert line == f"internal error: ZeroDivisionError: by zero (traceback in {file})"
    assert content.startswith("dispatchfile ")
    assert '["run", "m.yaml"]' in content
    assert content.endswith("".join(traceback.format_exception(exc)))
    assert mode == 0o600


def test_secrets_are_in_neither() -> None:
    """Not from the environment, not from the arguments, not from an address, not quoted in JSON."""
    argv = ["run", "--token", "flag-secret", "--var=key=var-secret", "--var", 'quoted=with"quote']
    environ = {"NOMAD_TOKEN": "env-secret", "NOMAD_HTTP_AUTH": "user:password-secret"}
    exc = _raised("env-secret password-secret var-secret https://me:url-secret@host/ flag-secret")
    line = describe_crash(exc, argv, environ)
    file = _trace_file(line)
    content = file.read_text()
    file.unlink()
    assert "secret" not in line + content
    assert "with" not in content.splitlines()[1]
    assert "*** *** *** https://***@host/ ***" in line


def test_short_values_hide_nothing() -> None:
    """A token of one letter would tear holes into every word."""
    line = describe_crash(_raised("by zero"), ["--var", "k=o"], {"NOMAD_TOKEN": "z"})
    _trace_file(line).unlink()
    assert line.startswith("internal error: ZeroDivisionError: by zero (")
