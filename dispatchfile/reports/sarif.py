"""
Problems for a code scanner.

Sources: OASIS, Static Analysis Results Interchange Format 2.1.0; GitHub Docs, "SARIF support for code scanning": a run
with more than 25,000 results is refused as a whole.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import PurePath
from urllib.parse import quote

from dispatchfile.problems import CODES, Problem, Severity
from dispatchfile.reports.checked import Checked, all_problems, text_with_item
from dispatchfile.version import VERSION

STANDARD_INPUT = "<stdin>"
MOST_RESULTS = 25_000


def sarif_log(checked: Sequence[Checked]) -> str:
    """Return a SARIF log with all problems, or with the first of too many; every code is a rule."""
    codes = list(CODES)
    shown, left_out = _most_important(all_problems(checked))
    driver = {
        "name": "dispatchfile",
        "version": VERSION,
        "semanticVersion": VERSION,
        "rules": [{"id": code, "shortDescription": {"text": CODES[code]}} for code in codes],
    }
    log = {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": driver},
                "columnKind": "unicodeCodePoints",
                "results": list(_sarif_results(shown, codes)),
                **({"invocations": [_incomplete(left_out)]} if left_out else {}),
            }
        ],
    }
    return json.dumps(log, indent=2) + "\n"


def _most_important(problems: Sequence[Problem]) -> tuple[Sequence[Problem], int]:
    """Return the problems that a log may hold, errors before warnings, and how many are left out."""
    if len(problems) <= MOST_RESULTS:
        return problems, 0
    by_severity = sorted(problems, key=lambda problem: problem.severity is not Severity.ERROR)
    return by_severity[:MOST_RESULTS], len(problems) - MOST_RESULTS


def _incomplete(left_out: int) -> dict[str, object]:
    text = f"{left_out:,} more problems are not in this log; `dispatchfile validate` counts them all"
    return {
        "executionSuccessful": True,
        "toolExecutionNotifications": [{"level": "warning", "message": {"text": text}}],
    }


def _sarif_results(problems: Sequence[Problem], codes: Sequence[str]) -> Iterator[dict[str, object]]:
    seen: Counter[str] = Counter()
    for problem in problems:
        fingerprint = _fingerprint(problem)
        seen[fingerprint] += 1
        rule = {"ruleIndex": codes.index(problem.code)} if problem.code in CODES else {}
        yield {
            "ruleId": problem.code,
            **rule,
            "level": problem.severity,
            "message": {"text": text_with_item(problem)},
            "locations": [{"physicalLocation": _sarif_place(problem)}],
            "partialFingerprints": {"primaryLocationLineHash": f"{fingerprint}:{seen[fingerprint]}"},
        }


def _sarif_place(problem: Problem) -> dict[str, object]:
    return {
        "artifactLocation": {"uri": _uri(problem.position.file)},
        "region": {"startLine": problem.position.line, "startColumn": problem.position.column},
    }


def _uri(path: str) -> str:
    if path == STANDARD_INPUT:
        return "stdin"
    posix = PurePath(path).as_posix().encode(errors="surrogateescape")
    return ("file://" if posix.startswith(b"/") else "") + quote(posix)


def _fingerprint(problem: Problem) -> str:
    """The same problem after lines were put in above it: the line itself counts, its number does not."""
    source_line = problem.excerpt.partition("\n")[0].strip()
    parts = (problem.position.file, problem.code, problem.item or "", problem.found, source_line)
    return hashlib.sha256("\0".join(parts).encode(errors="surrogatepass")).hexdigest()[:16]
