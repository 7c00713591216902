"""
A task's driver config against its driver's schema, references filled in.

The texts are those of a 2.0.5 client, which reads the config as HCL. Source: hashicorp/nomad,
helper/pluginutils/hclutils/util.go, and taskConfigSpec in drivers/rawexec, drivers/exec and drivers/mock.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from dispatchfile.agent.outcomes import ConfigError
from dispatchfile.agent.taskenv import TaskEnvironment, UnknownReferenceError
from dispatchfile.jobspec.spelling import suggestion
from dispatchfile.jobspec.template import Interpolation, TemplateError, split_template

Config = Mapping[str, Any]

_COMMAND: Final = {"command": "string", "args": "list of string", "work_dir": "string"}
_OUTPUT: Final = {
    "run_for": "string",
    "exit_code": "number",
    "exit_signal": "number",
    "exit_err_msg": "string",
    "signal_error": "string",
    "stdout_string": "string",
    "stdout_repeat": "number",
    "stdout_repeat_duration": "string",
    "stderr_string": "string",
    "stderr_repeat": "number",
    "stderr_repeat_duration": "string",
}
SCHEMAS: Final[Mapping[str, Mapping[str, str]]] = {
    "raw_exec": {
        **_COMMAND,
        "cgroup_v2_override": "string",
        "cgroup_v1_override": "list of map of string",
        "oom_score_adj": "number",
        "denied_envvars": "list of string",
    },
    "exec": {
        **_COMMAND,
        "pid_mode": "string",
        "ipc_mode": "string",
        "cap_add": "list of string",
        "cap_drop": "list of string",
    },
    "mock_driver": {
        **_OUTPUT,
        "start_error": "string",
        "start_error_recoverable": "bool",
        "start_block_for": "string",
        "kill_after": "string",
        "plugin_exit_after": "string",
        "driver_ip": "string",
        "driver_advertise": "bool",
        "driver_port_map": "string",
        "exec_command": "block",
    },
}
_REQUIRED: Final[Mapping[str, tuple[str, ...]]] = {"raw_exec": ("command",), "exec": ("command",)}
_EMPTY: Final = (
    "Root value must be object: The root value in a JSON-based configuration must be either a JSON object or a "
    "JSON array of objects."
)


def read_config(driver: str, config: Config | None, environment: Callable[[], TaskEnvironment]) -> dict[str, Any]:
    """
    The config with every value of its schema's type: strings, ints, floats, bools and lists of strings.

    *environment* is only asked for where something is to be filled in. Raises ConfigError with all that is wrong.
    """
    schema = SCHEMAS[driver]
    problems = list(_unfit_names(config, schema, _REQUIRED.get(driver, ()))) if config else [_EMPTY]
    if problems or not config:
        raise _invalid(problems)
    values: dict[str, Any] = {}
    for name in sorted(config):
        try:
            values[name] = _value(config[name], schema[name], environment)
        except _WrongTypeError as exc:
            value = f'Inappropriate value for attribute "{name}"'
            problems.append(f"Incorrect attribute value type: {value}: {exc}.")
        except _UnevaluableError as exc:
            problems += exc.problems
    if problems:
        raise _invalid(problems)
    return {name: value for name, value in values.items() if value is not None}


class _WrongTypeError(Exception):
    """A value that is not of its type and cannot be turned into it."""


class _UnevaluableError(Exception):
    """A text with references that lead nowhere."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__(*problems)
        self.problems = problems


def _invalid(problems: list[str]) -> ConfigError:
    lines = ["failed to parse config: ", *problems]
    points = "\n".join(f"\t* {line}" for line in lines)
    return ConfigError(f"{len(lines)} errors occurred:\n{points}\n\n")


def _unfit_names(config: Config, schema: Mapping[str, str], required: tuple[str, ...]) -> Iterator[str]:
    for name in required:
        if name not in config:
            yield (f'Missing required argument: The argument "{name}" is required, but no definition was found.')
    for name in config:
        if name not in schema:
            guess = suggestion(name, schema).replace("; did", " Did")
            yield f'Invalid label: No argument or block type is named "{name}".{guess}'


def _value(value: Any, kind: str, environment: Callable[[], TaskEnvironment]) -> Any:
    if kind == "block" or value is None:
        return value
    return _converted(_filled(value, environment), kind)


def _filled(value: Any, environment: Callable[[], TaskEnvironment]) -> Any:
    if isinstance(value, list):
        return _filled_items(value, environment)
    if isinstance(value, str) and ("${" in value or "%{" in value):
        return _evaluated(value, environment())
    return value


def _filled_items(values: list[Any], environment: Callable[[], TaskEnvironment]) -> list[Any]:
    """Fill in each item. Raises _UnevaluableError with the problems of all items."""
    filled, problems = [], []
    for value in values:
        try:
            filled.append(_filled(value, environment))
        except _UnevaluableError as exc:
            problems += exc.problems
    if problems:
        raise _UnevaluableError(problems)
    return filled


def _evaluated(text: str, environment: TaskEnvironment) -> str:
    pieces, problems = [], []
    try:
        for part in split_template(text):
            try:
                pieces.append(part if isinstance(part, str) else _reference(part, environment))
            except UnknownReferenceError as exc:
                problems.append(str(exc))
    except TemplateError as exc:
        problems.append(f"Invalid template: {exc}.")
    if problems:
        raise _UnevaluableError(problems)
    return "".join(pieces)


def _reference(expression: Interpolation, environment: TaskEnvironment) -> str:
    if expression.path is None:
        raise UnknownReferenceError(
            f"Invalid expression: {expression.source} is more than a reference, "
            "which the embedded agent does not support."
        )
    return environment.value_of(expression.path)


def _converted(value: Any, kind: str) -> Any:
    if kind.startswith("list of "):
        if not isinstance(value, list):
            raise _mismatch(value, kind)
        return [_element(item, n) for n, item in enumerate(value)] if kind == "list of string" else value
    if kind == "string":
        return _string(value, kind)
    return _bool(value) if kind == "bool" else _number(value)


def _element(value: Any, index: int) -> str:
    if value is None:
        return ""
    if isinstance(value, list | dict):
        raise _WrongTypeError(f"element {index}: string required, but have {_type_name(value)}")
    return _string(value, "string")


def _string(value: Any, kind: str) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, str | int | float):
        return str(value)
    raise _mismatch(value, kind)


def _number(value: Any) -> int | float:
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError as exc:
            raise _WrongTypeError("a number is required") from exc
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _mismatch(value, "number")
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _bool(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        if value in ("true", "false"):
            return value == "true"
        raise _WrongTypeError("a bool is required")
    raise _mismatch(value, "bool")


def _mismatch(value: Any, wanted: str) -> _WrongTypeError:
    return _WrongTypeError(f"{wanted} required, but have {_type_name(value)}")


def _type_name(value: Any) -> str:
    """Return HCL's name for the type of a JSON value."""
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, list):
        return "tuple"
    if isinstance(value, dict):
        return "object"
    return "number" if isinstance(value, int | float) else "string"
