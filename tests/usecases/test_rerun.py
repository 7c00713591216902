"""Items of a past run once more."""

from dataclasses import replace
from pathlib import Path

import pytest

from dispatchfile.errors import NothingToRerun, RunRefused, UsageError
from dispatchfile.events import Cause, Ended, Outcome, Verdict
from dispatchfile.journal import RunState, list_runs
from dispatchfile.results import LaterEnd
from dispatchfile.usecases.choose import Choice
from dispatchfile.usecases.past import RunName, read_past
from dispatchfile.usecases.rerun import RerunOptions, read_again, send_again
from dispatchfile.usecases.running.control import Control
from dispatchfile.usecases.variables import GivenVariables
from tests.making import make_item
from tests.usecases.past_runs import (
    CONNECTION,
    STARTED_AT,
    PastNomad,
    Told,
    header,
    keep_run,
    loop_clock,
    outcomes_of,
    sent,
)
from tests.virtual_time import VIRTUAL_TIME

KEY = GivenVariables({"key": "s3cret"}, {"key": None})


@pytest.fixture
def anyio_backend():
    return VIRTUAL_TIME


A, B, C = make_item("a", payload=b"A", meta={"k": "v"}), make_item("b", token="tok"), make_item("c")
FAILED = Choice(failed=True)


def ended(item, outcome, cause=None, *, attempt=1):
    return Ended(item.id, attempt, STARTED_AT + 3, Verdict(outcome, cause))


async def rerun(name, nomad, choice=FAILED, **options):
    wanted = RerunOptions(name=name, choice=choice, connection=CONNECTION, **options)
    return await send_again(
        wanted, read_again(wanted), reporter=Told(), control=Control(), clock=loop_clock(), connect=nomad.connect
    )


def new_run(name: RunName):
    """The name and the header of the run that was made."""
    runs, _ = list_runs(Path(name.state_dir))
    (new,) = (run for run in runs if run.header.id != "run1")
    return replace(name, run=new.header.id), new.header


async def test_failed_items_go_out_again_as_they_were(tmp_path):
    """They have the stored payload and meta, a new run's prefix, and a journal of their own."""
    name = await keep_run(
        tmp_path,
        [A, B, C],
        [ended(A, Outcome.FAILED, Cause.EXIT), ended(B, Outcome.SUCCEEDED), ended(C, Outcome.REFUSED)],
    )
    end = await rerun(name, nomad := PastNomad(lifetime_s=1))
    new, head = new_run(name)
    assert [(child.prefix, child.payload, child.meta) for child in nomad.made] == [
        (f"{new.run}-a-1", b"A", {"k": "v"}),
        (f"{new.run}-c-1", b"", {}),
    ]
    assert (end.summary.run, end.summary.state, end.exit_code) == (new.run, "finished", 0)
    assert outcomes_of(new) == {"a": "succeeded/None", "c": "succeeded/None"}
    assert (head.rerun_of, head.manifest, head.name) == ("run1", "/films/dispatchfile.yaml", "nightly")


async def test_a_token_is_varied_so_that_a_new_child_comes(tmp_path):
    """The old child still has the old one."""
    nomad = PastNomad(lifetime_s=0)
    name = await keep_run(tmp_path, [B], [*sent(B, nomad.had(B, token="tok")), ended(B, Outcome.FAILED, Cause.EXIT)])
    await rerun(name, nomad)
    new, _ = new_run(name)
    assert [child.token for child in nomad.made] == ["tok", f"tok@{new.run}"]


async def test_a_rerun_of_a_rerun_varies_the_token_once(tmp_path):
    """The token gets the ID of this rerun, not of all before it."""
    name = await keep_run(tmp_path, [B], [ended(B, Outcome.FAILED)], head=header(rerun_of="run0"))
    await rerun(name, nomad := PastNomad(lifetime_s=0))
    new, _ = new_run(name)
    assert [child.token for child in nomad.made] == [f"tok@{new.run}"]


@pytest.mark.parametrize("state", [RunState.RUNNING, RunState.INTERRUPTED])
async def test_an_unfinished_run_is_not_run_again(tmp_path, state):
    """It is to be resumed or stopped first."""
    name = await keep_run(tmp_path, [A], [ended(A, Outcome.FAILED)], state=state)
    with pytest.raises(RunRefused, match="run run1 is unfinished: `dispatchfile resume run1`"):
        await rerun(name, PastNomad())
    assert list_runs(tmp_path)[0][0].header.id == "run1"


