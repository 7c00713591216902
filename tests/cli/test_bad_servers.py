"""Servers that misbehave: every run ends, says what was wrong, and knows of each item what can be known."""

import asyncio
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme

from tests.cli.bad_servers import End, Forward, Misbehaviour, fronted, run_two_items
from tests.nomad.loopback import Line, refusing

pytestmark = pytest.mark.timeout(60)

SOON = ("--wait=completion", "--settle=200ms", "-o", "json")
PATIENT = ("--unreachable-after=3s", *SOON)
IMPATIENT = ("--unreachable-after=2s", *SOON)
HASTY = ("--unreachable-after=1s", *SOON)  # where no answer is right
PAGE = b"<html><title>Sign in</title></html>"
BEGINNING = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
MEBIBYTE = 1 << 20


# What is done with an answer


async def web_page(line: Line, forward: Forward) -> None:
    await line.answer(200, PAGE, Content_Type="text/html")


async def bad_gateway(line: Line, forward: Forward) -> None:
    await line.answer(502, PAGE, Content_Type="text/html")


async def forbidden_page(line: Line, forward: Forward) -> None:
    await line.answer(403, PAGE, Content_Type="text/html")


async def page_after_all(line: Line, forward: Forward) -> None:
    await forward()
    await line.answer(200, PAGE, Content_Type="text/html")


async def silence_after_all(line: Line, forward: Forward) -> None:
    await forward()
    await line.gone()


async def cut_json(line: Line, forward: Forward) -> None:
    await line.answer(200, (await forward()).content[:10])


async def wrong_types(line: Line, forward: Forward) -> None:
    await line.answer(200, b'{"ID": 7, "DispatchedJobID": 7}')


async def empty_object(line: Line, forward: Forward) -> None:
    await line.answer(200, b"{}")


async def redirect(line: Line, forward: Forward) -> None:
    await line.answer(307, b"", Location="https://sso.invalid/login?state=secret")


async def no_such_page(line: Line, forward: Forward) -> None:
    await line.answer(404, b'{"error": "no such page"}')


async def hundred_mebibytes(line: Line, forward: Forward) -> None:
    await line.write(BEGINNING + b"Transfer-Encoding: chunked\r\n\r\n")
    for _ in range(100):
        await line.write(b"%x\r\n%s\r\n" % (MEBIBYTE, b" " * MEBIBYTE))
    await line.write(b"0\r\n\r\n")


async def silence(line: Line, forward: Forward) -> None:
    await line.gone()


async def byte_after_byte(line: Line, forward: Forward) -> None:
    await line.write(BEGINNING + b"Content-Length: 1000\r\n\r\n")
    while True:
        await asyncio.sleep(0.2)
        await line.write(b" ")


async def hang_up(line: Line, forward: Forward) -> None:
    raise ConnectionAbortedError


async def expired_token(line: Line, forward: Forward) -> None:
    await line.answer(403, b"ACL token expired")


async def too_many_requests(line: Line, forward: Forward) -> None:
    await line.answer(429, b"slow down")


# Cases


@dataclass(frozen=True)
class Case:
    """What misbehaves, how and when, how the run is called, and what it says of that."""

    endpoint: str
    misbehave: Misbehaviour
    says: str
    options: tuple[str, ...] = PATIENT
    well: int = 0
    badly: int = 1_000_000

    @property
    def name(self) -> str:
        return f"{self.endpoint} {self.misbehave.__name__} {self.well} {self.badly}"


async def end_of(case: Case, folder: Path) -> tuple[End, int]:
    """Return how the run ended, and how many children there are then."""
    async with fronted(case.endpoint, case.misbehave, well=case.well, badly=case.badly) as front:
        end = await run_two_items(front.address, folder / case.name, *case.options)
        return end, await front.count_children()


async def ends_of(cases: Sequence[Case], folder: Path) -> list[tuple[End, int]]:
    """All at once, as they do little but wait. Each has to end, and to say what is to be said."""
    async with asyncio.TaskGroup() as group:
        ending = [group.create_task(end_of(case, folder)) for case in cases]
    ends = [await task for task in ending]
    for case, (end, _) in zip(cases, ends, strict=True):
        assert case.says in end.err, (case.name, end)
        assert [text for text in ("Traceback", "internal error") if text in end.err] == []
    return ends


