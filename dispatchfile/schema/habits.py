"""Keys and values that users of other tools write, and what this manifest has in their place."""

from __future__ import annotations

import re
from collections.abc import Mapping

from dispatchfile.secrecy import kind_of_secret
from dispatchfile.settings import respell_duration

CONCURRENCY = "write concurrency: 4 (requests at the same time), or in_flight: 4 (items at work at the same time)"
STOP_ON = "write stop_on: {failures: 0}"
WAIT_FOR_END = "write wait: completion, or wait: placement"
DETACH = "write wait: detach"
NO_ORDER = "items have no order: put them into two manifests, and run one after the other"
INPUTS = "a dispatch gets its inputs from meta and payload"
WHERE = "leave items out with `run --only` or `run --skip`"
ROWS = "write for_each, such as for_each: {matrix: {size: [small, large]}}"
SERVER = "give it on the command line with --address, or in NOMAD_ADDR"
TOKEN = "give it in NOMAD_TOKEN or with --token-file"  # noqa: S105  words of a message
ITEMS = "write dispatches"
TIMES = frozenset({"timeout", "delay", "settle", "unplaced_after", "unreachable_after"})
_SOURCES = {"csv": "csv", "json": "json", "ndjson": "ndjson", "jsonl": "ndjson", "txt": "lines", "lst": "lines"}

_IN_SETTINGS = {
    **dict.fromkeys(("parallel", "parallelism", "max_parallel", "workers", "max_concurrency", "jobs"), CONCURRENCY),
    **dict.fromkeys(("fail_fast", "failfast", "stop_on_failure", "max_failures"), STOP_ON),
    "detach": DETACH,
    "watch": WAIT_FOR_END,
    "dry_run": "use `run --dry-run`",
    **dict.fromkeys(("retry", "retries", "attempts"), "write retry in a dispatch or in defaults"),
    "logs": "use `run --logs`",
    **dict.fromkeys(("address", "nomad_addr", "host"), SERVER),
    "token": TOKEN,
}
_IN_A_DISPATCH = {
    **dict.fromkeys(("needs", "depends_on", "dependson", "after"), NO_ORDER),
    **dict.fromkeys(("if", "when"), WHERE),
    **dict.fromkeys(("matrix", "strategy"), ROWS),
    **dict.fromkeys(("count", "replicas", "instances"), "write for_each: {list: [1, 2, 3]} for three items"),
    **dict.fromkeys(("with", "parameters", "params", "args", "arguments", "inputs", "input"), INPUTS),
    **dict.fromkeys(("command", "run", "script", "image", "entrypoint"), f"the job's file says what runs; {INPUTS}"),
    "env": f"{INPUTS}; a task reads meta key k as NOMAD_META_k",
    **dict.fromkeys(("variables", "locals"), "write vars"),
    "name": "write id",
    **dict.fromkeys(("retries", "attempts", "max_attempts"), "write retry, such as retry: {attempts: 3}"),
    **dict.fromkeys(("wait", "concurrency"), "it belongs in settings"),
}
_IN_THE_MANIFEST = {
    **dict.fromkeys(("items", "tasks", "steps"), ITEMS),
    **dict.fromkeys(("variables", "variable", "locals", "values"), "write vars"),
    **dict.fromkeys(("address", "nomad_addr", "host", "server"), SERVER),
    "token": TOKEN,
    **dict.fromkeys(("strategy", "matrix"), f"{ROWS}, in a dispatch"),
}
_IN_RETRY = {
    **dict.fromkeys(("max", "count", "limit", "retries", "max_attempts"), "write attempts"),
    **dict.fromkeys(("backoff", "wait", "interval", "pause"), "write delay, such as delay: 30s"),
    **dict.fromkeys(("when", "if", "exit_codes"), "write on, such as on: [exit, oom]"),
}
_IN_FOR_EACH: Mapping[str, str] = {
    "tsv": 'write csv: {file: rows.tsv, delimiter: "\\t"}',
    "jsonl": "write ndjson",
    "jsonlines": "write ndjson",
    "txt": "write lines",
    "files": 'write glob, such as glob: "payloads/*.json"',
    "items": "write list, such as list: [a, b]",
}
_KEYS: Mapping[str, Mapping[str, str]] = {
    "for_each": _IN_FOR_EACH,
    "settings": _IN_SETTINGS,
    "the dispatch": _IN_A_DISPATCH,
    "defaults": _IN_A_DISPATCH,
    "the manifest": _IN_THE_MANIFEST,
    "retry": _IN_RETRY,
    "defaults.retry": _IN_RETRY,
}
_WAITED_FOR = {
    **dict.fromkeys(("true", "yes", "on", "all"), WAIT_FOR_END),
    **dict.fromkeys(("done", "end", "ended", "finished", "complete", "completed", "success"), "write wait: completion"),
    **dict.fromkeys(("false", "no", "off", "none", "never"), DETACH),
    **dict.fromkeys(("running", "run", "start", "started", "placed", "scheduled"), "write wait: placement"),
    **dict.fromkeys(("dispatched", "accepted", "detached", "async"), DETACH),
}
_VALUES: Mapping[str, Mapping[str, str]] = {
    "settings.wait": _WAITED_FOR,
    "settings.stop_on": {"true": STOP_ON},
    "settings.canary": {"true": "write the number of items to send first, such as 1 or 5%"},
    "on_timeout": {
        **dict.fromkeys(("kill", "cancel", "fail", "terminate", "delete"), "write on_timeout: stop"),
        **dict.fromkeys(("ignore", "continue", "detach"), "write on_timeout: leave"),
    },
}


def advice_on_key(place: str, key: str) -> str:
    """Return what to write in place of another tool's *key* in *place* (`settings`, `the dispatch`); "" if unknown."""
    return _KEYS.get(place, {}).get(key.casefold().replace("-", "_"), "")


def advice_on_value(called: str, value: object) -> str:
    """Return what to write for the *value* of the key *called*, such as `settings.wait`; "" if nothing fits."""
    name = called.removeprefix("defaults.")
    if isinstance(value, str | bool):
        known = _VALUES.get(name, {}).get(str(value).strip().casefold(), "")
        return known or (_advice_on_text(name, value) if isinstance(value, str) else "")
    if isinstance(value, int) and name == "retry":
        return f"write retry: {{attempts: {value}}}"
    is_time = isinstance(value, int) and name.rpartition(".")[2] in TIMES
    return f"write the unit, such as {value}s or {value}m" if is_time else ""


def _advice_on_text(name: str, text: str) -> str:
    if name == "for_each":
        return _row_source(text)
    spelled = respell_duration(text) if name.rpartition(".")[2] in TIMES else ""
    return f"write {spelled}" if spelled else ""


def _row_source(file: str) -> str:
    """Return what to write if for_each is the name of a file, or a pattern of names."""
    ending = file.rpartition(".")[2].casefold()
    if not re.fullmatch(r"[\w./*?\[\]-]{1,60}", file) or kind_of_secret(file):
        return ""
    if any(sign in file for sign in "*?["):
        return f'write for_each: {{glob: "{file}"}}'
    if ending == "tsv":
        return f'write for_each: {{csv: {{file: {file}, delimiter: "\\t"}}}}'
    return f"write for_each: {{{_SOURCES[ending]}: {file}}}" if ending in _SOURCES else ""
