"""`doctor` as it is typed: a clear line for whatever is wrong, and never more than a line."""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import trustme

from tests.dispatch_command.calls import Said, ours
from tests.dispatch_command.scripted import FORBIDDEN, NOT_FOUND, Asked, Reply, scripted

MANIFEST = """\
version: 1
settings: {wait: completion, rate: 2/s}
dispatches:
  - {id: a, job: ok, payload: {text: hello}}
  - {id: b, job: ok, meta: {k: "1"}}
  - {id: c, job: long, idempotency_token: t}
"""


def examined(address: str, *arguments: str, stdin: str = "") -> Said:
    return ours(address, *arguments, stdin=stdin, command="doctor")


def findings(address: str, *arguments: str) -> list[tuple[str, str, str]]:
    """Each line's level, check and message."""
    told = json.loads(examined(address, *arguments, "-o", "json").out)
    return [(each["level"], each["check"], each["message"]) for each in told["checks"]]


def test_a_nomad_in_good_order(address: str) -> None:
    """Reachable, as whom, which version, what may be done."""
    said = examined(address)
    lines = said.out.splitlines()
    assert lines[0] == f"ok  address      {address}"
    assert [line.split()[:2] for line in lines[1:-1]] == [
        ["ok", check] for check in ("leader", "token", "version", "connections", "namespace", "rights")
    ]
    assert lines[-1] == "no problems, 0 warnings"
    assert (said.err, said.code) == ("", 0)


def test_a_manifest_is_held_against_the_server(address: str, tmp_path: Path) -> None:
    """What its jobs say to it, and the load that a run would make."""
    (tmp_path / "m.yaml").write_text(MANIFEST)
    told = json.loads(examined(address, str(tmp_path / "m.yaml"), "-o", "json").out)
    assert told["ok"] is True
    assert told["load"] | {"token_s": 0} == {
        "items": 3,
        "jobs": 2,
        "reads_before": 7,
        "dispatches": 3,
        "reads_while": 3,
        "log_reads": 3,
        "lists_at_end": 2,
        "lists_a_second": 2,
        "payload_bytes": 5,
        "sent_bytes": 3 * 250 + 8 + 2 + 10 + 2,
        "sending_s": 1.0,
        "tokens": 1,
        "token_s": 0,
    }
    assert [(each["job"], each["stored"]["is_all"]) for each in told["children"]] == [("ok", True), ("long", True)]


def test_nothing_is_dispatched_by_looking(address: str, tmp_path: Path) -> None:
    """All probes are refused in every case."""
    (tmp_path / "m.yaml").write_text(MANIFEST)
    before, _ = (json.loads(examined(address, str(tmp_path / "m.yaml"), "-o", "json").out) for _ in range(2))
    after = json.loads(examined(address, str(tmp_path / "m.yaml"), "-o", "ndjson").out)
    assert before["children"] == after["children"]


def test_problems_of_a_manifest_are_found_with_and_without_a_server(address: str, tmp_path: Path) -> None:
    """Problems have their places, also those that only a server knows."""
    manifest = tmp_path / "m.yaml"
    manifest.write_text("version: 1\ndispatches:\n  - {id: a, job: okk}\n")
    told = f"{manifest}:3:5: DF100 job 'okk' is not registered in namespace 'default': did you mean 'ok'?"
    assert ("fail", "preflight", told) in findings(address, str(manifest))
    manifest.write_text("version: 2\ndispatches: [{id: a, job: ok}]\n")
    for where in (address, "http://127.0.0.1:1"):
        assert ("fail", "manifest", f"{manifest}:1:10: DF015 version must be 1, got 2") in findings(
            where, str(manifest)
        )


@pytest.mark.parametrize(
    ("arguments", "finding"),
    [
        (["-namespace", "nope"], ("fail", "namespace", "nope does not exist, or the token has no rights there")),
        (["-namespace", "*"], ("fail", "namespace", "* means all namespaces, but a job is dispatched in one: name it")),
        (["-region", "mars"], ("fail", "region", "unknown region mars: known regions are global")),
        (["-region", "global"], ("ok", "region", "global")),
    ],
)
def test_namespace_and_region_are_looked_for(
    address: str, arguments: Sequence[str], finding: tuple[str, str, str]
) -> None:
    """They must be among those that Nomad lists."""
    assert finding in findings(address, *arguments)


