"""A run as one HTML file that needs no network: `html_of_run` yields it in pieces."""

from dispatchfile.reports.html.page import html_of_run

__all__ = ["html_of_run"]
