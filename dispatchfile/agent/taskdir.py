"""
The folders of an allocation, and what is put there before a task starts.

Source: hashicorp/nomad, client/allocdir, client/allocrunner/taskrunner/dispatch_hook.go and template_hook.go.
"""

import base64
import binascii
import os
import re
from collections import ChainMap
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from dispatchfile.agent.outcomes import SetupError
from dispatchfile.agent.taskenv import Folders, TaskEnvironment
from dispatchfile.jobspec.gotemplate import RenderFailure, TemplateContext, TemplateSyntaxError, parse, render

_QUOTES: Final = "\"'"


@dataclass(frozen=True, slots=True)
class TaskFolders:
    """The folders of one task of an allocation. Nothing exists before `build`."""

    alloc_root: Path
    task_name: str

    @property
    def shared(self) -> Path:
        return self.alloc_root / "alloc"

    @property
    def task(self) -> Path:
        return self.alloc_root / self.task_name

    @property
    def named_folders(self) -> Folders:
        """The folders that the task's environment names."""
        return Folders(alloc=self.shared, local=self.task / "local", secrets=self.task / "secrets")

    def log(self, kind: str) -> Path:
        """*kind*: stdout or stderr."""
        return log_path(self.alloc_root, self.task_name, kind)

    def build(self) -> None:
        """Make the folders. Raises SetupError."""
        if self.task_name in ("", ".", "..") or "/" in self.task_name or "\0" in self.task_name:
            raise SetupError(f"task name {self.task_name!r} cannot be used as the name of a folder")
        try:
            for folder in ("data", "logs", "tmp"):
                (self.shared / folder).mkdir(parents=True, exist_ok=True)
            for folder in ("local", "tmp"):
                (self.task / folder).mkdir(parents=True, exist_ok=True)
            (self.task / "secrets").mkdir(mode=0o700, exist_ok=True)
        except OSError as exc:
            raise SetupError(f"failed to build task directory: {exc}") from exc

    def inside(self, path: str) -> Path:
        """A path of the job, below the task's folder or the shared one. Raises SetupError."""
        found = Path(os.path.normpath(self.task / path))
        if path.startswith("/") and not self._contains(found):
            found = Path(os.path.normpath(self.task / path.lstrip("/")))
        if not self._contains(found):
            raise SetupError(f"path {path!r} escapes the allocation directory")
        return found

    def _contains(self, path: Path) -> bool:
        return any(path.is_relative_to(folder) for folder in (self.task, self.shared))


def log_path(alloc_root: Path, task_name: str, kind: str) -> Path:
    """The file with everything a task has written so far; there is none before it writes."""
    return alloc_root / "alloc" / "logs" / f"{task_name}.{kind}.0"


def write_payload(folders: TaskFolders, task: Mapping[str, Any], job: Mapping[str, Any]) -> None:
    """
    The dispatch payload in the file that the task asks for; empty where a dispatched job has none.

    The file's name is not interpolated. Raises SetupError. Observed on 2.0.5.
    """
    name = (task.get("DispatchPayload") or {}).get("File")
    if not name or (job.get("Payload") is None and not job.get("Dispatched")):
        return
    local = folders.named_folders.local
    path = Path(os.path.normpath(local / str(name).lstrip("/")))
    if not path.is_relative_to(local) or path == local:
        raise SetupError(f"dispatch_payload file {name!r} escapes the task's local directory")
    _write(path, _payload(job), 0o777)


def write_template(folders: TaskFolders, template: Mapping[str, Any], environment: TaskEnvironment) -> str:
    """Write what a template renders to, and return it. Raises SetupError."""
    text = _rendered(folders, template, environment)
    path = folders.inside(environment.fill(str(template.get("DestPath") or "")))
    _write(path, text.encode(errors="replace"), _mode(str(template.get("Perms") or "0644")))
    _give_to(path, template.get("Uid"), template.get("Gid"))
    return text


def template_variables(text: str) -> dict[str, str]:
    """The variables of a template with ``env = true``: lines of ``KEY=value``. Raises SetupError."""
    variables: dict[str, str] = {}
    for line in map(str.strip, text.splitlines()):
        if not line or line.startswith("#"):
            continue
        key, equals, value = line.removeprefix("export ").partition("=")
        if not equals or not key.strip():
            raise SetupError(f"template: {line[:40]!r} is no KEY=value")
        variables[key.strip()] = _unquoted(value.strip())
    return variables


def _payload(job: Mapping[str, Any]) -> bytes:
    payload = job.get("Payload") or b""
    if isinstance(payload, bytes):
        return payload
    try:
        return base64.b64decode(payload, validate=True)
    except (binascii.Error, ValueError) as exc:
        raise SetupError(f"the payload is not base64: {exc}") from exc


def _write(path: Path, content: bytes, mode: int) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        path.chmod(mode)
    except (OSError, ValueError) as exc:
        raise SetupError(f"failed to write {path.name!r}: {exc}") from exc


def _give_to(path: Path, uid: int | None, gid: int | None) -> None:
    """Change the owner of a file if a template names one. Raises SetupError."""
    user, group = (-1 if number is None else number for number in (uid, gid))  # -1 keeps what is
    try:
        if (user, group) != (-1, -1):
            os.chown(path, user, group)
    except (OSError, OverflowError) as exc:
        raise SetupError(
            f"failed to set the owner of {path.name!r} to uid {user} and gid {group}: {exc}: "
            "to try the job here, use a copy without uid and gid"
        ) from exc


def _mode(text: str) -> int:
    if not re.fullmatch("[0-7]{3,4}", text):
        raise SetupError(f"template: {text!r} is not a file mode such as 644")
    return int(text, 8)


def _rendered(folders: TaskFolders, template: Mapping[str, Any], environment: TaskEnvironment) -> str:
    source = str(template.get("SourcePath") or "")
    text = str(template.get("EmbeddedTmpl") or "")
    surroundings = TemplateContext(
        environment=ChainMap(dict(environment.variables), dict(environment.node)),
        read_file=lambda path: _read(folders, path),
        fails_on_missing_keys=bool(template.get("ErrMissingKey")),
    )
    try:
        if source:
            text = _read(folders, environment.fill(source))
        return render(parse(text, template.get("LeftDelim") or "", template.get("RightDelim") or ""), surroundings)
    except TemplateSyntaxError as exc:
        raise SetupError(f"template: line {exc.line}: {exc.message}") from exc
    except RenderFailure as exc:
        raise SetupError(f"template: {exc}") from exc


def _read(folders: TaskFolders, path: str) -> str:
    """A file below the task's folders, as a template reads it."""
    try:
        return folders.inside(path.strip()).read_text(encoding="utf-8", errors="replace")
    except OSError as exc:
        raise RenderFailure(f"{path}: {exc.strerror or exc}") from exc


def _unquoted(value: str) -> str:
    if len(value) > 1 and value[0] in _QUOTES and value[-1] == value[0]:
        return value[1:-1]
    return value
