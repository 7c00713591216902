"""
Decides whether a proxy is used, as Go's HTTP client decides it from the environment.

Source: golang.org/x/net/http/httpproxy.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from urllib.parse import urlsplit

from dispatchfile.errors import UsageError

VARIABLES = {"http": ("HTTP_PROXY", "http_proxy"), "https": ("HTTPS_PROXY", "https_proxy")}
EXCEPTIONS = ("NO_PROXY", "no_proxy")


def proxy_for(scheme: str, host: str, port: int, environ: Mapping[str, str]) -> str:
    """
    URL of the proxy for this endpoint, empty if there is none.

    Loopback and unix sockets never go through a proxy. Raises UsageError for a proxy of a kind that cannot be used.
    """
    name, proxy = _first(VARIABLES.get(scheme, ()), environ)
    if not proxy or is_loopback(host) or _is_excepted(host, port, _first(EXCEPTIONS, environ)[1]):
        return ""
    return _checked(name, proxy if "://" in proxy else f"http://{proxy}")


def is_loopback(host: str) -> bool:
    address = _as_ip(host)
    return host == "localhost" or (address is not None and address.is_loopback)


def _first(names: tuple[str, ...], environ: Mapping[str, str]) -> tuple[str, str]:
    return next(((name, environ[name]) for name in names if environ.get(name)), ("", ""))


def _checked(name: str, proxy: str) -> str:
    try:
        parts = urlsplit(proxy)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:  # its text may hold a password
        raise UsageError(f"{name}: must be a URL such as http://host:3128; to bypass the proxy for Nomad, set NO_PROXY")
    return proxy


def _is_excepted(host: str, port: int, exceptions: str) -> bool:
    return any(_covers(entry.strip().lower(), host.lower(), port) for entry in exceptions.split(",") if entry.strip())


def _covers(entry: str, host: str, port: int) -> bool:
    if entry == "*":
        return True
    name, wanted_port = _split_port(entry)
    if wanted_port not in {"", str(port)}:
        return False
    address = _as_ip(host)
    if address is not None:
        return _covers_ip(name, address)
    suffix = name.removeprefix("*")
    return host.endswith(suffix) if suffix.startswith(".") else host == suffix or host.endswith(f".{suffix}")


def _split_port(entry: str) -> tuple[str, str]:
    if entry.startswith("["):
        name, _, rest = entry[1:].partition("]")
        return name, rest.removeprefix(":")
    return (entry, "") if entry.count(":") != 1 else (entry.partition(":")[0], entry.partition(":")[2])


def _covers_ip(name: str, address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    try:
        return address in ipaddress.ip_network(name, strict=False)
    except ValueError:
        return False


def _as_ip(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
