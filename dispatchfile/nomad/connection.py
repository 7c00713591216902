"""
The address of Nomad and how to reach it, read as the Nomad CLI does: flag over environment over default.

Empty values count as unset. One thing differs from the CLI: a path in the address is kept, for agents behind a proxy.
Source: hashicorp/nomad, command/meta.go and api/api.go.
"""

from __future__ import annotations

import os.path
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from urllib.parse import SplitResult, quote, unquote, urlsplit

from dispatchfile.errors import FileError, UsageError
from dispatchfile.files import read_small_file
from dispatchfile.nomad.proxies import proxy_for
from dispatchfile.secrecy import kind_of_secret
from dispatchfile.similar import similar_file

DEFAULT_ADDRESS = "http://127.0.0.1:4646"
DEFAULT_PORTS = {"http": 80, "https": 443}
REQUEST_TIMEOUT = timedelta(seconds=30)
CONNECT_TIMEOUT = timedelta(seconds=10)

VARIABLES: Mapping[str, str] = {
    "address": "NOMAD_ADDR",
    "region": "NOMAD_REGION",
    "namespace": "NOMAD_NAMESPACE",
    "token": "NOMAD_TOKEN",
    "ca_cert": "NOMAD_CACERT",
    "ca_path": "NOMAD_CAPATH",
    "client_cert": "NOMAD_CLIENT_CERT",
    "client_key": "NOMAD_CLIENT_KEY",
    "tls_server_name": "NOMAD_TLS_SERVER_NAME",
    "http_auth": "NOMAD_HTTP_AUTH",
}

MISSPELT: Mapping[str, str] = {  # what people and other tools call them
    "NOMAD_ADDRESS": "NOMAD_ADDR",
    "NOMAD_URL": "NOMAD_ADDR",
    "NOMAD_CA_CERT": "NOMAD_CACERT",
    "NOMAD_CA_PATH": "NOMAD_CAPATH",
    "NOMAD_CLIENTCERT": "NOMAD_CLIENT_CERT",
    "NOMAD_CLIENTKEY": "NOMAD_CLIENT_KEY",
    "NOMAD_TLS_SKIP_VERIFY": "NOMAD_SKIP_VERIFY",
    "NOMAD_ACL_TOKEN": "NOMAD_TOKEN",
}
OF_FILES = {"ca_cert": "file", "ca_path": "folder", "client_cert": "file", "client_key": "file"}

# Go's strconv.ParseBool; the CLI ignores anything else, which would drop it without a word.
GO_BOOLS: Mapping[str, bool] = dict.fromkeys(("1", "t", "T", "TRUE", "true", "True"), True) | dict.fromkeys(
    ("0", "f", "F", "FALSE", "false", "False"), False
)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The parts of an address."""

    scheme: str  # "http", "https" or "unix"
    host: str  # ASCII, without brackets; for a socket what Nomad's own client puts in its place
    port: int
    path: str = ""  # put in front of every path; no slash at its end
    socket: str = ""  # path of a unix socket
    has_port: bool = True  # False: the scheme's own port was taken

    @property
    def authority(self) -> str:
        """The value of the Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}" if self.has_port else host

    def __str__(self) -> str:
        return f"unix://{self.socket}" if self.socket else f"{self.scheme}://{self.authority}{self.path}"


@dataclass(frozen=True, slots=True)
class Connection:
    """The address, the identity and the TLS settings for Nomad. Secrets are no part of the repr."""

    address: str = DEFAULT_ADDRESS  # without user information
    region: str = ""  # empty: the agent's own
    namespace: str = ""  # empty: Nomad's default
    token: str = field(default="", repr=False)
    ca_cert: str = ""
    ca_path: str = ""
    client_cert: str = ""
    client_key: str = ""
    tls_server_name: str = ""
    tls_skip_verify: bool = False
    http_auth: str = field(default="", repr=False)  # "user:password" or "user"
    proxy: str = field(default="", repr=False)  # URL; empty: none
    connect_timeout: timedelta = CONNECT_TIMEOUT
    request_timeout: timedelta = REQUEST_TIMEOUT  # the longest silence within one request

    @property
    def endpoint(self) -> Endpoint:
        return parse_address(self.address)[0]