async def test_a_run_that_was_stopped_can_be_run_again(tmp_path):
    """What was stopped and what was never sent."""
    events = [ended(A, Outcome.STOPPED, Cause.USER_STOP), ended(B, Outcome.UNSENT, Cause.INTERRUPTED)]
    name = await keep_run(tmp_path, [A, B], events, state=RunState.STOPPED_EARLY)
    end = await rerun(name, PastNomad(lifetime_s=0))
    assert end.summary.counts["succeeded"] == 2


@pytest.mark.parametrize("outcome", [Outcome.UNPLACED, Outcome.TIMED_OUT, Outcome.LOST])
async def test_a_predecessor_that_lives_is_stopped_first(tmp_path, outcome):
    """Before the new child is asked for."""
    nomad = PastNomad()
    old = nomad.had(A)
    name = await keep_run(tmp_path, [A], [*sent(A, old), ended(A, outcome)])
    nomad.lifetime_s = 0
    end = await rerun(name, nomad)
    new, _ = new_run(name)
    assert nomad.writes == [f"stop {old.id}", f"dispatch {new.run}-a-1"]
    assert end.summary.counts["succeeded"] == 1


async def test_the_child_of_an_unknown_item_is_found_and_stopped(tmp_path):
    """Nobody knew of it: the answer was lost, and so was the process that asked."""
    nomad = PastNomad()
    name = await keep_run(tmp_path, [A], [ended(A, Outcome.UNKNOWN, Cause.COLLECTED)], marked=["a"])
    old = nomad.had(A)
    nomad.lifetime_s = 0
    await rerun(name, nomad, Choice(outcomes=[Outcome.UNKNOWN]))
    assert nomad.stopped == [old.id]


async def test_a_predecessor_that_is_dead_needs_no_right_to_stop(tmp_path):
    """A token that may only dispatch is enough."""
    nomad = PastNomad(lifetime_s=0, forbidden=["stop"])
    name = await keep_run(tmp_path, [A], [*sent(A, nomad.had(A)), ended(A, Outcome.TIMED_OUT)])
    end = await rerun(name, nomad)
    assert end.summary.counts["succeeded"] == 1


async def test_a_predecessor_that_may_not_be_stopped_keeps_the_item_from_being_sent(tmp_path):
    """Two of one item are worse than none."""
    nomad = PastNomad(forbidden=["stop"])
    name = await keep_run(tmp_path, [A], [*sent(A, nomad.had(A)), ended(A, Outcome.UNPLACED)])
    end = await rerun(name, nomad)
    assert (end.summary.counts["refused"], nomad.writes) == (1, [])


async def test_somebody_elses_living_child_keeps_the_rerun_from_starting(tmp_path):
    """Nomad had it for the token: it is not this run's to stop."""
    nomad = PastNomad()
    theirs = nomad.had(B, run="other", token="tok")
    name = await keep_run(tmp_path, [B], [*sent(B, theirs, existing=True), ended(B, Outcome.TIMED_OUT)])
    with pytest.raises(RunRefused, match=r"item 'b': encode/dispatch-other-b-1-.* has not ended; stop it yourself"):
        await rerun(name, nomad)
    assert nomad.writes == []
    nomad.end(theirs)
    nomad.lifetime_s = 0
    assert (await rerun(name, nomad)).summary.counts["succeeded"] == 1


async def test_beside_an_unfinished_run_of_the_same_manifest_nothing_starts(tmp_path):
    """It may be sending the same items; `--new` insists."""
    await keep_run(tmp_path, [A], head=header(id="run2", started_at=STARTED_AT + 1), state=RunState.INTERRUPTED)
    name = await keep_run(tmp_path, [A], [ended(A, Outcome.FAILED)])
    with pytest.raises(RunRefused, match=r"run run2 of dispatchfile\.yaml is unfinished"):
        await rerun(name, PastNomad(lifetime_s=0))
    assert (await rerun(name, PastNomad(lifetime_s=0), new=True)).exit_code == 0


async def test_what_the_server_would_refuse_is_told_before_anything_is_sent(tmp_path):
    """The parent may have changed since."""
    name = await keep_run(tmp_path, [item := make_item("a", meta={"no": "x"})], [ended(item, Outcome.FAILED)])
    end = await rerun(name, nomad := PastNomad())
    assert (end.summary, end.exit_code, nomad.writes) == (None, 1, [])
    assert [problem.item for problem in end.problems] == ["a"]


