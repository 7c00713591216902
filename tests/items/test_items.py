"""Manifests to items: every value filled in."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from dispatchfile.files import Files
from dispatchfile.items import DispatchRequest, Item, Retry, TargetScope, manifest_name, read_items
from dispatchfile.items.identity import default_id, fingerprint
from dispatchfile.source import Position
from tests.items.manifests import items, load, read

NOTHING: frozenset[str] = frozenset()


def only(folder: Path, dispatch: str, **more: object) -> Item:
    """The item of a manifest with a single dispatch, written as a flow mapping without its braces."""
    [item] = items(read(folder, f"dispatches:\n- {{{dispatch}}}\n", **more))  # type: ignore[arg-type]
    return item


def payload_of(folder: Path, payload: str, **more: object) -> bytes | None:
    return only(folder, f"job: j, vars: {{x: 7, take: 1.10, t: true}}, payload: {payload}", **more).request.payload


def test_a_bare_dispatch_has_every_default(tmp_path: Path) -> None:
    """An item has the defaults of Nomad and its CLI."""
    request = DispatchRequest("encode", "default", "", None, {}, None, None)
    assert only(tmp_path, "id: intro, job: encode") == Item(
        id="intro",
        request=request,
        fingerprint=fingerprint(request, NOTHING),
        position=Position("m.yaml", 3, 3),
        row=None,
        written_prefix="",
        exact_prefix=False,
        deadline=None,
        stop_on_deadline=False,
        retry=Retry(1, frozenset({"failed"}), timedelta()),
        max_starts=None,
        tags=(),
        sensitive=frozenset(),
    )


def test_a_full_dispatch_has_all_it_says(tmp_path: Path) -> None:
    """Every key of a dispatch reaches its item; meta goes out as it is written."""
    text = """\
namespace: media
region: eu
vars: {bucket: "s3://media", codec: webm}
dispatches:
- id: outro
  job: video-encode
  payload: {text: "{{ vars.bucket }}/{{ vars.input }}"}
  vars: {input: outro.mov}
  meta: {title: "The end", take: 1.10, final: True, hex: 0x1F}
  idempotency_token: "{{ vars.codec }}-outro"
  id_prefix_template: "p-{{ item.id }}"
  priority: 70
  timeout: 30m
  on_timeout: stop
  retry: {attempts: 2, on: [failed, lost], delay: 30s}
  max_starts: 4
  tags: [films, "{{ vars.codec }}"]
  sensitive: [meta.title]
"""
    [item] = items(read(tmp_path, text))
    meta = {"title": "The end", "take": "1.10", "final": "True", "hex": "0x1F"}
    request = DispatchRequest("video-encode", "media", "eu", b"s3://media/outro.mov", meta, 70, "webm-outro")
    assert item == Item(
        id="outro",
        request=request,
        fingerprint=fingerprint(request, frozenset({"meta.title"})),
        position=Position("m.yaml", 6, 3),
        row=None,
        written_prefix="p-outro",
        exact_prefix=False,
        deadline=timedelta(minutes=30),
        stop_on_deadline=True,
        retry=Retry(2, frozenset({"failed", "lost"}), timedelta(seconds=30)),
        max_starts=4,
        tags=("films", "webm"),
        sensitive=frozenset({"meta.title"}),
    )


def test_defaults_are_merged_in_meta_and_vars_and_replaced_elsewhere(tmp_path: Path) -> None:
    """Both are merged key by key; of all else the dispatch's own is taken whole."""
    text = """\
vars: {a: manifest, b: manifest, c: manifest}
defaults:
  job: encode
  vars: {b: defaults, c: defaults}
  meta: {x: "{{ vars.a }}-{{ vars.b }}-{{ vars.c }}", y: defaults}
  tags: [one, two]
  retry: {attempts: 3, delay: 1m}
  timeout: 1h
  payload: {text: defaults}
dispatches:
- {id: a}
- {id: b, job: other, vars: {c: own}, meta: {y: own, z: own}, tags: [three], retry: {attempts: 2}, payload: {text: ""}}
"""
    first, second = items(read(tmp_path, text))
    assert first.request.meta == {"x": "manifest-defaults-defaults", "y": "defaults"}
    assert second.request.meta == {"x": "manifest-defaults-own", "y": "own", "z": "own"}
    assert (first.request.job, second.request.job) == ("encode", "other")
    assert (first.request.payload, second.request.payload) == (b"defaults", None)
    assert (first.tags, second.tags) == (("one", "two"), ("three",))
    assert (first.retry.delay, second.retry) == (timedelta(minutes=1), Retry(2))
    assert (first.deadline, second.deadline) == (timedelta(hours=1), timedelta(hours=1))


