"""Debian's Chromium, as tests drive it: what a page logs, what it asks for, and what stands in it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement

from tests.tools import installed, node_file

FLAGS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"),
    *("--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
AXE = "axe-core/axe.min.js"
RUN_AXE = "const done = arguments[0]; axe.run().then((found) => done(JSON.stringify(found.violations)))"


@dataclass(frozen=True, slots=True)
class Browser:
    """One browser with one window."""

    driver: Chrome

    def open(self, file: Path) -> None:
        """Open the file and forget what was logged before."""
        self.driver.get("about:blank")
        self.driver.get_log("browser")
        self.driver.get_log("performance")
        self.driver.get(file.as_uri())

    def logged(self) -> list[str]:
        """Return what the page wrote to the console, errors and violations of its policy among it."""
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def requested(self) -> list[str]:
        """Return the addresses that the page asked for."""
        messages = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        return [
            message["params"]["request"]["url"]
            for message in messages
            if message["method"] == "Network.requestWillBeSent"
        ]

    def show(self, *, width: int, height: int = 1_000, theme: str) -> None:
        """Set the size of the window in pixels, and the theme that its user prefers, light or dark."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        feature = {"name": "prefers-color-scheme", "value": theme}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})

    @contextmanager
    def without_script(self) -> Iterator[None]:
        """Let pages run no script."""
        self.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
        try:
            yield
        finally:
            self.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})

    def serious_findings(self) -> list[str]:
        """Return what axe-core finds serious or critical: the rule, and the first elements that break it."""
        self.driver.execute_script(node_file(AXE).read_text(encoding="utf-8"))
        violations = json.loads(self.driver.execute_async_script(RUN_AXE))
        return [
            f"{each['id']}: {[node['html'] for node in each['nodes'][:3]]}"
            for each in violations
            if each["impact"] in {"serious", "critical"}
        ]

    def count(self, selector: str) -> int:
        return int(self.driver.execute_script("return document.querySelectorAll(arguments[0]).length", selector))

    def find(self, selector: str) -> WebElement:
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def texts(self, selector: str) -> Sequence[str]:
        """Return the text of each element, as a reader sees it."""
        return [each.text for each in self.driver.find_elements(By.CSS_SELECTOR, selector)]


@contextmanager
def started_browser(folder: Path) -> Iterator[Browser]:
    """Start a browser that keeps its files in *folder*. Skip the test where there is none."""
    options = ChromeOptions()
    options.binary_location = installed("chromium", "chromium")
    for flag in (*FLAGS, f"--user-data-dir={folder}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    service = Service(installed("chromedriver", "chromium-driver"))
    with Chrome(options, service) as driver:
        driver.set_script_timeout(30)
        yield Browser(driver)
