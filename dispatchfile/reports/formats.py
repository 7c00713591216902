"""The formats there are, apart from what makes them, so that a command line can be read without importing that."""

from __future__ import annotations

from enum import StrEnum


class ProblemFormat(StrEnum):
    """The format of the problems of manifests."""

    TEXT = "text"
    JSON = "json"
    GITHUB = "github"
    SARIF = "sarif"
    JUNIT = "junit"


class OutputFormat(StrEnum):
    """The format of a run on standard output."""

    TEXT = "text"
    JSON = "json"
    NDJSON = "ndjson"


class ReportKind(StrEnum):
    """A report of a run in a file of its own."""

    JSON = "json"
    JUNIT = "junit"
    MARKDOWN = "markdown"
    HTML = "html"
    GITHUB = "github"
    DOTENV = "dotenv"
