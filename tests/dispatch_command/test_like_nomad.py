"""`dispatch` beside the real `nomad job dispatch`, on the same servers: what is the same, and what is not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.dispatch_command.calls import Said, ours, theirs
from tests.dispatch_command.jobs import ask, job
from tests.real_nomad import NO_BINARY, binary

pytestmark = [pytest.mark.nomad, pytest.mark.skipif(binary() is None, reason=NO_BINARY)]

SAME: Sequence[Sequence[str]] = [
    ["long"],
    ["-meta", "k=v", "-meta", "x=a=b", "-meta", "k=w", "long"],
    ["-verbose", "long"],
    ["-detach", "ok"],
    ["-detach=1", "ok"],
    ["-detach", "-wait", "exit3"],
    ["-detach", "ok", "-"],
    ["-detach", "ok", "payload.json"],
    ["-detach", "-id-prefix-template", "run9-1", "ok"],
    ["-detach", "-priority", "70", "ok"],
    ["-detach", "resched-a"],
    ["-detach", "lon"],
    ["-detach", "-namespace", "*", "ok"],
    ["-detach", "-insecure", "-no-color", "-region", "global", "ok"],
    ["yearly"],
    # refused by Nomad
    ["-meta", "bad=1", "ok"],
    ["-meta", "=1", "ok"],
    ["needs"],
    ["needs", "payload.json"],
    ["-priority", "200", "ok"],
    ["-priority", "-1", "ok"],
    # not clear
    ["resched"],
    ["-namespace", "*", "resched"],
    ["zzz"],
    ["-namespace", "nope", "ok"],
    ["plain"],
    ["halted"],
    ['quo"te\\'],
    # not readable
    ["ok", "missing.json"],
    ["ok", "."],
    ["ok", ""],
    ["-no-color", "-force-color", "ok", "missing.json"],
    ["-force-color", "-no-color", "ok", "missing.json"],
    ["-meta", "novalue", "ok"],
    ["-client-cert", "x", "ok"],
]


@pytest.fixture
def with_a_payload(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("payload.json").write_text('{"a": 1}')


@pytest.mark.parametrize("arguments", SAME, ids=" ".join)
def test_the_same_call_says_the_same(address: str, arguments: Sequence[str], with_a_payload: None) -> None:
    """Both streams, line for line, and the exit code."""
    assert ours(address, *arguments, stdin="hello") == theirs(address, *arguments, stdin="hello")


@pytest.mark.parametrize("job", ["nowhere", "huge", "moon"])
def test_a_placement_failure_has_the_same_lines_and_the_documented_code(real: str, job: str) -> None:
    """The CLI says 1 since 2.0.1, its documentation and older ones 2."""
    assert replace(ours(real, job), code=1) == theirs(real, job)


@pytest.mark.parametrize(("job", "code"), [("ok", 0), ("exit3", 2)])
def test_waiting_adds_how_it_ended(address: str, job: str, code: int) -> None:
    """The CLI draws a screen there, of which an empty line is left."""
    said, other = ours(address, "-wait", job), theirs(address, "-wait", job)
    *lines, last = said.out.splitlines()
    moves = f'    TIME: Job "{job}/dispatch-CHILD" '
    assert [line for line in lines if not line.startswith(moves)] == other.out.rstrip("\n").splitlines()
    assert last.startswith(f'==> TIME: Job "{job}/dispatch-CHILD" ')
    assert (said.err, said.code) == (other.err, other.code) == ("", code)


def test_a_hit_is_told_in_the_documented_words(real: str) -> None:
    """The CLI names the child as if it were new."""
    theirs(real, "-detach", "-idempotency-token", "told", "ok")
    assert theirs(real, "-idempotency-token", "told", "ok") == Said("Dispatched Job ID = ok/dispatch-CHILD\n", "", 0)
    told = 'Job "ok/dispatch-CHILD" already dispatched with idempotency token "told".\n'
    assert ours(real, "-idempotency-token", "told", "ok") == Said(told, "", 0)


def test_too_many_arguments_name_our_own_help(real: str) -> None:
    """All else is the same."""
    said, other = ours(real, "a", "b", "c"), theirs(real, "a", "b", "c")
    assert replace(said, err=said.err.replace("dispatchfile dispatch -help", "nomad job dispatch -help")) == other


def test_a_server_that_is_not_there_is_told_in_our_words() -> None:
    """Behind the same beginning."""
    said, other = ours("http://127.0.0.1:1", "ok"), theirs("http://127.0.0.1:1", "ok")
    beginning = 'Error querying job prefix "ok": '
    assert said.err.startswith(beginning)
    assert other.err.startswith(beginning)
    assert (said.out, said.code) == (other.out, other.code) == ("", 1)


TWICE = 'Prefix "twice" matched multiple jobs'


@pytest.fixture
def two_namespaces(real: str) -> Iterator[str]:
    """Create a namespace `other` with a job that `default` has, too, and jobs whose IDs begin like another's."""
    ask(real, "PUT", "/v1/namespace/other", {"Name": "other"})
    registered = [
        ("default", "twice"),
        ("default", "twice1"),
        ("other", "twice"),
        ("default", "solo1"),
        ("other", "solo"),
    ]
    for namespace, job_id in registered:
        ask(real, "PUT", f"/v1/jobs?namespace={namespace}", {"Job": job(job_id, Namespace=namespace)})
    yield real
    children = ask(real, "GET", "/v1/jobs?namespace=other")
    assert isinstance(children, list)
    for each in [*registered, *((row["Namespace"], row["ID"]) for row in children)]:
        ask(real, "DELETE", f"/v1/job/{quote(each[1], safe='')}?namespace={each[0]}&purge=true")


def test_in_all_namespaces_exact_matches_come_first(two_namespaces: str) -> None:
    """One is dispatched. Several are listed, and nothing is sent; the CLI lists `twice1`, too."""
    every = ("-detach", "-namespace", "*")
    said, other = ours(two_namespaces, *every, "twice"), theirs(two_namespaces, *every, "twice")
    assert (said.out, said.err.splitlines()[0], said.code) == ("", TWICE, 1)
    assert (other.out, other.err.splitlines()[0], other.code) == ("", TWICE, 1)
    listed = [line.split()[:2] for line in said.err.splitlines()[3:]]
    assert listed == [["twice", "default"], ["twice", "other"]]
    assert ask(two_namespaces, "GET", "/v1/jobs?namespace=*&prefix=twice/dispatch-") == []
    solo = ours(two_namespaces, *every, "solo")
    assert solo == theirs(two_namespaces, *every, "solo")
    assert (solo.out.splitlines()[0], solo.code) == ("Dispatched Job ID = solo/dispatch-CHILD", 0)
