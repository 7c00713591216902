"""`init`: a first manifest, from nothing or from what a registered job asks of a dispatch."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

from dispatchfile.errors import FileError, UsageError
from dispatchfile.nomad.connecting import client_of
from dispatchfile.nomad.connection import Connection
from dispatchfile.nomad.models import Job, Parameterized
from dispatchfile.nomad.patience import LONGEST
from dispatchfile.schema import read_schema

MANIFEST = "dispatchfile.yaml"
SCHEMA_FILE = "dispatchfile-v1.schema.json"  # beside the manifest
MODELINES = f"""\
# yaml-language-server: $schema={SCHEMA_FILE}
# $schema: {SCHEMA_FILE}
# Editors check this file and complete its keys with the schema beside it.
"""  # for VS Code and others, for JetBrains, for people
LONGEST_NAME = 40
DEFAULT_NAMESPACE, DEFAULT_REGION = "default", "global"
SHORT_ESCAPES = {'"': r"\"", "\\": r"\\", "\n": r"\n", "\t": r"\t", "\r": r"\r"}

STARTER_MANIFEST = """\
#
# Check it:                    dispatchfile validate
# Try it without a cluster:    dispatchfile run --local
# Run it on $NOMAD_ADDR:       dispatchfile run --wait
version: 1
name: {name}
description: A greeting for each of a few people.

# Templates use these as vars.KEY. --var KEY=VALUE overrides them.
vars:
  sender: Ada

