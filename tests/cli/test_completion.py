"""Completion: what the shells are told, and bash itself."""

from __future__ import annotations

import asyncio
import io
import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatchfile.cli.candidates import MOST
from dispatchfile.cli.completion import VARIABLE, TypedLine, read_bash
from dispatchfile.cli.exits import run_to_exit_code
from dispatchfile.cli.program import COMMANDS, COMPLETION
from dispatchfile.events import Cause, Outcome
from dispatchfile.problems import CODES
from dispatchfile.usecases.load import ManifestSource, load_items
from tests.usecases.past_runs import header, keep_run

MANIFEST = """\
version: 1
dispatches:
  - {id: intro, job: encode, tags: [odd]}
  - {id: outro, job: encode}
"""


@pytest.fixture
def folder(in_an_empty_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with manifests and two runs; in the state folder lies a damaged journal, too."""
    for name in ("dispatchfile.yaml", "other.yml", "sub/films.dispatchfile.yaml", ".hidden.yaml", "notes.txt"):
        path = in_an_empty_folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(MANIFEST)
    state = in_an_empty_folder / "state"
    monkeypatch.setenv("DISPATCHFILE_STATE_DIR", str(state))
    manifest = in_an_empty_folder / "dispatchfile.yaml"
    items = load_items(ManifestSource(path=str(manifest), content=None, variables={}, environ={})).items
    for number, run in enumerate(["first", "second"]):
        head = header(id=run, name="films", manifest=str(manifest), started_at=1_795_000_000.0 + number)
        asyncio.run(keep_run(state, items, [], head=head))
    (state / "runs/20261122T000000.000000Z-broken.db").write_bytes(b"garbage")
    return in_an_empty_folder


def asked(variables: Mapping[str, str]) -> tuple[str, int]:
    """Return what the program prints for a shell that asks, and its exit code. Standard error stays empty."""
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        for name, value in variables.items():
            patch.setenv(name, value)
        code = run_to_exit_code([])
    assert err.getvalue() == ""
    return out.getvalue(), code


def bash(*words: str) -> list[str]:
    """The candidates for the last of the words, as bash takes them apart."""
    typed = {
        VARIABLE: "complete_bash",
        "COMP_WORDS": "\n".join(("dispatchfile", *words)),
        "COMP_CWORD": str(len(words)),
    }
    text, code = asked(typed)
    assert code == 0
    return text.splitlines()


def typed_in(shell: str, line: str) -> str:
    """What zsh or fish is told about a line that is typed up to here."""
    text, code = asked({VARIABLE: f"complete_{shell}", "_TYPER_COMPLETE_ARGS": line, **FISH})
    assert code == 0
    return text


FISH = {"_TYPER_COMPLETE_FISH_ACTION": "get-args"}


def test_commands_are_completed() -> None:
    """All of them, or those that begin so."""
    assert bash("") == list(COMMANDS)
    assert bash("re") == ["resume", "rerun", "report"]


@pytest.mark.parametrize("command", ["status", "watch", "resume", "rerun", "stop", "logs"])
def test_runs_are_completed(folder: Path, command: str) -> None:
    """The newest first, then the manifests that stand for their latest runs; one that cannot be read is left out."""
    ids = ["second", "first"]
    assert bash(command, "") == [*ids, "dispatchfile.yaml", "sub/films.dispatchfile.yaml", "other.yml"]
    assert bash(command, "f") == ["first"]
    assert bash(command, "broken") == []


@pytest.mark.parametrize("command", ["run", "validate", "doctor"])
def test_manifests_are_completed(folder: Path, command: str) -> None:
    """Manifests of this folder and of its subfolders are proposed, the default names first."""
    assert bash(command, "") == ["dispatchfile.yaml", "sub/films.dispatchfile.yaml", "other.yml"]
    assert bash(command, "su") == ["sub/films.dispatchfile.yaml"]
    assert bash(command, "./o") == ["./other.yml"]
    assert bash(command, ".h") == [".hidden.yaml"]
    assert bash(command, "none/") == []


def test_a_manifest_is_not_named_twice(folder: Path) -> None:
    """A command that takes several manifests proposes each only once."""
    assert bash("validate", "dispatchfile.yaml", "") == ["sub/films.dispatchfile.yaml", "other.yml"]


def test_items_are_completed(folder: Path) -> None:
    """The items of the typed run are proposed, except those that are typed already."""
    assert bash("logs", "first", "") == ["intro", "outro"]
    assert bash("status", "first", "i") == ["intro"]
    assert bash("logs", "first", "o") == ["outro"]
    assert bash("logs", "first", "intro", "") == ["outro"]
    assert bash("logs", "nosuchrun", "") == []


@pytest.mark.parametrize("words", [("rerun", "first", "--only"), ("run", "--only"), ("run", "--skip")])
def test_selectors_are_completed(folder: Path, words: tuple[str, ...]) -> None:
    """Items, tags, jobs and outcomes; of a manifest, those of its latest run."""
    assert bash(*words, "o") == ["outro", *(f"outcome:{outcome}" for outcome in Outcome)]
    assert bash(*words, "t") == ["tag:odd"]
    assert bash(*words, "job", ":", "") == ["encode"]
    assert bash(*words, "outcome", ":", "fa") == ["failed"]


def test_a_manifest_that_was_never_run_has_the_ids_that_stand_in_it(folder: Path) -> None:
    """Templates are not rendered."""
    Path("other.yml").write_text(
        'dispatches:\n  - id: one\n  - {id: "two", job: x}\n  - id: "{{ each.value }}"\n    id: four # so\n'
    )
    assert bash("run", "other.yml", "--only", "")[:3] == ["one", "two", "four"]


@pytest.mark.parametrize(
    ("words", "values"),
    [
        (("run", "--output", ""), ["text", "json", "ndjson"]),
        (("run", "--output", "=", "j"), ["json"]),
        (("run", "--wait", "=", ""), ["completion", "placement", "detach"]),
        (("run", "-wait", "=", "p"), ["placement"]),
        (("run", "--color", "n"), ["never"]),
        (("rerun", "--outcome", "un"), ["unplaced", "unsent", "unknown"]),
        (("rerun", "--cause", "no"), [Cause.NODE_LOST, Cause.NO_CAPACITY, Cause.NO_EVAL]),
        (("runs", "--state", "s"), ["stopped_early"]),
        (("report", "--format", "m"), ["markdown"]),
        (("run", "--report", "ju"), ["junit=report.xml"]),
        (("run", "--rate", "u"), ["unlimited"]),
        (("schema", "s"), ["summary"]),
        (("explain", "DF04"), [code for code in CODES if code.startswith("DF04")]),
        (("explain", "timed"), ["timed_out"]),
        (("run", "--local", "--ca-"), ["--ca-cert", "--ca-path"]),
        (("run", "-ca-"), ["-ca-cert", "-ca-path"]),
        (("agent", "--fault", "429"), ["429=5%"]),
        (("run", "--token-file", ""), []),
    ],
)
def test_values_of_options_are_completed(folder: Path, words: tuple[str, ...], values: list[str]) -> None:
    """Values are completed after one dash or two, in the same word or the next. Files are left to the shell."""
    assert bash(*words) == values


def test_a_name_with_blanks_is_escaped_for_bash(folder: Path) -> None:
    """Else it would become two words."""
    Path("my films (1).yaml").write_text(MANIFEST)
    assert bash("run", "my") == [r"my\ films\ \(1\).yaml"]


def test_words_that_bash_takes_apart_are_put_together() -> None:
    """Bash splits words at an equals sign and at a colon."""
    words = "\n".join(["dispatchfile", "run", "--report", "json", "=", "x.json", "--only", "tag", ":", "o", "later"])
    assert read_bash({"COMP_WORDS": words, "COMP_CWORD": "9"}) == TypedLine(
        ["run", "--report", "json=x.json", "--only"], "tag:o"
    )


def test_zsh_shows_apostrophes_brackets_and_colons(folder: Path) -> None:
    """What it evaluates is quoted: here bash evaluates it in its place."""
    told = typed_in("zsh", "dispatchfile run --tls-s")
    described = "_describe() { printf '%s\\n' \"${dispatchfile_words[@]}\"; }"
    script = f"{described}\nf() {{ {told}\n}}\nf"
    printed = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True).stdout
    assert printed.splitlines() == [
        "--tls-server-name:Server name to expect in the server's certificate. [env: NOMAD_TLS_SERVER_NAME]",
        "--tls-skip-verify:Do not verify the server's certificate. [env: NOMAD_SKIP_VERIFY]",
    ]
    assert r"'tag\:odd'" in typed_in("zsh", "dispatchfile rerun first --only t")
    assert typed_in("zsh", "dispatchfile status ").count("films, 2026-11-18 11:06Z, finished") == 2


def test_zsh_completes_files_where_nothing_is_known(folder: Path) -> None:
    """Files are completed as for other programs."""
    assert typed_in("zsh", "dispatchfile run --token-file ") == "_files\n"


def test_fish_gets_values_with_descriptions(folder: Path) -> None:
    """It asks by the exit code first whether there are any."""
    lines = typed_in("fish", "dispatchfile status ").splitlines()
    assert lines[:2] == ["second\tfilms, 2026-11-18 11:06Z, finished", "first\tfilms, 2026-11-18 11:06Z, finished"]
    assert typed_in("fish", "dispatchfile run --wait=c").splitlines() == ["--wait=completion"]
    ask = {VARIABLE: "complete_fish", "_TYPER_COMPLETE_FISH_ACTION": "is-args"}
    assert asked({**ask, "_TYPER_COMPLETE_ARGS": "dispatchfile status "}) == ("", 0)
    assert asked({**ask, "_TYPER_COMPLETE_ARGS": "dispatchfile run --token-file "}) == ("", 1)


def test_there_are_never_too_many(folder: Path) -> None:
    """A run may have 100,000 items."""
    text = "version: 1\ndispatches: [{id: 'x-{{ each.value }}', job: j, for_each: {list: [%s]}}]\n"
    Path("big.yaml").write_text(text % ",".join(map(str, range(MOST + 50))))
    source = ManifestSource(path="big.yaml", content=None, variables={}, environ={})
    head = header(id="big", manifest=str(folder / "big.yaml"), started_at=1_795_000_009.0)
    asyncio.run(keep_run(folder / "state", load_items(source).items, [], head=head))
    assert len(bash("logs", "big", "x")) == MOST


@given(words=st.lists(st.text(st.characters(exclude_characters="\0\n", codec="utf-8"), max_size=12), max_size=5))
def test_nothing_that_is_typed_is_an_error(words: list[str]) -> None:
    """Neither on standard error nor by the exit code."""
    for shell in ("bash", "zsh"):
        variables = {
            VARIABLE: f"complete_{shell}",
            "COMP_WORDS": "\n".join(["dispatchfile", *words]),
            "COMP_CWORD": str(len(words)),
            "_TYPER_COMPLETE_ARGS": " ".join(["dispatchfile", *words]),
            "DISPATCHFILE_STATE_DIR": "/nonexistent/state",
        }
        assert asked(variables)[1] == 0


@pytest.mark.parametrize("variables", [{}, {"COMP_WORDS": "dispatchfile"}, {"COMP_WORDS": "x", "COMP_CWORD": "y"}])
def test_a_question_that_is_none_gets_no_answer(variables: dict[str, str]) -> None:
    """It gets no error, either."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("COMP_WORDS", "COMP_CWORD"):
            patch.delenv(name, raising=False)
        assert asked({VARIABLE: "complete_bash", **variables}) == ("", 0)


def test_the_version_is_no_candidate() -> None:
    """Options that print something do nothing while they are typed."""
    assert bash("--version", "ru") == ["run", "runs"]


def test_the_variable_is_the_one_that_the_scripts_set() -> None:
    """They are Typer's."""
    assert VARIABLE == COMPLETION


def test_bash_itself_completes(folder: Path, tmp_path: Path) -> None:
    """Bash runs the script that --show-completion prints."""
    program = tmp_path / "bin" / "dispatchfile"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m dispatchfile "$@"\n')
    program.chmod(0o755)
    environ = os.environ | {"PATH": f"{program.parent}:{os.environ['PATH']}", SHELL_DETECTION: "1"}
    script = """
        eval "$(dispatchfile --show-completion bash)"
        COMP_WORDS=(dispatchfile rerun first --only outcome : fa) COMP_CWORD=6
        _dispatchfile_completion dispatchfile
        printf '%s\\n' "${COMPREPLY[@]}"
        complete -p dispatchfile
    """
    done = subprocess.run(
        ["bash", "--norc", "-c", script], env=environ, capture_output=True, text=True, check=True, timeout=50
    )
    assert (done.stdout, done.stderr) == (
        "failed\ncomplete -o default -F _dispatchfile_completion dispatchfile\n",
        "",
    )


SHELL_DETECTION = "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION"
