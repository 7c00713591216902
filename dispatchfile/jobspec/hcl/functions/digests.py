"""Functions that encode and hash texts. Source: hashicorp/go-cty-funcs, packages encoding, crypto and uuid."""

import base64
import binascii
import hashlib
import re
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Final
from urllib.parse import quote_plus

from dispatchfile.jobspec.hcl.call import Function, FunctionError, Parameter
from dispatchfile.jobspec.hcl.types import STRING, Value, string_value

_NAMESPACES: Final = {
    "dns": uuid.NAMESPACE_DNS,
    "url": uuid.NAMESPACE_URL,
    "oid": uuid.NAMESPACE_OID,
    "x500": uuid.NAMESPACE_X500,
}
_UUID = re.compile(r"(?:urn:uuid:)?[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE | re.ASCII)


def _decode(text: str) -> str:
    try:
        return base64.b64decode(text.replace("\r", "").replace("\n", ""), validate=True).decode()
    except (binascii.Error, ValueError) as exc:
        reason = (
            "the result of decoding is not valid UTF-8" if isinstance(exc, UnicodeDecodeError) else "failed to decode"
        )
        raise FunctionError(f"{reason}: the text must be UTF-8 encoded as base64") from exc


def _uuid5(values: Sequence[Value]) -> Value:
    name = values[0].text
    namespace = _NAMESPACES.get(name)
    if namespace is None:
        if not _UUID.fullmatch(name):
            raise FunctionError("uuidv5() doesn't support this namespace")
        namespace = uuid.UUID(name)
    return string_value(str(uuid.uuid5(namespace, values[1].text)))


def _of_text(change: Callable[[str], str]) -> Function:
    return Function(lambda values: string_value(change(values[0].text)), (Parameter("str", STRING),))


def _hash(name: str) -> Function:
    return _of_text(lambda text: hashlib.new(name, text.encode(), usedforsecurity=False).hexdigest())


FUNCTIONS: Final[Mapping[str, Function]] = {
    "base64encode": _of_text(lambda text: base64.b64encode(text.encode()).decode()),
    "base64decode": _of_text(_decode),
    "urlencode": _of_text(lambda text: quote_plus(text, safe="")),
    "md5": _hash("md5"),
    "sha1": _hash("sha1"),
    "sha256": _hash("sha256"),
    "sha512": _hash("sha512"),
    "uuidv4": Function(lambda _: string_value(str(uuid.uuid4()))),
    "uuidv5": Function(_uuid5, (Parameter("namespace", STRING), Parameter("name", STRING))),
}