def test_an_override_wins_over_manifest_and_item(tmp_path: Path) -> None:
    """What is given on the command line is what templates see."""
    text = (
        "vars: {a: manifest}\ndispatches: [{job: j, vars: {b: own}, meta: {m: '{{ vars.a }}{{ vars.b }}{{ vars.c }}'}}]"
    )
    [item] = items(read(tmp_path, text, overrides={"a": 1, "b": 2, "c": 3}))
    assert item.request.meta == {"m": "123"}


def test_templates_see_the_listed_environment_only(tmp_path: Path) -> None:
    """A variable is readable if the manifest lists it; others are not defined, whatever the process has."""
    text = "env: [RELEASE]\ndispatches: [{job: j, meta: {m: '{{ env.RELEASE }}{{ env.HOME is defined }}'}}]"
    [item] = items(read(tmp_path, text, env={"RELEASE": "7", "HOME": "/x"}))
    assert item.request.meta == {"m": "7false"}


def test_templates_see_item_and_name(tmp_path: Path) -> None:
    """The job is known to the id, and both to all else."""
    text = """\
name: nightly
dispatches:
- id: "{{ name }}-{{ item.job }}"
  job: "{{ 'en' ~ 'code' }}"
  meta: {m: "{{ item.id }} of {{ item.job }} in {{ name }}"}
- job: encode
  meta: {m: "{{ item.id is defined }}"}
"""
    first, second = items(read(tmp_path, text))
    assert (first.id, first.request.meta) == ("nightly-encode", {"m": "nightly-encode of encode in nightly"})
    assert second.request.meta == {"m": "false"}


@pytest.mark.parametrize(
    ("path", "text", "name"),
    [
        ("m.yaml", "name: nightly-2\n", "nightly-2"),
        ("dispatchfile.yaml", "", "dispatchfile"),
        ("jobs/nightly.dispatchfile.yaml", "", "nightly"),
        ("Night Encode_2.yml", "", "night-encode-2"),
        ("<stdin>", "", "stdin"),
        ("\N{HIRAGANA LETTER A}.yaml", "", "dispatches"),
        ("x" * 60 + ".yaml", "", "x" * 40),
        ("x" * 39 + "-y.yaml", "", "x" * 39),
    ],
)
def test_a_manifest_is_named_after_its_file(tmp_path: Path, path: str, text: str, name: str) -> None:
    """A manifest without a name gets a valid name made from its file's name."""
    assert manifest_name(load(tmp_path, f"{text}dispatches: [{{job: j}}]", path=path)) == name


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        pytest.param("files/p.bin", b"\x00\xff{{ vars.x }}\r\n", id="plain-name"),
        pytest.param("{file: files/p.bin}", b"\x00\xff{{ vars.x }}\r\n", id="file-verbatim"),
        pytest.param("'files/{{ \"p\" }}.bin'", b"\x00\xff{{ vars.x }}\r\n", id="templated-name"),
        pytest.param("{template: files/p.j2}", b'{"x": 7}\r\n', id="template-keeps-line-ends"),
        pytest.param("{text: 'x is {{ vars.x }}\n\n'}", b"x is 7\n", id="text"),
        pytest.param("{text: ''}", None, id="empty"),
        pytest.param("{file: files/empty}", None, id="empty-file"),
        pytest.param("{base64: aGVs bG8=}", b"hello", id="base64-in-lines"),
        pytest.param("{base64: '{{ \"aGVsbG8=\" }}'}", b"hello", id="base64-rendered"),
        pytest.param("{json: '{{ vars.x }}'}", b'"7"', id="json-text"),
        pytest.param("{json: null}", b"null", id="json-null"),
        pytest.param(
            "{json: {b: '{{ vars.take }}', a: [1.10, 0x1F, true, null, 'é<']}}",
            '{"b":"1.10","a":[1.10,31,true,null,"é<"]}'.encode(),
            id="json",
        ),
    ],
)
def test_payload_forms(tmp_path: Path, payload: str, expected: bytes | None) -> None:
    """Each form gives its bytes: files as they lie there, all else rendered."""
    files: dict[str, str | bytes] = {
        "files/p.bin": b"\x00\xff{{ vars.x }}\r\n",
        "files/p.j2": '{"x": {{ vars.x }}}\r\n',
        "files/empty": "",
    }
    assert payload_of(tmp_path, payload, files=files) == expected


