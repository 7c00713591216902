"""Everything that can be wrong with what a user hands in: told at its place, before anything is sent."""

import json
import os
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from dispatchfile.cli.exits import run_to_exit_code

MOST_CPU_S = 2.0  # of one command; processor time is the same on a busy machine
TOLD_TO_NOBODY = ("Traceback", "internal error", "\x1b")
FINE = "version: 1\nname: n\ndispatches:\n  - {id: a, job: j}\n"
ELSEWHERE = ["run", "m.yaml", "--address", "LISTENER"]  # of a server that must hear nothing
SERVICE = 'job "j" {\n  group "g" {\n    task "t" {\n      driver = "raw_exec"\n    }\n  }\n}\n'
JOB = """\
job "j" {
  type = "batch"
  parameterized {}
  group "g" {
    task "t" {
      driver = "raw_exec"
      config { command = "/bin/true" }
    }
  }
}
"""

Content = str | bytes | Callable[[Path], object]  # of a file, or what makes one that has none


@dataclass(frozen=True)
class Case:
    """What is handed in, and what has to be said of it."""

    name: str
    says: tuple[str, ...]
    calls: list[list[str]]
    files: Mapping[str, Content]
    environ: Mapping[str, str] = field(default_factory=dict)


# Cases


def manifest(name: str, text: str | bytes, *says: str, **files: Content) -> Case:
    """A manifest that is wrong."""
    return Case(name, says, [["validate", "m.yaml"], ELSEWHERE], {"m.yaml": text, **files})


def settings(name: str, keys: str, *says: str) -> Case:
    """The settings of a manifest are wrong."""
    return manifest(name, f"{FINE}settings: {{{keys}}}\n", *says)


def item(name: str, keys: str, *says: str, **files: Content) -> Case:
    """One item of a manifest is wrong."""
    return manifest(name, f"version: 1\ndispatches:\n  - {{id: a, job: j, {keys}}}\n", *says, **files)


def each(name: str, rows: str, says: str, f: str = "") -> Case:
    """An item for each row, of which one is wrong. *f* is the text of the file that they may be in."""
    keys = f"id: 'a{{{{ each.index }}}}', for_each: {{{rows}}}, job: '{{{{ each.job }}}}'"
    return manifest(name, f"version: 1\ndispatches:\n  - {{{keys}}}\n", says, f=f)


def path(name: str, manifest_path: str, *says: str, **files: Content) -> Case:
    """The manifest's path is wrong."""
    calls = [["validate", manifest_path], ["run", manifest_path, "--address", "LISTENER"]]
    return Case(name, says, calls, files)


def flags(name: str, options: str, *says: str, **files: Content) -> Case:
    """A fine manifest, run with wrong options."""
    return Case(name, says, [[*ELSEWHERE, *options.split(" ")]], {"m.yaml": FINE, **files})


def local(name: str, options: str, *says: str, job: str | None = JOB) -> Case:
    """A fine manifest, run locally with wrong options or a wrong job file."""
    files = {"m.yaml": FINE} | ({} if job is None else {"jobs/j.nomad.hcl": job})
    return Case(name, says, [["run", "m.yaml", "--local", *options.split()]], files)


def address(name: str, text: str, *says: str) -> Case:
    """A fine manifest, and Nomad's address is wrong."""
    return Case(name, says, [["run", "m.yaml"]], {"m.yaml": FINE}, {"NOMAD_ADDR": text})


def variables(name: str, says: str, **environ: str) -> Case:
    """A fine manifest, and the environment is wrong."""
    return Case(name, (says,), [["run", "m.yaml", "--address", "LISTENER"]], {"m.yaml": FINE}, environ)


def line(name: str, arguments: list[str], *says: str) -> Case:
    """A command line that cannot be meant."""
    return Case(name, says, [arguments], {"m.yaml": FINE})


def link(target: str) -> Content:
    return lambda path: path.symlink_to(target)


def make_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(os.path.relpath(path))


