"""A past run's items as a manifest."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dispatchfile.errors import FileError
from dispatchfile.events import Accepted, Cause, Ended, Outcome, Verdict
from dispatchfile.items import DispatchRequest, Item, Retry
from dispatchfile.journal import JournalReader, RunHeader, RunState, RunStatus, StoredRun, Target
from dispatchfile.results import Results
from dispatchfile.settings import Rate, Settings, Share, Wait, resolve_settings
from dispatchfile.usecases.choose import Choice
from dispatchfile.usecases.export import export_items, manifest_of
from dispatchfile.usecases.init import SCHEMA_FILE, write_schema
from dispatchfile.usecases.load import Loaded, ManifestSource, load_items
from dispatchfile.usecases.rerun import Again, RerunOptions
from dispatchfile.usecases.running.execute import item_facts
from tests.making import make_item
from tests.usecases.past_runs import CONNECTION, keep_run

RUN = "x7k2m9qa"
DEFAULTS = Settings()

PIECES = [
    "{{",
    "{%",
    "{#",
    "}}",
    "%}",
    "#}",
    "{",
    "'",
    '"',
    "\\",
    "\n",
    "\r\n",
    "\t",
    " ",
    "#",
    ": ",
    "- ",
    "é",
    "%",
    "endraw",
]
texts = st.one_of(
    st.text(max_size=12),
    st.lists(st.sampled_from([*PIECES, "null", "yes", "1.10", "{{ vars.x }}", "{% raw %}", "a", "b"]), max_size=8).map(
        "".join
    ),
)
lines = st.lists(texts, max_size=5).map("\n".join)
plain_texts = texts.map(lambda text: "".join(char for char in text if char.isprintable()) or "x")
prefixes = plain_texts.map(lambda text: "".join(text.split()).replace("/", "") or "p")
meta_keys = st.sampled_from(["title", "<<", "yes", "1.10", "a b", "{{ key }}", "null", "~", "items", "- x"])
spans = st.timedeltas(min_value=timedelta(microseconds=1), max_value=timedelta(days=400))


@st.composite
def items_of(draw: st.DrawFn) -> list[Item]:
    ids = draw(st.lists(st.from_regex(r"[A-Za-z0-9._-]{1,20}", fullmatch=True), min_size=1, max_size=4, unique=True))
    return [draw(item_called(item_id)) for item_id in ids]


@st.composite
def item_called(draw: st.DrawFn, item_id: str) -> Item:
    exact = draw(st.booleans())
    token = f"{item_id}{draw(plain_texts)}" if exact or draw(st.booleans()) else None
    payload = draw(st.none() | st.binary(min_size=1, max_size=40) | lines.map(lambda text: text.encode() or None))
    request = DispatchRequest(
        job=draw(plain_texts),
        namespace=draw(st.sampled_from(["default", "media"])),
        region=draw(st.sampled_from(["", "eu"])),
        payload=payload,
        meta=draw(st.dictionaries(meta_keys, texts, max_size=3)),
        priority=draw(st.none() | st.integers(1, 100)),
        token=token,
    )
    retry = Retry(
        draw(st.integers(2, 5)),
        frozenset(draw(st.sets(st.sampled_from(["failed", "lost", "oom"]), min_size=1))),
        draw(spans),
    )
    return replace(
        make_item(item_id),
        request=request,
        written_prefix=draw(prefixes) if exact or draw(st.booleans()) else "",
        exact_prefix=exact,
        deadline=draw(st.none() | spans),
        stop_on_deadline=draw(st.booleans()),
        retry=draw(st.sampled_from([Retry(), retry])),
        max_starts=draw(st.none() | st.integers(1, 9)),
        tags=tuple(draw(st.lists(plain_texts, max_size=2))),
    )


def again(items: list[Item], run_settings: Settings = DEFAULTS) -> Again:
    header = RunHeader(
        RUN,
        "nightly",
        "/m.yaml",
        "m.yaml",
        "d" * 64,
        Target("http://n:4646", "", ("default",)),
        run_settings,
        False,
        0.0,
        "0.1.0",
    )
    results = Results([item_facts(item) for item in items])
    for item in items:
        results.apply(Ended(item.id, 1, 1.0, Verdict(Outcome.FAILED, Cause.EXIT, "", 3)))
    stored = StoredRun(Path("x"), header, RunStatus(RunState.FINISHED, 1, "h"), len(items))
    return Again(JournalReader(Path("x")), stored, results, tuple(items), run_settings, 0)


def read(text: str, tmp_path: Path, **variables: str) -> Loaded:
    path = tmp_path / "again.dispatchfile.yaml"
    path.write_text(text, encoding="utf-8")
    return load_items(ManifestSource(path=str(path), content=None, variables=variables, environ={}))


def without_place(item: Item) -> Item:
    """Return the item as it is sent, without its place in a file and its fingerprint."""
    request = item.request
    token = request.token and request.token.removesuffix(f"@{RUN}-again")
    return replace(
        item, request=replace(request, token=token), position=make_item("x").position, row=None, fingerprint=""
    )


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(items_of())
def test_an_export_reads_back_as_the_same_requests(tmp_path: Path, items: list[Item]) -> None:
    """Whatever stands in payloads, meta, jobs, tokens, prefixes and tags, template delimiters included."""
    loaded = read(manifest_of(again(items), items), tmp_path)
    assert not [
        str(problem) for problem in loaded.problems if problem.found != "on_timeout has no effect without a timeout"
    ]
    assert [without_place(item) for item in loaded.items] == [without_place(item) for item in items]


def item_of(**changes: object) -> Item:
    return make_item("a", **changes)  # type: ignore[arg-type]


def test_a_manifest_is_made_to_be_reviewed(tmp_path: Path) -> None:
    """What all items share stands once, payloads of lines in lines, and each item says how it ended."""
    one = make_item("film-1", payload=b'{"a": 1}\n{"b": 2}\n', meta={"title": "One"}, tags=("eu",), attempts=2)
    two = make_item("film-2", payload=b"\x00\xff", meta={"title": "1.10"}, tags=("eu",), attempts=2)
    text = manifest_of(again([one, two], Settings(wait=Wait.COMPLETION, in_flight=None)), [one, two])
    assert text.partition("#\n")[2] == (
        """\