@pytest.mark.parametrize("form", ["file", "template", "text", "base64"])
def test_a_payload_of_exactly_the_limit_is_fine(tmp_path: Path, form: str) -> None:
    """Nomad takes 16,384 bytes, counted before base64."""
    values = {"file": "p", "template": "p", "text": "x" * 16_384, "base64": "eHh4" * 5_461 + "eA=="}
    assert payload_of(tmp_path, f"{{{form}: {values[form]}}}", files={"p": "x" * 16_384}) == b"x" * 16_384


def test_rows_become_items_at_their_places(tmp_path: Path) -> None:
    """Each row makes an item, which knows the dispatch and the row it is from."""
    text = """\
dispatches:
- id: "film-{{ each.slug }}"
  job: encode
  for_each: {csv: films.csv}
  meta: {title: "{{ each.title }}", n: "{{ each.index }}"}
- {id: last, job: encode}
"""
    made = items(read(tmp_path, text, files={"films.csv": "slug,title\na,A\nb,B\n"}))
    assert [(item.id, dict(item.request.meta), item.position, item.row) for item in made] == [
        ("film-a", {"title": "A", "n": "0"}, Position("m.yaml", 3, 3), Position("films.csv", 2, 1)),
        ("film-b", {"title": "B", "n": "1"}, Position("m.yaml", 3, 3), Position("films.csv", 3, 1)),
        ("last", {}, Position("m.yaml", 7, 3), None),
    ]


def test_numbers_of_rows_print_as_written(tmp_path: Path) -> None:
    """A number in NDJSON goes through templates and JSON payloads as it stands there."""
    text = """\
dispatches:
- job: j
  for_each: {ndjson: rows}
  meta: {m: "{{ each.n }}"}
  payload: {text: "{{ each.value | tojson }}"}
"""
    [item] = items(read(tmp_path, text, files={"rows": '{"n": 1.10}\n'}))
    assert (item.request.meta, item.request.payload) == ({"m": "1.10"}, b'{"n": 1.10}')


def test_an_item_without_id_gets_one_of_its_content(tmp_path: Path) -> None:
    """Job, meta and payload make the id, so it survives every change of order."""
    text = "dispatches: [{job: team/encode, meta: {a: b}, payload: {text: x}}]"
    [item] = items(read(tmp_path, text))
    assert item.id == default_id("team/encode", {"a": "b"}, b"x", NOTHING)
    assert item.id.startswith("team-encode-")


def test_order_never_changes_identity(tmp_path: Path) -> None:
    """The same dispatches in another order have the same ids and fingerprints."""
    dispatches = [f"{{job: j, meta: {{n: '{number}'}}, payload: {{text: p}}}}" for number in range(5)]
    made = [
        items(read(tmp_path, f"dispatches: [{', '.join(order)}]")) for order in (dispatches, list(reversed(dispatches)))
    ]
    identities = [{(item.id, item.fingerprint) for item in order} for order in made]
    assert identities[0] == identities[1]
    assert len(identities[0]) == 5


