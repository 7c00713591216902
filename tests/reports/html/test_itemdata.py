"""The data of the items on the HTML page: what has room, and what is cut so that the file stays small."""

import json
from dataclasses import replace

from dispatchfile.events import Cause, Outcome, Verdict
from dispatchfile.items import Item
from dispatchfile.reports.html import html_of_run
from dispatchfile.reports.html.itemdata import escaped_json, item_data, largest_file
from dispatchfile.results.detail import RunDetail
from tests.making import make_item
from tests.reports.html.runs import GOOD, Attempt, bad, detail_of, story_of

WIDE = "\N{CJK UNIFIED IDEOGRAPH-6F22}<&"  # three bytes, and two characters that are written as six


def run_of_large_items(count: int, verdict: Verdict) -> RunDetail:
    """Each item has its own payload, meta and last words, as long as Nomad and the journal take them."""

    def item(name: str) -> Item:
        text = f"{name} {WIDE * 1_000}"
        return make_item(name, payload=text.encode(), meta={f"key{n}": text for n in range(10)})

    def one(number: int) -> Verdict:
        text = f"{number} {WIDE * 1_000}"
        return replace(verdict, message=text, last_log_line=text, node=f"node {number}")

    return detail_of({f"film-{n}-{'x' * 100}": [Attempt(1, 2, n + 3, one(n))] for n in range(count)}, item=item)


def test_a_file_stays_small_whatever_its_texts_are() -> None:
    """A run of up to 10,000 items has at most 5 MB; the page says how many items have no details."""
    detail = run_of_large_items(500, Verdict(Outcome.FAILED, Cause.EXIT, exit_code=1))
    page = "".join(html_of_run(detail))
    assert len(page.encode()) <= 5_000_000
    assert "items have no room in this file; <code" in page


def test_room_grows_with_the_run_up_to_a_limit() -> None:
    """So 100,000 items stay below 20 MB."""
    assert [largest_file(count) for count in (0, 10_000, 20_000, 96_000, 1_000_000)] == [
        4_950_000,
        4_950_000,
        6_450_000,
        17_850_000,
        19_500_000,
    ]


def test_what_did_not_succeed_has_details_before_all_others() -> None:
    """Then the slowest; every item still has its row."""
    story = {f"film-{n}": [Attempt(1, 2, 10 + n, bad() if n == 3 else GOOD)] for n in range(20)}
    whole, cut = item_data(detail_of(story), 1_000_000), item_data(detail_of(story), 6_000)
    rows = json.loads(cut.json)["rows"]
    detailed = [row[1] for row, sections in zip(rows, json.loads(cut.json)["details"], strict=True) if sections]
    assert (whole.without_row, whole.without_details) == (0, 0)
    assert (len(rows), cut.without_row, cut.without_details) == (20, 0, 20 - len(detailed))
    assert "film-3" in detailed
    assert "film-19" in detailed
    assert "film-0" not in detailed
    assert len(cut.json.encode()) < 6_000 + 300


def test_rows_are_cut_only_where_there_is_no_room_for_all() -> None:
    """The failed item stays, and the rows that stay are in the run's order."""
    story = story_of(40, fails=lambda number: number == 39)
    data = item_data(detail_of(story), 1_500)
    names = [row[1] for row in json.loads(data.json)["rows"]]
    assert data.without_row == 40 - len(names) > 0
    assert names[-1] == "film-39"
    assert names == sorted(names, key=lambda name: int(name.partition("-")[2]))


def test_json_in_a_page_ends_nothing() -> None:
    """No character of it means anything to a reader of HTML, and it reads back as it was."""
    hostile = '</script><!--&amp;\u2028\u2029"\\'
    text = escaped_json([hostile])
    assert [char for char in text if char in "<>&\u2028\u2029"] == []
    assert json.loads(text) == [hostile]
