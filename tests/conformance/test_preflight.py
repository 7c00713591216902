"""What the server's own jobs forbid is told before the first dispatch, all at once."""

from __future__ import annotations

import pytest

from tests.conformance.backends import own_backend, real_backend
from tests.conformance.driver import Told, end_of, manifest_of, of, outcomes, run_items
from tests.conformance.jobs import PERIODIC, Document, group, job, mock, shell, takes
from tests.conformance.lacks import real_only

JOBS: tuple[Document, ...] = (
    job("pre-plain"),
    job("pre-ordinary", ParameterizedJob=None, TaskGroups=[group(mock(run_for="0s"))]),
    job("pre-stopped"),
    job("pre-needs-payload", **takes("required")),
    job("pre-no-payload", **takes("forbidden")),
    job("pre-needs-meta", **takes(required=["title"], optional=["codec"])),
    job("pre-restarts", group(mock(), restarts=3, reschedules=1)),
    job("pre-periodic", **PERIODIC),
)
ITEMS = {
    "good": {"job": "pre-plain"},
    "unknown-job": {"job": "pre-plane"},
    "unknown-namespace": {"job": "pre-plain", "namespace": "nowhere"},
    "unknown-region": {"job": "pre-plain", "region": "mars"},
    "not-parameterized": {"job": "pre-ordinary"},
    "stopped": {"job": "pre-stopped"},
    "payload-missing": {"job": "pre-needs-payload"},
    "payload-forbidden": {"job": "pre-no-payload", "payload": {"text": "x"}},
    "meta-not-allowed": {"job": "pre-needs-meta", "meta": {"title": "t", "codek": "x"}},
    "meta-missing": {"job": "pre-needs-meta", "meta": {"codec": "x"}},
    "priority": {"job": "pre-plain", "priority": 101},
    "starts": {"job": "pre-restarts", "max_starts": 4},
    "periodic": {"job": "pre-periodic"},
}
NO_REGION = "No path to region (is the region's name correct?)"
PROBLEMS = {
    ("unknown-job", "DF100", "job 'pre-plane' is not registered in namespace 'default'"),
    ("unknown-namespace", "DF100", "job 'pre-plain' is not registered in namespace 'nowhere'"),
    ("unknown-region", "DF111", f"job 'pre-plain' in namespace 'default' cannot be read: {NO_REGION}"),
    ("not-parameterized", "DF101", "job 'pre-ordinary' is not parameterized"),
    ("stopped", "DF102", "job 'pre-stopped' is stopped"),
    ("payload-missing", "DF103", "the item has no payload, but the job requires one"),
    ("payload-forbidden", "DF103", "the item has a payload, but the job forbids one"),
    ("meta-not-allowed", "DF104", "the job does not allow meta key 'codek'"),
    ("meta-missing", "DF105", "the job requires meta key 'title', which is missing"),
    ("priority", "DF106", "priority 101 is not allowed"),
    (
        "starts",
        "DF108",
        (
            "max_starts is 4, but job 'pre-restarts' may start this item up to 8 times "
            "(restarts, reschedules and attempts)"
        ),
    ),
    ("periodic", "DF109", "job 'pre-periodic' is periodic, so its dispatches never end"),
}


async def test_every_problem_is_told_before_anything_is_sent(backend, tmp_path):
    """Each has its code and its item, and no child is made."""
    await backend.register(*JOBS)
    await backend.stop_job("pre-stopped")
    manifest = manifest_of([{"id": name, **item} for name, item in ITEMS.items()])
    end = await end_of(backend, tmp_path, manifest, wait="completion")
    assert end.summary is None
    assert {(problem.item, problem.code, problem.found) for problem in end.problems} == PROBLEMS
    assert await backend.children("pre-plain") == []


async def test_a_misspelt_job_is_told_its_likely_name(backend, tmp_path):
    """As are other words that a person may mistype."""
    await backend.register(*JOBS)
    end = await end_of(backend, tmp_path, manifest_of([{"id": "a", "job": "pre-plane"}]), wait="completion")
    (problem,) = end.problems
    assert problem.hint.startswith("did you mean 'pre-plain'")


