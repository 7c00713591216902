"""The template's own notes. Source: hashicorp/consul-template, template/scratch.go."""

from collections.abc import Callable
from dataclasses import dataclass, field

from dispatchfile.jobspec.gotemplate.failures import RenderFailure
from dispatchfile.jobspec.gotemplate.nodes import Value


@dataclass(slots=True)
class Scratch:
    """Values by name, as long as one template is rendered."""

    values: dict[str, Value] = field(default_factory=dict)

    def method(self, name: str) -> Callable[..., Value]:
        """Return the method of that name in a template. Raises RenderFailure."""
        methods: dict[str, Callable[..., Value]] = {
            "Key": lambda key: key in self.values,
            "Get": self._get,
            "Set": self._set,
            "SetX": self._set_new,
            "MapSet": lambda key, name, value: self._map_set(key, name, value, overrides=True),
            "MapSetX": lambda key, name, value: self._map_set(key, name, value, overrides=False),
            "MapValues": self._map_values,
        }
        if name not in methods:
            raise RenderFailure(f"can't evaluate field {name} in type scratch")
        return methods[name]

    def _get(self, key: str) -> Value:
        return self.values.get(key)

    def _set(self, key: str, value: Value) -> str:
        self.values[key] = value
        return ""

    def _set_new(self, key: str, value: Value) -> str:
        self.values.setdefault(key, value)
        return ""

    def _map_set(self, key: str, name: str, value: Value, *, overrides: bool) -> str:
        values = self.values.setdefault(key, {})
        if not isinstance(values, dict):
            raise RenderFailure(f'"{key}" is not a map')
        if overrides or name not in values:
            values[name] = value
        return ""

    def _map_values(self, key: str) -> list[Value]:
        values = self.values.get(key)
        return [values[name] for name in sorted(values)] if isinstance(values, dict) else []
