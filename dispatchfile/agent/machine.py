"""The attributes of the machine that the agent runs on, which constraints can name."""

import os
import platform
import socket
from collections.abc import Iterable, Mapping
from typing import Final

_SIGNALS: Final = (
    "SIGABRT SIGALRM SIGBUS SIGCONT SIGFPE SIGHUP SIGILL SIGINT SIGIO SIGIOT SIGKILL SIGNULL SIGPIPE SIGPROF SIGQUIT "
    "SIGSEGV SIGSTOP SIGSYS SIGTERM SIGTRAP SIGTSTP SIGTTIN SIGTTOU SIGUSR1 SIGUSR2 SIGWINCH SIGXCPU SIGXFSZ"
)
"""Source: hashicorp/consul-template, signals/signals_unix.go."""


def machine_name() -> str:
    return socket.gethostname() or "localhost"


def machine_attributes(drivers: Iterable[str], version: str, address: str) -> Mapping[str, str]:
    """Source of the names: hashicorp/nomad, client/fingerprint."""
    cores = os.cpu_count() or 1
    arch = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    return {
        "cpu.arch": arch,
        "cpu.numcores": str(cores),
        "cpu.reservablecores": str(cores),
        "cpu.totalcompute": str(cores * 1000),
        "cpu.usablecompute": str(cores * 1000),
        "kernel.arch": platform.machine(),
        "kernel.name": platform.system().lower(),
        "kernel.version": platform.release(),
        "memory.totalbytes": str(_memory_bytes()),
        "nomad.service_discovery": "true",
        "nomad.version": version,
        "os.signals": _SIGNALS.replace(" ", ","),
        "os.name": _os_release().get("ID", platform.system().lower()),
        "os.version": _os_release().get("VERSION_ID", platform.release()),
        "unique.advertise.address": address,
        "unique.hostname": machine_name(),
        "unique.network.ip-address": address.rpartition(":")[0].strip("[]"),
        **{f"driver.{name}": "1" for name in drivers},
    }


def _memory_bytes() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (OSError, ValueError):
        return 0


def _os_release() -> Mapping[str, str]:
    try:
        return platform.freedesktop_os_release()
    except OSError:
        return {}
