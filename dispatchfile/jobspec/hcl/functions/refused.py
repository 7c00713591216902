"""Functions of Nomad that this reader does not have."""

from collections.abc import Mapping, Sequence
from typing import Final

from dispatchfile.jobspec.hcl.call import Function, Parameter, UnsupportedCallError
from dispatchfile.jobspec.hcl.types import Value

_NAMES: Final = ("bcrypt", "log", "rsadecrypt", "yamldecode")


def _refuse(_: Sequence[Value]) -> Value:
    raise UnsupportedCallError("this function is not supported by the embedded agent")


FUNCTIONS: Final[Mapping[str, Function]] = {
    name: Function(_refuse, (), Parameter("arguments", takes_null=True, takes_untyped=True)) for name in _NAMES
}
