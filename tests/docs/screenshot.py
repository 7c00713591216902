"""Make the picture of the HTML report in docs/output.md anew: `python -m tests.docs.screenshot`."""

from __future__ import annotations

import base64
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from dispatchfile.reports.html import html_of_run
from tests.docs.pages import ROOT
from tests.reports.html.browser import started_browser
from tests.reports.html.runs import Story, bad, detail_of, story_of

PICTURE = ROOT / "docs" / "report.png"
WIDTH, HEIGHT = 1_024, 1_400
ITEMS = 24


def story() -> Story:
    """Return a run whose failed items all said the same."""
    return {
        name: [
            replace(one, verdict=bad(node=one.verdict.node) if one.verdict.exit_code else one.verdict) for one in ones
        ]
        for name, ones in story_of(ITEMS).items()
    }


def take(folder: Path) -> bytes:
    """Return the upper part of the report of a run of 24 items, as PNG."""
    page = folder / "report.html"
    page.write_text("".join(html_of_run(detail_of(story()))), encoding="utf-8")
    with started_browser(folder / "browser") as browser:
        browser.show(width=WIDTH, height=HEIGHT, theme="light")
        browser.open(page)
        return base64.b64decode(browser.driver.get_screenshot_as_base64())


if __name__ == "__main__":
    with TemporaryDirectory() as made:
        PICTURE.write_bytes(take(Path(made)))
