"""The HTML report as a browser shows it."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from dispatchfile.reports.html import html_of_run
from dispatchfile.results.detail import RunDetail
from tests.reports.html.runs import Attempt, detail_of, story_of
from tests.reports.html.test_page import HOSTILE, run_with

pytest.importorskip("selenium", reason="selenium is not installed: pip install -e '.[dev]' installs it")

from selenium.webdriver.common.keys import Keys

from tests.reports.html.browser import Browser, started_browser

LIVING = {**story_of(20), "film-20": [Attempt(30, 31, None, None)], "film-21": [Attempt(30, None, None, None)]}
RUNS: Mapping[str, Callable[[], RunDetail]] = {
    "nothing": lambda: detail_of({}),
    "5-items": lambda: detail_of(story_of(5)),
    "200-items-on-40-nodes": lambda: detail_of(story_of(200, nodes=40)),
    "10000-items": lambda: detail_of(story_of(10_000)),
    "nothing-but-failures": lambda: detail_of(story_of(120, fails=lambda _: True)),
    "interrupted": lambda: detail_of(LIVING, state="interrupted", ended_after=90),
    "running": lambda: detail_of(LIVING, state="running", ended_after=90),
    "hostile": lambda: run_with(HOSTILE),
}
LIKE_OTHERS = frozenset({"10000-items"})  # but longer: axe-core looks at each row of the timeline for ten seconds


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with started_browser(tmp_path_factory.mktemp("browser")) as started:
        yield started


@pytest.fixture
def opened(browser: Browser, tmp_path: Path) -> Callable[[RunDetail], Browser]:
    def open_page(detail: RunDetail) -> Browser:
        file = tmp_path / "report.html"
        file.write_text("".join(html_of_run(detail)), encoding="utf-8")
        browser.show(width=1_024, theme="light")
        browser.open(file)
        return browser

    return open_page


@pytest.mark.parametrize("name", RUNS)
def test_a_page_loads_nothing_and_has_no_error(opened: Callable[[RunDetail], Browser], name: str) -> None:
    """It asks for itself alone, its script runs, and a reader of any width and theme has no serious obstacle."""
    page = opened(RUNS[name]())
    assert [address.rpartition("/")[2] for address in page.requested()] == ["report.html"]
    assert page.count("#search:not([hidden])") == 1
    for width, theme in ((390, "dark"), (1_024, "light")):
        page.show(width=width, theme=theme)
        if name not in LIKE_OTHERS:
            assert page.serious_findings() == []
        assert page.driver.execute_script("return document.documentElement.scrollWidth") <= width
    assert page.logged() == []


def test_a_browser_sees_no_element_of_a_hostile_text(opened: Callable[[RunDetail], Browser]) -> None:
    """With all details open, the page has the elements of one whose texts are harmless."""
    count = "return [...document.querySelectorAll('*')].map((element) => element.tagName).sort().join()"
    pages = []
    for text in ("x", HOSTILE):
        page = opened(run_with(text))
        for button in page.driver.find_elements("css selector", "#item-table tbody button"):
            button.click()
        pages.append(page.driver.execute_script(count))
    assert pages[0] == pages[1]
    assert page.texts(".details dt").count("payload") == 2


def test_a_search_narrows_the_table(opened: Callable[[RunDetail], Browser]) -> None:
    """Words are sought in IDs, jobs, nodes, tags, causes and log lines; an outcome narrows them further."""
    page = opened(detail_of(story_of(200)))
    assert (page.find("#found").text, page.find("#page").text) == ("200 items", "Page 1 of 4")
    page.find("#words").send_keys("FILM-4 codec")
    assert page.find("#found").text == "1 of 200 items"
    assert page.texts("#item-table tbody th") == ["film-45"]
    page.find("#words").clear()
    page.find("#words").send_keys("node-1 audio")
    page.find("#outcome").send_keys("failed")
    outcomes = set(page.texts("#item-table tbody td:nth-child(2)"))
    assert outcomes == {"failed"}


def test_a_column_sorts_the_table(opened: Callable[[RunDetail], Browser]) -> None:
    """The slowest come first, and at the second time last; numbers in names count as numbers."""
    page = opened(detail_of(story_of(20)))
    head = page.find("#item-table thead th:nth-child(7) button")
    head.click()
    slowest = page.texts("#item-table tbody th")[0]
    head.send_keys(Keys.ENTER)
    assert slowest == "film-7"
    assert page.texts("#item-table tbody th")[-1] == "film-7"
    page.find("#item-table thead th:nth-child(1) button").click()
    assert page.texts("#item-table tbody th") == [f"film-{number}" for number in range(20)]


def test_a_key_opens_the_details_of_an_item(opened: Callable[[RunDetail], Browser]) -> None:
    """They have its request, its attempts, and a link to its child in Nomad's UI."""
    page = opened(detail_of(story_of(6)))
    button = page.find("#item-table tbody tr:nth-child(6) button")
    button.send_keys(Keys.ENTER)
    assert button.get_attribute("aria-expanded") == "true"
    assert page.texts(".details h3") == ["Request", "Attempt 1", "Attempt 2"]
    assert "Film 5" in page.texts(".details dd")
    links = [link.get_attribute("href") for link in page.driver.find_elements("css selector", ".details a")]
    assert links[1] == (
        "http://nomad.example:4646/ui/jobs/video-encode%2Fdispatch-k3v9x2ab-film-5-2-1795000000-00000002@default"
    )
    button.send_keys(Keys.SPACE)
    assert page.count(".details") == 0


def test_a_row_of_the_timeline_opens_its_item(opened: Callable[[RunDetail], Browser]) -> None:
    """The table turns to the page of the item, with its details."""
    page = opened(detail_of(story_of(120)))
    page.find('.of-items [data-place="110"]').click()
    assert page.find("#page").text == "Page 3 of 3"
    assert page.driver.switch_to.active_element.text == "film-110"
    assert page.count(".details") == 1


def test_a_printed_page_has_more_rows(opened: Callable[[RunDetail], Browser]) -> None:
    """Nobody turns a page of paper to the next fifty items; afterwards the screen is as before."""
    page, rows = opened(detail_of(story_of(200))), "#item-table tbody tr"
    page.find("#next").click()
    counts = [page.count(rows)]
    for event in ("beforeprint", "afterprint"):
        page.driver.execute_script("window.dispatchEvent(new Event(arguments[0]))", event)
        counts.append(page.count(rows))
    assert counts == [50, 200, 50]


def test_a_timeline_has_a_view_by_node(opened: Callable[[RunDetail], Browser]) -> None:
    """Each node has its name and as many lines as it ran items at once."""
    page = opened(detail_of(story_of(30, nodes=3)))
    assert not page.find(".of-nodes").is_displayed()
    page.find("#by-item").send_keys(Keys.ARROW_RIGHT)
    assert page.texts(".of-nodes .node .label") == ["node-1", "node-2", "node-3"]
    assert not page.find(".of-items").is_displayed()


def test_a_page_is_readable_without_its_script(browser: Browser, opened: Callable[[RunDetail], Browser]) -> None:
    """Charts and tables are there; of many items, those that did not succeed and the slowest are listed."""
    with browser.without_script():
        page = opened(detail_of(story_of(600)))
        assert page.count("#item-table tbody tr") == 500
        assert page.texts("noscript p") == [
            "100 other items are shown only with JavaScript; dispatchfile report k3v9x2ab --format json lists all."
        ]
        assert page.count(".outcomes rect") == 2
        assert not page.find("#search").is_displayed()
