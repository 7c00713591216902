"""Rows of `plan`, and of what `run` does with plan files and changes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from tests.cli.option_table.checks import Check, Row, changes_nothing
from tests.cli.option_table.stage import Stage
from tests.files.test_gitfiles import git

OFFLINE = ("plan", "--offline")


def _items(stage: Stage, *argv: str) -> list[Mapping[str, object]]:
    items: list[Mapping[str, object]] = json.loads(stage.call(*argv, "-o", "json").out)["items"]
    return items


def _ids(stage: Stage, *argv: str) -> list[object]:
    return [item["id"] for item in _items(stage, *argv)]


def _committed(stage: Stage) -> None:
    """A commit, after which the item `more` is changed."""
    git(stage.folder, "init", "-q", "-b", "main")
    git(stage.folder, "add", "dispatchfile.yaml")
    git(stage.folder, "commit", "-q", "-m", "v1")
    manifest = Path("dispatchfile.yaml")
    manifest.write_text(
        manifest.read_text().replace(
            '{id: more, job: work, meta: {how: "true"}', '{id: more, job: work, meta: {how: ":"}'
        )
    )


def _out(stage: Stage) -> None:
    assert stage.call(*OFFLINE, "--out", "n.plan").code == 0
    assert stage.call("plan", "n.plan").out.endswith(stage.call(*OFFLINE).out.splitlines()[-1] + "\n")


def _changed(stage: Stage) -> None:
    _committed(stage)
    assert _ids(stage, *OFFLINE, "--changed", "main") == ["more"]


def _run_changed(stage: Stage) -> None:
    _committed(stage)
    outcomes = stage.call("run", "--local", "--changed", "main", "-o", "json").outcomes
    assert outcomes == {
        "bad": "skipped/-",
        "good": "skipped/-",
        "more": "succeeded/-",
        "last": "skipped/-",
    }


def _against(stage: Stage) -> None:
    _committed(stage)
    changes = {item["id"]: item["change"] for item in _items(stage, *OFFLINE, "--against", "main")}
    assert changes == {"bad": "unchanged", "good": "unchanged", "more": "changed", "last": "unchanged"}


def _show(stage: Stage) -> None:
    shown = stage.call(*OFFLINE, "--show", "good").out
    assert ("meta how: true" in shown, "bad" in shown) == (True, False)


def _all(stage: Stage) -> None:
    rows = "".join(f"{number}\n" for number in range(9))
    Path("rows.txt").write_text(rows)
    Path("dispatchfile.yaml").write_text(
        'version: 1\ndispatches:\n  - {id: "r{{ each.value }}", for_each: {lines: rows.txt}, job: work, '
        "meta: {how: x}}\n"
    )
    assert "9 items, r0 … r8" in stage.call(*OFFLINE).out
    assert "+ r5  work  rows.txt:6\n" in stage.call(*OFFLINE, "--all").out


def _offline(stage: Stage) -> None:
    assert stage.call("plan", "--address", "http://127.0.0.1:9").code == 1
    assert stage.asked("plan", "--offline", "--address", stage.server.address) == []


def _exit_code(stage: Stage) -> None:
    nothing = ("--skip", "*")
    assert [stage.call(*OFFLINE, *flags).code for flags in ((), ("--detailed-exitcode",))] == [0, 2]
    assert stage.call(*OFFLINE, "--detailed-exitcode", *nothing).code == 0


def _skip_succeeded(stage: Stage) -> None:
    at = ("--address", stage.agent)
    assert stage.call("run", "--wait", *at, "--only", "good").code == 0
    assert _ids(stage, "plan", *at, "--skip-succeeded") == ["bad", "more", "last"]


def _state_dir(stage: Stage) -> None:
    at = ("--address", stage.agent)
    assert stage.call("run", "--wait", *at, "--only", "good").code == 0
    known = [item["known"] is not None for item in _items(stage, "plan", *at, "--only", "good")]
    elsewhere = [item["known"] for item in _items(stage, "plan", *at, "--only", "good", "--state-dir", "elsewhere")]
    assert (known, elsewhere) == ([True], [None])


def _selects(*flags: str, ids: list[str]) -> Check:
    def check(stage: Stage) -> None:
        assert _ids(stage, *OFFLINE, *flags) == ids

    return check


def _var(stage: Stage) -> None:
    meta = [item["meta"] for item in _items(stage, *OFFLINE, "--var", "how=false")]
    assert meta[1] == {"how": "false"}


def _var_file(stage: Stage) -> None:
    Path("vars.json").write_text('{"how": "false"}')
    assert _items(stage, *OFFLINE, "--var-file", "vars.json")[1]["meta"] == {"how": "false"}


def _strict(stage: Stage) -> None:
    Path("vars.json").write_text('{"nobody": "false"}')
    codes = [stage.call(*OFFLINE, "--var-file", "vars.json", *flags).code for flags in ((), ("--strict-vars",))]
    assert codes == [0, 1]


def _outside(stage: Stage) -> None:
    outside = stage.folder.parent / f"{stage.folder.name}.txt"
    outside.write_text("payload")
    text = f"version: 1\ndispatches: [{{id: a, job: work, meta: {{how: x}}, payload: {{file: ../{outside.name}}}}}]\n"
    Path("dispatchfile.yaml").write_text(text)
    assert [stage.call(*OFFLINE, *flags).code for flags in ((), ("--allow-outside",))] == [1, 0]


def _output(stage: Stage) -> None:
    assert stage.call(*OFFLINE, "-o", "markdown").out.startswith("### Plan of nightly: 4 to send\n")
    assert json.loads(stage.call(*OFFLINE, "-o", "json").out)["schema"] == "dispatchfile/review/v1"


def _color(stage: Stage) -> None:
    assert "\x1b[" in stage.call(*OFFLINE, "--color", "always").out
    assert "\x1b[" not in stage.call(*OFFLINE, "--color", "never").out


def _quiet(stage: Stage) -> None:
    Path("vars.json").write_text('{"nobody": "false"}')
    told = [stage.call(*OFFLINE, "--var-file", "vars.json", *flags).err != "" for flags in ((), ("-q",))]
    assert told == [True, False]


def _show_values(stage: Stage) -> None:
    """The value of a variable of the job's environment."""
    manifest, job = Path("dispatchfile.yaml"), json.loads(Path("jobs/work.nomad.json").read_text())
    job["Job"]["TaskGroups"][0]["Tasks"][0]["Env"] = {"CODEC": "webm"}
    Path("jobs/work.nomad.json").write_text(json.dumps(job))
    manifest.write_text(f"jobs: [jobs/*]\n{manifest.read_text()}")
    call = ("plan", "--address", stage.agent)
    assert "    + group g, task t: Env[CODEC] (--show-values shows it)\n" in stage.call(*call).out
    assert "    + group g, task t: Env[CODEC]: webm\n" in stage.call(*call, "--show-values").out