# 2 of the 2 items of run x7k2m9qa (nightly), as that run stored them.
version: 1
name: nightly
settings:
  wait: completion
  in_flight: unlimited
defaults:
  job: encode
  namespace: default
  retry: {attempts: 2, on: [failed], delay: "0s"}
  tags: [eu]
dispatches:
  # failed (exit 3)
  - id: film-1
    payload:
      text: |
        {"a": 1}
        {"b": 2}
    meta:
      title: One
  # failed (exit 3)
  - id: film-2
    payload: {base64: "AP8="}
    meta:
      title: "1.10"
"""
    )


def test_settings_go_along(tmp_path: Path) -> None:
    """The manifest's run goes at the past run's pace and waits as far."""
    given = Settings(
        wait=Wait.COMPLETION,
        concurrency=3,
        in_flight=None,
        rate=Rate(20, 60),
        canary=Share(percent=2.5),
        stop_on=Share(count=7),
        unplaced_after=timedelta(minutes=10),
        timeout=timedelta(hours=2, microseconds=1),
        settle=timedelta(seconds=90),
    )
    loaded = read(manifest_of(again([item_of()], given), [item_of()]), tmp_path)
    assert loaded.document is not None
    assert resolve_settings({}, loaded.document.data["settings"]) == given  # type: ignore[arg-type]


def test_tokens_are_varied_so_that_new_children_come(tmp_path: Path) -> None:
    """No run and no rerun makes such a token, and a comment says why."""
    item = item_of(token="tok", prefix="p", exact=True)
    text = manifest_of(again([item]), [item])
    assert "# Idempotency tokens end in @x7k2m9qa-again: Nomad already knows those of the run.\n" in text
    (loaded,) = read(text, tmp_path).items
    assert (loaded.request.token, loaded.written_prefix, loaded.exact_prefix) == ("tok@x7k2m9qa-again", "p", True)


def test_a_child_that_may_still_live_is_named(tmp_path: Path) -> None:
    """The manifest cannot stop it, as a rerun would."""
    item = item_of()
    past = again([item])
    past.results.apply(Accepted("a", 1, 1.0, "encode/dispatch-x7k2m9qa-a-1-1-00000000"))
    past.results.apply(Ended("a", 1, 2.0, Verdict(Outcome.TIMED_OUT, Cause.DEADLINE)))
    text = manifest_of(past, [item])
    assert "  # timed_out (deadline)\n" in text
    assert "nomad job stop encode/dispatch-x7k2m9qa-a-1-1-00000000\n" in text


class TestSensitiveValues:
    """They are never written; variables stand in their places."""

    NAMES = frozenset({"payload", "meta.api-key"})

    def items(self, *values: str | None) -> list[Item]:
        made = [
            make_item(f"i{number}", payload=value and value.encode(), meta={"api-key": value} if value else {})  # type: ignore[arg-type]
            for number, value in enumerate(values)
        ]
        return [replace(item, sensitive=self.NAMES) for item in made]

    def test_items_with_the_same_value_share_a_variable(self, tmp_path: Path) -> None:
        """Each value has one, and the manifest tells who needs it."""
        items = self.items("s3cret", "0ther!", "s3cret")
        text = manifest_of(again(items), items)
        assert "s3cret" not in text
        assert "0ther!" not in text
        assert "#   secret_api_key_1, meta.api-key of i0 and 1 more\n" in text
        variables = {"secret_api_key_1": "s3cret", "secret_api_key_2": "0ther!"}
        variables |= {"secret_payload_1": "s3cret", "secret_payload_2": "0ther!"}
        loaded = read(text, tmp_path, **variables)
        assert [(item.request.payload, item.request.meta, item.sensitive) for item in loaded.items] == [
            (item.request.payload, item.request.meta, item.sensitive) for item in items
        ]

    def test_no_key_breaks_out_of_its_comment(self, tmp_path: Path) -> None:
        """A line end in it would begin another line of the manifest."""
        item = replace(make_item("a", meta={"k\nversion: 2": "v"}), sensitive=frozenset({"meta.k\nversion: 2"}))
        loaded = read(manifest_of(again([item]), [item]), tmp_path, secret_k_version__2="v")
        assert [item.request.meta for item in loaded.items] == [{"k\nversion: 2": "v"}]

    def test_values_that_are_not_known_are_not_taken_to_be_equal(self, tmp_path: Path) -> None:
        """Each item has a variable of its own; without them nothing is sent."""
        items = self.items(None, None)
        text = manifest_of(again(items), items)
        assert text.count("{{ vars.secret_api_key_1 }}") == text.count("{{ vars.secret_api_key_2 }}") == 1
        assert [problem.code for problem in read(text, tmp_path).problems] == ["DF033"] * 4


async def test_an_export_never_overwrites_a_file(tmp_path: Path) -> None:
    """Whoever reviewed it keeps what was reviewed."""
    item = item_of()
    name = await keep_run(tmp_path / "state", [item], [Ended("a", 1, 1.0, Verdict(Outcome.FAILED))])
    options = RerunOptions(name=name, choice=Choice(failed=True), connection=CONNECTION)
    path = tmp_path / "again.dispatchfile.yaml"
    assert export_items(options, path) == 1
    written = path.read_text()
    with pytest.raises(FileError, match="exists already; nothing was written"):
        export_items(options, path)
    assert path.read_text() == written
    with pytest.raises(FileError, match="is in a folder that does not exist"):
        export_items(options, tmp_path / "none" / "x.yaml")
    assert "# 1 of the 1 items of run run1 (nightly)" in written


@pytest.mark.parametrize("is_there", [False, True])
async def test_an_export_names_the_schema_if_it_lies_beside_it(tmp_path: Path, is_there: bool) -> None:
    """A schema that is not there is an error in editors."""
    name = await keep_run(tmp_path / "state", [item_of()], [Ended("a", 1, 1.0, Verdict(Outcome.FAILED))])
    if is_there:
        write_schema(tmp_path)
    export_items(RerunOptions(name=name, choice=Choice(failed=True), connection=CONNECTION), tmp_path / "again.yaml")
    written = (tmp_path / "again.yaml").read_text()
    assert (written.startswith(f"# yaml-language-server: $schema={SCHEMA_FILE}\n"), "$schema" in written) == (
        is_there,
        is_there,
    )