# Job files: `validate` checks the dispatches against them, and `run --local` runs them.
jobs: [jobs/*.nomad.hcl]

# Defaults for every dispatch below.
defaults:
  job: greet # the ID of a parameterized job; this one is in jobs/greet.nomad.hcl
  meta: {{language: en}}

settings:
  wait: completion # or placement (like `nomad job dispatch`), or detach
  # concurrency: 16        # most requests at the same time
  # in_flight: 1000        # most items sent and without an outcome
  # stop_on: {{failures: 5%}}

dispatches:
  # One dispatch. Reports, `resume` and `rerun` identify it by its id.
  - id: hello
    payload: {{template: payloads/greeting.json.j2}}
    vars: {{person: Grace}}

  # One dispatch per row. Rows can also come from csv, json, ndjson, glob and matrix.
  - id: "hello-{{{{ each.name | lower }}}}"
    for_each:
      list:
        - {{name: Annie, language: fr}}
        - {{name: Mary, language: en}}
    payload: {{json: {{to: "{{{{ each.name }}}}", from: "{{{{ vars.sender }}}}"}}}}
    meta: {{language: "{{{{ each.language }}}}"}}
    timeout: 10m
    tags: [many]
"""

STARTER_TEMPLATE = """\
{"to": {{ vars.person | tojson }}, "from": {{ vars.sender | tojson }}}
"""

STARTER_JOB = """\
# Prints its payload with plain sh. Runs on the embedded agent (`dispatchfile run --local`)
# and on a Nomad cluster with the raw_exec driver enabled.
job "greet" {
  datacenters = ["*"]
  type        = "batch"

  parameterized {
    payload       = "required"
    meta_required = ["language"]
  }

  group "greet" {
    restart {
      attempts = 0
      mode     = "fail"
    }

    reschedule {
      attempts  = 0
      unlimited = false
    }

    task "greet" {
      driver = "raw_exec"

      dispatch_payload {
        file = "greeting.json"
      }

      config {
        command = "/bin/sh"
        args    = ["-c", "echo \\"in $NOMAD_META_language:\\"; cat \\"$NOMAD_TASK_DIR/greeting.json\\""]
      }

      resources {
        cpu    = 20
        memory = 16
      }
    }
  }
}
"""


def starter_files(name: str) -> Mapping[str, str]:
    """Return the texts of a first manifest that runs anywhere, by path. *name* is made a slug."""
    return {
        MANIFEST: MODELINES + STARTER_MANIFEST.format(name=quoted(slug(name))),
        "payloads/greeting.json.j2": STARTER_TEMPLATE,
        "jobs/greet.nomad.hcl": STARTER_JOB,
    }


def files_for_job(job: Job, name: str) -> Mapping[str, str]:
    """
    Return the texts of a manifest that dispatches *job*, by path: required keys filled in, optional keys as comments.

    Raises UsageError for a job that cannot be dispatched.
    """
    asked = job.parameterized
    if asked is None:
        raise UsageError(f"job {job.id!r} is not parameterized, so it cannot be dispatched")
    template = f"payloads/{slug(job.id)}.j2"
    lines = [
        "#",
        "# Check it:    dispatchfile validate        Send it:    dispatchfile run",
        "version: 1",
        f"name: {quoted(slug(name))}",
        *_target_lines(job),
        "",
        "# settings:",
        "#   wait: completion # watch each item to its end; the default, placement, waits until Nomad has placed it",
        "",
        "defaults:",
        f"  job: {quoted(job.id)}",
        "",
        "dispatches:",
        "  - id: first",
        *_payload_lines(asked, template),
        *_meta_lines(asked),
    ]
    manifest = MODELINES + "\n".join(lines) + "\n"
    return {MANIFEST: manifest} | ({template: "{{ item.id }}\n"} if asked.payload == "required" else {})


def schema_text() -> str:
    """Return the schema of manifests, as it lies beside them for editors."""
    return json.dumps(read_schema("manifest"), indent=2, ensure_ascii=False) + "\n"


def _target_lines(job: Job) -> list[str]:
    lines = [f"namespace: {quoted(job.namespace)}"] if job.namespace != DEFAULT_NAMESPACE else []
    return lines + ([f"region: {quoted(job.region)}"] if job.region not in ("", DEFAULT_REGION) else [])


def _payload_lines(asked: Parameterized, template: str) -> list[str]:
    if asked.payload == "forbidden":
        return ["    # the job takes no payload"]
    wanted = f"    payload: {{template: {template}}}"
    return [f"{wanted} # required"] if asked.payload == "required" else ['    # payload: {text: ""}']


def _meta_lines(asked: Parameterized) -> list[str]:
    if not asked.meta_required and not asked.meta_optional:
        return ["    # the job takes no meta"]
    head = "    meta:" if asked.meta_required else "    # meta:"
    required = [f'      {quoted(key)}: "" # required' for key in asked.meta_required]
    return [head, *required, *(f'    #   {quoted(key)}: ""' for key in asked.meta_optional)]


def slug(text: str) -> str:
    """Return the *text* as a manifest's name: `[a-z0-9][a-z0-9-]{0,39}`."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:LONGEST_NAME].rstrip("-") or "dispatches"


def quoted(text: str) -> str:
    """
    Return the *text* as a YAML string: bare where that is safe, else in double quotes. Source: YAML
    1.2.2, section 5.7.
    """
    if re.fullmatch(r"[A-Za-z][A-Za-z0-9._/-]*", text) and text.lower() not in ("null", "true", "false"):
        return text
    return '"' + "".join(_escaped(char) for char in text) + '"'


def _escaped(char: str) -> str:
    if char in SHORT_ESCAPES:
        return SHORT_ESCAPES[char]
    return char if char.isprintable() else f"\\U{ord(char):08x}"


async def read_files_for_job(connection: Connection, job_id: str, name: str) -> Mapping[str, str]:
    """Return the texts for a registered job. Raises NomadError, as `Client.read_job`, and UsageError."""
    async with client_of(connection, max_connections=1) as client:
        return files_for_job(await client.patient(LONGEST).read_job(job_id), name)


def write_new_files(folder: Path, texts: Mapping[str, str]) -> tuple[Path, ...]:
    """
    Write *texts* below *folder*, which is created if necessary. Return the paths of the files.

    Writes nothing at all if one of them exists. Raises FileError.
    """
    if folder.exists() and not folder.is_dir():
        raise FileError(str(folder), "is not a folder")
    paths = {folder / name: text for name, text in texts.items()}
    for path in paths:
        if path.exists() or path.is_symlink():
            raise FileError(str(path), "exists already; nothing was written")
    for path, text in paths.items():
        _write_new(path, text)
    return tuple(paths)


def write_schema(folder: Path) -> Path | None:
    """Write the schema into *folder* and return its path; None if there is one, which is left as it is."""
    path = folder / SCHEMA_FILE
    if path.exists() or path.is_symlink():
        return None
    _write_new(path, schema_text())
    return path


def _write_new(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as exc:
        raise FileError(str(path), exc.strerror or "cannot be written") from exc