def make_unreadable(path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may read every file")
    path.touch(mode=0)


def make_sparse(path: Path) -> None:
    path.touch()
    os.truncate(path, 1 << 40)


ALIASES = "".join(f"  a{n}: &a{n} [{f'*a{n - 1},' * 9}]\n" for n in range(1, 12))
MERGES = "".join(f"  a{n}: &a{n} {{<<: [{f'*a{n - 1},' * 9}], k{n}: 1}}\n" for n in range(1, 12))
ALIAS_BOMB = f"version: 1\nvars:\n  a0: &a0 [x]\n{ALIASES}"
MERGE_BOMB = f"version: 1\nvars:\n  a0: &a0 {{k: 1}}\n{MERGES}"
LOOPS = "{% for i in range(99999) %}" * 3 + "{% endfor %}" * 3
ENDLESS = "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}"
BIG_MATRIX = "{" + ", ".join(f"{axis}: {list(range(11))}" for axis in "abcdef") + "}"
COLUMNS = ",".join(f"c{n}" for n in range(50_000))
KEYS = ", ".join(f'"c{n}": 1' for n in range(50_000))
RIGHT_ID = "128 letters, digits, dots, underscores and hyphens"

CASES = [
    # YAML
    manifest("a syntax error", "version: 1\ndispatches: [\n", "m.yaml:2:14: DF001 a value is missing here: write one"),
    manifest(
        "a tab",
        "version: 1\ndispatches:\n\t- {id: a, job: j}\n",
        "m.yaml:3:1: DF001 unexpected tab: indent with spaces",
    ),
    manifest("a key twice", f"{FINE}name: m\n", "m.yaml:5:1: DF004 duplicate key 'name': first used in line 2"),
    manifest("two documents", f"{FINE}---\n{FINE}", "m.yaml:5:1: DF003 the file has a second document: keep one"),
    manifest("not UTF-8", b"version: 1\nname: \xe9\n", "m.yaml:2:7: DF002 the byte 0xe9 is not UTF-8: save the file"),
    manifest("a NUL", "version: 1\nname: 'a\0'\n", "m.yaml:2:9: DF002 the character U+0000 is not allowed: remove it"),
    manifest("100,000 brackets", "[" * 100_000, "m.yaml:1:65: DF005 nested more than 64 levels deep"),
    manifest("50,000 braces", "{a: " * 50_000, "m.yaml:1:257: DF005 nested more than 64 levels deep"),
    manifest("an alias bomb", ALIAS_BOMB, "m.yaml:7:24: DF006", "aliases expand to too many values"),
    manifest("a merge bomb", MERGE_BOMB, "m.yaml:7:21: DF006", "aliases expand to too many values"),
    manifest("an empty file", "", "m.yaml:1:1: DF009 the manifest is empty: write version: 1 and a list"),
    # schema
    manifest("no dispatches", "version: 1\n", "m.yaml:1:1: DF013 the manifest has no dispatches: list at least one"),
    manifest("an empty list", "version: 1\ndispatches: []\n", "m.yaml:2:13: DF015 dispatches is an empty list: add"),
    manifest("a misspelt key", "version: 1\ndispatchs: []\n", "m.yaml:2:1: DF011", "did you mean dispatches?"),
    item("a misspelt key of an item", "paylod: x", "m.yaml:3:21: DF011", "did you mean payload?"),
    item("a wrong type", "meta: 7", "m.yaml:3:27: DF012 meta must be a mapping, got a number: for example"),
    item("a duration", "timeout: 5 min", 'm.yaml:3:30: DF015 timeout cannot be "5 min": write 5m'),
    settings("a duration without unit", "settle: 5", "m.yaml:5:20: DF012 settings.settle must be text, got a number"),
    settings("a rate", "rate: fast", 'm.yaml:5:18: DF016 settings.rate cannot be "fast": write it like 20/s'),
    settings("a percentage", "canary: 101%", 'm.yaml:5:20: DF016 settings.canary cannot be "101%": write it like 5'),
    settings(
        "a negative number",
        "stop_on: {failures: -1}",
        "m.yaml:5:32: DF016 settings.stop_on.failures must be a whole number from 0",
    ),
    settings("a contradiction", "wait: detach, in_flight: 5", "m.yaml:5:37: DF017 settings.in_flight: does not"),
    settings("a setting without meaning", "unplaced_after: 5m", "m.yaml:5:28: DF017 settings.unplaced_after: works"),
    # ids, meta, prefixes
    manifest("an id twice", f"{FINE}  - {{id: a, job: k}}\n", "m.yaml:5:10: DF020", "duplicate id 'a': first used at"),
    manifest("an id with a blank", "version: 1\ndispatches: [{id: a b, job: j}]\n", "m.yaml:2:19: DF021", RIGHT_ID),
    manifest(
        "an empty id", "version: 1\ndispatches: [{id: '', job: j}]\n", 'm.yaml:2:19: DF021 id cannot be ""', RIGHT_ID
    ),
    manifest("too long an id", f"version: 1\ndispatches: [{{id: {'x' * 129}, job: j}}]\n", "m.yaml:2:19: DF", RIGHT_ID),
    manifest("an escape in an id", 'version: 1\ndispatches: [{id: "\\e", job: j}]\n', "m.yaml:2:19: DF021", RIGHT_ID),
    item("a template without quotes", "meta: {k: {{ vars.x }}}", "m.yaml:3:31: DF007", "quote the whole value, as in"),
    item("a meta value that is null", "meta: {k: null}", "m.yaml:3:31: DF041", "leave the key out"),
    item("a meta value that is a list", "meta: {k: [1]}", "m.yaml:3:31: DF041", '"{{ vars.k | tojson }}"'),
    item("a meta value that is a mapping", "meta: {k: {a: b}}", "m.yaml:3:31: DF041", '"{{ vars.k | tojson }}"'),
    item("meta keys that collide", "meta: {a-b: 1, a_b: 2}", "m.yaml:3:36: DF", "NOMAD_META_a_b", "rename one of them"),
    item("a slash in a prefix", "id_prefix_template: a/b", "m.yaml:3:41: DF044 prefix 'a/b' contains '/': it becomes"),
    item("a blank in a prefix", "id_prefix_template: a b", "m.yaml:3:41: DF044 prefix 'a b' contains ' ': it becomes"),
    item(
        "an escape in a prefix",
        'id_prefix_template: "a\\e"',
        r"m.yaml:3:41: DF044 prefix 'a\x1b' contains",
        "cannot contain blanks",
    ),
    item("an escape in a token", 'idempotency_token: "a\\e"', r"m.yaml:3:40: DF043 token 'a\x1b' contains"),
    # payloads
    item("a missing payload", "payload: p", "m.yaml:3:30: DF030 p: does not exist"),
    item("a payload that is a directory", "payload: p", "m.yaml:3:30: DF030 p: is a directory", p=Path.mkdir),
    item(
        "a payload that may not be read", "payload: p", "DF030 p: cannot be read: permission denied", p=make_unreadable
    ),
    item("a payload that is a FIFO", "payload: p", "m.yaml:3:30: DF030 p: is a FIFO", p=os.mkfifo),
    item("a payload that is a socket", "payload: p", "m.yaml:3:30: DF030 p: is a socket", p=make_socket),
    item("a payload that is a device", "payload: p", "m.yaml:3:30: DF031 p: is outside the", p=link("/dev/zero")),
    item("a payload that links to itself", "payload: p", "m.yaml:3:30: DF030 p: is part of a loop of", p=link("p")),
    item("a payload of 1 TiB", "payload: p", "m.yaml:3:30: DF030 p: is larger than 4,194,304 bytes", p=make_sparse),
    item("a path out of the folder", "payload: ../p", "m.yaml:3:30: DF031 ../p: is outside", "pass --allow-outside"),
    item("an absolute path", "payload: /etc/passwd", "m.yaml:3:30: DF031 /etc/passwd: is outside the manifest's"),
    item("a link out of the folder", "payload: p", "m.yaml:3:30: DF031 p: is outside", p=link("/etc/passwd")),
    item("a folder that links out", "payload: p/passwd", "m.yaml:3:30: DF031 p/passwd: is outside", p=link("/etc")),
    item(
        "a template that links out", "payload: {template: p}", "m.yaml:3:41: DF031 p: is outside", p=link("/etc/passwd")
    ),
    item("an include of elsewhere", """payload: {text: "{% include '/etc/passwd' %}"}""", "m.yaml:3:37: DF031"),
    item(
        "too large a payload", """payload: {text: "{{ 'x' * 16385 }}"}""", "m.yaml:3:30: DF040", "Nomad allows 16,384:"
    ),
    item("a payload that is no base64", "payload: {base64: a!}", "m.yaml:3:39: DF045 not base64"),
    # templates
    item("an undefined variable", 'meta: {k: "{{ vars.x }}"}', "m.yaml:3:31: DF033 vars.x is not defined: vars has"),
    item("an undefined one in a file", "payload: {template: t}", "t:2:1: DF033 vars.x is not", t="a\n{{ vars.x }}"),
    item("a template's syntax", 'meta: {k: "{{ vars. }}"}', "m.yaml:3:31: DF032 expected name or number"),
    item("a template file's syntax", "payload: {template: t}", "t:2:1: DF032 Expected an", t="a\n{% if %}\n"),
    item("an unsafe attribute", """meta: {k: "{{ ''.__class__ }}"}""", "m.yaml:3:31: DF034 access to attribute"),
    item("a billion letters", """meta: {k: "{{ 'a' * 10**9 }}"}""", "m.yaml:3:31: DF035 creates a value of 1,000,000"),
    item("letters by a filter", """meta: {k: "{{ 'a' | center(10**9) }}"}""", "m.yaml:3:31: DF035 creates a value of"),
    item("letters by a format", """meta: {k: "{{ '%999999999d' % 1 }}"}""", "m.yaml:3:31: DF035 formats with a width"),
    item(
        "replacements", """meta: {k: "{{ ('a' * 60000).replace('a', 'b' * 60000) }}"}""", "m.yaml:3:31: DF035 creates"
    ),
    item("a billion elements", 'meta: {k: "{{ [1] * 10**9 }}"}', "m.yaml:3:31: DF035 creates a value of 1,000,000,000"),
    item("loops in loops", f'meta: {{k: "{LOOPS}"}}', "m.yaml:3:31: DF035 takes more than 1,000,000 steps"),
    item("a number of many digits", 'meta: {k: "{{ 10**9999 }}"}', "m.yaml:3:31: DF035 creates a value of"),
    item("a macro that calls itself", f'meta: {{k: "{ENDLESS}"}}', "m.yaml:3:31: DF035 calls or includes itself"),
    item("a template that includes itself", "payload: {template: t}", "t:1:1: DF035 calls or", t="{% include 't' %}"),
    item("brackets in a template", f'meta: {{k: "{{{{ {"[" * 5000} }}}}"}}', "m.yaml:3:31: DF032 too much nesting"),
    # rows
    each("a row too short", "csv: f", "f:3:1: DF024 this row has 1 field, the header has 2: add x", "job,x\nj,1\nj\n"),
    each("a row too long", "csv: f", "f:2:1: DF024 this row has 3 fields, the header has 2: quote", "job,x\na,b,c\n"),
    each("a missing column", "csv: f", "DF033 each.job is not defined (row f:2:1): did you mean each.jo?", "jo\nj\n"),
    each("a column twice", "csv: f", "f:1:1: DF023 duplicate column 'job' in the header", "job,job\nj,j\n"),
    each("50,000 columns", "csv: f", "f:1:1: DF023 duplicate column 'c0' in the header", f"{COLUMNS},c0\n"),
    each("50,000 keys", "json: f", "f:1:2: DF023 duplicate key 'c0'", f"[{{{KEYS}, {KEYS}}}]"),
    each("an open quote", "csv: f", "f:2:1: DF023 not valid CSV: unexpected end of data", 'job\n"a\n'),
    each("a table without rows", "csv: f", "m.yaml:3:47: DF022 f gives no rows: it needs at least", "job\n"),
    each("an empty table", "csv: f", "m.yaml:3:47: DF022 f is empty: its first line must name the columns", ""),
    each("a missing table", "csv: g", "m.yaml:3:47: DF030 g: does not exist"),
    each("an empty for_each", "list: []", "m.yaml:3:48: DF022 for_each.list gives no rows: it needs at least"),
    each("a glob without files", "glob: 'x*'", "m.yaml:3:48: DF022 for_each.glob gives no rows: it needs at"),
    each("a glob out of the folder", "glob: '../*'", "m.yaml:3:48: DF031 ..: is outside the manifest's folder"),
    each("too large a matrix", f"matrix: {BIG_MATRIX}", "m.yaml:3:50: DF023 the matrix gives 1,771,561 rows: at most"),
    each("JSON that is cut", "json: f", "f:1:15: DF023 not valid JSON: Expecting value", '[{"job": "j"},'),
    each("100,000 brackets of JSON", "json: f", "f:1:2: DF023 nested too deeply", "[" * 100_000),
    each("a line of JSON", "ndjson: f", "f:2:3: DF023 not valid JSON: Expecting", '{"job": "j"}\n{\n'),
    # the manifest's path
    path(
        "a missing manifest", "none.yaml", "none.yaml:1:1: DF010 does not exist: name a manifest,", "dispatchfile init"
    ),
    path("a manifest that is a directory", "d", "d:1:1: DF010 is a directory: name a manifest", d=Path.mkdir),
    path("the folder as a manifest", ".", ".:1:1: DF010 is a directory: name a manifest"),
    path("an empty name", "", "the manifest's name is empty: name one, or leave it out for dispatchfile.yaml"),
    path("a manifest that is a device", "/dev/zero", "/dev/zero:1:1: DF010 is a device: name a manifest"),
    path(
        "a manifest that is a FIFO", "f", "f:1:1: DF010 is a FIFO: name a manifest, - for standard input", f=os.mkfifo
    ),
    # options
    flags("a rate's flag", "--rate 0/s", "--rate: '0/s' is not a rate (examples: 20/s, 100/m, 5/h)"),
    flags("a duration's flag", "--settle 5", "--settle: '5' is not a duration (examples: 30s, 10m, 1h30m)"),
    flags("a duration of aeons", f"--settle {'9' * 400}h", "--settle: '999", "is too long"),
    flags("a percentage's flag", "--canary 101%", "--canary: '101%' is neither a number of items nor a percentage"),
    flags("a canary of nothing", "--canary 0", "--canary: '0' is too few: use at least one item"),
    flags("no patience", "--unreachable-after 0s", "--unreachable-after: '0s' is too short"),
    flags("a namespace of all", "--namespace *", '--namespace: "*" cannot be a namespace: use up to 128'),
    flags("a region with a slash", "--region a/b", '--region: "a/b" cannot be a region: it must not contain blanks'),
    flags("a concurrency", "--concurrency 65", "--concurrency: '65' is not a whole number from 1 to 64"),
    flags("an in-flight", "--in-flight 0", "--in-flight: '0' is neither a positive whole number nor 'unlimited'"),
    flags("flags that contradict", "--detach --wait=completion", "--wait, --detach and --no-wait contradict each"),
    flags("settings' flags that contradict", "--detach --in-flight 5", "--in-flight: does not work with wait:"),
    flags("a flag without meaning", "--unplaced-after 5m", "--unplaced-after: works only with wait: completion"),
    flags("a variable without value", "--var x", "--var: write it as KEY=VALUE (the given text is not shown"),
    flags("a variable without name", "--var =x", "--var: write it as KEY=VALUE"),
    flags("a missing file of variables", "--var-file v", "v: does not exist"),
    flags("a file of variables that is a device", "--var-file /dev/zero", "/dev/zero: is a device"),
    flags("a directory of variables", "--var-file .", ".: is a directory"),
    flags("a list of variables", "--var-file v", "v:1:1: the file must contain a mapping of variables", v="- 1\n"),
    flags("no variables", "--var-file v", "v:1:1: the file must contain a mapping of variables", v=""),
    flags(
        "a file of variables that is cut",
        "--var-file v",
        "v:1:5: not valid YAML: check quotes and indentation",
        v="a: [",
    ),
    flags("a selector without items", "--only x*", "--only x*: matches none of 1 item"),
    flags("a selector of no kind", "--only x:y", "--only x:y: select by an ID or a glob of IDs, tag:NAME"),
    flags("an empty selector", "--only ", "--only : matches none of 1 item"),
    flags("a run ID with capitals", "--run-id R1", "--run-id R1: use 1 to 20 characters, a-z and 0-9"),
    flags("an empty run ID", "--run-id ", "--run-id : use 1 to 20 characters, a-z and 0-9"),
    flags("too long a run ID", f"--run-id {'r' * 21}", "--run-id rrr", "use 1 to 20 characters, a-z and 0-9"),
    flags("a report's kind", "--report pdf=x", "--report pdf=x: write it as KIND=PATH, where KIND is one of json,"),
    flags("a report without path", "--report json=", "--report json=: write it as KIND=PATH"),
    flags("a report's folder", "--report json=no/x", "--report json=no/x: there is no folder "),
    flags("a report that is a folder", "--report json=.", "--report json=.: is a folder"),
    flags("a token with a tab", "--token=a\tb", "--token: a token must not contain blanks"),
    flags("two tokens", "--token x --token-file y", "--token and --token-file exclude each other: use one of them"),
    flags("a missing token file", "--token-file t", "t: No such file or directory"),
    flags("an empty token file", "--token-file t", "t: contains no token", t="\n"),
    flags("half a certificate", "--client-cert c", "Both client cert and client key must be provided"),
    flags(
        "a certificate that is none", "--ca-cert m.yaml --address https://n:1", "m.yaml: contains no PEM certificate"
    ),
    flags("a fault elsewhere", "--fault 429=5%", "--fault has no effect without --local: add --local, or leave it out"),
    flags("slots elsewhere", "--slots 2", "--slots has no effect without --local: add --local, or leave it out"),
    flags(
        "a datacenter elsewhere",
        "--datacenter x",
        "--datacenter has no effect without --local: add --local, or leave it out",
    ),
    flags("jobs elsewhere", "--jobs x", "--jobs has no effect without --local: add --local, or leave it out"),
    line("an unknown option", ["run", "--bogus"], "No such option: --bogus"),
    line("an unknown command", ["vaildate"], "No such command 'vaildate': did you mean validate?"),
    line("two manifests", ["run", "m.yaml", "m.yaml"], "Got unexpected extra argument(s) (m.yaml)"),
    line("a namespace's flag", ["validate", "m.yaml", "--namespace", "\udcff"], "--namespace: is not UTF-8 text"),
    line("a namespace to validate", ["validate", "m.yaml", "--namespace", "a b"], '"a b" cannot be a namespace: use'),
    line("an endless payload", ["dispatch", "j", "/dev/zero"], "input data: /dev/zero has more than 64 MiB"),
    line("a value of --wait", ["run", "--wait", "completion"], "--wait completion: write --wait=completion"),
    # the way to Nomad
    address("an address without scheme", "n:4646", "NOMAD_ADDR: 'n:4646' has no scheme: use http://n:4646 or"),
    address("an address without host", "http://:4646", "NOMAD_ADDR: 'http://:4646' has no host: use"),
    address("an address of another scheme", "ftp://n", "NOMAD_ADDR: 'ftp://n' must start with http://"),
    address("a port of six digits", "http://n:999999", "NOMAD_ADDR", "the port must be a number from 1 to 65535"),
    address("a port of letters", "http://n:x", "NOMAD_ADDR: 'http://n:x': the port must be a number from 1 to 65535"),
    address("brackets left out", "http://::1:4646", "put an IPv6 address in brackets, as in http://[::1]:4646"),
    address("a bracket left open", "http://[::1", "put an IPv6 address in brackets, as in http://[::1]:4646"),
    address("the address of the UI", "http://n:1/ui/jobs", "'http://n:1/ui/jobs' has too long a path: use http://n:1"),
    address("an address with a query", "http://n?x", "NOMAD_ADDR: 'http://n?***': the address must not have"),
    address("an address with an escape", "http://\x1b[1m", "NOMAD_ADDR: the address contains a blank"),
    address("a socket of a relative path", "unix://a.sock", "a unix socket needs an absolute path: use unix:"),
    address("a socket that is not there", "unix:///no/a.sock", "at unix:///no/a.sock: there is no such socket: is the"),
    address("a server that is not there", "http://127.0.0.1:1", "at http://127.0.0.1:1: connection refused: is the"),
    address("a host that is not there", "http://n.invalid:1", "at http://n.invalid:1: the host name 'n.invalid'"),
    variables("a namespace that is no text", "NOMAD_NAMESPACE: is not UTF-8 text", NOMAD_NAMESPACE="\udcff"),
    variables("a region that is no text", "NOMAD_REGION: is not UTF-8 text", NOMAD_REGION="\udcff"),
    variables("a namespace of two", 'NOMAD_NAMESPACE: "a,b" cannot be a namespace: use up to', NOMAD_NAMESPACE="a,b"),
    variables("a region with a query", 'NOMAD_REGION: "a?b" cannot be a region: it must not', NOMAD_REGION="a?b"),
    variables("a password that is no text", "NOMAD_HTTP_AUTH: is not UTF-8 text", NOMAD_HTTP_AUTH="\udcff"),
    # the embedded agent
    local("no jobs", "", "--local: there are no job files in jobs: name some with --jobs", job=None),
    local(
        "a glob of no jobs",
        "--jobs x*",
        "--jobs x*: there are no such job files: the agent reads *.nomad.hcl, *.hcl, ",
    ),
    local("a job file's syntax", "", "jobs/j.nomad.hcl:2:10: Invalid expression; ", job='job "j" {\n  type = \n}\n'),
    local("a job of another type", "", 'jobs/j.nomad.hcl: type is "service"', "runs batch", job=SERVICE),
    local("a local run that waits for nothing", "--detach", "--local: its tasks end with the run, so it always waits"),
    local(
        "a local run elsewhere",
        "--address http://n",
        "--address has no effect on a local run, which has an embedded agent of its own",
    ),
    local("a fault without amount", "--fault 429", "--fault: a fault is written KIND=AMOUNT, such as 429=5%"),
    local("a fault's share", "--fault 429=500%", '--fault: "429=500%": a share of the requests is written 0% to 100%'),
    local("a fault of no kind", "--fault x=1%", '--fault: there is no fault "x"; there are 429, 500, delay'),
    local("no slots", "--slots 0", "Invalid value for '--slots': 0 is not in the range x>=1"),
]


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """Where Nomad would be; who connects to it waits to be accepted."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield server


@pytest.mark.timeout(20)
@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_what_is_wrong_is_told_and_nothing_is_sent(
    case: Case,
    in_an_empty_folder: Path,
    listener: socket.socket,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The message names the place or the option and what would be right, for people and for scripts; the code is 1."""
    make_files(case.files)
    for name, value in {"DISPATCHFILE_STATE_DIR": "state", **case.environ}.items():
        monkeypatch.setenv(name, value)
    for call in case.calls:
        argv = [argument.replace("LISTENER", f"http://127.0.0.1:{listener.getsockname()[1]}") for argument in call]
        for form in ("text", "json"):
            begun = time.process_time()
            assert run_to_exit_code([*argv, "-o", form]) == 1
            assert time.process_time() - begun < MOST_CPU_S
            out, err = capsys.readouterr()
            told = told_to_scripts(out) if out and form == "json" else out + err
            assert [text for text in case.says if text not in told] == []
            assert [text for text in TOLD_TO_NOBODY if text in out + err] == []
    with pytest.raises(BlockingIOError):
        listener.accept()
    assert not Path("state").exists()


def make_files(files: Mapping[str, Content]) -> None:
    for name, content in files.items():
        path = Path(name)
        path.parent.mkdir(exist_ok=True)
        if callable(content):
            content(path)
        else:
            path.write_bytes(content.encode() if isinstance(content, str) else content)


def told_to_scripts(out: str) -> str:
    """The problems of a JSON report, a line each as people see them."""
    problems = [problem for manifest in json.loads(out)["manifests"] for problem in manifest["problems"]]
    return "\n".join("{file}:{line}:{column}: {code} {message}".format_map(problem) for problem in problems)