async def test_a_rerun_that_may_not_stop_what_it_would_have_to_does_not_start(tmp_path):
    """The items decide this before anything is sent, as in a run."""
    late = make_item("late", deadline_s=60.0, stop_on_deadline=True, line=7)
    name = await keep_run(tmp_path, [late], [ended(late, Outcome.FAILED, Cause.EXIT)])
    nomad = PastNomad(forbidden=("stop",))
    end = await rerun(name, nomad)
    assert end.summary is None
    assert [(problem.code, problem.position.line, problem.hint) for problem in end.problems] == [
        ("DF107", 7, "it needs submit-job")
    ]
    assert nomad.writes == []


async def test_settings_are_the_old_runs_unless_a_flag_says_otherwise(tmp_path):
    """The setting `wait` is one of them."""
    name = await keep_run(tmp_path, [A], [ended(A, Outcome.FAILED)])
    end = await rerun(name, PastNomad(), settings={"wait": "detach", "concurrency": "3"})
    assert (end.summary.wait, end.summary.counts["dispatched"]) == ("detach", 1)
    with pytest.raises(UsageError, match="--rate: 'x' is not a rate"):
        await rerun(name, PastNomad(), settings={"rate": "x"})


async def test_a_local_run_is_only_run_again_to_completion(tmp_path):
    """Its tasks end with it; and an embedded agent of its own has no predecessors."""
    name = await keep_run(
        tmp_path,
        [A],
        [*sent(A, "encode/dispatch-run1-a-1-1-00000000"), ended(A, Outcome.LOST)],
        head=header(local=True),
    )
    with pytest.raises(UsageError, match="a local run always waits for completion"):
        await rerun(name, PastNomad(), settings={"wait": "detach"})
    end = await rerun(name, PastNomad(lifetime_s=0))
    assert (end.summary.target, new_run(name)[1].local) == ("http://nomad.example:4646", True)


MANIFEST = """\
version: 1
name: nightly
defaults: {sensitive: [payload, meta.k, meta.none]}
dispatches:
  - {id: a, job: encode, payload: {text: "{{ vars.key }}"}, meta: {k: "{{ vars.key }}"}}
"""


async def test_what_the_run_was_given_for_a_sensitive_value_has_to_be_given_again(tmp_path):
    """The manifest's own variable of that name would be the wrong one; what else the run was given is on record."""
    item = replace(make_item("r5", meta={"k": "old"}), sensitive=frozenset({"meta.k"}))
    (manifest := tmp_path / "dispatchfile.yaml").write_text(
        "version: 1\nvars: {key: default, release: r0}\ndispatches:\n"
        '- {id: "{{ vars.release }}", job: encode, meta: {k: "{{ vars.key }}"}, sensitive: [meta.k]}\n'
    )
    head = header(manifest=str(manifest), variables={"release": "r5"}, hidden_variables=("key",))
    name = await keep_run(tmp_path / "state", [item], [ended(item, Outcome.FAILED)], head=head)
    with pytest.raises(UsageError, match=r"run run1 got variables .* pass them again with --var key=…"):
        await rerun(name, nomad := PastNomad(lifetime_s=0))
    assert nomad.connected == 0
    await rerun(name, nomad := PastNomad(lifetime_s=0), variables=KEY)
    assert [child.meta for child in nomad.made] == [{"k": "s3cret"}]
    assert new_run(name)[1].hidden_variables == ("key",)


async def test_a_variable_of_the_environment_is_missed_too(tmp_path):
    """While a manifest is read, one that is not set stands for itself: that is nothing to be sent."""
    item = replace(make_item("a", meta={"k": "old"}), sensitive=frozenset({"meta.k"}))
    (manifest := tmp_path / "dispatchfile.yaml").write_text(
        "version: 1\nenv: [API_KEY]\ndispatches:\n"
        '- {id: a, job: encode, meta: {k: "{{ env.API_KEY }}"}, sensitive: [meta.k]}\n'
    )
    head = header(manifest=str(manifest))
    name = await keep_run(tmp_path / "state", [item], [ended(item, Outcome.FAILED)], head=head)
    with pytest.raises(UsageError, match="API_KEY is not set in the environment"):
        await rerun(name, PastNomad(lifetime_s=0))


