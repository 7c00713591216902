"""A real Nomad agent for tests: the binary that NOMAD_BIN names, in dev mode, on loopback ports of its own."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

NO_BINARY = "NOMAD_BIN names no binary"
READY_WITHIN_S = 60.0
CONFIG = """
disable_update_check        = true
disable_anonymous_signature = true
bind_addr                   = "127.0.0.1"
ports {{
  http = {http}
  rpc  = {rpc}
  serf = {serf}
}}
client {{
  options = {{
    "fingerprint.denylist" = "env_aws,env_gce,env_azure,env_digitalocean,cni,consul,vault,bridge"
  }}
}}
plugin "raw_exec" {{
  config {{
    enabled = true
  }}
}}
"""


def binary() -> str | None:
    """The binary that NOMAD_BIN names, if there is one."""
    name = os.environ.get("NOMAD_BIN", "")
    return name if name and Path(name).is_file() else None


def free_ports(count: int) -> list[int]:
    """Loopback ports that were free a moment ago."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


@contextlib.contextmanager
def real_agent(extra_config: str = "") -> Iterator[str]:
    """The address of a running agent whose node is ready. It is stopped, with its tasks, at the end."""
    nomad = binary()
    assert nomad, NO_BINARY
    folder = Path(tempfile.mkdtemp(prefix="df-nomad-"))
    http, rpc, serf = free_ports(3)
    config = folder / "agent.hcl"
    config.write_text(CONFIG.format(http=http, rpc=rpc, serf=serf) + extra_config, encoding="utf-8")
    environ = {key: value for key, value in os.environ.items() if not key.startswith("NOMAD_")}
    environ["TMPDIR"] = str(folder)  # an agent in dev mode leaves folders there
    with (folder / "agent.log").open("wb") as log:
        process = subprocess.Popen(
            [nomad, "agent", "-dev", f"-config={config}"], stdout=log, stderr=log, env=environ, start_new_session=True
        )
        try:
            address = f"http://127.0.0.1:{http}"
            _wait_until_ready(address, process, folder / "agent.log")
            yield address
        finally:
            _stop(process)
            shutil.rmtree(folder, ignore_errors=True)


def _wait_until_ready(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError, ValueError):
            with urllib.request.urlopen(f"{address}/v1/nodes", timeout=2) as answer:
                nodes = json.load(answer)
            if nodes and all(node["Status"] == "ready" for node in nodes):
                return
        time.sleep(0.1)
    raise AssertionError(f"no agent is ready:\n{log.read_text(errors='replace')[-3000:]}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(signal.SIGINT)
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(timeout=10)
