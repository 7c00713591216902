"""Dispatch a list of HashiCorp Nomad parameterized jobs from a manifest: exactly once, watched to one exit code."""

__version__ = "0.1.0"