async def test_sensitive_values_are_rendered_again(tmp_path):
    """They are in no journal: the manifest and a variable give them back."""
    item = replace(
        make_item("a", payload=b"old", meta={"k": "old"}), sensitive=frozenset({"payload", "meta.k", "meta.none"})
    )
    manifest = tmp_path / "dispatchfile.yaml"
    manifest.write_text(MANIFEST)
    name = await keep_run(
        tmp_path / "state", [item], [ended(item, Outcome.FAILED)], head=header(manifest=str(manifest))
    )
    with pytest.raises(UsageError, match="item 'a' has sensitive values, which are not stored"):
        await rerun(name, nomad := PastNomad(lifetime_s=0))
    await rerun(name, nomad := PastNomad(lifetime_s=0), variables=KEY)
    assert [(child.payload, child.meta) for child in nomad.made] == [(b"s3cret", {"k": "s3cret"})]
    assert not [path for path in (tmp_path / "state").rglob("*.db") if b"s3cret" in path.read_bytes()]
    manifest.write_text(MANIFEST.replace("k: ", "j: "))
    with pytest.raises(UsageError, match="its manifest no longer gives them"):
        await rerun(name, PastNomad(), Choice(only=["a"]), variables=KEY, new=True)


async def test_what_a_rerun_has_mended_is_not_run_again(tmp_path):
    """Following reruns of reruns; a run ID that is still on the shell's history does no harm."""
    name = await keep_run(tmp_path, [A, C], [ended(A, Outcome.FAILED), ended(C, Outcome.FAILED)])
    second = header(id="run2", rerun_of="run1", started_at=STARTED_AT + 1)
    await keep_run(tmp_path, [A, C], [ended(A, Outcome.SUCCEEDED), ended(C, Outcome.FAILED)], head=second)
    third = header(id="run3", rerun_of="run2", started_at=STARTED_AT + 2)
    await keep_run(tmp_path, [C], [ended(C, Outcome.SUCCEEDED)], head=third)
    with pytest.raises(NothingToRerun) as raised:
        await rerun(name, nomad := PastNomad())
    assert (raised.value.exit_code, nomad.connected) == (0, 0)
    await rerun(name, nomad := PastNomad(lifetime_s=0), Choice(failed=True, again=True))
    assert len(nomad.made) == 2


async def test_an_item_whose_rerun_has_no_end_is_named_and_not_repeated(tmp_path):
    """Its job may still run. The others go out, and the exit code says that not all was done."""
    name = await keep_run(tmp_path, [A, C], [ended(A, Outcome.FAILED), ended(C, Outcome.FAILED)])
    await rerun(name, PastNomad(), Choice(only=["a"]), settings={"wait": "detach"})
    new, _ = new_run(name)
    told, nomad = Told(), PastNomad(lifetime_s=0)
    options = RerunOptions(name=name, choice=FAILED, connection=CONNECTION)
    end = await send_again(
        options, read_again(options), reporter=told, control=Control(), clock=loop_clock(), connect=nomad.connect
    )
    assert (len(nomad.made), end.summary.counts["succeeded"], end.exit_code) == (1, 1, 1)
    note = f"a: sent in rerun {new.run}, no end on record, not repeated; see: dispatchfile watch {new.run}"
    assert note in told.notes


async def test_an_item_that_a_killed_rerun_may_have_sent_is_not_repeated(tmp_path):
    """The journal has a mark of it, and nothing else."""
    name = await keep_run(tmp_path, [A], [ended(A, Outcome.FAILED)])
    await keep_run(tmp_path, [A], head=header(id="run2", rerun_of="run1", started_at=STARTED_AT + 9), marked=["a"])
    with pytest.raises(NothingToRerun) as raised:
        await rerun(name, PastNomad(), new=True)
    assert raised.value.exit_code == 1


async def test_a_child_that_lives_on_from_a_rerun_is_stopped_first(tmp_path):
    """Its item timed out there and was left running; two of one item are worse than none."""
    name = await keep_run(tmp_path, [A], [ended(A, Outcome.FAILED)])
    nomad = PastNomad()
    left = nomad.had(A, run="run2")
    head = header(id="run2", rerun_of="run1", started_at=STARTED_AT + 9)
    await keep_run(tmp_path, [A], [*sent(A, left), ended(A, Outcome.TIMED_OUT)], head=head)
    nomad.lifetime_s = 0
    await rerun(name, nomad)
    assert nomad.stopped == [left.id]


async def test_a_summary_knows_what_reruns_have_mended(tmp_path):
    """Whoever prints the command to run items again leaves these out."""
    name = await keep_run(tmp_path, [A, B], [ended(A, Outcome.FAILED), ended(B, Outcome.SUCCEEDED)])
    assert read_past(name).summary().later == {}
    await rerun(name, PastNomad(lifetime_s=0))
    new, _ = new_run(name)
    assert read_past(name).summary().later == {"a": LaterEnd(new.run, Outcome.SUCCEEDED)}