def read_connection(flags: Mapping[str, str | bool | None], environ: Mapping[str, str]) -> Connection:
    """
    The connection that flags and environment ask for.

    flags: address, region, namespace, token, token_file, ca_cert, ca_path, client_cert, client_key, tls_server_name
    and tls_skip_verify, as typed; None, empty and (as in the CLI) False count as not given.
    Raises UsageError, which names the flag or variable, and FileError for a token file that cannot be read.
    """
    given = {name: _pick(name, flags, environ) for name in VARIABLES}
    sources = {name: _source(name, flags) for name in OF_FILES}
    for name, source in sources.items():
        if (kind := kind_of_secret(given[name])) and not os.path.exists(given[name]):  # noqa: PTH110  long names raise
            raise UsageError(f"{source}: this holds {kind}, not the name of a {OF_FILES[name]}")
    endpoint, user_info = parse_address(given["address"] or DEFAULT_ADDRESS, _source("address", flags))
    if bool(given["client_cert"]) != bool(given["client_key"]):
        raise UsageError("Both client cert and client key must be provided")
    skips_verify = _read_switch("NOMAD_SKIP_VERIFY", environ)
    refuse_misspelt_variables(environ)
    return Connection(
        address=str(endpoint),
        region=checked_text(given["region"], _source("region", flags)),
        namespace=checked_text(given["namespace"], _source("namespace", flags)),
        token=_read_token(flags, environ),
        ca_cert=given["ca_cert"],
        ca_path=given["ca_path"],
        client_cert=given["client_cert"],
        client_key=given["client_key"],
        tls_server_name=given["tls_server_name"],
        tls_skip_verify=bool(flags.get("tls_skip_verify")) or skips_verify,
        http_auth=user_info or checked_text(given["http_auth"], VARIABLES["http_auth"]),
        proxy=proxy_for(endpoint.scheme, endpoint.host, endpoint.port, environ),
    )


def _read_switch(name: str, environ: Mapping[str, str]) -> bool:
    text = environ.get(name, "")
    if text and text not in GO_BOOLS:
        raise UsageError(f"{name} must be true or false")
    return GO_BOOLS.get(text, False)


def refuse_misspelt_variables(environ: Mapping[str, str]) -> None:
    """Raise UsageError for a variable that means another one, if that one is not set."""
    for name, meant in MISSPELT.items():
        if environ.get(name) and not environ.get(meant):
            raise UsageError(f"{name} is set, but has no effect: the variable is called {meant}")


def _pick(name: str, flags: Mapping[str, str | bool | None], environ: Mapping[str, str]) -> str:
    return str(flags.get(name) or "") or environ.get(VARIABLES[name], "")


def _source(name: str, flags: Mapping[str, str | bool | None]) -> str:
    return "--" + name.replace("_", "-") if flags.get(name) else VARIABLES[name]


