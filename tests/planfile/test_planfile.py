"""The plan file: written canonically, read only if nobody changed it."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatchfile.errors import PlanError
from dispatchfile.items import Item, fingerprint_of
from dispatchfile.names import JobKey
from dispatchfile.planfile import PlanHead, PlannedJob, is_plan, plan_digest, read_plan, write_plan
from dispatchfile.planfile.records import item_of, item_record, with_folder, without_folder
from dispatchfile.planfile.writing import MOST_PLAN_BYTES
from dispatchfile.schema import first_violation
from dispatchfile.source import Position
from tests.making import make_item

HEAD = PlanHead(
    name="nightly",
    manifest="dispatchfile.yaml",
    manifest_sha256="a" * 64,
    settings={"wait": "completion"},
    jobs=(PlannedJob(JobKey("default", "", "encode"), 12),),
    files={"films.csv": "b" * 64},
    globs={"payloads/*.json": ("payloads/a.json",)},
    left_out=3,
)


def known(item: Item) -> Item:
    """The item with its own fingerprint."""
    return replace(item, fingerprint=fingerprint_of(item.request, item.sensitive))


ITEMS = (
    known(make_item("a", payload=b'{"x":1}', meta={"title": "ä\n"}, deadline_s=1.5, attempts=3, tags=("t",))),
    known(make_item("b", payload=b"\xff\x00", priority=70, token="t", prefix="p", max_starts=2)),
)


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    """A plan of two items."""
    path = tmp_path / "nightly.plan"
    write_plan(path, HEAD, ITEMS)
    return path


def test_a_plan_reads_back_as_it_was_written(plan: Path) -> None:
    """Every value, and the digest that names it; the run that applies it is named by the digest."""
    read = read_plan(str(plan))
    assert (read.head, read.items, read.digest) == (HEAD, ITEMS, plan_digest(HEAD, ITEMS))
    assert read.run_id == f"p{read.digest[:12]}"
    assert read.head.is_pinned
    assert list(plan.parent.iterdir()) == [plan]


def test_the_last_line_is_the_digest_of_all_before(plan: Path) -> None:
    """So that other tools can check it, too."""
    *before, last = plan.read_bytes().splitlines(keepends=True)
    assert json.loads(last) == {"sha256": hashlib.sha256(b"".join(before)).hexdigest()}


def test_every_line_fits_the_schema(plan: Path) -> None:
    """`dispatchfile schema plan` prints it."""
    assert [first_violation("plan", json.loads(line)) for line in plan.read_text().splitlines()] == [""] * 5


def test_sensitive_values_are_left_out(tmp_path: Path) -> None:
    """Neither a key's value nor the payload is in the file."""
    item = known(
        replace(
            make_item("s", payload=b"PW1", meta={"key": "PW2", "q": "x"}), sensitive=frozenset({"payload", "meta.key"})
        )
    )
    write_plan(tmp_path / "p.plan", HEAD, [item])
    assert b"PW" not in (tmp_path / "p.plan").read_bytes()
    (read,) = read_plan(str(tmp_path / "p.plan")).items
    assert (read.request.payload, dict(read.request.meta), read.sensitive) == (None, {"q": "x"}, item.sensitive)


def _resealed(lines: list[bytes]) -> bytes:
    body = b"".join(lines)
    return body + b'{"sha256":"' + hashlib.sha256(body).hexdigest().encode() + b'"}\n'


def _without_last(content: bytes) -> bytes:
    return b"".join(content.splitlines(keepends=True)[:-1])