@pytest.mark.parametrize(
    ("name", "others"),
    [("films/plan", ()), ("films/versions", ("films",)), ("films/summary", ("films",)), ("films/allocations", ())],
)
async def test_a_job_that_cannot_be_read_by_its_name_is_told_at_the_item(backend, tmp_path, name, others):
    """Nomad takes the end of the ID for one of its routes, of whatever job it finds then, or of none."""
    await backend.register(job("pre-plain"), *map(job, others))
    items = [{"id": "good", "job": "pre-plain"}, {"id": "odd", "job": name}]
    end = await end_of(backend, tmp_path, manifest_of(items), wait="completion")
    (problem,) = end.problems
    assert (problem.code, problem.item, end.summary) == ("DF111", "odd", None)
    assert problem.found.startswith(f"job {name!r} in namespace 'default' cannot be read: ")
    assert problem.hint == f"Nomad reads the end of its ID, {name[5:]}, as a route: give it another ID"


@pytest.mark.parametrize("kind", [pytest.param("real", marks=real_only("server configuration"))])
async def test_a_server_may_allow_higher_priorities(kind, tmp_path):
    """What its configuration allows is sent."""
    async with real_backend("server { job_max_priority = 200 }") as nomad:
        await nomad.register(job("urgent"))
        items = [{"id": "high", "job": "urgent", "priority": 200}]
        assert (await run_items(nomad, tmp_path, items)).exit_code == 0
        end = await end_of(nomad, tmp_path, manifest_of([{"id": "higher", "job": "urgent", "priority": 201}]))
    assert [(problem.code, problem.hint) for problem in end.problems] == [("DF106", "use 1 to 200")]


@pytest.mark.parametrize("kind", ["embedded"])
async def test_an_older_server_would_ignore_a_priority(kind, tmp_path):
    """The embedded agent can pass for one; no real one of that age is at hand."""
    async with own_backend(kind, version="1.9.7") as old:
        await old.register(job("urgent"))
        end = await end_of(old, tmp_path, manifest_of([{"id": "high", "job": "urgent", "priority": 70}]))
    found = "the server (Nomad 1.9.7) would ignore priority"
    assert [(problem.code, problem.found) for problem in end.problems] == [("DF110", found)]


def rule(left: str, operand: str = "=", right: str = "yes") -> Document:
    return {"LTarget": left, "RTarget": right, "Operand": operand}


@pytest.mark.parametrize(
    ("fields", "placed"),
    [
        pytest.param({"Constraints": [rule("${attr.kernel.name}", right="${NOMAD_META_here}")]}, False, id="right"),
        pytest.param({"Datacenters": ["${NOMAD_META_here}"]}, False, id="datacenter"),
        pytest.param({"Constraints": [rule("${attr.kernel.name}", "!=", "${NOMAD_META_here}")]}, True, id="negation"),
        pytest.param({"Affinities": [{**rule("${NOMAD_META_here}"), "Weight": 50}]}, True, id="affinity"),
        pytest.param({"Spreads": [{"Attribute": "${NOMAD_META_here}", "Weight": 50}]}, True, id="spread"),
    ],
)
async def test_metadata_of_a_dispatch_chooses_no_node(backend, tmp_path, fields, placed):
    """Nomad replaces no such variable where it chooses nodes; a warning before anything is sent says what follows."""
    await backend.register(job("never", mock(run_for="0s"), **takes(optional=["here"]), **fields))
    told, items = Told(), [{"id": "a", "job": "never", "meta": {"here": "linux"}}]
    summary = await run_items(backend, tmp_path, items, told=told, wait="placement")
    (warning,) = [note for note in told.notes if "DF112 warning: " in note]
    assert outcomes(summary)["a"][0] == ("placed" if placed else "unplaced")
    assert ("so no node" in warning) is not placed


async def test_a_meta_block_of_the_job_overrides_the_item(backend, tmp_path):
    """A warning says so before anything is sent, once for each key; the job's tasks see their own values."""
    part = {**group(shell('test "$NOMAD_META_title" = item; exit $(($? + 3))')), "Meta": {"title": "job"}}
    await backend.register(job("own", part, **takes(optional=["title"])))
    told, items = Told(), [{"id": name, "job": "own", "meta": {"title": "item"}} for name in "ab"]
    summary = await run_items(backend, tmp_path, items, told=told)
    (warning,) = [note for note in told.notes if "DF113 warning: " in note]
    assert "meta key 'title' does not reach group g of job 'own', whose own meta overrides it" in warning
    assert [of(summary, name).exit_code for name in "ab"] == [4, 4]