BEFORE_ANYTHING_IS_SENT = [
    Case("everything", web_page, "SERVER: /v1/agent/self: not an answer from Nomad: a web page"),
    Case("everything", empty_object, "SERVER: /v1/job/work: not an answer from Nomad: there is no ID"),
    Case("everything", no_such_page, "is this the address of a Nomad agent, and is the agent recent enough?"),
    Case(
        "everything",
        redirect,
        "redirected to https://sso.invalid/login: pass the address it redirects to with --address",
    ),
    Case("everything", bad_gateway, "SERVER: HTTP 502 with a web page, from a proxy and not from Nomad"),
    Case("everything", forbidden_page, "SERVER: HTTP 403 with a web page, from a proxy and not from Nomad"),
    Case("probe", bad_gateway, "SERVER: HTTP 502 with a web page, from a proxy and not from Nomad"),
    Case("probe", forbidden_page, "SERVER: HTTP 403 with a web page, from a proxy and not from Nomad"),
    Case("everything", silence, "no answer from Nomad at SERVER: no data received for 1 s", HASTY),
    Case("everything", hang_up, "no answer from Nomad at SERVER: the connection was closed without an answer"),
    Case("job", cut_json, "SERVER: /v1/job/work: not an answer from Nomad: Unterminated string"),
    Case("job", wrong_types, "SERVER: /v1/job/work: not an answer from Nomad: ID is a number instead of a text"),
    Case("job", hundred_mebibytes, "the server at SERVER does not answer like Nomad: the answer is larger than 64 MiB"),
    Case("everything", byte_after_byte, "no answer from Nomad at SERVER: the answer was not complete", HASTY),
]


async def test_what_is_not_nomad_is_told_before_anything_is_sent(tmp_path: Path) -> None:
    """One line names the address."""
    ends = await ends_of(BEFORE_ANYTHING_IS_SENT, tmp_path)
    assert [(end.code, end.out, end.err.count("\n"), children) for end, children in ends] == [(1, "", 1, 0)] * len(ends)


async def empty_answer(line: Line, forward: Forward) -> None:
    await line.answer(200, b"")


ONE_BAD_ANSWER_BEFORE = [
    Case(endpoint, misbehave, "", badly=1)
    for endpoint, misbehave in (
        ("self", empty_answer),
        ("self", bad_gateway),
        ("job", cut_json),
        ("job", hang_up),
        ("job", too_many_requests),
        ("summary", empty_answer),
        ("summary", wrong_types),
        ("probe", bad_gateway),
        ("probe", hang_up),
    )
]


async def test_one_bad_answer_before_the_first_dispatch_is_asked_for_again(tmp_path: Path) -> None:
    """Whatever was asked for: the run succeeds."""
    ends = await ends_of(ONE_BAD_ANSWER_BEFORE, tmp_path)
    fine = {"a": ("succeeded", None), "b": ("succeeded", None)}
    assert [(end.code, end.outcomes, children) for end, children in ends] == [(0, fine, 2)] * len(ends)


ANSWERS_LOST = [
    Case("dispatch", web_page, "", badly=1),
    Case("dispatch", bad_gateway, "", badly=1),
    Case("dispatch", forbidden_page, "", badly=1),
    Case("dispatch", cut_json, ""),
    Case("dispatch", page_after_all, ""),
    Case("dispatch", silence_after_all, ""),
    Case("list", bad_gateway, "", badly=1),
    Case("allocations", web_page, "", badly=1),
]


async def test_an_answer_that_is_lost_does_no_harm(tmp_path: Path) -> None:
    """Each item has one child and its outcome, whether the dispatch was carried out or not."""
    ends = await ends_of(ANSWERS_LOST, tmp_path)
    fine = {"a": ("succeeded", None), "b": ("succeeded", None)}
    assert [(end.code, end.outcomes, children) for end, children in ends] == [(0, fine, 2)] * len(ends)


NOTHING_GETS_THROUGH = [
    Case("dispatch", web_page, "no dispatch was accepted for 2 s; last error: HTTP 200 with a web page", IMPATIENT),
    Case("dispatch", forbidden_page, "for 2 s; last error: HTTP 403 with a web page, from a proxy", IMPATIENT),
    Case("dispatch", silence, "no dispatch was accepted for 2 s; last error: no answer from Nomad", IMPATIENT),
    Case("dispatch", hundred_mebibytes, "no dispatch was accepted for 2 s; last error: no answer", IMPATIENT),
    Case("dispatch", too_many_requests, "no dispatch was accepted for 2 s; last error: HTTP 429", IMPATIENT),
]


