"""Keys and values of other tools: the problem says what to write instead."""

from pathlib import Path

import pytest

from dispatchfile.manifest import load_manifest
from dispatchfile.schema import check_document

FINE = "dispatches: [{id: a, job: j}]"
INPUTS = "a dispatch gets its inputs from meta and payload"
CONCURRENCY = "write concurrency: 4 (requests at the same time), or in_flight: 4 (items at work at the same time)"
ROWS = "write for_each, such as for_each: {matrix: {size: [small, large]}}"
NO_RETRY = "this has no effect with 1 attempt: set retry.attempts to 2 or more"
EITHER = "write wait: completion, or wait: placement"


@pytest.mark.parametrize(
    ("lines", "hint"),
    [
        (f"settings: {{wait: true}}\n{FINE}", EITHER),
        (f"settings: {{wait: yes}}\n{FINE}", EITHER),
        (f"settings: {{wait: done}}\n{FINE}", "write wait: completion"),
        (f"settings: {{wait: complete}}\n{FINE}", "write wait: completion"),
        (f"settings: {{wait: false}}\n{FINE}", "write wait: detach"),
        (f"settings: {{wait: running}}\n{FINE}", "write wait: placement"),
        (f"settings: {{detach: true}}\n{FINE}", "write wait: detach"),
        (f"settings: {{concurrency: '16 '}}\n{FINE}", "write 16, without quotes and blanks"),
        (f"settings: {{concurrency: '16'}}\n{FINE}", "remove the quotes"),
        (f"settings: {{timeout: 30}}\n{FINE}", "write the unit, such as 30s or 30m"),
        (f"settings: {{parallelism: 4}}\n{FINE}", CONCURRENCY),
        (f"settings: {{max-parallel: 4}}\n{FINE}", CONCURRENCY),
        (f"settings: {{fail-fast: true}}\n{FINE}", "write stop_on: {failures: 0}"),
        (f"settings: {{stop_on: true}}\n{FINE}", "write stop_on: {failures: 0}"),
        (f"settings: {{unplacedAfter: 5m}}\n{FINE}", "did you mean unplaced_after?"),
        ("dispatches: [{id: a, job: j, retry: 3}]", "write retry: {attempts: 3}"),
        ("dispatches: [{id: a, job: j, retries: 3}]", "write retry, such as retry: {attempts: 3}"),
        ("dispatches: [{id: a, job: j, retry: {max: 3}}]", "write attempts"),
        ("dispatches: [{id: a, job: j, retry: {attempts: 3, on: failed}}]", "write on: [failed]"),
        ("dispatches: [{id: a, job: j, retry: {attempts: 3, on: [Exit]}}]", "did you mean exit?"),
        ("dispatches: [{id: a, job: j, retry: {attempts: 3, on: [node-lost]}}]", "did you mean node_lost?"),
        ("dispatches: [{id: a, job: j, timeout: 30}]", "write the unit, such as 30s or 30m"),
        ("dispatches: [{id: a, job: j, timeout: 30 seconds}]", "write 30s"),
        ("dispatches: [{id: a, job: j, timeout: 1 hour and 30 min}]", "write 1h30m"),
        ("dispatches: [{id: a, job: j, timeout: 1d}]", "write 24h"),
        ("dispatches: [{id: a, job: j, timeout: 5 parsecs}]", "write it like 30m or 1h30m"),
        (f"settings: {{unplaced_after: 2 weeks}}\n{FINE}", "write 336h"),
        ("dispatches: [{job: j, for_each: films.txt}]", "write for_each: {lines: films.txt}"),
        ("dispatches: [{id: a, job: j, retry: {on: [exit]}}]", NO_RETRY),
        ("dispatches: [{id: a, job: j, retry: {attempts: 1, delay: 5s}}]", NO_RETRY),
        ("defaults: {retry: {delay: 5s}}\ndispatches: [{id: a, job: j}]", NO_RETRY),
        ("dispatches: [{id: a, job: j, on_timeout: kill}]", "write on_timeout: stop"),
        ("dispatches: [{job: j, for_each: films.csv}]", "write for_each: {csv: films.csv}"),
        ("dispatches: [{job: j, for_each: {tsv: a.tsv}}]", 'write csv: {file: rows.tsv, delimiter: "\\t"}'),
        ("dispatches: [{job: j, for_each: {JSONL: a}}]", "write ndjson"),
        ("dispatches: [{job: j, for_each: {items: [a]}}]", "write list, such as list: [a, b]"),
        ("dispatches: [{job: j, for_each: 'films/*'}]", 'write for_each: {glob: "films/*"}'),
        ("dispatches: [{job: j, forEach: {csv: a.csv}}]", "did you mean for_each?"),
        ("dispatches: [{job: j, matrix: {a: [1]}}]", ROWS),
        ("dispatches: [{id: a, job: j, depends_on: [b]}]",
         "items have no order: put them into two manifests, and run one after the other"),
        ("dispatches: [{id: a, job: j, with: {k: v}}]", INPUTS),
        ("dispatches: [{id: a, job: j, env: {k: v}}]", f"{INPUTS}; a task reads meta key k as NOMAD_META_k"),
        ("dispatches: [{name: a, job: j}]", "write id"),
        ("dispatches: [{id: a, job: j, tags: films}]", "write tags: [films]"),
        ("tasks: [{id: a, job: j}]", "write dispatches"),
        (f"variables: {{a: b}}\n{FINE}", "write vars"),
        (f"token: x\n{FINE}", "give it in NOMAD_TOKEN or with --token-file"),
    ],
)  # fmt: skip
def test_the_problem_says_what_to_write(lines: str, hint: str) -> None:
    """One problem for one mistake, with a hint that fits."""
    document, problems = load_manifest(f"version: 1\n{lines}\n".encode(), path="m.yaml", folder=Path())
    assert document is not None
    assert [problem.hint for problem in (*problems, *check_document(document))] == [hint]


def test_a_value_that_may_be_a_secret_is_in_no_hint() -> None:
    """A token in the place of a list is not repeated."""
    token = "ghp_" + "a1B2" * 9
    document, _ = load_manifest(f"version: 1\nenv: {token}\n{FINE}\n".encode(), path="m.yaml", folder=Path())
    assert document is not None
    assert [token in problem.text for problem in check_document(document)] == [False]
