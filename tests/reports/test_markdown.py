"""A run for a pull request or a job's page."""

from dataclasses import replace

import pytest

from dispatchfile.events import Cause, Outcome, Verdict
from dispatchfile.reports.markdown import escaped, markdown_of_run
from dispatchfile.results import JobWait
from tests.reports.making import FAILED, GOOD, UNSENT, summary_of


def test_the_whole_page_of_a_run() -> None:
    """Heading, counts, a row for each kind of trouble, and the run."""
    assert (
        markdown_of_run(summary_of({"film-1": FAILED, "film-2": GOOD}))
        == """\
### ❌ nightly: finished

1 succeeded, 1 failed of 2 items

| items | outcome | cause | example | message | last log line | run again with |
| ---: | --- | --- | --- | --- | --- | --- |
| 1 | ❌ failed | exit 3 | film-1 | task encode: exit code 3 | no such codec: \
\\\\x1b\\[31mvp9\\\\x1b\\[0m | `dispatchfile rerun k3v9x2ab --only film-1` |

From dispatch to end, 2 items: median 30s, 95th percentile 30s, longest 30s, total 1m00s (longest: film-1).

Run `k3v9x2ab` of films.yaml, 12m30s, 412 requests, peak 9 connections, 0 throttled.
"""
    )


def test_an_interrupted_run_says_how_to_go_on() -> None:
    """There is no table where nothing ended badly."""
    page = markdown_of_run(summary_of({"a": GOOD, "b": UNSENT}, "interrupted"))
    assert page.endswith("throttled.\n\nContinue with `dispatchfile resume k3v9x2ab`.\n")
    assert "|" not in page


def test_an_interrupted_run_says_what_its_items_waited_for() -> None:
    """Nomad's words are shown as text, whatever they are."""
    wait = JobWait("encode", "default", "", "a", "queued: class *big* filtered", 3)
    page = markdown_of_run(replace(summary_of({"a": None}, "interrupted"), waits=(wait,)))
    assert r"3 items of job encode were queued: class \*big\* filtered." in page


def test_several_nodes_have_a_table() -> None:
    """One row each, folded; where there is one job, node or tag alone, its figures are the run's."""
    nodes = {"a": "node-2", "b": "node-10", "c": "node-2|<b>"}
    page = markdown_of_run(summary_of({item: replace(GOOD, node=node) for item, node in nodes.items()} | {"d": None}))
    assert (
        """\
<details><summary>By node</summary>

| Node | Items | OK | Did not succeed | Not ended | Median | 95th percentile | Longest | Total |
| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
| node-2 | 1 | 1 | 0 | 0 | 30s | 30s | 30s | 30s |
| node-2\\|&lt;b&gt; | 1 | 1 | 0 | 0 | 30s | 30s | 30s | 30s |
| node-10 | 1 | 1 | 0 | 0 | 30s | 30s | 30s | 30s |

</details>
"""
        in page
    )
    assert page.count("<details>") == 1


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param("a|b", r"a\|b", id="the end of a cell"),
        pytest.param("<img src=x>&amp;", "&lt;img src=x&gt;&amp;amp;", id="HTML"),
        pytest.param("`x` [a](b) *c* _d_", r"\`x\` \[a\]\(b\) \*c\* \_d\_", id="markup"),
        pytest.param("@all", "@\u200call", id="a mention"),
        pytest.param("https://evil", "https:\u200c//evil", id="a link"),
        pytest.param("a\nb\x1b", r"a b\\x1b", id="lines and escapes"),
    ],
)
def test_texts_from_outside_stay_texts(text: str, shown: str) -> None:
    """A task's last words are not markup of a page that others trust."""
    assert escaped(text) == shown


def test_a_page_stays_below_what_github_takes() -> None:
    """Thousands of kinds of trouble with long messages: over 1 MiB GitHub would drop the whole page."""
    verdicts = {
        f"item-{n}": Verdict(Outcome.REFUSED, Cause.VALIDATION, chr(97 + n % 26) * (50 + n // 26) + "|" * 5000)
        for n in range(3000)
    }
    page = markdown_of_run(summary_of(verdicts))
    assert len(page.encode()) < 1 << 20
    assert "items in smaller groups" in page
