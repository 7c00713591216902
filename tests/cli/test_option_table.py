"""Each option of each command has an effect that can be seen; `option_table` says how to add a row."""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme
import typer

from dispatchfile.cli.app import app
from tests.cli.option_table import agents, connection, display, history, manifests, own, plans, refusals, steering
from tests.cli.option_table.checks import Check, Row
from tests.cli.option_table.stage import JOB, MANIFEST, RecordingServer, Stage
from tests.dispatch_command.conftest import embedded_agent

TABLES: tuple[Row, ...] = (
    connection.ROWS,
    display.ROWS,
    steering.ROWS,
    manifests.ROWS,
    own.ROWS,
    agents.ROWS,
    history.ROWS,
    plans.ROWS,
)
ROWS: dict[tuple[str, str], Check] = {key: check for table in TABLES for key, check in table.items()}
COMMANDS = typer.main.get_command(app).commands  # type: ignore[attr-defined]
OPTIONS = [
    (name, max(parameter.opts, key=len))
    for name, command in COMMANDS.items()
    for parameter in command.params
    if parameter.param_type_name == "option"
]


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CA, a server below it that is called nomad.test, and a client."""
    folder = tmp_path_factory.mktemp("certificates")
    authority = trustme.CA()
    (folder / "authorities").mkdir()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    authority.cert_pem.write_to_path(str(folder / "authorities/ca.crt"))
    for name in ("nomad.test", "client"):
        pair = authority.issue_cert(name)
        pair.private_key_pem.write_to_path(str(folder / f"{name}-key.pem"))
        pair.cert_chain_pems[0].write_to_path(str(folder / f"{name}.pem"))
    return folder


@pytest.fixture(scope="session")
def server() -> Iterator[RecordingServer]:
    with RecordingServer().serving() as server:
        yield server


@pytest.fixture(scope="session")
def tls_server(certificates: Path) -> Iterator[RecordingServer]:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(certificates / "ca.pem"))
    context.load_cert_chain(certificates / "nomad.test.pem", certificates / "nomad.test-key.pem")
    context.verify_mode = ssl.CERT_OPTIONAL
    with RecordingServer(context).serving() as server:
        yield server


@pytest.fixture(scope="session")
def agent() -> Iterator[str]:
    with embedded_agent() as address:
        yield address


@pytest.fixture
def stage(
    in_an_empty_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    request: pytest.FixtureRequest,
) -> Stage:
    """The working folder with a manifest and its job, no variable of Nomad's, journals below it."""
    for name in [name for name in os.environ if name.startswith(("NOMAD_", "DISPATCHFILE_")) or "COLOR" in name]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("DISPATCHFILE_STATE_DIR", str(in_an_empty_folder / "state"))
    (in_an_empty_folder / "jobs").mkdir()
    (in_an_empty_folder / "jobs/work.nomad.json").write_text(JOB)
    (in_an_empty_folder / "dispatchfile.yaml").write_text(MANIFEST)
    server, tls_server, certificates = map(request.getfixturevalue, ("server", "tls_server", "certificates"))
    return Stage(in_an_empty_folder, server, capsys, certificates, tls_server, lambda: request.getfixturevalue("agent"))


def test_every_option_has_one_row() -> None:
    """An option without a row fails here, and so do a row in two tables and one of an option that is gone."""
    rows = [key for table in TABLES for key in table]
    assert sorted(rows) == sorted(OPTIONS)


@pytest.mark.parametrize(("command", "option"), OPTIONS, ids=[" ".join(option) for option in OPTIONS])
def test_the_option_has_its_effect(command: str, option: str, stage: Stage) -> None:
    """The row of the table checks the effect."""
    ROWS[command, option](stage)


@pytest.mark.parametrize("refused", refusals.REFUSED, ids=[" ".join(refused.argv) for refused in refusals.REFUSED])
def test_options_without_effect_beside_each_other_are_refused(refused: refusals.Refused, stage: Stage) -> None:
    """The message names both and says what to do; nothing was sent."""
    refusals.prepare(stage)
    answer = stage.call(*refused.argv)
    assert (answer.code, answer.out, answer.err) == (1, "", f"Error: {refused.message}\n")
