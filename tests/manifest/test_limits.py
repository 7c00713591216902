"""Hostile and broken manifests: refused at once, at their place, with the collector back on."""

import gc
import time

import pytest

from dispatchfile.manifest.builder import MAX_DEPTH
from dispatchfile.manifest.scalars import MAX_NUMBER_LENGTH
from dispatchfile.problems import SHOWN_PROBLEMS
from tests.manifest.loading import PARSERS, document, load, refusals

DEEP = 100_000


@pytest.mark.parametrize(
    ("text", "refusal"),
    [
        pytest.param("[" * DEEP, "DF005 1:65", id="lists"),
        pytest.param("- " * DEEP, "DF005 1:129", id="block lists"),
        pytest.param("vars: " + "[{a: " * DEEP, "DF005 1:163", id="mixed"),
        pytest.param("\n".join(f"{' ' * n}a:" for n in range(2000)), "DF005 65:65", id="block mappings"),
    ],
)
def test_deep_nesting_is_refused_at_once(text: str, refusal: str) -> None:
    """ruamel.yaml's own loaders crash the interpreter on this, and libyaml alone takes half a minute."""
    started = time.perf_counter()
    found = refusals(text)
    assert (found, time.perf_counter() - started < 2) == ([refusal], True)


@PARSERS
def test_deep_keys_are_refused(pure: bool) -> None:
    """What is left out is counted as well."""
    assert "DF005 1:3" in refusals("? " * 1000, pure=pure)


@PARSERS
def test_nesting_up_to_the_limit_is_fine(pure: bool) -> None:
    """The top level counts, scalars do not."""
    depth = MAX_DEPTH - 1
    document(f"vars: {'[' * depth}{']' * depth}", pure=pure)
    assert refusals(f"vars: {'[' * (depth + 1)}{']' * (depth + 1)}", pure=pure) == [f"DF005 1:{7 + depth}"]


@PARSERS
def test_an_alias_cannot_pass_the_limit_of_depth(pure: bool) -> None:
    """What it stands for counts where it stands."""
    half = MAX_DEPTH // 2
    text = f"vars:\n  a: &a {'[' * half}{']' * half}\n  b: {'[' * half}*a{']' * half}\n"
    assert [refusal[:5] for refusal in refusals(text, pure=pure)] == ["DF005"]


@PARSERS
def test_a_number_without_end_is_refused(pure: bool) -> None:
    """Python itself would refuse to print it."""
    digits = "9" * (MAX_NUMBER_LENGTH + 1)
    assert refusals(f"vars: [{digits}, 0x{digits}, {'9' * 309}]", pure=pure) == [
        "DF008 1:8",
        f"DF008 1:{10 + len(digits)}",
    ]


@PARSERS
def test_all_problems_of_a_file_are_met_at_once(pure: bool) -> None:
    """Those that do not end the reading are collected, in the order of the file."""
    text = "version: 1\nversion: 2\nvars: {a: .nan, 1: b, c: !d e}\ndispatches:\n  - job: {{ x }}\n  - job: {{ y }}\n"
    assert refusals(text, pure=pure) == [
        "DF004 2:1",
        "DF008 3:11",
        "DF012 3:17",
        "DF008 3:26",
        "DF007 5:10",
        "DF007 6:10",
    ]


@PARSERS
def test_what_ends_the_reading_comes_after_what_was_met_before(pure: bool) -> None:
    """A syntax error does not hide a duplicate key above it."""
    assert refusals("version: 1\nversion: 2\nvars: [\n", pure=pure)[0] == "DF004 2:1"


@PARSERS
def test_a_broken_template_is_reported_once(pure: bool) -> None:
    """What the parser stumbles over after the braces is the same mistake; in another line it is another."""
    assert refusals("vars: {{ a }}-b\n", pure=pure) == ["DF007 1:7"]
    assert [refusal[:5] for refusal in refusals("vars: {{ a }}\nenv: [}\n", pure=pure)] == ["DF007", "DF001"]


def test_problems_are_not_collected_without_end() -> None:
    """Nobody reads ten thousand of them."""
    assert len(load("vars:\n" + "  a: 1\n" * 10_000)[1]) == SHOWN_PROBLEMS


@PARSERS
def test_a_document_with_problems_can_be_searched_for_more(pure: bool) -> None:
    """What was wrong is left out or stands as a harmless value, and its places are known."""
    read, problems = load("vars: {a: 1, a: 2, b: {{ c }}, 3: d}\n", pure=pure)
    assert read is not None
    assert (read.data, read.reported) == ({"vars": {"a": 1, "b": "{{ }}"}}, {problem.position for problem in problems})
    assert str(read.position("vars", "b")) == "a.yaml:1:23"


@PARSERS
def test_a_refused_manifest_has_no_document(pure: bool) -> None:
    """Nothing that was read before the end is used."""
    assert load("version: 1\n--- \n", pure=pure)[0] is None


@PARSERS
def test_problems_show_their_line(pure: bool) -> None:
    """The excerpt's caret stands below the first character."""
    [problem] = load("version: 1\nvars: {a: 1, a: 2}\n", pure=pure)[1]
    assert problem.excerpt == "    vars: {a: 1, a: 2}\n                 ^"


@pytest.mark.parametrize("enabled", [True, False])
@pytest.mark.parametrize("text", ["version: 1", "version: ["])
def test_the_collector_is_left_as_it_was(text: str, enabled: bool) -> None:
    """The garbage collector is restored whether the reading succeeds or fails."""
    was_enabled = gc.isenabled()
    (gc.enable if enabled else gc.disable)()
    try:
        load(text)
        assert gc.isenabled() == enabled
    finally:
        (gc.enable if was_enabled else gc.disable)()


@pytest.mark.parametrize("directives", ["\r\n" * 5000, "# a\n" * 5000, " \t\n" * 5000, "#" * 20_000, " " * 20_000])
def test_looking_for_directives_takes_no_time(directives: str) -> None:
    """The pattern cannot go back on itself."""
    started = time.perf_counter()
    load(f"{directives}\nversion: 1")
    assert time.perf_counter() - started < 1
