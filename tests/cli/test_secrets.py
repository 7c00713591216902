"""A secret in the place of something else is never shown: the message names the option and what is wanted."""

from pathlib import Path

import pytest

from dispatchfile.cli.exits import run_to_exit_code

PEM = "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEIOrm\n-----END EC PRIVATE KEY-----"
UUID = "1f0c2d3e-aaaa-bbbb-cccc-0123456789ab"
JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJub21hZCJ9.c2lnbmF0dXJl"
MANIFEST = (
    "version: 1\nvars: {key: x}\ndispatches: [{id: a, job: work, meta: {k: '{{ vars.key }}'}, sensitive: [meta.k]}]\n"
)
OPTIONS = ("--token-file", "--ca-cert", "--ca-path", "--client-cert", "--client-key", "--var-file", "--state-dir")
VARIABLES = ("NOMAD_CACERT", "NOMAD_CAPATH", "NOMAD_CLIENT_CERT", "NOMAD_CLIENT_KEY")


@pytest.fixture
def folder(in_an_empty_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (in_an_empty_folder / "dispatchfile.yaml").write_text(MANIFEST)
    monkeypatch.setenv("NOMAD_ADDR", "https://127.0.0.1:9")
    monkeypatch.setenv("DISPATCHFILE_STATE_DIR", str(in_an_empty_folder / "state"))
    return in_an_empty_folder


def said(capsys: pytest.CaptureFixture[str], *argv: str) -> str:
    """All that a command line which goes wrong prints."""
    capsys.readouterr()
    assert run_to_exit_code(list(argv)) == 1
    return "".join(capsys.readouterr())


def parts(secret: str) -> list[str]:
    """What must not be seen of it."""
    return [line for line in secret.splitlines() if line]


@pytest.mark.parametrize("secret", [PEM, UUID, JWT, "x" * 300], ids=["a key", "a token", "a JWT", "overlong"])
@pytest.mark.parametrize("option", OPTIONS)
def test_no_option_that_takes_a_file_shows_a_secret(
    folder: Path, capsys: pytest.CaptureFixture[str], option: str, secret: str
) -> None:
    """It names itself instead."""
    pair = {"--client-cert": ["--client-key", "k"], "--client-key": ["--client-cert", "c"]}.get(option, [])
    command = ["status", "r1"] if option == "--state-dir" else ["run", "dispatchfile.yaml"]
    text = said(capsys, *command, option, secret, *pair)
    assert [part for part in parts(secret) if part in text] == []
    assert option in text


@pytest.mark.parametrize(
    "secret", [PEM, JWT, "ghp_0123456789abcdefABCDEF"], ids=["a key", "a JWT", "a token of GitHub"]
)
@pytest.mark.parametrize(
    "argv",
    [
        ["run", "--run-id"],
        ["run", "--only"],
        ["run", "--rate"],
        ["run", "--address"],
        ["run", "--local", "--fault"],
        ["run", "--local", "--jobs"],
        ["run", "--local", "--job-var"],
        ["run", "--local", "--job-var-file"],
        ["plan", "--out"],
        ["plan", "--against"],
        ["report", "r1", "--format", "json", "--out"],
        ["rerun", "r1", "--failed", "--export"],
        ["prune", "--older-than"],
        ["agent", "--bind"],
        ["watch", "--timeout"],
        ["status"],
        ["logs"],
    ],
    ids=" ".join,
)
def test_no_value_of_an_option_is_repeated_if_it_is_a_secret(
    folder: Path, capsys: pytest.CaptureFixture[str], argv: list[str], secret: str
) -> None:
    """Whatever the option is for, its message leaves out keys and tokens, and no file gets such a name."""
    before = sorted(folder.iterdir())
    text = said(capsys, *argv, secret)
    assert [part for part in parts(secret) if part in text] == []
    assert [path for path in sorted(folder.iterdir()) if path not in before] == []


@pytest.mark.parametrize("variable", VARIABLES)
def test_no_variable_that_names_a_file_shows_a_secret(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    """Continuous integration hands keys over in variables."""
    for name in ("NOMAD_CLIENT_CERT", "NOMAD_CLIENT_KEY"):
        monkeypatch.setenv(name, "/dev/null")
    monkeypatch.setenv(variable, PEM)
    for command in (["run"], ["doctor"], ["dispatch", "work"]):
        text = said(capsys, *command)
        assert [part for part in parts(PEM) if part in text] == []
        assert f"{variable}: this holds a key, not the name of a" in text


@pytest.mark.parametrize(
    "argv",
    [
        ["run", UUID],
        ["validate", UUID],
        ["status", UUID],
        ["dispatch", "work", UUID],
        ["run", "--var", "S3cretTok3n"],
        ["run", "--run-id", UUID],
        ["run", "--report", f"json={PEM}"],
        ["run", "--report", UUID],
    ],
    ids=lambda argv: " ".join(argv[:-1]),
)
def test_no_argument_shows_a_secret(folder: Path, capsys: pytest.CaptureFixture[str], argv: list[str]) -> None:
    """A token in the place of a manifest, a run, a payload or KEY=VALUE."""
    text = said(capsys, *argv)
    assert [part for part in (*parts(PEM), UUID, "S3cretTok3n") if part in text] == []


@pytest.mark.parametrize("value", ["*S3cretTok3n", "!S3cretTok3n x", "&S3cretTok3n", "%S3cretTok3n", "{S3cretTok3n: x"])
def test_a_password_that_is_not_quoted_is_not_shown(
    folder: Path, capsys: pytest.CaptureFixture[str], value: str
) -> None:
    """No line of a variables file, or of a manifest with sensitive values, is quoted."""
    (folder / "v.yaml").write_text(f"key: {value}\nother: [\n")
    text = said(capsys, "run", "--var-file", "v.yaml")
    assert ("S3cretTok3n" in text, "v.yaml:" in text) == (False, True)
    broken = f"version: 1\ndispatches: [{{id: a, job: work, meta: {{k: {value}}}, sensitive: [meta.k]}}]\n  x: [\n"
    (folder / "dispatchfile.yaml").write_text(broken)
    for output in ("text", "json", "github", "sarif", "junit"):
        assert "S3cretTok3n" not in said(capsys, "validate", "-o", output)


@pytest.mark.parametrize("name", ["NOMAD_TOKEN", "GITHUB_TOKEN", "CI_JOB_TOKEN"])
def test_templates_cannot_read_credentials(folder: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    """A manifest of a fork would send them to a job."""
    (folder / "dispatchfile.yaml").write_text(f"version: 1\nenv: [{name}]\ndispatches: [{{job: work}}]\n")
    assert f"DF015 {name} is a credential: templates must not read it" in said(capsys, "validate")


@pytest.mark.parametrize(
    ("name", "meant"),
    [("NOMAD_ADDRESS", "NOMAD_ADDR"), ("NOMAD_TLS_SKIP_VERIFY", "NOMAD_SKIP_VERIFY")],
)
def test_a_misspelt_variable_of_nomad_is_an_error(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, name: str, meant: str
) -> None:
    """It would be dropped without a word, and the default be asked."""
    monkeypatch.delenv("NOMAD_ADDR")
    monkeypatch.setenv(name, "https://nomad.example:4646")
    assert f"{name} is set, but has no effect: the variable is called {meant}" in said(capsys, "run")


def test_a_switch_that_is_neither_true_nor_false_is_an_error(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would be taken for false."""
    monkeypatch.setenv("NOMAD_SKIP_VERIFY", "yes")
    assert "NOMAD_SKIP_VERIFY must be true or false" in said(capsys, "run")


def test_a_misspelt_state_folder_is_an_error(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An unfinished run would not be found."""
    monkeypatch.delenv("DISPATCHFILE_STATE_DIR")
    monkeypatch.setenv("DISPATCHFILE_STATEDIR", "state")
    assert "DISPATCHFILE_STATEDIR is set, but has no effect" in said(capsys, "runs")


@pytest.mark.parametrize("secret", [UUID, JWT, "x" * 300], ids=["a token", "a JWT", "overlong"])
@pytest.mark.parametrize(
    "key", ["payload: {file: %s}", "payload: %s", "payload: {template: %s}", "for_each: {csv: %s}"]
)
@pytest.mark.parametrize("output", ["text", "json", "github", "sarif", "junit"])
def test_a_secret_in_the_place_of_a_file_of_the_manifest_is_not_shown(
    folder: Path, capsys: pytest.CaptureFixture[str], secret: str, key: str, output: str
) -> None:
    """The message says what is wanted, and no output quotes the line."""
    manifest = folder / "dispatchfile.yaml"
    manifest.write_text(f"version: 1\ndispatches:\n  - {{job: b, {key % secret}}}\n")
    shown = said(capsys, "validate", "-o", output)
    assert (secret in shown, "not the name of a file" in shown) == (False, True)


@pytest.mark.parametrize("secret", [PEM, UUID, JWT], ids=["a key", "a token", "a JWT"])
def test_a_secret_in_the_place_of_a_command_is_not_shown(capsys: pytest.CaptureFixture[str], secret: str) -> None:
    """A value whose option was forgotten is taken for the command."""
    shown = said(capsys, secret)
    assert ([part for part in parts(secret) if part in shown], "No such" in shown) == ([], True)
