"""TLS as the connection asks for it, with Go's reading of the files: a CA file replaces the system's roots."""

from __future__ import annotations

import ssl
from pathlib import Path

from dispatchfile.errors import FileError
from dispatchfile.files import read_small_file
from dispatchfile.nomad.connection import Connection
from dispatchfile.similar import similar_file


class NamedContext(ssl.SSLContext):
    """A context that asks for one server name, whatever the library that uses it asks for."""

    server_name: str = ""

    def wrap_bio(
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLObject:
        return super().wrap_bio(incoming, outgoing, server_side, self.server_name or server_hostname, session)


def tls_context(connection: Connection) -> ssl.SSLContext:
    """
    The context for an https address. Raises FileError for certificates and keys that cannot be used.

    Not made by `ssl.create_default_context`, which from Python 3.13 on is stricter than Go and refuses many a
    home-made CA.
    """
    context = NamedContext(ssl.PROTOCOL_TLS_CLIENT)
    context.server_name = connection.tls_server_name
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if connection.tls_skip_verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    _load_roots(context, connection)
    if connection.client_cert:
        _load_client(context, connection.client_cert, connection.client_key)
    return context


def _load_roots(context: ssl.SSLContext, connection: Connection) -> None:
    if connection.ca_cert:
        _load_root(context, Path(connection.ca_cert), connection.ca_cert)
    elif connection.ca_path:
        for file in _files_below(connection.ca_path):
            _load_root(context, file, str(file))
    else:
        context.load_default_certs()


def _files_below(folder: str) -> list[Path]:
    files = sorted(path for path in Path(folder).rglob("*") if not path.is_dir())
    if not files:
        raise FileError(folder, "is not a folder with CA certificates")
    return files


def _load_root(context: ssl.SSLContext, file: Path, shown: str) -> None:
    try:
        pem = read_small_file(file).decode("ascii", "ignore")  # comments may be in any language
    except OSError as exc:
        raise _unreadable(shown, exc) from exc
    try:
        context.load_verify_locations(cadata=pem)
    except (ssl.SSLError, ValueError) as exc:
        raise FileError(shown, "contains no PEM certificate") from exc


def _load_client(context: ssl.SSLContext, cert: str, key: str) -> None:
    for file in (cert, key):
        _check_readable(file)
    try:
        context.load_cert_chain(cert, key, password=_refuse_password)
    except ssl.SSLError as exc:
        raise FileError(f"{cert} and {key}", _fault_of_pair(exc)) from exc


def _check_readable(file: str) -> None:
    try:
        read_small_file(Path(file))
    except OSError as exc:
        raise _unreadable(file, exc) from exc


def _unreadable(file: str, error: OSError) -> FileError:
    hint = similar_file(file) if isinstance(error, FileNotFoundError) else ""
    return FileError(file, error.strerror or "cannot be read", hint=hint)


def _refuse_password() -> str:
    """Refuse to decrypt a key. Without this, its password would be asked for on the terminal."""
    return ""


def _fault_of_pair(error: ssl.SSLError) -> str:
    if error.reason == "KEY_VALUES_MISMATCH":
        return "the key does not belong to the certificate"
    return "must be a PEM certificate and its unencrypted key"
