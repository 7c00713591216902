"""The sessions of docs/guides.md, played in a folder of their own, with an embedded agent in place of the cluster."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from tests.docs.pages import ROOT, Block, Call, Section, agrees, calls_of, read_sections
from tests.docs.terminal import steady

PAGE = ROOT / "docs" / "guides.md"
SHOWN_ADDRESS = "http://127.0.0.1:4646"
PROGRAMS = {
    "dispatchfile": '#!/bin/sh\nexec "$PYTHON" -m dispatchfile "$@"\n',
    "nomad": '#!/bin/sh\nexec "$PYTHON" -m tests.docs.register "$@"\n',
}


@dataclass(frozen=True)
class Machine:
    """A machine on which somebody follows a guide: a folder, and an agent that starts in the copied example."""

    home: Path
    folder: Path
    address: str = ""

    def environ(self) -> dict[str, str]:
        return {
            "PATH": f"{self.home / 'bin'}:{os.environ['PATH']}",
            "PYTHON": sys.executable,
            "PYTHONPATH": str(ROOT),
            "HOME": str(self.home),
            "COLUMNS": "100",
            "CI": "1",
            "NO_COLOR": "1",
            "NOMAD_ADDR": self.address,
            "DISPATCHFILE_STATE_DIR": str(self.home / "state"),
            **{f"GIT_{who}_{what}": "ada" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
            "GIT_CONFIG_GLOBAL": "/dev/null",
            "GIT_CONFIG_NOSYSTEM": "1",
        }

    def type(self, command: str) -> tuple[str, ...]:
        """Return the lines that the command prints, with the address that the page shows."""
        printed = self.bash(command).stdout
        return tuple(printed.replace(self.address or SHOWN_ADDRESS, SHOWN_ADDRESS).splitlines())

    def bash(self, script: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """Run the script; its two streams come as one."""
        return subprocess.run(
            ["bash", "-eo", "pipefail", "-c", script],
            cwd=self.folder,
            env=self.environ() | environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )


def guides() -> list[Section]:
    """Return the sections that are guides."""
    return [section for section in read_sections(PAGE) if section.level == 2]


def play(section: Section, home: Path) -> Iterator[tuple[Call, tuple[str, ...]]]:
    """Yield each command of the guide, and what it prints."""
    machine = make_machine(home)
    calls = [call for block in section.blocks for call in calls_of(block)]
    with agents(machine) as started:
        for call in calls:
            if call.command.startswith("cd "):
                machine = replace(machine, folder=machine.folder / call.command.removeprefix("cd "))
                machine = replace(machine, address=started(machine.folder))
                yield call, ()
            else:
                yield call, machine.type(call.command)


def make_machine(home: Path) -> Machine:
    """Return a machine with the programs and a clone that has the examples."""
    (home / "bin").mkdir()
    for name, text in PROGRAMS.items():
        (home / "bin" / name).write_text(text)
        (home / "bin" / name).chmod(0o755)
    shutil.copytree(ROOT / "examples", home / "clone" / "examples")
    return Machine(home, home / "clone")


@contextmanager
def agents(machine: Machine) -> Iterator[Callable[[Path], str]]:
    """Give a function that starts an agent in a folder and returns its address; the agents stop at the end."""
    processes: list[subprocess.Popen[str]] = []

    def start(folder: Path) -> str:
        command = [sys.executable, "-m", "dispatchfile", "agent", "--bind", "127.0.0.1:0"]
        processes.append(
            subprocess.Popen(command, cwd=folder, env=machine.environ(), stdout=subprocess.PIPE, text=True)
        )
        assert processes[-1].stdout is not None
        return processes[-1].stdout.readline().rpartition("=")[2].strip()

    try:
        yield start
    finally:
        for process in processes:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=30)


def is_as_shown(call: Call, printed: tuple[str, ...]) -> bool:
    """Return whether the page shows what was printed, but for IDs and times."""
    return agrees(tuple(steady(call.output)), steady(printed))


def rewritten_block(block: Block, printed: Mapping[str, tuple[str, ...]]) -> str:
    """Return the text of the block with what the commands print today, by their place."""
    lines: list[str] = []
    for call in calls_of(block):
        now = printed[call.place]
        lines += [f"$ {call.command}", *(call.output if is_as_shown(call, now) else now)]
    return "".join(f"{line}\n" for line in lines)
