"""The requests of preflight for each parent."""

import pytest

from dispatchfile.errors import NomadForbidden, NomadNotFound, NomadRefused, NomadUnavailable
from dispatchfile.nomad.models import Job
from dispatchfile.preflight import parents_in
from dispatchfile.usecases.parents import PROBE_PAUSES_S, read_parents
from tests.fake_nomad import FakeNomad
from tests.making import make_item
from tests.virtual_time import VIRTUAL_TIME

ITEMS = [make_item("a"), make_item("b", job="mux"), make_item("c")]
ENCODE, MUX = parents_in(ITEMS)


@pytest.fixture
def anyio_backend():
    return VIRTUAL_TIME


class Asked(FakeNomad):
    """A Nomad that gives these answers, one after another, to who asks for the right to stop."""

    def __init__(self, *answers: Exception) -> None:
        super().__init__(jobs=("encode", "mux"))
        self.answers = list(answers)

    async def stop_nothing(self, **_: object) -> None:
        await self._call("ask to stop")
        raise self.answers.pop(0)


DENIED = NomadForbidden("Permission denied", status=403)
NO_ID = NomadRefused("missing job ID for deregistering", status=500)
NO_LEADER = NomadUnavailable("No cluster leader", status=500)


PLAN, SUMMARY = ("default", "", "encode/plan"), ("default", "", "mux/summary")
INVALID, GONE = NomadRefused("Invalid method", status=405), NomadNotFound("job not found", status=404)


class Routed(FakeNomad):
    """A Nomad that takes the ends of these jobs' IDs for routes."""

    def __init__(self, *, odd: str = "encode/plan") -> None:
        super().__init__()
        self.odd = odd

    async def read_job(self, job_id: str, **options: str) -> Job:
        if job_id in {self.odd, "mux/summary"}:
            raise INVALID if job_id == self.odd else GONE
        return await super().read_job(job_id, **options)


async def test_the_right_to_stop_is_asked_for_once_where_it_is_needed():
    """It is not asked for anywhere else."""
    nomad = Asked(DENIED)
    states = await read_parents(nomad, parents_in(ITEMS), probe=False, stopped={MUX})
    assert {parent: state.may_stop for parent, state in states.items()} == {ENCODE: True, MUX: False}
    assert nomad.calls.count("ask to stop") == 1


@pytest.mark.parametrize(
    ("answers", "may_stop", "asked"),
    [
        pytest.param([NO_ID], True, 1, id="right"),
        pytest.param([NO_LEADER, NO_LEADER, DENIED], False, 3, id="denied-after-an-election"),
        pytest.param([NO_LEADER] * len(PROBE_PAUSES_S), True, len(PROBE_PAUSES_S), id="never-answered"),
    ],
)
async def test_only_a_denial_says_that_the_right_is_lacking(answers, may_stop, asked):
    """What Nomad does not come to say keeps no run from starting."""
    nomad = Asked(*answers)
    states = await read_parents(nomad, [ENCODE], probe=False, stopped=[ENCODE])
    assert states[ENCODE].may_stop is may_stop
    assert nomad.calls.count("ask to stop") == asked


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        pytest.param([ENCODE, PLAN], {ENCODE: None, PLAN: INVALID}, id="one-of-two"),
        pytest.param([PLAN], {PLAN: INVALID}, id="by-its-id"),
        pytest.param([ENCODE, SUMMARY], {ENCODE: None, SUMMARY: GONE}, id="another-jobs-route"),
    ],
)
async def test_a_parent_that_cannot_be_read_keeps_no_other_from_it(wanted, told):
    """What Nomad says of it is the parent's own trouble."""
    states = await read_parents(Routed(), wanted)
    assert {parent: state.trouble for parent, state in states.items()} == told


async def test_a_server_that_answers_nonsense_for_all_jobs_is_told_as_such():
    """Nothing is wrong with the items, then; nor does a resume know what to do with such a parent."""
    with pytest.raises(NomadRefused, match="Invalid method"):
        await read_parents(Routed(odd="encode"), [ENCODE])
    with pytest.raises(NomadRefused, match="Invalid method"):
        await read_parents(Routed(), [ENCODE, PLAN], probe=False)
