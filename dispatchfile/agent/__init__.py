"""The embedded one-machine stand-in for Nomad: `--local` runs, rehearsals and tests speak to it over HTTP."""

from dispatchfile.agent.embedded import EmbeddedAgent, RefusedJob
from dispatchfile.agent.faults import Fault, parse_fault
from dispatchfile.agent.submitted import refusal_of

__all__ = ["EmbeddedAgent", "Fault", "RefusedJob", "parse_fault", "refusal_of"]