def _digest(stage: Stage) -> None:
    at = ("--address", stage.agent)
    stage.call("plan", *at, "--out", "n.plan", "--only", "good")
    digest = json.loads(Path("n.plan").read_text().splitlines()[-1])["sha256"]
    refused = stage.call("run", "n.plan", "--digest", "0" * 64, *at)
    assert (refused.code, "this is not the plan that was reviewed" in refused.err) == (1, True)
    assert stage.call("run", "n.plan", "--wait", "--digest", digest[:12], *at).code == 0


def _again(stage: Stage) -> None:
    at = ("--address", stage.agent)
    stage.call("plan", *at, "--out", "n.plan", "--only", "good")
    runs = [
        json.loads(stage.call("run", "n.plan", "--wait", *at, "-o", "json", *flags).out)["run"]
        for flags in ((), (), ("--again",))
    ]
    assert (runs[0] == runs[1], runs[2] == f"{runs[0]}x2") == (True, True)


def _unpinned(stage: Stage) -> None:
    at = ("--address", stage.agent)
    stage.call(*OFFLINE, "--out", "n.plan", "--only", "good")
    refused = stage.call("run", "n.plan", *at)
    assert (refused.code, "names no versions of its jobs" in refused.err) == (1, True)
    assert stage.call("run", "n.plan", "--wait", "--allow-unpinned", *at).code == 0


ROWS: Row = {
    ("plan", "--show-values"): _show_values,
    ("plan", "--out"): _out,
    ("plan", "--changed"): _changed,
    ("run", "--changed"): _run_changed,
    ("plan", "--against"): _against,
    ("plan", "--show"): _show,
    ("plan", "--all"): _all,
    ("plan", "--offline"): _offline,
    ("plan", "--detailed-exitcode"): _exit_code,
    ("plan", "--skip-succeeded"): _skip_succeeded,
    ("plan", "--state-dir"): _state_dir,
    ("plan", "--only"): _selects("--only", "m*", ids=["more"]),
    ("plan", "--skip"): _selects("--skip", "tag:odd", ids=["good", "more", "last"]),
    ("plan", "--var"): _var,
    ("plan", "--var-file"): _var_file,
    ("plan", "--strict-vars"): _strict,
    ("plan", "--allow-outside"): _outside,
    ("plan", "--output"): _output,
    ("plan", "--color"): _color,
    ("plan", "--quiet"): _quiet,
    ("plan", "--verbose"): changes_nothing(*OFFLINE, flag=("--verbose",)),
    ("run", "--digest"): _digest,
    ("run", "--again"): _again,
    ("run", "--allow-unpinned"): _unpinned,
}
