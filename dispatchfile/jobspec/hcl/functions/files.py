"""Functions of files and paths. Source: hashicorp/go-cty-funcs, filesystem/filesystem.go."""

import base64
import glob
import posixpath
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from dispatchfile.jobspec.hcl.call import Function, FunctionError, Parameter, UnsupportedCallError
from dispatchfile.jobspec.hcl.types import STRING, Value, bool_value, set_value, string_value

FILES_DISABLED: Final = "filesystem function disabled"
LARGEST_BYTES: Final = 1_000_000
_PATH: Final = Parameter("path", STRING)


def functions(folder: Path, *, allowed: bool) -> Mapping[str, Function]:
    """Return the functions; relative paths start at *folder*, the one of the job file."""
    found = {
        "file": _of_path(lambda text: string_value(_text(folder, text))),
        "filebase64": _of_path(lambda text: string_value(base64.b64encode(_content(folder, text)).decode())),
        "fileexists": _of_path(lambda text: bool_value(_exists(folder, text))),
        "fileset": Function(lambda values: _file_set(folder, values), (_PATH, Parameter("pattern", STRING))),
        "abspath": _of_path(lambda text: string_value(posixpath.normpath(Path.cwd() / text))),
        "basename": _of_path(lambda text: string_value(_basename(text))),
        "dirname": _of_path(lambda text: string_value(posixpath.normpath(posixpath.dirname(text) or "."))),
        "pathexpand": _of_path(lambda text: string_value(_expanded(text))),
    }
    return found if allowed else {name: Function(_refuse, one.parameters) for name, one in found.items()}


def _of_path(read: Callable[[str], Value]) -> Function:
    return Function(lambda values: read(values[0].text), (_PATH,))


def _refuse(_: Sequence[Value]) -> Value:
    raise FunctionError(FILES_DISABLED)


def _expanded(text: str) -> str:
    if not text.startswith("~"):
        return text
    if text[1:2] not in ("", "/"):
        raise FunctionError("failed to expand ~: cannot expand user-specific home dir")
    return posixpath.normpath(str(Path.home()) + text[1:])


def _located(folder: Path, text: str) -> Path:
    if "\0" in text:
        raise FunctionError("a path must not contain a NUL character")
    return Path(posixpath.normpath(folder / _expanded(text)))


def _content(folder: Path, text: str) -> bytes:
    path = _located(folder, text)
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_BYTES + 1)
    except FileNotFoundError as exc:
        raise FunctionError(f"no file exists at {path}") from exc
    except OSError as exc:
        raise FunctionError(f"failed to read {path}") from exc
    if len(content) > LARGEST_BYTES:
        raise FunctionError(f"{path} is larger than {LARGEST_BYTES} bytes")
    return content


def _text(folder: Path, text: str) -> str:
    try:
        return _content(folder, text).decode()
    except UnicodeDecodeError as exc:
        raise FunctionError(
            f"contents of {text} are not valid UTF-8; use the filebase64 function to obtain the Base64 encoded contents"
        ) from exc


def _exists(folder: Path, text: str) -> bool:
    path = _located(folder, text)
    if path.is_file():
        return True
    if path.exists():
        raise FunctionError(f"{path} is not a regular file")
    return False


def _file_set(folder: Path, values: Sequence[Value]) -> Value:
    pattern = values[1].text
    if any(mark in pattern for mark in "{[\\\0"):
        raise UnsupportedCallError("patterns with braces, brackets or backslashes are not supported here", 1)
    root = _located(folder, values[0].text)
    found = glob.glob(posixpath.normpath(pattern), root_dir=root, recursive=True, include_hidden=True)  # noqa: PTH207
    names = sorted(name for name in found if (root / name).is_file())
    return set_value([string_value(name) for name in names], STRING)


def _basename(text: str) -> str:
    return posixpath.basename(text.rstrip("/")) or ("/" if text else ".")
