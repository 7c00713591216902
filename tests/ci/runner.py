"""A small runner for jobs and composite actions, which runs each step as GitHub does."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from tests.ci.expressions import Contexts, expand, is_true

OURS = "/.github/actions/"
FILES = ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY", "GITHUB_ENV", "GITHUB_PATH")


@dataclass
class Done:
    """A job or an action that has run."""

    ok: bool
    outputs: Mapping[str, str]
    log: str  # what its steps printed


@dataclass
class Runner:
    """
    One attempt of a workflow run.

    home: keeps caches and artifacts from attempt to attempt. actions: the folder of our actions. environ: what every
    step gets.
    """

    workspace: Path
    home: Path
    actions: Path
    attempt: int = 1
    run_id: str = "123"
    event: str = "push"
    environ: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)
    checked_out: list[str] = field(default_factory=list)  # whether each checkout keeps credentials
    is_installed: bool = True  # else the actions install dispatchfile

    def __post_init__(self) -> None:
        self.temp = self.home / "temp"
        shutil.rmtree(self.temp, ignore_errors=True)
        for folder in (self.temp, self.home / "caches", self.home / "artifacts"):
            folder.mkdir(parents=True, exist_ok=True)
        self.summary = self.temp / "summary.md"
        if self.is_installed:
            self._install()

    def _install(self) -> None:
        """Put programs of this environment where the actions would install theirs."""
        folder = self.temp / "dispatchfile/bin"
        folder.mkdir(parents=True)
        for name, command in {"dispatchfile": "-m dispatchfile", "python": ""}.items():
            (folder / name).write_text(f'#!/bin/sh\nexec {sys.executable} {command} "$@"\n')
            (folder / name).chmod(0o755)

    def contexts(self, **more: Any) -> Contexts:
        github = {
            "run_id": self.run_id,
            "run_attempt": self.attempt,
            "event_name": self.event,
            "workspace": str(self.workspace),
            "ref": "refs/heads/main",
            "base_ref": "main",
        }
        runner = {"temp": str(self.temp)}
        return {"github": github, "runner": runner, "secrets": self.secrets, "vars": self.variables, **more}

    def job(self, workflow: Mapping[str, Any], name: str) -> Done:
        """Run a job of a workflow; one whose `if` is false does nothing and is green."""
        job = workflow["jobs"][name]
        contexts = self.contexts(job={"status": "success"})
        if not is_true(job.get("if", "success()"), contexts):
            return Done(ok=True, outputs={}, log="")
        environ = {key: expand(value, contexts) for key, value in job.get("env", {}).items()}
        return self._run_steps(job["steps"], contexts, {**self.environ, **environ}, None)

    def action(self, folder: Path, inputs: Mapping[str, str], environ: Mapping[str, str] | None = None) -> Done:
        """Run a composite action with these inputs and the defaults of the others."""
        action = YAML(typ="safe").load((folder / "action.yml").read_text(encoding="utf-8"))
        declared = action.get("inputs", {})
        assert set(inputs) <= set(declared), f"{folder.name} has no input {set(inputs) - set(declared)}"
        assert [name for name, value in declared.items() if value.get("required") and name not in inputs] == []
        values = {name: str(inputs.get(name, value.get("default", ""))) for name, value in declared.items()}
        contexts = self.contexts(job={"status": "success"}, inputs=values)
        done = self._run_steps(action["runs"]["steps"], contexts, {**self.environ, **(environ or {})}, folder)
        outputs = {name: expand(value["value"], done.outputs) for name, value in action.get("outputs", {}).items()}
        return Done(done.ok, outputs, done.log)

    def _run_steps(
        self, steps: Sequence[Mapping[str, Any]], contexts: Contexts, environ: Mapping[str, str], folder: Path | None
    ) -> Done:
        """Run the steps in order; the outputs are the contexts at the end."""
        seen: dict[str, Any] = {}
        known = {**contexts, "steps": seen, "job": {"status": "success"}}
        log = ""
        for number, step in enumerate(steps):
            if not is_true(step.get("if", "success()"), known):
                continue
            done = self._step(step, known, environ, folder)
            log += done.log
            seen[step.get("id", f"step {number}")] = {
                "outputs": done.outputs,
                "outcome": "success" if done.ok else "failure",
            }
            tolerated = expand(step.get("continue-on-error", "false"), known) == "true"
            if not done.ok and not tolerated:
                known["job"] = {"status": "failure"}
        return Done(known["job"]["status"] == "success", known, log)

    def _step(
        self, step: Mapping[str, Any], contexts: Contexts, environ: Mapping[str, str], folder: Path | None
    ) -> Done:
        environ = {**environ, **{key: expand(value, contexts) for key, value in step.get("env", {}).items()}}
        if "uses" not in step:
            return self._shell(expand(step["run"], contexts), environ, folder)
        inputs = {key: expand(value, contexts) for key, value in step.get("with", {}).items()}
        name = step["uses"].partition("@")[0]
        if OURS in f"/{name}".replace("/./", "/"):
            return self.action(self.actions / name.rpartition("/")[2], inputs, environ)
        outputs = getattr(self, "_" + name.replace("actions/", "").replace("/", "_").replace("-", "_"))(inputs)
        return Done(ok=True, outputs=outputs, log="")

    def step_environ(self, environ: Mapping[str, str], folder: Path | None) -> dict[str, str]:
        """Return the environment of a step, with the files that it may write to."""
        files = {name: str(self.temp / name.lower()) for name in FILES} | {"GITHUB_STEP_SUMMARY": str(self.summary)}
        for path in files.values():
            Path(path).touch()
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_RUN_ID": self.run_id,
            "GITHUB_RUN_ATTEMPT": str(self.attempt),
            "GITHUB_WORKSPACE": str(self.workspace),
            "RUNNER_TEMP": str(self.temp),
            **({"GITHUB_ACTION_PATH": str(folder)} if folder else {}),
            **files,
            **environ,
        }

    def _shell(self, script: str, environ: Mapping[str, str], folder: Path | None) -> Done:
        file = self.temp / "step.sh"
        file.write_text(script, encoding="utf-8")
        given = self.step_environ(environ, folder)
        Path(given["GITHUB_OUTPUT"]).write_text("")
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(file)],
            cwd=self.workspace,
            env=given,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return Done(done.returncode == 0, dict(read_outputs(Path(given["GITHUB_OUTPUT"]))), done.stdout)

    # What others' actions do here

    def _checkout(self, inputs: Mapping[str, str]) -> Mapping[str, str]:
        self.checked_out.append(inputs.get("persist-credentials", "true"))
        return {}

    def _setup_python(self, inputs: Mapping[str, str]) -> Mapping[str, str]:
        return {"python-path": sys.executable}

    def _cache_restore(self, inputs: Mapping[str, str]) -> Mapping[str, str]:
        """The exact key, else the latest one that begins with a line of `restore-keys`."""
        caches = sorted((self.home / "caches").iterdir(), key=lambda path: path.stat().st_mtime_ns)
        prefixes = inputs.get("restore-keys", "").split()
        found = [path for path in caches if path.name == inputs["key"]]
        found = found or [path for path in caches if any(path.name.startswith(prefix) for prefix in prefixes)]
        if found:
            shutil.copytree(found[-1], self._in_workspace(inputs["path"]), dirs_exist_ok=True)
        return {"cache-hit": "true" if found and found[-1].name == inputs["key"] else "false"}

    def _cache_save(self, inputs: Mapping[str, str]) -> Mapping[str, str]:
        """A cache is never overwritten."""
        target, source = self.home / "caches" / inputs["key"], self._in_workspace(inputs["path"])
        if source.is_dir() and not target.exists():
            shutil.copytree(source, target)
            os.utime(target)  # copying has kept the time of the source
        return {}

    def _upload_artifact(self, inputs: Mapping[str, str]) -> Mapping[str, str]:
        target = self.home / "artifacts" / inputs["name"]
        target.mkdir()
        for path in self.workspace.glob(inputs["path"].rstrip("/") + ("/*" if inputs["path"].endswith("/") else "")):
            shutil.copy(path, target)
        return {}

    def _in_workspace(self, path: str) -> Path:
        return self.workspace / path


def read_outputs(file: Path) -> Iterator[tuple[str, str]]:
    """Yield the outputs that a step has set, one a line."""
    for line in file.read_text(encoding="utf-8").splitlines():
        name, mark, value = line.partition("=")
        assert mark == "=", f"not an output: {line!r}"
        yield name, value
