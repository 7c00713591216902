"""No command shows or stores a planted secret, and no answer that repeats it gives it away (runs: cli/test_leaks)."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from dispatchfile.cli.exits import run_to_exit_code
from dispatchfile.reports.formats import ReportKind
from tests.dispatch_command.conftest import embedded_agent
from tests.dispatch_command.jobs import ask, job
from tests.leaks.search import files_below, forms, leaks
from tests.leaks.serving import serving

SECRETS: Mapping[str, str] = {
    "variable": 'V4r/s+e"c\\r é<t&7',
    "literal": 'L1t/s+e"c\\r é<t&8',
    "payload": 'P4y/s+e"c\\r é<t&9',
    "token": 'T0k-s+e/c<r&t"77',
    "password": 'p4ss/w+o"rd<&88',
    "header": base64.b64encode(b'user:p4ss/w+o"rd<&88').decode(),
}
WRITES_IT = "printf '%s\\n' \"$NOMAD_META_k\" >&2; exit 3"
ITEMS = [
    {"id": "bad", "meta": {"k": "{{ vars.key }}", "x": WRITES_IT}, "sensitive": ["meta.k"]},
    {"id": "literal", "meta": {"k": SECRETS["literal"], "x": "echo done"}, "sensitive": ["meta.k"]},
    {"id": "payload", "payload": {"text": SECRETS["payload"]}, "meta": {"x": "true"}, "sensitive": ["payload"]},
    {"id": "token", "meta": {"k": "{{ vars.key }}"}, "idempotency_token": "auto", "sensitive": ["meta.k"]},
]
VARIABLE = ("--var", f"key={SECRETS['variable']}")
REPORTS = [word for kind in ReportKind for word in ("--report", f"{kind}=written/report-{kind}")]

Call = Callable[..., list[str]]


def put_manifest(*items: Mapping[str, object]) -> None:
    head = {"version": 1, "vars": {"key": "x"}, "settings": {"wait": "completion"}, "defaults": {"job": "shell"}}
    Path("dispatchfile.yaml").write_text(json.dumps({**head, "dispatches": items}))


@pytest.fixture(scope="module")
def agent() -> Iterator[str]:
    with embedded_agent() as address:
        ask(address, "PUT", "/v1/jobs", {"Job": job("shell", sh='eval "$NOMAD_META_x"')})
        yield address


@pytest.fixture
def call(agent: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """Runs a command line; returns the secrets in what it printed and in all files that were written so far."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NOMAD_ADDR", agent)
    monkeypatch.setenv("NOMAD_TOKEN", SECRETS["token"])
    monkeypatch.setenv("NOMAD_HTTP_AUTH", f"user:{SECRETS['password']}")
    monkeypatch.setenv("DISPATCHFILE_STATE_DIR", "written/state")
    Path("written").mkdir()
    put_manifest(*ITEMS)

    def call(*argv: str) -> list[str]:
        capsys.readouterr()
        run_to_exit_code(list(argv))
        captured = capsys.readouterr()
        printed = {"standard output": captured.out.encode(), "standard error": captured.err.encode()}
        assert any(printed.values())
        return leaks(SECRETS, {**printed, **files_below(tmp_path / "written")})

    return call


@pytest.mark.parametrize("form", forms("x"))
def test_the_search_finds_a_secret_in_every_form(form: str) -> None:
    """A search that finds nothing would prove nothing."""
    for text in forms(SECRETS["variable"])[form]:
        found = leaks({"it": SECRETS["variable"]}, {"here": b"before " + text + b" after"})
        assert f"it {form} in here" in found


@pytest.mark.parametrize("before", ["", "a", "ab", "abc"])
def test_the_search_finds_a_secret_within_base64(before: str) -> None:
    """A header or a payload holds more than the secret."""
    text = base64.b64encode(f"{before}{SECRETS['password']}{before}".encode())
    assert leaks({"it": SECRETS["password"]}, {"here": text}) == ["it Base64 in here"]


@pytest.mark.parametrize("output", ["text", "json", "github", "sarif", "junit"])
def test_checks_show_no_secret(call: Call, output: str) -> None:
    """In any format, of a manifest that is right."""
    assert call("validate", *VARIABLE, "-o", output) == []


@pytest.mark.parametrize("output", ["text", "json", "ndjson"])
def test_a_dry_run_shows_no_secret(call: Call, output: str) -> None:
    assert call("run", "--dry-run", *VARIABLE, "-o", output) == []


@pytest.mark.parametrize("output", ["text", "json"])
def test_what_is_told_of_a_past_run_has_no_secret(call: Call, output: str) -> None:
    """By each command that looks at it, and in what a rerun exports. Only `logs` shows what a task wrote, as it is."""
    call("run", *VARIABLE, "--run-id", "leaky", "-q")
    looks = (
        *(("status", "leaky"), ("status", "leaky", "bad"), ("status", "leaky", "payload"), ("watch", "leaky")),
        *(("runs",), ("logs", "leaky", "literal"), ("doctor",), ("doctor", "dispatchfile.yaml")),
        *(("resume", "leaky"), ("stop", "leaky"), ("explain", "unplaced"), ("prune", "--keep", "0", "--dry-run")),
        ("rerun", "leaky", "--failed", *VARIABLE),
    )
    assert {look: found for look in looks if (found := call(*look, "-o", output))} == {}
    for kind in ReportKind:
        assert call("report", "leaky", "--format", kind) == []
    assert call("rerun", "leaky", "--only", "*", "--export", f"written/{output}.yaml", *VARIABLE) == []


class _Echo(BaseHTTPRequestHandler):
    """Refuses every request, and says what it was: headers and body, as proxies and debug servers do."""

    status = 500

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        answer = f"{self.path} {dict(self.headers)} {json.dumps(dict(self.headers))} ".encode() + body
        self.send_response(self.status)
        self.send_header("Location", f"/{self.headers.get('X-Nomad-Token')}")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_PUT = do_POST = do_DELETE = do_GET  # noqa: N815  as the base class names them

    def log_message(self, *_: object) -> None:
        return


@pytest.mark.parametrize("status", [200, 302, 400, 401, 403, 404, 429, 500, 502])
def test_a_server_that_repeats_the_request_gives_no_secret_away(
    call: Call, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    """Its words are shown and stored without the token and the password."""
    with serving(type("Echo", (_Echo,), {"status": status})) as address:
        monkeypatch.setenv("NOMAD_ADDR", address)
        run = ("run", *VARIABLE, "--unreachable-after", "100ms", *REPORTS)
        commands = (run,) if status >= 429 else (run, ("doctor",), ("dispatch", "shell", "--detach"))  # all others wait
        assert {command[0]: found for command in commands if (found := call(*command))} == {}


def test_user_information_in_an_address_is_shown_by_no_command(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether the address can be used or not."""
    address = os.environ["NOMAD_ADDR"].replace("://", "://me:T0k-s%2Be%2Fc%3Cr%26t%2277@")
    for each in (address, f"{address}/?token={SECRETS['token']}", f"{address}/v1", address.replace("http://", "")):
        monkeypatch.setenv("NOMAD_ADDR", each)
        for command in (("run", *VARIABLE), ("doctor",), ("dispatch", "shell", "--detach")):
            assert call(*command) == []