def checked_text(text: str, source: str) -> str:
    """The *text*, if it can be sent. Raises UsageError for one that came as bytes that are no UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError as exc:
        raise UsageError(f"{source}: is not UTF-8 text") from exc
    return text


def _read_token(flags: Mapping[str, str | bool | None], environ: Mapping[str, str]) -> str:
    file = str(flags.get("token_file") or "")
    if not file:
        return _checked_token(_pick("token", flags, environ), _source("token", flags))
    if flags.get("token"):
        raise UsageError("--token and --token-file exclude each other: use one of them")
    token = _read_token_file(file).strip()
    if not token:
        raise FileError(file, "contains no token", source="--token-file")
    return _checked_token(token, "--token-file")


def _read_token_file(file: str) -> str:
    try:
        return read_small_file(Path(file)).decode()
    except OSError as exc:
        hint = similar_file(file) if isinstance(exc, FileNotFoundError) else ""
        raise FileError(file, exc.strerror or "cannot be read", source="--token-file", hint=hint) from exc
    except ValueError as exc:
        raise FileError(file, "is not UTF-8 text", source="--token-file") from exc


def _checked_token(token: str, source: str) -> str:
    """The token is sent as a header, and is never shown."""
    if not re.fullmatch(r"[!-~]*", token):
        raise UsageError(f"{source}: a token must not contain blanks, line breaks or non-ASCII characters")
    return token


def parse_address(address: str, source: str = "address") -> tuple[Endpoint, str]:
    """
    The endpoint that *address* names, and the user information in it ("user:password", decoded; empty if none).

    Raises UsageError that begins with *source* and says what would be right.
    """
    if re.search(r"[\x00-\x20\x7f]", address):
        raise UsageError(f"{source}: the address contains a blank or a control character")
    scheme, separator, rest = address.partition("://")
    if not separator:
        raise UsageError(f"{source}: {_shown(address)!r} has no scheme: use {_suggested(address)}")
    if scheme == "unix":
        return _parse_socket(rest, source), ""
    if scheme.lower() not in DEFAULT_PORTS:
        raise UsageError(f"{source}: {_shown(address)!r} must start with http://, https:// or unix://")
    return _parse_url(address, source)


def _parse_socket(path: str, source: str) -> Endpoint:
    if not path.startswith("/"):
        raise UsageError(
            f"{source}: a unix socket needs an absolute path: use unix:///{_shown(path) or 'path/to/api.sock'}"
        )
    return Endpoint("unix", "127.0.0.1", 80, socket=path, has_port=False)


def _parse_url(address: str, source: str) -> tuple[Endpoint, str]:
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError as exc:
        raise UsageError(f"{source}: {_shown(address)!r}: {_fault_of(address)}") from exc
    if port == 0:
        raise UsageError(f"{source}: {_shown(address)!r}: {PORT_FAULT}")
    _check_rest(parts, address, source)
    host = _ascii_host(parts, address, source)
    user = ":".join(unquote(part) for part in parts.netloc.rpartition("@")[0].split(":", 1))
    path = quote(parts.path.rstrip("/"), safe="/%:@!$&'()*+,;=~")
    if port is None:
        return Endpoint(parts.scheme, host, DEFAULT_PORTS[parts.scheme], path, has_port=False), user
    return Endpoint(parts.scheme, host, port, path), user


PORT_FAULT = "the port must be a number from 1 to 65535"
BRACKETS_FAULT = "put an IPv6 address in brackets, as in http://[::1]:4646"


def _fault_of(address: str) -> str:
    authority = address.partition("://")[2].partition("/")[0].rpartition("@")[2]
    return BRACKETS_FAULT if authority.count(":") > 1 or "[" in authority or "]" in authority else PORT_FAULT


def _check_rest(parts: SplitResult, address: str, source: str) -> None:
    """The path is kept; of what people copy from a browser or a manual, say what is too much."""
    if parts.query or parts.fragment:
        raise UsageError(f"{source}: {_shown(address)!r}: the address must not have a query or a fragment")
    if tail := re.search(r"/(ui|v1)(/.*)?$", parts.path):
        short = address[: len(address) - len(tail[0])]
        raise UsageError(f"{source}: {_shown(address)!r} has too long a path: use {_shown(short)}")
    if parts.netloc.rpartition("@")[2].count(":") > 1 and "[" not in parts.netloc:
        raise UsageError(f"{source}: {_shown(address)!r}: {BRACKETS_FAULT}")


def _ascii_host(parts: SplitResult, address: str, source: str) -> str:
    host = unquote(parts.hostname or "")
    try:
        ascii_host = host.encode("idna").decode("ascii")
    except UnicodeError as exc:
        raise UsageError(f"{source}: {_shown(address)!r}: {host!r} is not a host name") from exc
    if not re.fullmatch(r"[0-9A-Za-z._:%-]+", ascii_host):
        raise UsageError(f"{source}: {_shown(address)!r} has no host: use {DEFAULT_ADDRESS}")
    return ascii_host


def _suggested(address: str) -> str:
    """Return the address that was probably meant, if the scheme is missing."""
    if address.startswith("/"):
        return f"unix://{address}"
    host = _shown(address).lstrip("*@").rstrip("/")
    if not re.search(r":[0-9]+$", host):
        host += ":4646"
    return f"http://{host} or https://{host}"


def _shown(address: str) -> str:
    """Return the address without a password, and without a query or a fragment, which may hold a token."""
    bare = re.sub(r"^(.*?://)?.*@", r"\1***@", address, flags=re.DOTALL)
    return re.sub(r"([?#]).*", r"\1***", bare, flags=re.DOTALL)
