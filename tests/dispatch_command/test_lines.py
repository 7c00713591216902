"""The lines of `dispatch`, written down: what a script that reads them relies on."""

from pathlib import Path

import pytest

from tests.dispatch_command.calls import Said, ours
from tests.real_nomad import NO_BINARY, binary

MONITORED = """\
Dispatched Job ID = {job}/dispatch-CHILD
Evaluation ID     = ID

==> TIME: Monitoring evaluation "ID"
    TIME: Evaluation triggered by job "{job}/dispatch-CHILD"
    TIME: Allocation "ID" created: node "ID", group "g"
    TIME: Evaluation status changed: "pending" -> "complete"
==> TIME: Evaluation "ID" finished with status "complete"
"""
DETACHED = "Dispatched Job ID = {job}/dispatch-CHILD\nEvaluation ID     = ID\n"
UNPLACED = """\
Dispatched Job ID = nowhere/dispatch-CHILD
Evaluation ID     = ID

==> TIME: Monitoring evaluation "ID"
    TIME: Evaluation triggered by job "nowhere/dispatch-CHILD"
    TIME: Evaluation status changed: "pending" -> "complete"
==> TIME: Evaluation "ID" finished with status "complete" but failed to place all allocations:
    TIME: Task Group "g" (failed to place 1 allocation):
      * Constraint "${meta.ready} = yes": 1 nodes excluded by filter
"""
WAITING = '    TIME: Evaluation "ID" waiting for additional capacity to place remainder\n'


def test_a_dispatch_is_monitored_until_it_is_placed(address: str) -> None:
    """The lines and the exit code are those of `nomad job dispatch`."""
    assert ours(address, "-meta", "k=v", "long") == Said(MONITORED.format(job="long"), "", 0)


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["-detach", "ok"], id="one dash"),
        pytest.param(["--detach", "ok"], id="two dashes"),
        pytest.param(["ok", "-detach"], id="a flag behind the job"),
        pytest.param(["-detach=true", "ok"], id="a boolean of Go's"),
        pytest.param(["-detach", "-wait", "ok"], id="detach goes over wait"),
        pytest.param(["-detach", "-meta=k=1", "-meta", "x=a=b", "ok"], id="meta"),
        pytest.param(["-detach", "-priority", "70", "ok"], id="priority"),
        pytest.param(["-detach", " ok "], id="blanks around the job"),
    ],
)
def test_detached_it_only_says_what_was_made(address: str, arguments: list[str]) -> None:
    """Two lines, in either dash style and any order."""
    assert ours(address, *arguments) == Said(DETACHED.format(job="ok"), "", 0)


def test_an_empty_input_source_is_no_file() -> None:
    """Nor is it the folder, nor no input at all: a variable of a script's may have been empty."""
    told = "Error reading input data: open : no such file or directory\n"
    assert ours("http://127.0.0.1:1", "ok", "") == Said("", told, 1)


def test_the_payload_is_a_file_or_standard_input(address: str, tmp_path: Path) -> None:
    """A job that requires one takes both; without one it refuses."""
    (tmp_path / "in.json").write_text("{}")
    detached = Said(DETACHED.format(job="needs"), "", 0)
    assert ours(address, "-detach", "-meta", "k=1", "needs", str(tmp_path / "in.json")) == detached
    assert ours(address, "-detach", "-meta", "k=1", "needs", "-", stdin="hello") == detached
    refused = ours(address, "-detach", "-meta", "k=1", "needs", "-", stdin="")
    assert refused.err.endswith("500 (Payload is not provided but required by parameterized job)\n")


def test_ids_are_shown_in_full_on_request(address: str) -> None:
    """-verbose shows IDs of evaluations, allocations and nodes in full; a job's ID is never cut."""
    said = ours(address, "-verbose", "long")
    assert said.out.count("UUID") == 5
    assert '"ID"' not in said.out


def test_a_prefix_stands_in_the_id_as_it_is(address: str) -> None:
    """Nothing is added to it."""
    said = ours(address, "-detach", "-id-prefix-template", "run9-1", "ok")
    assert said == Said("Dispatched Job ID = ok/dispatch-run9-1-CHILD\nEvaluation ID     = ID\n", "", 0)


def test_the_beginning_of_an_id_is_enough_if_it_is_the_only_one(address: str) -> None:
    """The CLI does the same; an exact ID wins over longer ones."""
    assert ours(address, "-detach", "resched-a").out == DETACHED.format(job="resched-a")
    assert ours(address, "-detach", "lon").out == DETACHED.format(job="long")


@pytest.mark.nomad
@pytest.mark.skipif(binary() is None, reason=NO_BINARY)
def test_a_placement_failure_is_2_and_says_why(real: str) -> None:
    """The documented exit code; the job stays queued in Nomad."""
    assert ours(real, "nowhere") == Said(UNPLACED + WAITING, "", 2)


def test_what_the_embedded_agent_can_never_place_does_not_wait(embedded: str) -> None:
    """Its one node never changes, so no evaluation waits for another one."""
    assert ours(embedded, "nowhere") == Said(UNPLACED, "", 2)


def test_a_token_that_nomad_knows_dispatches_nothing(address: str) -> None:
    """The sentence is the documentation's, which the CLI itself never prints."""
    child = (
        ours(address, "-idempotency-token", 'night "1"', "ok").out.splitlines()[0].removeprefix("Dispatched Job ID = ")
    )
    told = f'Job "{child}" already dispatched with idempotency token "night \\"1\\"".\n'
    assert ours(address, "-idempotency-token", 'night "1"', "ok") == Said(told, "", 0)


def test_a_periodic_job_has_no_evaluation_to_monitor(address: str) -> None:
    """Its dispatch waits for its time; one line, and a token's hit is told from a new child where it can be."""
    assert ours(address, "yearly") == Said("Dispatched Job ID = yearly/dispatch-CHILD\n", "", 0)


def test_quiet_leaves_the_result(address: str) -> None:
    """No steps, but what was made and, when waited for, how it ended."""
    assert ours(address, "-quiet", "ok").out == DETACHED.format(job="ok")


def test_the_web_ui_is_pointed_at_on_request(address: str) -> None:
    """Where there is no display, that is all; a browser in the terminal would be in the way."""
    said = ours(address, "-ui", "ok")
    hint, trouble = said.err.strip().split("\n\n")
    assert hint.startswith(f"==> View this job in the Web UI: {address}/ui/jobs/ok%2Fdispatch-")
    assert hint.endswith("@default")
    assert trouble == "Failed to open browser: there is none here"
    assert (said.out, said.code) == (MONITORED.format(job="ok"), 0)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["\udcff"], "\\udcff: is not UTF-8 text"),
        (["-meta", "k=\udcff", "ok"], "k=\\udcff: is not UTF-8 text"),
        (["-wait=nope", "ok"], "--wait: 'nope' is not one of detach, placement, completion"),
    ],
)
def test_what_cannot_be_sent_is_refused_here(arguments: list[str], told: str) -> None:
    """Before anything is asked of a server."""
    assert ours("http://127.0.0.1:1", *arguments) == Said("", f"{told}\n", 1)
