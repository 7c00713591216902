"""What `run` says of a token that may not do what is asked. The server is scripted: embedded agents have no tokens."""

from pathlib import Path

import pytest

from tests.dispatch_command.calls import ours
from tests.dispatch_command.scripted import FORBIDDEN, Asked, Reply, scripted

JOB = {"ID": "ok", "Namespace": "default", "Type": "batch", "Status": "running", "ParameterizedJob": {}}
MANIFEST = """\
version: 1
dispatches:
  - {id: a, job: ok}
  - {id: b, job: ok, timeout: 30m, on_timeout: stop}
"""


def only_dispatching(asked: Asked) -> Reply:
    """A Nomad whose token may dispatch and look, and no more."""
    if asked.path.endswith("/dispatch"):
        return Reply("Dispatch request included unpermitted metadata keys: [dispatchfile.probe]", 500)
    answers = {
        "/v1/acl/token/self": Reply({"AccessorID": "a"}),
        "/v1/job/ok": Reply(JOB),
        "/v1/job/ok/summary": Reply({"Children": {}, "Summary": {}}),
    }
    return answers.get(asked.path, FORBIDDEN)


@pytest.mark.parametrize(
    ("arguments", "line", "why"),
    [
        pytest.param(["--wait"], 4, "on_timeout: stop", id="on-timeout"),
        pytest.param(["--detach", "--on-interrupt=stop"], 3, "--on-interrupt=stop", id="on-interrupt"),
    ],
)
def test_the_right_to_stop_is_missed_before_anything_is_sent(
    tmp_path: Path, arguments: list[str], line: int, why: str
) -> None:
    """The error has its place in the manifest, and the exit code is 1."""
    manifest = tmp_path / "m.yaml"
    manifest.write_text(MANIFEST)
    with scripted(only_dispatching) as server:
        said = ours(
            server.address,
            str(manifest),
            *arguments,
            "--token",
            "t",
            "--state-dir",
            str(tmp_path / "state"),
            command="run",
        )
        stops = [asked for asked in server.asked if asked.method == "DELETE"]
        assert all(b"dispatchfile.probe" in asked.body for asked in server.dispatches())
    lacking = "but the token has no permission to stop jobs in namespace 'default': it needs submit-job"
    item = {3: "a", 4: "b"}[line]
    assert said.err.splitlines()[0] == f"{manifest}:{line}:5: DF107 {why}, {lacking} (item {item!r})"
    assert (said.code, [asked.path for asked in stops]) == (1, ["/v1/job/"])


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        pytest.param(Reply("ACL token expired", 500), "ACL token expired", id="expired"),
        pytest.param(Reply("Permission denied", 403), "Permission denied", id="unknown"),
    ],
)
def test_a_wrong_token_is_told_once_and_as_such(tmp_path: Path, answer: Reply, why: str) -> None:
    """Nomad denies it everything, in the words for a right that is lacking."""
    manifest = tmp_path / "m.yaml"
    manifest.write_text(MANIFEST)
    with scripted(lambda asked: answer if asked.path == "/v1/acl/token/self" else FORBIDDEN) as server:
        said = ours(
            server.address, str(manifest), "--token", "t", "--state-dir", str(tmp_path / "state"), command="run"
        )
        asked = [each.path for each in server.asked if each.path == "/v1/acl/token/self"]
        told = f"Nomad refuses the token ({why}): check NOMAD_TOKEN, --token and --token-file"
        assert (said.code, said.out, said.err) == (1, "", f"Error: {server.address}: {told}\n")
    assert len(asked) == 1
