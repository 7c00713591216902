"""A run as annotations of its manifest, and as lines for the steps behind it."""

import re

from dispatchfile.events import Cause, Outcome, Verdict
from dispatchfile.reports.dotenv import dotenv_of_run
from dispatchfile.reports.github_run import annotate_run
from tests.reports.making import FAILED, GOOD, LOST, UNSENT, summary_of


def refused(message: str) -> Verdict:
    return Verdict(Outcome.REFUSED, Cause.VALIDATION, message)


def test_each_group_is_annotated_where_its_first_item_stands() -> None:
    """What was said comes first, then how many items and which, then the command that runs them again."""
    summary = summary_of({"film-1": FAILED, "film-2": GOOD, "film-3": FAILED, "film-4": LOST})
    assert annotate_run(summary) == (
        "::error file=films.yaml,line=1,col=5,title=2 items failed%3A exit 3::no such codec: \\x1b[31mvp9\\x1b[0m%0A"
        "film-1, film-3%0Arun again with: dispatchfile rerun k3v9x2ab --only group:9aa028bf\n"
        "::error file=films.yaml,line=4,col=5,title=film-4 lost%3A node_lost::its node went away%0A"
        "run again with: dispatchfile rerun k3v9x2ab --only film-4\n"
    )


def test_a_good_run_has_no_annotations() -> None:
    """The file is empty then."""
    assert annotate_run(summary_of({"film-1": GOOD})) == ""


def test_an_interrupted_run_is_a_warning() -> None:
    """It says how to go on; items that a resume sends anyway are no errors."""
    assert annotate_run(summary_of({"a": GOOD, "b": UNSENT}, "interrupted")) == (
        "::warning title=Run k3v9x2ab was interrupted::continue with: dispatchfile resume k3v9x2ab\n"
    )


def test_no_more_than_github_shows() -> None:
    """Ten groups are shown; of more, nine, and the items of the others are counted."""
    ten = {f"i{n}": refused(chr(97 + n) * 9) for n in range(10)}
    assert annotate_run(summary_of(ten)).count("::error ") == 10
    lines = annotate_run(summary_of(ten | {"i10": refused("k" * 9), "i11": refused("k" * 9)})).splitlines()
    assert len(lines) == 10
    assert lines[-1] == (
        "::error title=More items did not succeed::2 items in smaller groups: `dispatchfile status k3v9x2ab` shows all"
    )


def test_no_text_of_a_task_is_a_command() -> None:
    """Line ends, percent signs and the marks of commands stay within the message of their annotation."""
    hostile = "x\r\n::set-env name=PATH::evil\n##[add-mask]a %0A::error::b\u2028c"
    verdict = Verdict(Outcome.FAILED, Cause.EXIT, hostile, 1, last_log_line=hostile)
    (line,) = annotate_run(summary_of({"a": verdict})).splitlines()
    assert line.startswith("::error file=films.yaml,line=1,col=5,title=a failed%3A exit 1::x ::set-env name")
    assert "%250A" in line


def test_lines_for_later_steps_hold_numbers_and_words_of_ours_alone() -> None:
    """Every outcome is there, and no name of a manifest, item or task."""
    lines = dotenv_of_run(summary_of({"film-1": FAILED, "film-2": GOOD})).splitlines()
    assert lines[:3] == ["run=k3v9x2ab", "state=finished", "exit_code=2"]
    counts = dict(line.split("=") for line in lines[3:])
    assert set(counts) == {*Outcome, "total"}
    assert (counts["total"], counts["succeeded"], counts["failed"], counts["lost"]) == ("2", "1", "1", "0")
    assert all(re.fullmatch(r"[a-z_]+=[a-z0-9_]+", line) for line in lines)
    assert len(lines) <= 20
