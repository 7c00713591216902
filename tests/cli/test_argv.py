"""Arguments as Nomad users type them."""

import pytest

from dispatchfile.cli.argv import normalize_argv, values_of


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        pytest.param(["run", "-address=http://n:4646"], ["run", "--address=http://n:4646"], id="with its value"),
        pytest.param(["-address", "http://n:4646"], ["--address", "http://n:4646"], id="value apart"),
        pytest.param(["-namespace=a=b"], ["--namespace=a=b"], id="only the name is looked at"),
        pytest.param(["--region", "eu"], ["--region", "eu"], id="two dashes stay"),
        pytest.param(["-tls-skip-verify"], ["--tls-skip-verify"], id="a switch"),
        pytest.param(["-o", "json", "-qv", "-h", "-"], ["-o", "json", "-qv", "-h", "-"], id="short ones stay"),
        pytest.param(["-addresses=x", "-tokens"], ["-addresses=x", "-tokens"], id="unknown names stay"),
        pytest.param(["--", "-address=x", "--wait"], ["--", "-address=x", "--wait"], id="nothing after two dashes"),
        pytest.param(["--wait", "m.yaml"], ["--wait=completion", "m.yaml"], id="bare wait takes no word after it"),
        pytest.param(["-wait"], ["--wait=completion"], id="bare wait of the Nomad CLI"),
        pytest.param(["--wait=placement"], ["--wait=placement"], id="wait for something named"),
        pytest.param(["-meta", "k=-v", "-meta=a=b"], ["--meta", "k=-v", "--meta=a=b"], id="values stay"),
        pytest.param(["-insecure", "-no-color"], ["--tls-skip-verify", "--color=never"], id="names of the Nomad CLI"),
        pytest.param(["-no-color", "-force-color", "x"], ["--color=never", "x"], id="no color wins"),
        pytest.param(["-force-color", "-no-color"], ["--color=never"], id="no color wins in any order"),
        pytest.param(["-no-color=false", "-force-color"], ["--color=always"], id="a false no color does not"),
        pytest.param(["-detach=true", "-wait=1"], ["--detach", "--wait=completion"], id="Go's booleans, true"),
        pytest.param(["-detach=false", "--wait=F", "x"], ["x"], id="Go's booleans, false"),
        pytest.param(["--detach=maybe"], ["--detach=maybe"], id="no boolean"),
        pytest.param([], [], id="nothing"),
    ],
)
def test_nomads_spelling_becomes_ours(typed: list[str], read: list[str]) -> None:
    """One dash before a known long name is as good as two."""
    assert normalize_argv(typed) == read


def test_a_value_is_found_in_both_spellings() -> None:
    """Before anything is parsed, for what has to be known even if parsing fails."""
    assert list(values_of("--token", ["run", "--token", "a", "--token=b=c", "--tokens", "d", "--token"])) == [
        "a",
        "b=c",
        "",
    ]
