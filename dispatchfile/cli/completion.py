"""
Completion in bash, zsh and fish.

Typer makes the scripts that the shells load, and Click finds what an incomplete word belongs to. How candidates are
handed to the shells is here: Typer leaves out apostrophes and what is in brackets, and does not know that bash takes
`tag:x` and `--wait=x` apart.
"""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from typer._completion_classes import BashComplete
from typer.core import TyperGroup

from dispatchfile.cli.argv import normalize_argv
from dispatchfile.reports.text import one_line

VARIABLE = "_DISPATCHFILE_COMPLETE"  # says which shell asks
# How Typer's scripts tell what is typed.
BASH_WORDS, BASH_NUMBER = "COMP_WORDS", "COMP_CWORD"
TYPED, FISH_ACTION = "_TYPER_COMPLETE_ARGS", "_TYPER_COMPLETE_FISH_ACTION"
SEPARATORS = frozenset({"=", ":"})  # where bash takes words apart
ZSH_FILES = "_files"


@dataclass(frozen=True, slots=True)
class TypedLine:
    """A command line that is being typed: its finished arguments, and the word at the cursor."""

    arguments: Sequence[str]
    word: str


@dataclass(frozen=True, slots=True)
class Candidate:
    """A completion of the word at the cursor."""

    value: str
    description: str = ""


Program = Callable[[Sequence[str]], TyperGroup]  # the commands that these arguments need


def complete(program: Program, name: str, environ: Mapping[str, str]) -> tuple[str, int] | None:
    """
    Return what the shell that asks is to be told, and the exit code; None for a question that is not answered here.

    Nothing that goes wrong is shown: whoever types sees no candidates.
    """
    shell = environ[VARIABLE].partition("complete_")[2]
    if shell not in SHELLS:
        return None
    read, show = SHELLS[shell]
    try:
        line = read(environ)
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            found = find_candidates(program, name, line)
    except BaseException:  # noqa: BLE001  an error in the middle of a line that is being typed helps nobody
        line, found = TypedLine((), ""), []
    return show(line, found, environ)


def find_candidates(program: Program, name: str, line: TypedLine) -> list[Candidate]:
    """Return what the word at the cursor can become, as whole words."""
    arguments = normalize_argv(line.arguments)
    word = f"-{line.word}" if re.match(r"-[a-z]{2}", line.word) else line.word  # one dash, as Nomad users type
    finder = BashComplete(program(arguments), {}, name, VARIABLE)
    option, separator, _ = word.partition("=")
    start = f"{option}=" if separator and option.startswith("--") else ""
    found = [
        Candidate(f"{start}{item.value}"[len(word) - len(line.word) :], one_line(item.help or ""))
        for item in finder.get_completions(list(arguments), word)
    ]
    return [candidate for candidate in found if candidate.value.startswith(line.word)]


# bash


def read_bash(environ: Mapping[str, str]) -> TypedLine:
    """Put the words together again that bash takes apart at `=` and `:`."""
    number = int(environ[BASH_NUMBER])
    words = [*environ[BASH_WORDS].split("\n"), ""][: number + 1]
    joined: list[str] = []
    for word, previous in zip(words, ["", *words], strict=False):
        if joined and (word in SEPARATORS or previous in SEPARATORS) and len(joined) > 1:
            joined[-1] += word
        else:
            joined.append(word)
    *arguments, last = joined[1:] or [""]
    return TypedLine([_unquoted(word) for word in arguments], _unquoted(last))


def show_bash(line: TypedLine, found: Iterable[Candidate], environ: Mapping[str, str]) -> tuple[str, int]:  # noqa: ARG001
    """Return the candidates without the part that bash has as words of their own."""
    known = max(line.word.rfind(separator) for separator in SEPARATORS) + 1
    return "".join(f"{_bash_word(candidate.value[known:])}\n" for candidate in found), 0


def _bash_word(text: str) -> str:
    return re.sub(r"([^\w@%+=:,./~-])", r"\\\1", text)


def _unquoted(word: str) -> str:
    return re.sub(r"\\(.)|[\"']", r"\1", word)


# zsh


def read_typed(environ: Mapping[str, str]) -> TypedLine:
    """Take a line apart that is given up to the cursor."""
    typed = environ.get(TYPED, "")
    words = [_unquoted(word) for word in re.findall(r"(?:\\.|\"[^\"]*\"?|'[^']*'?|[^\s\\])+", typed)][1:]
    if not words or typed[-1].isspace():
        return TypedLine(words, "")
    return TypedLine(words[:-1], words[-1])


def show_zsh(line: TypedLine, found: Iterable[Candidate], environ: Mapping[str, str]) -> tuple[str, int]:  # noqa: ARG001
    """Return the command that zsh is to carry out; the script joins its lines by blanks."""
    entries = [_zsh_entry(candidate) for candidate in found]
    if not entries:
        return f"{ZSH_FILES}\n", 0
    return f"local -a dispatchfile_words; dispatchfile_words=({' '.join(entries)}); {ZSH_DESCRIBE}\n", 0


ZSH_DESCRIBE = "_describe -V dispatchfile dispatchfile_words"


def _zsh_entry(candidate: Candidate) -> str:
    value = re.sub(r"([\\:])", r"\\\1", candidate.value)
    text = f"{value}:{candidate.description}" if candidate.description else value
    return "'" + text.replace("'", "'\\''") + "'"


# fish


def show_fish(line: TypedLine, found: Iterable[Candidate], environ: Mapping[str, str]) -> tuple[str, int]:  # noqa: ARG001
    """Return a candidate a line; fish asks first whether there are any, by the exit code."""
    found = list(found)
    if environ.get(FISH_ACTION) == "is-args":
        return "", 0 if found else 1
    return "".join(f"{candidate.value}\t{candidate.description}".rstrip("\t") + "\n" for candidate in found), 0


Show = Callable[[TypedLine, Iterable[Candidate], Mapping[str, str]], tuple[str, int]]
SHELLS: Mapping[str, tuple[Callable[[Mapping[str, str]], TypedLine], Show]] = {
    "bash": (read_bash, show_bash),
    "zsh": (read_typed, show_zsh),
    "fish": (read_typed, show_fish),
}
