"""Explains why a request did not reach Nomad or had no answer, and what to try."""

from __future__ import annotations

import errno
import os
import re
import socket
import ssl
from collections.abc import Mapping

from dispatchfile.nomad.connection import Endpoint
from dispatchfile.nomad.transport.faults import causes

# What a server says of a client's certificate. Source: RFC 8446, 6.2; spelled as OpenSSL does.
HANDSHAKE_ALERTS: Mapping[str, str] = {
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": "it asks for a client certificate: set --client-cert and --client-key",
    "SSLV3_ALERT_HANDSHAKE_FAILURE": "it refuses the handshake: does it ask for --client-cert and --client-key?",
    "SSLV3_ALERT_BAD_CERTIFICATE": "it refuses the client certificate",
    "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE": "it refuses the client certificate: this type is not supported",
    "SSLV3_ALERT_CERTIFICATE_REVOKED": "it refuses the client certificate: it was revoked",
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": "it refuses the client certificate: it has expired",
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN": "it refuses the client certificate",
    "TLSV1_ALERT_UNKNOWN_CA": "it does not know the CA of the client certificate",
    "TLSV1_ALERT_ACCESS_DENIED": "it refuses the client certificate: access denied",
    "TLSV1_ALERT_DECRYPT_ERROR": "it refuses the client certificate's signature",
    "TLSV1_ALERT_PROTOCOL_VERSION": "it supports no secure version of TLS",
}
ADVICE_ON_DISTRUST: Mapping[int, str] = {  # by OpenSSL's verify code
    10: "renew it, or check this machine's clock",
    18: "pass its CA with --ca-cert",
    19: "pass its CA with --ca-cert",
    20: "pass its CA with --ca-cert",
    21: "pass its CA with --ca-cert",
    62: "pass the server name in the certificate with --tls-server-name",
    64: "pass the server name in the certificate with --tls-server-name",
}


def explain(error: Exception, endpoint: Endpoint) -> str:
    """Return what happened, and what to try."""
    for cause in causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return _explain_distrust(cause)
        if isinstance(cause, ssl.SSLError):
            return _explain_tls(cause)
        if isinstance(cause, socket.gaierror):
            return f"the host name {endpoint.host!r} cannot be resolved"
        if isinstance(cause, OSError) and (code := _errno(cause)):
            return _explain_os(code, endpoint)
        if isinstance(cause, ConnectionError):
            return "the connection was closed while connecting"
    return str(error) or type(error).__name__


def _explain_distrust(error: ssl.SSLCertVerificationError) -> str:
    advice = ADVICE_ON_DISTRUST.get(error.verify_code, "pass its CA with --ca-cert")
    return f"its certificate is not trusted ({error.verify_message.rstrip('.')}): {advice}"


def _explain_tls(error: ssl.SSLError) -> str:
    reason = getattr(error, "reason", None) or ""
    if reason in HANDSHAKE_ALERTS:
        return HANDSHAKE_ALERTS[reason]
    if reason in {"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST"}:
        return "it does not use TLS: use an http:// address?"
    return f"TLS failed ({reason.replace('_', ' ').lower() or 'no reason given'})"


def _errno(error: OSError) -> int | None:
    """Return the error number; several addresses of one host that all failed are reported as one text."""
    reported = re.search(r"\[Errno (\d+)\]", str(error))
    return error.errno or (int(reported[1]) if reported else None)


def _explain_os(code: int, endpoint: Endpoint) -> str:
    if code == errno.ECONNREFUSED and not endpoint.has_port and not endpoint.socket:
        return f"connection refused at port {endpoint.port}, the default of its scheme; Nomad's port is 4646"
    if code == errno.ECONNREFUSED:
        return "connection refused: is the agent running, and is the address correct?"
    if code == errno.ENOENT and endpoint.socket:
        return "there is no such socket: is the agent running, and is the path correct?"
    return os.strerror(code).lower()