async def test_a_run_whose_dispatches_never_get_through_ends(tmp_path: Path) -> None:
    """The run is interrupted, so that a resume can continue it. No child was made, and no output says so."""
    ends = await ends_of(NOTHING_GETS_THROUGH, tmp_path)
    assert [(end.code, children) for end, children in ends] == [(1, 0)] * len(ends)
    assert {outcome for end, _ in ends for outcome in end.outcomes.values()} <= {
        (None, None),
        ("unsent", "unreachable"),
    }
    assert [end for end, _ in ends if "interrupted: continue with: dispatchfile resume " not in end.err] == []


REFUSED = ("refused", "validation")
EXPIRED = ("unknown", "permission")
UNREADABLE = ("unknown", "unreachable")
JUDGED = [
    (Case("dispatch", redirect, "refused (validation): HTTP 307"), REFUSED, REFUSED, 0),
    (Case("dispatch", expired_token, "ACL token expired", well=1), ("succeeded", None), ("refused", "permission"), 1),
    (Case("allocations", expired_token, "ACL token expired"), EXPIRED, EXPIRED, 2),
    (Case("allocations", web_page, "its result cannot be read: ", IMPATIENT), UNREADABLE, UNREADABLE, 2),
]


async def test_each_item_has_the_outcome_that_can_be_known(tmp_path: Path) -> None:
    """Where the answers are refusals, or no answers at all."""
    ends = await ends_of([case for case, *_ in JUDGED], tmp_path)
    judged = [(end.outcomes["a"], end.outcomes["b"], children) for end, children in ends]
    assert judged == [(a, b, children) for _, a, b, children in JUDGED]


async def test_a_list_that_is_none_ends_the_run(tmp_path: Path) -> None:
    """The run is interrupted: children continue in Nomad, and a resume can find them."""
    says = "no valid answer from Nomad for 2 s; last error: /v1/jobs: not an answer from Nomad: a web page"
    case = Case("list", web_page, says, IMPATIENT)
    [(end, children)] = await ends_of([case], tmp_path)
    assert (end.code, end.outcomes, children) == (1, {"a": (None, None), "b": (None, None)}, 2)


# TLS


def shown_by(authority: trustme.CA, name: str, not_after: datetime | None = None) -> ssl.SSLContext:
    """A server's side, with a certificate for *name*."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name, not_before=datetime(2020, 1, 1, tzinfo=UTC), not_after=not_after).configure_cert(context)
    return context


NAME_IT = "pass the server name in the certificate with --tls-server-name"


async def end_with(tls: ssl.SSLContext | None, folder: Path, *options: str) -> End:
    async with fronted("nothing", web_page, tls=tls) as front:
        return await run_two_items(front.address.replace("http:", "https:"), folder, *options)


async def test_certificates_that_do_not_fit_are_told_with_what_to_do(tmp_path: Path) -> None:
    """One line says what to do, and no request goes to a server that is perhaps another one."""
    authority, name = trustme.CA(), "127.0.0.1"
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    trusting = ("--ca-cert", str(tmp_path / "ca.pem"))
    yesterday = datetime.now(UTC) - timedelta(days=1)
    wants_ours = shown_by(authority, name)
    wants_ours.verify_mode = ssl.CERT_REQUIRED
    with refusing(wants_ours) as address:
        async with asyncio.TaskGroup() as group:
            ending = [
                group.create_task(end_with(shown_by(authority, "n.invalid"), tmp_path / "name", *trusting)),
                group.create_task(end_with(shown_by(authority, name, yesterday), tmp_path / "expired", *trusting)),
                group.create_task(end_with(shown_by(authority, name), tmp_path / "unknown")),
                group.create_task(end_with(None, tmp_path / "plain", *trusting)),
                group.create_task(run_two_items(address, tmp_path / "mutual", *trusting)),
            ]
    ends = [await task for task in ending]
    assert [(end.code, end.out) for end in ends] == [(1, "")] * len(ends)
    assert [end.err.removeprefix("Error: cannot reach Nomad at SERVER: ") for end in ends] == [
        f"its certificate is not trusted (IP address mismatch, certificate is not valid for {name!r}): {NAME_IT}\n",
        "its certificate is not trusted (certificate has expired): renew it, or check this machine's clock\n",
        "its certificate is not trusted (unable to get local issuer certificate): pass its CA with --ca-cert\n",
        "it does not use TLS: use an http:// address?\n",
        "it asks for a client certificate: set --client-cert and --client-key\n",
    ]
