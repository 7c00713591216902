"""docs/commands.md, and every command line on the pages, against the program."""

import re
import shlex
from collections.abc import Iterator

import pytest
import typer

from dispatchfile.cli.app import app
from dispatchfile.cli.argv import normalize_argv
from tests.docs.pages import ROOT, all_blocks, all_sections, calls_of, read_sections
from tests.docs.rewrite import PAGE, help_of

GROUP = typer.main.get_command(app)
COMMANDS = GROUP.commands  # type: ignore[attr-defined]
SECTIONS = [section for section in read_sections(PAGE) if section.level == 2]
REFERENCE = {section.title: section for section in SECTIONS}
SHELL = re.compile(r"(?:^|&& |- run: |- )dispatchfile (.+)")


def _lines() -> Iterator[tuple[str, str]]:
    """Command lines in blocks and between backticks, without the program's name."""
    for block in all_blocks("console"):
        for call in calls_of(block):
            if call.command.startswith("dispatchfile "):
                yield call.place, call.command.removeprefix("dispatchfile ")
    for block in all_blocks("sh", "yml"):
        joined = re.sub(r" *>\n\s+dispatchfile", " dispatchfile", block.text)
        for match in SHELL.finditer(re.sub(r"\n\s+(--)", r" \1", joined)):
            yield block.place, match[1]
    for section in all_sections():
        for text in re.findall(r"`dispatchfile ([a-z][^`]*)`", section.prose):
            yield section.place, text


LINES = list(dict.fromkeys(_lines()))


def test_the_reference_has_every_command() -> None:
    """The commands are in the order of the program's help, and the README's table has them, too."""
    assert [section.title for section in SECTIONS] == list(COMMANDS)
    (section,) = (section for section in read_sections(ROOT / "README.md") if section.title == "Commands")
    assert re.findall(r"^\| `([a-z]+)", section.prose, re.MULTILINE) == list(COMMANDS)


def test_the_help_of_the_program_itself_is_the_real_one() -> None:
    """It stands above that of its commands."""
    (top,) = (section for section in read_sections(PAGE) if section.level == 1)
    assert [block.text for block in top.blocks] == [help_of("")]


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_shown_is_the_real_one(command: str) -> None:
    """`python -m tests.docs.rewrite` writes it anew."""
    assert REFERENCE[command].blocks[-1].text == help_of(command)


@pytest.mark.parametrize(("place", "line"), LINES, ids=[f"{place}-{line[:30]}" for place, line in LINES])
def test_every_command_line_can_be_typed(place: str, line: str) -> None:
    """The command exists, and has the options."""
    words = shlex.split(re.split(r" [|>] ", line)[0].replace("…", ""))
    name, *arguments = normalize_argv(words)
    assert name in COMMANDS
    options = {option for parameter in COMMANDS[name].params for option in parameter.opts} | {"--help", "-h"}
    used = {argument.partition("=")[0] for argument in arguments if re.match(r"--?[a-z]", argument)}
    assert used <= options
