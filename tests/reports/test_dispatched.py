"""One dispatch in the Nomad CLI's words."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from dispatchfile.errors import NomadRefused, NomadUnavailable
from dispatchfile.events import Cause, Outcome, State, Verdict
from dispatchfile.nomad.changes import AllocChanged, AllocPlaced, EvalEnded, EvalMissing
from dispatchfile.nomad.decode import parse_evaluation, parse_stub
from dispatchfile.nomad.models import PlacementFailure
from dispatchfile.reports.dispatched import (
    Wording,
    failed_text,
    local_time,
    look_command,
    several_jobs_text,
    ui_address,
)
from dispatchfile.reports.text import Palette

AT = 1_795_351_482.9
NOW = local_time(AT)
EVAL = "0d076dc5-1111-2222-3333-444444444444"


@dataclass(frozen=True)
class Child:
    id: str = "ok/dispatch-1"
    eval_id: str = EVAL
    existing: bool = False


def test_times_are_of_this_machines_zone_and_whole_seconds():
    """RFC 3339, as Go writes it."""
    assert NOW[:10] == "2026-11-22"
    assert len(NOW) in {len("2026-11-22T12:44:42Z"), len("2026-11-22T12:44:42+01:00")}


def test_what_was_made():
    """Short unless wanted in full; without an evaluation one line; a hit in a sentence of its own."""
    assert Wording().accepted(Child(), "") == ["Dispatched Job ID = ok/dispatch-1", "Evaluation ID     = 0d076dc5"]
    assert Wording(full_ids=True).accepted(Child(), "")[1] == f"Evaluation ID     = {EVAL}"
    assert Wording().accepted(Child(eval_id=""), "t") == ["Dispatched Job ID = ok/dispatch-1"]
    hit = 'Job "ok/dispatch-1" already dispatched with idempotency token "t".'
    assert Wording().accepted(Child(eval_id="", existing=True), "t") == [hit]


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (
            AllocPlaced("2ff3aa29-1", "b1b1a24f-1", "g", modified=False),
            f'    {NOW}: Allocation "2ff3aa29" created: node "b1b1a24f", group "g"',
        ),
        (
            AllocPlaced("2ff3aa29-1", "b1b1a24f-1", "g", modified=True),
            f'    {NOW}: Allocation "2ff3aa29" modified: node "b1b1a24f", group "g"',
        ),
        (
            AllocChanged("2ff3aa29-1", "pending", "failed", "Failed tasks"),
            f'    {NOW}: Allocation "2ff3aa29" status changed: "pending" -> "failed" (Failed tasks)',
        ),
        (EvalMissing(EVAL), f'==> No evaluation with id "{EVAL}" found'),
    ],
)
def test_a_change_is_one_line(change, line):
    """A heading or a detail, with the time."""
    assert Wording().changed(change, AT) == [line]


FAILURE = PlacementFailure(
    nodes_evaluated=3,
    nodes_exhausted=2,
    coalesced_failures=1,
    class_filtered={"small": 1},
    class_exhausted={"big": 2},
    dimension_exhausted={"memory": 2},
    constraint_filtered={"missing drivers": 1, "${meta.ready} = yes": 2},
    nodes_available={"dc1": 3, "moon": 0},
    quota_exhausted=("cpu",),
)


def test_a_placement_failure_tells_every_reason_in_the_clis_words():
    """The reasons are in one order, while the CLI has any; a missing driver is red."""
    row = {"ID": EVAL, "Status": "complete", "BlockedEval": "7277769c-1"}
    failed = {"g": FAILURE, "h": PlacementFailure(nodes_evaluated=1)}
    evaluation = replace(parse_evaluation(row), failed_groups=failed)
    assert Wording(palette=Palette(on=True)).changed(EvalEnded(evaluation), AT) == [
        f'==> {NOW}: Evaluation "0d076dc5" finished with status "complete" but failed to place all allocations:',
        f'    {NOW}: Task Group "g" (failed to place 2 allocations):',
        '      * No nodes are available in datacenter "moon"',
        '      * Class "small": 1 nodes excluded by filter',
        '      * Constraint "${meta.ready} = yes": 2 nodes excluded by filter',
        '    \x1b[1;31m  * Constraint "missing drivers": 1 nodes excluded by filter\x1b[0m',
        "      * Resources exhausted on 2 nodes",
        '      * Class "big" exhausted on 2 nodes',
        '      * Dimension "memory" exhausted on 2 nodes',
        '      * Quota limit hit "cpu"',
        f'    {NOW}: Task Group "h" (failed to place 1 allocation):',
        "    ",
        f'    {NOW}: Evaluation "7277769c" waiting for additional capacity to place remainder',
    ]


def test_how_it_ended_is_one_line():
    """Outcome, cause and a sentence; no foreign text breaks it."""
    verdict = Verdict(Outcome.FAILED, Cause.EXIT, "task t:\nboom\x1b[31m", exit_code=3)
    assert Wording().ended(Child(), verdict, AT) == (
        f'==> {NOW}: Job "ok/dispatch-1" failed (exit 3): task t: boom\\x1b[31m'
    )
    assert Wording().ended(Child(), Verdict(Outcome.SUCCEEDED), AT) == f'==> {NOW}: Job "ok/dispatch-1" succeeded'
    assert Wording().moved(Child(), State.RUNNING, "", AT) == f'    {NOW}: Job "ok/dispatch-1" running'


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (NomadRefused("job is stopped", status=500), "Unexpected response code: 500 (job is stopped)"),
        (NomadUnavailable("HTTP 429 (Too Many)", status=429), "HTTP 429 (Too Many)"),
        (NomadUnavailable("cannot reach Nomad"), "cannot reach Nomad"),
    ],
)
def test_a_refusal_is_told_as_the_cli_does(error, text):
    """Nomad's words with their status; our own stay as they are."""
    assert failed_text(error) == f"Failed to dispatch job: {text}"


def test_a_command_that_looks_can_be_pasted():
    """Quoted where a shell would take it apart."""
    assert look_command("ok", "default") == "nomad job status ok"
    assert look_command("a b", "team", prefix="p", flags=["-address=http://n"]) == (
        "nomad job status -address=http://n -namespace=team 'a b/dispatch-p-'"
    )


def test_several_jobs_make_a_table():
    """With the namespace where all were looked in."""
    rows = [
        parse_stub({"ID": "a", "Namespace": "n1", "Type": "batch", "ParameterizedJob": True, "Status": "running"}),
        parse_stub(
            {"ID": "ab", "Namespace": "n2", "Type": "sysbatch", "Periodic": True, "Status": "dead", "Stop": True}
        ),
    ]
    assert several_jobs_text("Two:", rows, with_namespaces=True, truncated=True).splitlines() == [
        "Two:",
        "",
        "ID  Namespace  Type                 Priority  Status          Submit Date",
        "a   n1         batch/parameterized  0         running         <none>",
        "ab  n2         sysbatch/periodic    0         dead (stopped)  <none>",
        "(results may be truncated)",
    ]


def test_the_web_ui_has_an_address_for_each_job():
    """Escaped as Go does it."""
    assert ui_address("http://n:4646", "a b/dispatch-1", "") == "http://n:4646/ui/jobs/a%20b%2Fdispatch-1@default"
