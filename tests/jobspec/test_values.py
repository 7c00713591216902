"""Values of HCL variables written as HCL, for Nomad to parse."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatchfile.jobspec import GivenValues, read_job_file
from dispatchfile.jobspec.hcl.values import hcl_text
from dispatchfile.jobspec.hcl.variables import json_values, read_values

TEXTS = st.text(st.characters(exclude_categories=["Cs"])) | st.text('$%{}\\"n\n\r\t\x00\x7f')
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


@given(PLAIN)
def test_the_text_of_a_value_reads_as_the_value(plain: object) -> None:
    """No text is taken for a template, and no name for an expression."""
    value = json_values(json.dumps({"v": plain}))["v"]
    assert read_values(f"v = {hcl_text(value)}\n", Path("v.hcl")) == {"v": value}


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("plain", '"plain"'),
        ('say "${var.x}"', r'"say \"$${var.x}\""'),
        ("100% %{ if }", '"100% %%{ if }"'),
        ("a\tb\x07", r'"a\tb\u0007"'),
    ],
)
def test_what_hcl_takes_for_itself_is_escaped(text: str, written: str) -> None:
    """Interpolations, directives, quotes and control characters."""
    assert hcl_text(json_values(json.dumps({"v": text}))["v"]) == written


def test_a_file_gets_only_the_variables_that_it_declares() -> None:
    """They are written for the server as a variable file; defaults are left to the file itself."""
    job = 'job "j" {\n  type = "batch"\n  group "g" {\n    task "t" {\n      driver = "mock"\n    }\n  }\n}\n'
    text = f'variable "a" {{}}\nvariable "b" {{\n  default = 1\n}}\nvariable "c" {{\n  type = number\n}}\n{job}'
    given_values = GivenValues({"a": "env", "zzz": "x"}, (), {"c": "5", "other": "y"})
    file = read_job_file(Path("j.hcl"), given_values, content=text.encode())
    assert (file.variables, file.declared) == ('a = "env"\nc = 5\n', frozenset("abc"))
