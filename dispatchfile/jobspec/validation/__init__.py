"""
Nomad's validation of a job, in its own words and order.

Source of checks and wording: hashicorp/nomad, the Validate methods in nomad/structs.
"""

from dispatchfile.jobspec.validation.job import job_problems
from dispatchfile.jobspec.validation.words import joined_problems, quote

__all__ = ["job_problems", "joined_problems", "quote"]