@pytest.mark.parametrize(
    ("where", "arguments", "finding"),
    [
        (
            "http://127.0.0.1:1",
            [],
            (
                "connection",
                "cannot reach Nomad at http://127.0.0.1:1: connection refused: is the agent running, and is",
            ),
        ),
        (
            "127.0.0.1:4646",
            [],
            ("connection", "NOMAD_ADDR: '127.0.0.1:4646' has no scheme: use http://127.0.0.1:4646"),
        ),
        (
            "http://127.0.0.1:1",
            ["-client-cert", "x"],
            ("connection", "Both client cert and client key must be provided"),
        ),
        ("http://127.0.0.1:1", ["-token-file", "none"], ("connection", "none: No such file or directory")),
        ("https://127.0.0.1:1", ["-ca-cert", "none.pem"], ("tls", "none.pem: No such file or directory")),
        ("unix:///no/such.sock", [], ("connection", "cannot reach Nomad at unix:///no/such.sock: ")),
    ],
)
def test_no_way_there_is_one_line(where: str, arguments: Sequence[str], finding: tuple[str, str]) -> None:
    """It fails, and nothing follows from it."""
    said = examined(where, *arguments)
    (line,) = (line for line in said.out.splitlines() if line.startswith("FAIL"))
    check, message = finding
    assert line.startswith(f"FAIL  {check}")
    assert message in line
    assert said.out.endswith("1 problem, 0 warnings\n")
    assert (said.err, said.code) == ("", 1)


