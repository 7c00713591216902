"""
The words of a job file: which arguments and blocks there are, their types, API names and defaults.

Source: hashicorp/nomad, api/ (hcl tags and Canonicalize); the defaults as a 2.0.5 server gives them back for batch and
sysbatch jobs.
"""

from dispatchfile.jobspec.shapes.common import RESCHEDULE, RESTART
from dispatchfile.jobspec.shapes.group import GROUP
from dispatchfile.jobspec.shapes.job import JOB
from dispatchfile.jobspec.shapes.model import FREE_FORM, BlockSchema, Field, ValueKind
from dispatchfile.jobspec.shapes.network import RESERVED_PORTS
from dispatchfile.jobspec.shapes.service import DEFAULT_IDENTITY
from dispatchfile.jobspec.shapes.task import TASK
from dispatchfile.jobspec.shapes.updates import UPDATE

__all__ = [
    "DEFAULT_IDENTITY",
    "FREE_FORM",
    "GROUP",
    "JOB",
    "RESCHEDULE",
    "RESERVED_PORTS",
    "RESTART",
    "TASK",
    "UPDATE",
    "BlockSchema",
    "Field",
    "ValueKind",
]
