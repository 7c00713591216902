"""The agents that `doctor` looks at are those that `dispatch` is tested with."""

from tests.dispatch_command.conftest import address, embedded, real

__all__ = ["address", "embedded", "real"]
