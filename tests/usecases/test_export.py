"""A past run's items as a manifest."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dispatchfile.events import Cause, Ended, Outcome, Verdict
from dispatchfile.items import DispatchRequest, Item, Retry
from dispatchfile.journal import JournalReader, RunHeader, RunState, RunStatus, StoredRun, Target
from dispatchfile.results import Results
from dispatchfile.settings import Settings
from dispatchfile.usecases.execute import item_facts
from dispatchfile.usecases.export import manifest_of
from dispatchfile.usecases.load import Loaded, ManifestSource, load_items
from dispatchfile.usecases.rerun import Again
from tests.making import make_item

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
        draw(st.integers(1, 5)),
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
    """As it is sent: where it stands is another file, and the fingerprint follows from the rest."""
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
    assert not [str(problem) for problem in loaded.problems]
    assert [without_place(item) for item in loaded.items] == [without_place(item) for item in items]