def test_a_certificate_that_is_not_trusted_is_one_line(tmp_path: Path) -> None:
    """The line says what to do about it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority = trustme.CA()
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    with scripted(healthy, tls=context) as server:
        (finding,) = (each for each in findings(server.address) if each[0] == "fail")
        assert "its certificate is not trusted" in finding[2]
        assert finding[2].endswith("pass its CA with --ca-cert")
        found = findings(server.address, "-ca-cert", str(tmp_path / "ca.pem"))
        assert ("ok", "tls", f"the server is checked with {tmp_path / 'ca.pem'}") in found
        skipped = "the server's certificate is not checked (--tls-skip-verify or NOMAD_SKIP_VERIFY)"
        assert ("warn", "tls", skipped) in findings(server.address, "-tls-skip-verify")


# What only a scripted server does

ANSWERS = {
    "/v1/status/leader": Reply('"10.0.0.1:4647"'),
    "/v1/acl/token/self": Reply({"AccessorID": "a-1", "Name": "ci", "Type": "client", "Policies": ["dispatch"]}),
    "/v1/agent/self": Reply({"config": {"Version": {"Version": "2.0.5"}, "Server": {"Enabled": True}}}),
    "/v1/namespaces": Reply([{"Name": "default"}]),
    "/v1/jobs": Reply([]),
}


def healthy(asked: Asked) -> Reply:
    """A Nomad whose token may do everything that can be asked for."""
    if asked.path.endswith("/dispatch"):
        return Reply("parameterized job not found", 500)
    if asked.method == "DELETE":
        assert asked.path == "/v1/job/"
        return Reply("missing job ID for deregistering", 500)
    return ANSWERS.get(asked.path, NOT_FOUND)


def but(path: str, reply: Reply) -> Callable[[Asked], Reply]:
    return lambda asked: reply if asked.path.endswith(path) else healthy(asked)


@pytest.mark.parametrize(
    ("path", "reply", "finding"),
    [
        ("/leader", Reply("<html>", 404), ("fail", "connection", "is this the address of a Nomad agent")),
        ("/leader", Reply("Moved", 301), ("fail", "connection", "pass the address it redirects to with --address")),
        (
            "/leader",
            Reply("Client sent an HTTP request to an HTTPS server.", 400),
            ("fail", "connection", "use an https:// address"),
        ),
        ("/leader", Reply("No cluster leader", 500), ("fail", "leader", "its servers have no leader")),
        ("/token/self", Reply("ACL token expired", 500), ("fail", "token", "no token is given (NOMAD_TOKEN, --token")),
        (
            "/token/self",
            FORBIDDEN,
            ("fail", "token", "and Nomad answers 'Permission denied' without one"),
        ),
        ("/token/self", Reply("", 404), ("skip", "token", "Nomad gives no information about it")),
        (
            "/token/self",
            Reply({"AccessorID": "anonymous"}),
            ("warn", "token", "no token is given (NOMAD_TOKEN, --token, --token-file): anonymous"),
        ),
        (
            "/token/self",
            Reply({"AccessorID": "a", "Type": "client", "ExpirationTime": "2020-01-01T00:00:00Z"}),
            ("warn", "token", "expires at TIME, within an hour"),
        ),
        ("/agent/self", FORBIDDEN, ("skip", "version", 'unknown without agent { policy = "read" }')),
        ("/agent/self", FORBIDDEN, ("skip", "connections", "Nomad's default is 100 from one address")),
        (
            "/agent/self",
            Reply({"config": {"Version": {"Version": "1.9.7+ent"}, "Limits": {"HTTPMaxConnsPerClient": 10}}}),
            ("warn", "connections", "a run opens up to 18, so Nomad will refuse some"),
        ),
        (
            "/agent/self",
            Reply({"config": {"Version": {"Version": "1.9.7+ent"}}}),
            ("warn", "version", "before 1.10.1 priority is ignored"),
        ),
        (
            "/agent/self",
            Reply({"config": {"Version": {"Version": "dev"}}}),
            ("warn", "version", "'dev' is not a known format"),
        ),
        ("/dispatch", FORBIDDEN, ("fail", "dispatch-job", "not in namespace default: run, resume, rerun and dispatch")),
        ("-not-there", FORBIDDEN, ("fail", "read-job", "not in namespace default")),
        ("/v1/jobs", FORBIDDEN, ("warn", "list-jobs", "is slower for the server")),
        ("/v1/job/", FORBIDDEN, ("warn", "submit-job", "not in namespace default: stop, on_timeout: stop and retries")),
        ("/nothing", FORBIDDEN, ("ok", "submit-job", "in namespace default")),
        ("/nothing", FORBIDDEN, ("skip", "read-logs", "cannot be checked; logs")),
        ("/nothing", FORBIDDEN, ("ok", "dispatch-job", "in namespace default")),
    ],
)
def test_what_a_server_says_is_one_finding(path: str, reply: Reply, finding: tuple[str, str, str]) -> None:
    """The finding has its level and says what to do."""
    level, check, words = finding
    with scripted(but(path, reply)) as server:
        told = [each for each in findings(server.address) if each[:2] == (level, check)]
    assert any(words in message for _, _, message in told), told


def test_many_children_make_a_token_dear(tmp_path: Path) -> None:
    """They are counted up to a limit; the warning is for a manifest that sends one."""
    job = {"ID": "ok", "Namespace": "default", "Type": "batch", "ParameterizedJob": {"Payload": "optional"}}
    answers = {
        "/v1/job/ok": Reply(job),
        "/v1/job/ok/summary": Reply({"Children": {"Dead": 20_000}, "Summary": {}}),
        "/v1/jobs": Reply([{"ID": "ok/dispatch-1-0"}] * 1000, headers={"X-Nomad-NextToken": "more"}),
    }
    (tmp_path / "m.yaml").write_text("version: 1\ndispatches: [{id: a, job: ok, idempotency_token: t}]\n")
    with scripted(lambda asked: answers.get(asked.path) or healthy(asked)) as server:
        (told,) = (each for each in findings(server.address, str(tmp_path / "m.yaml")) if each[1] == "children")
        pages = [asked for asked in server.asked if asked.query.get("prefix") == "ok"]
    assert told[0] == "warn"
    assert told[2].startswith(
        "job ok in default: 20,000 children created so far; an idempotency token costs the server about"
    )
    assert told[2].endswith("about 13.8 ms for each dispatch (10,000 jobs or more share this ID prefix)")
    assert len(pages) == 10


def test_one_of_a_kind_is_counted_as_one(tmp_path: Path) -> None:
    """A job that was dispatched once, and a manifest of one item."""
    job = {"ID": "ok", "Namespace": "default", "Type": "batch", "ParameterizedJob": {"Payload": "optional"}}
    answers = {
        "/v1/job/ok": Reply(job),
        "/v1/job/ok/summary": Reply({"Children": {"Dead": 1}, "Summary": {}}),
        "/v1/jobs": Reply([{"ID": "ok"}]),
    }
    (tmp_path / "m.yaml").write_text("version: 1\ndispatches: [{id: a, job: ok}]\n")
    with scripted(lambda asked: answers.get(asked.path) or healthy(asked)) as server:
        told = [message for _, check, message in findings(server.address, str(tmp_path / "m.yaml"))]
    assert (
        "job ok in default: 1 child created so far; idempotency tokens are cheap here (1 job shares this ID prefix)"
        in told
    )
    assert any(message.startswith("1 dispatch; read requests:") for message in told)


def test_a_secret_is_never_shown() -> None:
    """Nomad answers with the token's own secret."""
    secret = "98008383-70fe-2622-8ae2-54f3bee3128b"
    body = {"AccessorID": "a", "SecretID": secret, "Name": "ci", "Type": "client"}
    with scripted(but("/token/self", Reply(body))) as server:
        texts = [examined(server.address, "-token", secret, "-o", form) for form in ("text", "json")]
    assert all(secret not in said.out + said.err for said in texts)


def test_quiet_leaves_what_is_wrong_or_doubtful() -> None:
    """The last line stays, too."""
    with scripted(but("/v1/jobs", FORBIDDEN)) as server:
        lines = examined(server.address, "-quiet").out.splitlines()
    assert [line.split()[:2] for line in lines] == [["warn", "list-jobs"], ["no", "problems,"]]
