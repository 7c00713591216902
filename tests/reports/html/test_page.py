"""A run as one HTML file, as a parser reads it."""

import base64
import hashlib
import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from typing import Self

import pytest

from dispatchfile.events import Cause, Outcome, Verdict
from dispatchfile.items import Item
from dispatchfile.reports.html import html_of_run
from dispatchfile.results.detail import RunDetail
from tests.making import make_item
from tests.reports.html.runs import (
    GOOD,
    Attempt,
    bad,
    detail_of,
    story_of,
    with_summary,
    without_journal,
)

HOSTILE = "</script><img src=x onerror=alert(1)>\" onload='x' <!-- ]]> &lt;b \u202e\u2066\u200f\x1b[31m\u2028 {{ 7*7 }}"

LIVING = {"a": [Attempt(1, 2, None, None)]}


@dataclass
class Page(HTMLParser):
    """Elements, attributes and texts of a page."""

    tags: Counter[str] = field(default_factory=Counter)
    attributes: set[str] = field(default_factory=set)
    contents: dict[str, str] = field(default_factory=dict)  # of style and script elements, by their tag and id
    texts: list[str] = field(default_factory=list)
    policy: str = ""
    item_rows: int = 0  # of the table of items
    _in_items: bool = False
    _open: str = ""

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)

    __hash__ = None  # type: ignore[assignment]

    @classmethod
    def read(cls, text: str) -> Self:
        page = cls()
        page.feed(text)
        page.close()
        return page

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes |= {name for name, _ in attrs}
        given = dict(attrs)
        if given.get("http-equiv") == "Content-Security-Policy":
            self.policy = given["content"] or ""
        self._in_items = self._in_items or given.get("id") == "item-table"
        self.item_rows += self._in_items and tag == "tr"
        self._open = f"{tag} {given.get('id', '')}".strip() if tag in {"style", "script"} else ""

    def handle_data(self, data: str) -> None:
        if self._open:
            self.contents[self._open] = self.contents.get(self._open, "") + data
        elif data.strip():
            self.texts.append(data.strip())

    def handle_endtag(self, tag: str) -> None:
        self._open = ""
        if tag == "thead":
            self.item_rows = 0
        self._in_items = self._in_items and tag != "table"


def page_of(detail: RunDetail) -> Page:
    return Page.read("".join(html_of_run(detail)))


def run_with(text: str) -> RunDetail:
    """A run with *text* in every field that comes from outside."""

    def item(name: str) -> Item:
        made = make_item(name, job=text, namespace=text, region=text, payload=text.encode(), tags=(text, "b"))
        request = replace(made.request, meta={text: text})
        position = replace(made.position, file=text)
        return replace(made, request=request, source=text, position=position, row=position)

    verdict = Verdict(
        Outcome.FAILED, Cause.EXIT, text, 3, text, 2, text, alloc_id=text, task=text, group=text, alloc_index=1
    )
    story = {"a": [Attempt(1, 2, 5, verdict, retry=True), Attempt(8, 9, 12, verdict)], "b": [Attempt(1, None, 3, GOOD)]}
    detail = detail_of(story, item=item)
    summary = replace(detail.summary, run=text, name=text, manifest=text, target=text, wait=text, doubled=(text,))
    origin = replace(detail.origin, version=text, rerun_of=text, plan=text, commit=text)
    attempts = {
        name: [replace(one, child=text, eval_id=text, token=text, prefix=text, doubt=text) for one in found]
        for name, found in detail.attempts.items()
    }
    return replace(detail, summary=summary, origin=origin, attempts=attempts)


def test_hostile_texts_make_no_element() -> None:
    """Every field holds markup, quotes, ends of scripts and direction marks: elements and attributes stay the same."""
    plain, hostile = page_of(run_with("x")), page_of(run_with(HOSTILE))
    assert (hostile.tags, hostile.attributes) == (plain.tags, plain.attributes)


def test_hostile_texts_reach_no_reader_unseen() -> None:
    """Control and direction characters are written as escapes, in the page and in its data."""
    page = "".join(html_of_run(run_with(HOSTILE)))
    assert [char for char in page if not char.isprintable() and char != "\n"] == []
    assert r"\u202e\u2066\u200f\x1b[31m\u2028" in page


def test_hostile_texts_are_shown_as_they_are() -> None:
    """A log line that looks like markup, like a character reference or like a template is the text that it is."""
    page = page_of(run_with(HOSTILE))
    shown = "</script><img src=x onerror=alert(1)>\" onload='x' <!-- ]]> &lt;b \\u202e\\u2066\\u200f\\x1b[31m {{ 7*7 }}"
    assert any(text == shown for text in page.texts)
    assert any(text.startswith("</script><img src=x") for text in json.loads(page.contents["script data"])["texts"])


