"""The Dockerfile: its steps, run in a folder that has only what it copies, build the client alone."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.docs.pages import ROOT
from tests.tools import is_offline, missing

INSTRUCTION = re.compile(r"^([A-Z]+) (.*)$")
PREFIX = "/opt/dispatchfile"  # where the image has the program
STATE = "/state"


def read_stages() -> list[list[tuple[str, str]]]:
    """The instructions of each stage, with continued lines joined."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    found = [match.groups() for line in text.splitlines() if (match := INSTRUCTION.match(line))]
    starts = [number for number, (word, _) in enumerate(found) if word == "FROM"]
    return [found[start:end] for start, end in zip(starts, [*starts[1:], len(found)], strict=True)]


BUILD, FINAL = read_stages()


def values(stage: list[tuple[str, str]], word: str) -> list[str]:
    return [rest for each, rest in stage if each == word]


def copied_files(line: str) -> tuple[list[str], str]:
    *sources, target = line.split()
    return sources, target


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy(source, target)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which the build stage was carried out; its absolute paths lie below it."""
    folder = tmp_path_factory.mktemp("image")
    work = folder / "src"
    work.mkdir()
    for sources, target in map(copied_files, values(BUILD, "COPY")):
        for source in sources:
            place = work / target / (source if len(sources) > 1 else "")
            place.parent.mkdir(parents=True, exist_ok=True)
            _copy(ROOT / source, place)
    for command in values(BUILD, "RUN"):
        moved = command.replace(PREFIX, str(folder / "opt")).replace(STATE, str(folder / "state"))
        done = subprocess.run(["/bin/sh", "-c", moved], cwd=work, capture_output=True, text=True, check=False)
        if done.returncode and is_offline(done.stderr):
            missing("the image's packages cannot be installed: there is no package registry")
        assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.timeout(180)
def test_the_build_stage_makes_the_client_alone(built: Path) -> None:
    """The program works, and neither pip nor the packages of the embedded agent are there."""
    names = "('dispatchfile', 'pip', 'aiohttp')"
    show = f"import importlib.util as u, json; print(json.dumps([bool(u.find_spec(n)) for n in {names}]))"
    done = subprocess.run([built / "opt/bin/python", "-I", "-c", show], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == [True, False, False]
    assert (built / "state").is_dir()


@pytest.mark.timeout(180)
def test_the_program_needs_nothing_else_of_the_image(built: Path, tmp_path: Path) -> None:
    """It checks a manifest and explains a code as a user without a name and a home of its own."""
    environ = {"PATH": f"{built}/opt/bin:/usr/bin:/bin", "HOME": str(tmp_path), "DISPATCHFILE_STATE_DIR": str(tmp_path)}
    shutil.copytree(ROOT / "examples" / "scheduled", tmp_path / "work")
    for call in (["validate"], ["explain", "DF107"], ["runs"], ["schema"]):
        done = subprocess.run(
            ["dispatchfile", *call], cwd=tmp_path / "work", env=environ, capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stderr) == (0, ""), call


def test_the_image_runs_as_a_user_without_rights() -> None:
    """The user has a number, which Kubernetes and Nomad can check, and may write only to the state folder."""
    assert values(FINAL, "USER") == ["10001:10001"]
    assert f"--from=build --chown=10001:10001 {STATE} {STATE}" in values(FINAL, "COPY")
    assert f"--from=build {PREFIX} {PREFIX}" in values(FINAL, "COPY")
    assert values(FINAL, "RUN") == []


def test_the_image_starts_the_program_with_the_states_folder() -> None:
    """Arguments of `docker run` are those of the program."""
    environ = dict(each.split("=", 1) for each in " ".join(values(FINAL, "ENV")).split())
    assert environ == {"PATH": f"{PREFIX}/bin:$PATH", "HOME": STATE, "DISPATCHFILE_STATE_DIR": STATE}
    assert values(FINAL, "ENTRYPOINT") == ['["dispatchfile"]']


def test_the_build_gets_all_that_it_copies_and_nothing_else() -> None:
    """What is not copied never reaches the builder: no journal, no .git, no environment."""
    allowed = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    sources = [source for line in values(BUILD, "COPY") for source in copied_files(line)[0]]
    assert sorted(allowed) == sorted(sources)
    assert [source for source in sources if not (ROOT / source).exists()] == []
