"""
The numbers of a run as lines NAME=VALUE, as `$GITHUB_OUTPUT` and GitLab's dotenv reports take them.

No text from a manifest or a task is among them: it could end its line and set a variable of its own. GitLab takes at
most 20 variables. Sources: GitHub Docs, "Workflow commands for GitHub Actions"; GitLab Docs, "dotenv reports".
"""

from __future__ import annotations

from dispatchfile.results import Summary


def dotenv_of_run(summary: Summary) -> str:
    """Return the run's ID, state and exit code, how many items there are, and how many ended with each outcome."""
    values = {"run": summary.run, "state": summary.state, "exit_code": summary.exit_code, **summary.counts}
    return "".join(f"{name}={value}\n" for name, value in values.items())