def test_the_file_lets_only_its_own_style_and_script_run() -> None:
    """The policy names both by their digests and allows nothing else; no attribute holds a style or a script."""
    page = page_of(detail_of(story_of(20)))
    digests = {name: _digest(page.contents[name]) for name in ("style", "script")}
    assert page.policy == (
        f"default-src 'none'; style-src '{digests['style']}'; script-src '{digests['script']}'; "
        "base-uri 'none'; form-action 'none'"
    )
    assert {name for name in page.attributes if name == "style" or name.startswith("on") or "src" in name} == set()


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def test_the_file_asks_for_nothing() -> None:
    """There is no image, font, frame, link element or address to load from."""
    page = "".join(html_of_run(detail_of(story_of(20))))
    assert (
        re.findall(r"<(?:img|link|iframe|object|embed|base|image|use|foreignObject)\b|url\(|@import|srcset", page) == []
    )


def test_the_data_of_a_run() -> None:
    """A row for each item, its texts by their places, and its details in sections."""
    story = {"film-0": [Attempt(1, 3, 11.5, bad())], "film-1": [Attempt(1, None, 3, GOOD)]}
    data = json.loads(page_of(detail_of(story)).contents["script data"])
    texts = data["texts"]

    def read(value: object) -> object:
        return texts[value] if isinstance(value, int) else value

    assert data["rows"][0][1] == "film-0"
    assert [read(value) for value in data["rows"][0][2:7]] == ["", "audio-encode", "node-1", "failed", "exit 3"]
    assert data["rows"][0][7:11] == [1, 2, 1.0, 10.5]
    assert read(data["rows"][0][11]) == "task encode: exit code 3; last log line: no such codec: vp9"
    assert [
        (read(title), {read(name): read(value) for name, value in fields}) for title, fields in data["details"][0]
    ] == [
        (
            "",
            {
                "message": "task encode: exit code 3",
                "last log line": "no such codec: vp9",
                "source": "films.yaml:1:5",
                "next": "run it again: dispatchfile rerun k3v9x2ab --only film-0",
            },
        ),
        (
            "Request",
            {
                "job": "audio-encode",
                "namespace": "default",
                "meta quality": "1080p",
                "meta title": "Film 0",
                "payload": '18 bytes\n{"input": "0.mov"}',
            },
        ),
        (
            "Attempt 1",
            {
                "outcome": "failed (exit 3)",
                "child": "video-encode/dispatch-k3v9x2ab-film-0-1-1795000000-00000001",
                "evaluation": "8ea2ba75-4c5c-8a1f-7e4d-2a1c5d1f0e01",
                "dispatched": [1.0],
                "seen running": [3.0],
                "ended": [11.5],
                "task": "encode",
                "node": "node-1",
                "starts": "2",
            },
        ),
    ]


def test_sensitive_values_are_masked() -> None:
    """Neither the page nor its data has what the manifest calls sensitive, which no journal stores either."""

    def item(name: str) -> Item:
        made = make_item(name, payload=b"hunter2", meta={"api_key": "hunter2", "title": "x"})
        return replace(made, sensitive=frozenset({"payload", "meta.api_key"}))

    page = "".join(html_of_run(detail_of({"a": [Attempt(1, 2, 3, GOOD)]}, item=item)))
    assert "hunter2" not in page
    assert '"meta api_key","***"' in page


@pytest.mark.parametrize(
    ("detail", "title"),
    [
        pytest.param(detail_of({}), "finished", id="no-items"),
        pytest.param(detail_of(story_of(5)), "finished", id="five"),
        pytest.param(without_journal(detail_of(story_of(5)).summary), "finished", id="no-journal"),
        pytest.param(detail_of(story_of(40, fails=lambda _: True)), "finished", id="nothing-but-failures"),
        pytest.param(detail_of(LIVING, state="running", ended_after=60), "running", id="running"),
        pytest.param(detail_of(LIVING, state="interrupted"), "interrupted", id="interrupted"),
        pytest.param(with_summary(detail_of(story_of(5)), state="stopped_early"), "stopped early", id="stopped"),
    ],
)
def test_every_kind_of_run_has_a_page(detail: RunDetail, title: str) -> None:
    """Its title says how it went, and all items are in its table even without the script."""
    page = page_of(detail)
    assert f"nightly-encode: {title}, run k3v9x2ab" in page.texts
    assert page.item_rows == len(detail.summary.items)


def test_the_times_of_a_run_that_still_runs_end_when_it_was_read() -> None:
    """What spans has lived until then, and the page says that it had not ended."""
    page = page_of(detail_of(LIVING, state="running", ended_after=61))
    assert "2026-11-18 11:07:41Z, while it had not ended" in page.texts
