"""HCL as our reader and as Nomad 2.0.5 reads it: small files of each kind, and what becomes of them when mutated."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from tests.jobspec.hcl_cases import CASES
from tests.jobspec.hcl_nomad import REFUSED, differences, nomads, ours
from tests.real_nomad import NO_BINARY, binary, real_agent

RECORDED = Path(__file__).parent / "hcl_cases.json"
"""What Nomad's parser made of each case: `python -m tests.jobspec.record_hcl` writes it anew."""

NOT_SUPPORTED: Final = ("locals: locals {\n v = 1\n}\nlocals {\n v = 2\n}\n",)
"""Cases that Nomad reads and our reader refuses: which of two values a local gets is up to chance there."""

PIECES: Final = (
    '"', "${", "}", "{", "%{ if true }", "%{ endif }", "~", "[", "]", "(", ")", "=", "==", "?", ":", ",", "\n", " ",
    "#", "/*", "*/", "<<EOT\n", "EOT", "for x in ", "null", "true", "5", "-", "!", "upper(", "...", "*", ".", "\\",
    "$$", '"a"', "a = 1", "a {}\n", "\r\n", "'", "é", "=>", "&&", '"${NOMAD_X}"', "[*]", "[0]",
)  # fmt: skip


def mutated(number: int) -> str:
    """Return one of the cases with up to three pieces put in, left out or doubled; the same for the same number."""
    choice = random.Random(number)
    text = choice.choice(list(CASES.values()))
    for _ in range(choice.choice((1, 1, 2, 3))):
        start = choice.randrange(len(text) + 1)
        end = min(len(text), start + choice.choice((0, 0, 1, 2, 5)))
        piece = choice.choice((*PIECES, "", text[start : start + 20]))
        text = text[:start] + piece + text[end:]
    return text or " "


@pytest.fixture(scope="module")
def recorded() -> Mapping[str, Any]:
    answers: Mapping[str, Any] = json.loads(RECORDED.read_text("utf-8"))
    return answers


@pytest.fixture(scope="module")
def nomad() -> Iterator[str]:
    if binary() is None:
        pytest.skip(NO_BINARY)
    with real_agent() as address:
        yield address


def compared(name: str, text: str, parsed: Any) -> list[str]:
    read = ours(text)
    if parsed == REFUSED:
        return [] if read == REFUSED else [f"{name}: read, and Nomad refuses it"]
    if read == REFUSED:
        return [f"{name}: refused, and Nomad reads it"]
    return [f"{name}: {difference}" for difference in differences(json.loads(json.dumps(read)), parsed)]


def test_each_file_is_read_as_nomad_reads_it(recorded: Mapping[str, Any]) -> None:
    """Each key has the value that a 2.0.5 server gives it, and what the server refuses is refused."""
    assert recorded.keys() == CASES.keys()
    supported = {name: text for name, text in CASES.items() if name not in NOT_SUPPORTED}
    assert [one for name, text in supported.items() for one in compared(name, text, recorded[name])] == []
    assert [ours(CASES[name]) for name in NOT_SUPPORTED] == [REFUSED] * len(NOT_SUPPORTED)


@pytest.mark.parametrize("block", range(4))
def test_mutated_files_are_read_or_refused(block: int) -> None:
    """No text makes the reader fail in another way than with its own errors."""
    read = [ours(mutated(number)) for number in range(block * 50, block * 50 + 50)]
    assert [one for one in read if one != REFUSED and not isinstance(one, dict)] == []


@pytest.mark.nomad
def test_the_recording_is_what_nomad_answers(nomad: str, recorded: Mapping[str, Any]) -> None:
    """The recording that the reader is held against is still true."""
    assert {name: nomads(nomad, text) for name, text in CASES.items()} == recorded


@pytest.mark.nomad
@pytest.mark.timeout(600)
def test_mutated_files_are_read_as_nomad_reads_them(nomad: str) -> None:
    """Of a thousand, none that both accept differs in a value, and none is accepted here alone."""
    texts = {f"mutation {number}": mutated(number) for number in range(1_000)}
    found = [one for name, text in texts.items() for one in compared(name, text, nomads(nomad, text))]
    assert [one for one in found if not one.endswith("refused, and Nomad reads it")] == []
