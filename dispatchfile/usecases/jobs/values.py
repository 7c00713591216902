"""The values of HCL variables: NOMAD_VAR_NAME, over these `job_vars`, then --job-var-file, and --job-var over all."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dispatchfile.jobspec import GivenValues, VariableValues, variable_values
from dispatchfile.manifest import Document, SourceFloat, SourceInt

VARIABLE_PREFIX = "NOMAD_VAR_"


@dataclass(frozen=True, slots=True)
class JobValues:
    """The values of HCL variables that a command line gives."""

    arguments: Mapping[str, str] = field(default_factory=dict)  # of --job-var
    files: Sequence[tuple[Path, VariableValues]] = ()  # of --job-var-file

    def named(self) -> Iterator[tuple[str, str]]:
        """Yield the name of each value with the option that gives it."""
        yield from ((name, "--job-var") for name in self.arguments)
        yield from ((name, f"--job-var-file {path}") for path, values in self.files for name in values)


NO_JOB_VALUES = JobValues()


def environment_values(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the values in the environment, by the names of the variables."""
    return {
        name.removeprefix(VARIABLE_PREFIX): value for name, value in environ.items() if name.startswith(VARIABLE_PREFIX)
    }


def given_values(document: Document, values: JobValues, environ: Mapping[str, str]) -> GivenValues:
    """Return all values for the job files of the manifest."""
    written = document.data.get("job_vars")
    own = [] if not isinstance(written, dict) else [(Path(f"{document.path}: job_vars"), _written_values(written))]
    return GivenValues(environment_values(environ), [*own, *values.files], values.arguments)


def _written_values(written: Mapping[str, object]) -> VariableValues:
    """A number that has another text than JSON would give it is a text, so that HCL has it as it is written."""
    return variable_values(json.dumps(_plain(written)))


def _plain(value: object) -> object:
    if isinstance(value, SourceInt | SourceFloat):
        return str(value)
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list) else value