def test_an_auto_token_is_made_of_name_id_and_fingerprint(tmp_path: Path) -> None:
    """`auto` gives a token that changes whenever the dispatch does."""
    text = "name: n\ndispatches: [{id: a, job: j, idempotency_token: auto}]"
    [item] = items(read(tmp_path, text))
    assert item.request.token == f"n:a:{item.fingerprint}"


def test_sensitive_values_leave_no_trace_in_identities(tmp_path: Path) -> None:
    """Ids, fingerprints and tokens are stored and shown: a secret must not shine through them."""
    text = """\
dispatches:
- job: j
  meta: {key: "{{ vars.secret }}", n: "1"}
  payload: {text: "{{ vars.secret }}"}
  idempotency_token: auto
  sensitive: [payload, meta.key]
"""
    one, other = (items(read(tmp_path, text, overrides={"secret": secret}))[0] for secret in ("a", "b"))
    assert one.request.payload != other.request.payload
    assert (one.id, one.fingerprint, one.request.token) == (other.id, other.fingerprint, other.request.token)


@pytest.mark.parametrize(
    ("scope", "own", "expected"),
    [
        pytest.param(TargetScope("flag", "f", "env", "e"), "", ("flag", "f"), id="flag"),
        pytest.param(TargetScope("own", "o", "env", "e"), "namespace: own, region: o, ", ("own", "o"), id="same-flag"),
        pytest.param(TargetScope(None, None, "env", "e"), "namespace: own, region: o, ", ("own", "o"), id="own"),
        pytest.param(TargetScope(None, None, "env", "e"), "", ("manifest", "m"), id="manifest"),
    ],
)
def test_namespace_and_region(tmp_path: Path, scope: TargetScope, own: str, expected: tuple[str, str]) -> None:
    """A flag goes over the item's own, that over the manifest's, that over the environment's."""
    text = f"namespace: manifest\nregion: m\ndispatches: [{{{own}job: j}}]"
    [item] = items(read(tmp_path, text, scope=scope))
    assert (item.request.namespace, item.request.region) == expected


@pytest.mark.parametrize(
    ("scope", "expected"),
    [(TargetScope(None, None, "env", "e"), ("env", "e")), (TargetScope("", "", "", ""), ("default", ""))],
)
def test_namespace_and_region_from_outside(tmp_path: Path, scope: TargetScope, expected: tuple[str, str]) -> None:
    """The environment's come last, then Nomad's default; empty is unset, as for Nomad itself."""
    item = only(tmp_path, "job: j", scope=scope)
    assert (item.request.namespace, item.request.region) == expected


def test_an_exact_prefix_goes_with_its_token(tmp_path: Path) -> None:
    """A bare prefix is allowed where a token tells the children apart."""
    item = only(tmp_path, "id: a, job: j, id_prefix_template: bare, id_prefix_exact: true, idempotency_token: t")
    assert (item.written_prefix, item.exact_prefix, item.request.token) == ("bare", True, "t")


def test_values_of_vars_are_plain_data(tmp_path: Path) -> None:
    """A variable that looks like a template is printed, not rendered: data is never code."""
    item = only(tmp_path, "job: j, vars: {x: '{{ nope }}'}, meta: {m: '{{ vars.x }}'}")
    assert item.request.meta == {"m": "{{ nope }}"}


def test_items_come_as_they_are_made(tmp_path: Path) -> None:
    """The first items are there before the last rows are looked at, so nothing has to be kept."""
    axes = ", ".join(f"{name}: {json.dumps(list(range(10)))}" for name in "abcdef")
    document = load(
        tmp_path, f"dispatches: [{{id: 'i{{{{ each.index }}}}', job: j, for_each: {{matrix: {{{axes}}}}}}}]"
    )
    stream = read_items(document, files=Files(tmp_path), overrides={}, env={}, scope=TargetScope())
    assert [getattr(next(stream), "id", None) for _ in range(3)] == ["i0", "i1", "i2"]
