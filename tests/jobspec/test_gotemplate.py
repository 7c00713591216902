"""Templates, rendered as consul-template 0.42.1 renders them, which is the one in Nomad 2.0.5."""

from __future__ import annotations

import base64
import json
import sys
import urllib.request
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from dispatchfile.jobspec.gotemplate import RenderFailure, TemplateContext, TemplateSyntaxError, parse, render
from tests.jobspec.go_templates import ACTIONS, ENVIRONMENT, FAILURES, FORMATS, FUNCTIONS
from tests.real_nomad import NO_BINARY, binary, real_agent

CASES = (*ACTIONS, *FORMATS, *FUNCTIONS)
RECORDED = json.loads(Path(__file__).with_name("go_templates.json").read_text("utf-8"))
"""What consul-template made of each."""

NOW = datetime(2026, 3, 4, 15, 6, 7, tzinfo=UTC)


def rendered(text: str, **options: Any) -> str:
    return render(parse(text), TemplateContext(ENVIRONMENT, lambda path: f"<{path}>", lambda: NOW, **options))


@pytest.mark.parametrize("text", CASES)
def test_a_template_renders_as_consul_template_renders_it(text: str) -> None:
    """Actions, trim marks, variables, pipelines, printf, and every function that needs no cluster."""
    assert rendered(text) == RECORDED[text]


@pytest.mark.parametrize("text", FAILURES)
def test_what_go_refuses_is_refused(text: str) -> None:
    """As the template is read, or as it is rendered; never with an empty text in its place."""
    if text == "{{ .Field }}":  # nil has no fields, and prints as one that is missing
        assert rendered(text) == "<no value>"
        return
    with pytest.raises((TemplateSyntaxError, RenderFailure)):
        rendered(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{{ timestamp }}", "2026-03-04T15:06:07Z"),
        ('{{ timestamp "2006-01-02" }}', "2026-03-04"),
        ('{{ timestamp "unix" }}', "1772636767"),
        ('{{ timestamp "Mon, 02 Jan 2006 15:04:05 MST" }}', "Wed, 04 Mar 2026 15:06:07 UTC"),
        ('{{ timestamp "Monday January 2 3:4:5 PM _2 06 .000 -0700" }}', "Wednesday March 4 3:6:7 PM  4 26 .000 +0000"),
        ('{{ file "local/x" }}', "<local/x>"),
    ],
)
def test_time_and_files_come_from_outside(text: str, expected: str) -> None:
    """Layouts are Go's."""
    assert rendered(text) == expected


@pytest.mark.parametrize(
    "text",
    ["{{ add 1 2-1 }}", '{{ env"NAME" }}', '{{ printf "%d"5 }}', '{{ "\\q" }}', '{{ "\\u00" }}', "{{ lt 1 2 3 }}"],
)
def test_operands_stand_apart_and_escapes_are_known(text: str) -> None:
    """As Go's parser demands."""
    with pytest.raises((TemplateSyntaxError, RenderFailure)):
        rendered(text)


def test_missing_keys_may_be_an_error() -> None:
    """`error_on_missing_key` asks for it."""
    text = '{{ with parseJSON `{}` }}{{ .a }}{{ else }}empty{{ end }}{{ with parseJSON `{"b":1}` }}{{ .a }}{{ end }}'
    assert rendered(text) == "empty<no value>"
    with pytest.raises(RenderFailure, match='map has no entry for key "a"'):
        rendered(text, fails_on_missing_keys=True)


def test_delimiters_may_be_others() -> None:
    """As `left_delimiter` and `right_delimiter` say."""
    template = parse('[[ env "NAME" ]] {{ x }}', "[[", "]]")
    assert render(template, TemplateContext(ENVIRONMENT, str)) == "Ada {{ x }}"


@pytest.mark.parametrize(
    "text",
    [
        '{{ define "a" }}{{ template "a" }}{{ end }}{{ template "a" }}',
        "{{ range loop 1000000 }}{{ range loop 1000000 }}" + "x" * 1000 + "{{ end }}{{ end }}",
        '{{ printf "%99999999d" 1 }}',
        "{{ loop 99999999 }}",
        "{{ multiply 9223372036854775807 2 }}",
        "{{ if true }}" * 300 + "{{ end }}" * 300,
        "{{ " + "(" * 3000 + "1" + ")" * 3000 + " }}",
    ],
)
def test_a_template_cannot_run_away(text: str) -> None:
    """Depth, width and length have limits."""
    with pytest.raises((TemplateSyntaxError, RenderFailure)):
        rendered(text)


def _job(texts: list[str]) -> dict[str, Any]:
    script = 'for f in local/t/*; do echo "$(basename $f) $(base64 -w0 $f)"; done'
    templates = [{"DestPath": f"local/t/{number}", "EmbeddedTmpl": text} for number, text in enumerate(texts)]
    task = {
        "Name": "t",
        "Driver": "raw_exec",
        "Config": {"command": "/bin/sh", "args": ["-c", script]},
        "Env": {name: value for name, value in ENVIRONMENT.items() if "." not in name},
        "Templates": templates,
    }
    return {"ID": "templates", "Type": "batch", "TaskGroups": [{"Name": "g", "Tasks": [task]}]}


def _ask(url: str, method: str = "GET", body: object = None) -> bytes:
    content = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(url, content, method=method), timeout=30) as answer:
        return bytes(answer.read())


def _ended_allocation(address: str) -> str:
    """Its ID, as soon as its task has ended."""
    index = "0"
    while True:
        url = f"{address}/v1/job/templates/allocations?index={index}&wait=10s"
        with urllib.request.urlopen(url, timeout=30) as answer:
            index, allocs = answer.headers["X-Nomad-Index"], json.load(answer)
        if allocs and allocs[0]["ClientStatus"] in {"complete", "failed"}:
            return str(allocs[0]["ID"])


@pytest.mark.nomad
@pytest.mark.skipif(sys.platform != "linux", reason="the script needs GNU base64")
def test_the_recording_is_what_nomad_renders() -> None:
    """One task with all the templates prints each file."""
    if binary() is None:
        pytest.skip(NO_BINARY)
    with real_agent() as address:
        _ask(f"{address}/v1/jobs", "PUT", {"Job": _job(list(CASES))})
        alloc = _ended_allocation(address)
        log = _ask(f"{address}/v1/client/fs/logs/{alloc}?task=t&type=stdout&plain=true").decode()
    printed = {
        int(name): base64.b64decode(text) for name, _, text in (line.partition(" ") for line in log.splitlines())
    }
    assert {CASES[number]: text.decode() for number, text in printed.items()} == RECORDED