def _sealed(change: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
    """The change, with the digest made anew."""
    return lambda content: _resealed([change(_without_last(content))])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param(
            lambda content: content.replace(b'"default"', b'"defauld"', 1),
            ": the plan was changed after it was made, its SHA-256 does not match",
            id="one byte",
        ),
        pytest.param(_without_last, ":4: the plan is cut short, its last line is missing", id="cut at a line"),
        pytest.param(lambda content: content[:-20], ": the plan was changed after", id="cut in the digest"),
        pytest.param(lambda content: content[:200], ":2: the plan is cut short", id="cut in the head"),
        pytest.param(lambda content: content[:34], ":1: the plan is cut short", id="the schema alone"),
        pytest.param(lambda _: b"", ":1: is not a plan of dispatchfile", id="empty"),
        pytest.param(
            lambda content: content.replace(b"plan/v1", b"plan/v2", 1),
            ":1: the plan has the schema 'dispatchfile/plan/v2', this version of dispatchfile reads",
            id="newer",
        ),
        pytest.param(
            _sealed(lambda content: content.replace(b'{"item":{"fingerprint"', b'{"item":{"id":"z","fingerprint"', 1)),
            ":3: is not written as `dispatchfile plan` writes it (duplicate keys?)",
            id="duplicate keys",
        ),
        pytest.param(
            _sealed(lambda content: content.replace(b'"id":"b"', b'"id":"a"')),
            ":4: duplicate id 'a'",
            id="duplicate id",
        ),
        pytest.param(
            _sealed(lambda content: content.replace(b'"left_out":3', b'"left_out":-3')),
            ":2: head.left_out: -3 is less than the minimum of 0",
            id="schema",
        ),
        pytest.param(
            _sealed(lambda content: content.replace(b'"/w=="', b'"/w="').replace(b'"/wA="', b'"/wB!"')),
            ":4: item 'b' cannot be read",
            id="base64",
        ),
        pytest.param(
            _sealed(lambda content: content.replace(b'"priority":70', b'"priority":71')),
            ":4: the fingerprint of 'b' is not that of its request",
            id="fingerprint",
        ),
        pytest.param(
            _sealed(lambda content: content.replace(b'"job":"encode","job_modify', b'"job":"decode","job_modify')),
            ":2: job 'encode' of item 'a' is not listed",
            id="unlisted job",
        ),
        pytest.param(_sealed(lambda content: content + b"[" * 5000 + b"\n"), ":5: is not JSON", id="deep"),
        pytest.param(
            _sealed(lambda content: content + b'{"head":1}\n'), ":5: a line with the single key 'item'", id="other line"
        ),
    ],
)
def test_what_was_changed_is_refused_with_its_line(plan: Path, change: Callable[[bytes], bytes], message: str) -> None:
    """Also where whoever changed it made the digest anew."""
    plan.write_bytes(change(plan.read_bytes()))
    with pytest.raises(PlanError) as error:
        read_plan(str(plan))
    assert str(error.value).startswith(f"{plan}{message}")


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    """Its size alone says that it is no plan."""
    path = tmp_path / "huge.plan"
    with path.open("wb") as file:
        file.truncate(500_000_000)
    with pytest.raises(PlanError) as error:
        read_plan(str(path))
    assert str(error.value) == f"{path}: is larger than {MOST_PLAN_BYTES:,} bytes, so it is not a plan"


def test_a_plan_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    """The path is named."""
    with pytest.raises(PlanError) as error:
        write_plan(tmp_path / "missing" / "p.plan", HEAD, ITEMS)
    assert str(error.value) == f"{tmp_path / 'missing' / 'p.plan'}: No such file or directory"
    (tmp_path / "folder.plan").mkdir()
    with pytest.raises(PlanError, match=r"folder\.plan: Is a directory"):
        write_plan(tmp_path / "folder.plan", HEAD, ITEMS)
    assert [path.name for path in tmp_path.iterdir()] == ["folder.plan"]


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("x", b'{"schema":"dispatchfile/plan/v9"}\n', True),
        ("x.plan", b"garbage", True),
        ("dispatchfile.yaml", b"version: 1\n", False),
        ("x.json", b'{"version": 1}', False),
    ],
)
def test_a_plan_is_known_by_its_schema_or_name(tmp_path: Path, name: str, content: bytes, expected: bool) -> None:
    """A manifest never is one."""
    (tmp_path / name).write_bytes(content)
    assert is_plan(str(tmp_path / name)) is expected
    assert not is_plan(str(tmp_path / "missing.plan"))
    assert not is_plan(str(tmp_path))


TEXTS = st.text(max_size=20)


@given(st.dictionaries(TEXTS, TEXTS, max_size=3), st.binary(max_size=40), st.none() | st.integers(1, 100), TEXTS)
def test_records_keep_every_item(meta: dict[str, str], payload: bytes, priority: int | None, folder: str) -> None:
    """Through JSON, and through any folder that the manifest may be in."""
    item = known(
        replace(make_item("i", meta=meta, payload=payload or None, priority=priority), row=Position("r.csv", 2, 1))
    )
    assert item_of(json.loads(json.dumps(item_record(item)))) == item
    manifest = f"{folder}/dispatchfile.yaml"
    assert without_folder(with_folder(item, manifest), manifest) == item
