"""The objects that the routes work with: the state, the scheduler, and the identity of the agent."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from dispatchfile.agent.records import Node
from dispatchfile.agent.scheduler import Scheduler
from dispatchfile.agent.state import StateStore

REGION = "global"


@dataclass(frozen=True, slots=True)
class Core:
    """
    name: of the server and the node. host, port: where the HTTP API is.

    log_file: where the log of a task is: of which allocation, which task, "stdout" or "stderr".
    scratch: a folder for files that live for one request.
    """

    state: StateStore
    scheduler: Scheduler
    rng: random.Random
    name: str
    version: str
    host: str
    port: int
    max_connections: int
    log_file: Callable[[str, str, str], Path]
    scratch: Path

    @property
    def node(self) -> Node:
        return self.scheduler.node

    @property
    def http_address(self) -> str:
        return f"{self.host}:{self.port}"
