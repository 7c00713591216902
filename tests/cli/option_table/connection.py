"""Rows of the options that say how Nomad is reached: what the recording server is asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dispatchfile.journal import RunState
from tests.cli.option_table.checks import Check, Row
from tests.cli.option_table.stage import FAILED, Request, Stage

COMMANDS: Mapping[str, Sequence[str]] = {  # each a call that asks the server, if it is told where that is
    "init": ("init", "new", "--from-job", "work"),
    "run": ("run",),
    "plan": ("plan",),
    "resume": ("resume", "c1"),
    "rerun": ("rerun", "c2", "--failed"),
    "status": ("status", "c1", "--refresh"),
    "watch": ("watch", "c1", "--timeout", "100ms"),
    "stop": ("stop", "c1"),
    "logs": ("logs", "c1"),
    "dispatch": ("dispatch", "-detach", "work"),
    "doctor": ("doctor",),
}
OF_PAST_RUNS = frozenset({"resume", "rerun", "status", "watch", "stop", "logs"})


def prepare(stage: Stage) -> None:
    """A run that was interrupted with a child that lives, and one that is over with an item that failed."""
    address = stage.server.address
    stage.keep("c1", address=address, state=RunState.INTERRUPTED, ends={"good": None})
    stage.keep("c2", address=address, state=RunState.FINISHED, ends={"good": FAILED, "bad": FAILED})


def _address(command: str) -> Check:
    def check(stage: Stage) -> None:
        prepare(stage)
        assert stage.asked(*COMMANDS[command], "--address", stage.server.address) != []
        elsewhere = stage.call(*COMMANDS[command], "--address", "http://127.0.0.1:9")
        assert "127.0.0.1:9" in elsewhere.out + elsewhere.err

    return check


def _token(command: str) -> Check:
    def check(stage: Stage) -> None:
        prepare(stage)
        requests = stage.asked(*COMMANDS[command], "--address", stage.server.address, "--token", "s3cret")
        assert tokens(requests) == {"s3cret"}

    return check


def _token_file(command: str) -> Check:
    def check(stage: Stage) -> None:
        prepare(stage)
        (stage.folder / "token").write_text("from-a-file\n")
        requests = stage.asked(*COMMANDS[command], "--address", stage.server.address, "--token-file", "token")
        assert tokens(requests) == {"from-a-file"}

    return check


def tokens(requests: Sequence[Request]) -> set[str]:
    return {request.headers.get("X-Nomad-Token", "") for request in requests}


def _sent_in_query(command: str, name: str) -> Check:
    def check(stage: Stage) -> None:
        prepare(stage)
        requests = stage.asked(*COMMANDS[command], "--address", stage.server.address, f"--{name}", "other")
        assert ["other"] in [request.query.get(name) for request in requests]

    return check


def _looked_at(name: str) -> Check:
    def check(stage: Stage) -> None:
        found = stage.call("doctor", "--address", stage.agent, f"--{name}", "other")
        assert (found.code, f"FAIL  {name}" in found.out, "other" in found.out) == (1, True, True)

    return check


def _namespace_of_past_run(command: str) -> Check:
    def check(stage: Stage) -> None:
        prepare(stage)
        run = COMMANDS[command][1]
        refused = stage.call(*COMMANDS[command], "--namespace", "other")
        assert (refused.code, refused.err) == (
            1,
            f"Error: --namespace other: the items of run {run} are in namespace 'default': leave it out\n",
        )

    return check


def _by_tls(command: str, *flags: str, without: Sequence[str] = ()) -> Check:
    """The request arrives with the *flags*, and not with those of *without* alone."""

    def check(stage: Stage) -> None:
        prepare(stage)
        call = (*COMMANDS[command], "--address", stage.tls_server.address)
        assert stage.asked_by_tls(*call, *_paths(stage, flags)) != []
        assert stage.asked_by_tls(*call, *_paths(stage, without)) == []

    return check


def _client_certificate(command: str, option: str) -> Check:
    def check(stage: Stage) -> None:
        prepare(stage)
        call = (*COMMANDS[command], "--address", stage.tls_server.address, "--tls-skip-verify")
        pair = ("--client-cert", "client.pem", "--client-key", "client-key.pem")
        assert {request.certificate for request in stage.asked_by_tls(*call, *_paths(stage, pair))} == {True}
        one = (option, dict(zip(pair[::2], pair[1::2], strict=True))[option])
        refused = stage.call(*call, *_paths(stage, one))
        assert "Both client cert and client key must be provided" in refused.out + refused.err

    return check


def _paths(stage: Stage, flags: Sequence[str]) -> list[str]:
    """The *flags*, with the names of certificates as their paths."""
    return [str(stage.certificates / flag) if flag.endswith((".pem", "authorities")) else flag for flag in flags]


CA, NAME = ("--ca-cert", "ca.pem"), ("--tls-server-name", "nomad.test")


def _rows() -> Row:
    rows: dict[tuple[str, str], Check] = {}
    for command in COMMANDS:
        namespace = _namespace_of_past_run(command) if command in OF_PAST_RUNS else _sent_in_query(command, "namespace")
        rows |= {
            (command, "--address"): _address(command),
            (command, "--token"): _token(command),
            (command, "--token-file"): _token_file(command),
            (command, "--region"): _sent_in_query(command, "region"),
            (command, "--namespace"): namespace,
            (command, "--ca-cert"): _by_tls(command, *CA, *NAME, without=NAME),
            (command, "--ca-path"): _by_tls(command, "--ca-path", "authorities", *NAME, without=NAME),
            (command, "--tls-server-name"): _by_tls(command, *CA, *NAME, without=CA),
            (command, "--tls-skip-verify"): _by_tls(command, "--tls-skip-verify"),
            (command, "--client-cert"): _client_certificate(command, "--client-cert"),
            (command, "--client-key"): _client_certificate(command, "--client-key"),
        }
    return rows | {("doctor", "--region"): _looked_at("region"), ("doctor", "--namespace"): _looked_at("namespace")}


ROWS = _rows()
