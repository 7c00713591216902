"""Lists: their order, pages, namespaces and filters."""

from typing import Any

import pytest

from dispatchfile.agent.http import Reply
from dispatchfile.agent.records import StoredJob

from .recordings import body_of
from .world import DONE, World

PLAIN = body_of("job/ok")


def _world() -> World:
    """Two parents with two children each, one pair of them in another namespace."""
    world = World()
    world.ask("PUT", "/v1/namespace/team", {"Name": "team"})
    for namespace in ("default", "team"):
        parent = world.register({**PLAIN, "Namespace": namespace}, ID="ok", Name=None)
        for prefix in ("runB", "runA"):
            world.dispatch(parent, id_prefix=prefix, token=f"{namespace}-{prefix}", meta={"k": prefix})
    return world


def _names(reply: Reply) -> list[str]:
    assert isinstance(reply.body, list)
    return [f"{row['Namespace']}:{row['ID'].partition('-1795')[0]}" for row in reply.body]


def _pages(world: World, path: str) -> list[list[str]]:
    """All pages of a list, by following its tokens."""
    pages, token = [], ""
    while not pages or token:
        reply = world.ask("GET", f"{path}&next_token={token}")
        pages.append(_names(reply))
        token = reply.next_token
    return pages


DEFAULT = ["default:ok", "default:ok/dispatch-runA", "default:ok/dispatch-runB"]
TEAM = [name.replace("default", "team") for name in DEFAULT]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", DEFAULT),
        ("namespace=team", TEAM),
        ("namespace=*", DEFAULT + TEAM),
        ("namespace=nope", []),
        ("prefix=ok/dispatch-runB", DEFAULT[2:]),
        ("prefix=ok/dispatch-runB&namespace=*", [DEFAULT[2], TEAM[2]]),
        ("prefix=zzz", []),
        ("reverse=true", DEFAULT[::-1]),
        ("reverse=true&namespace=*", (DEFAULT + TEAM)[::-1]),
        ("filter=ParentID+==+%22%22", DEFAULT[:1]),
        ("filter=DispatchIdempotencyToken+==+%22default-runA%22", DEFAULT[1:2]),
        ("filter=Meta[%22k%22]+==+%22runA%22&namespace=*", [DEFAULT[1], TEAM[1]]),
        ("next_token=default.ok/dispatch-runB", DEFAULT[2:]),
        ("next_token=default.zzz", []),
        ("next_token=garbage", []),
        ("next_token=a.b", DEFAULT),
        ("next_token=default.ok/e&reverse=true", DEFAULT[::-1]),
        ("per_page=0", DEFAULT),
        ("per_page=-1", []),
    ],
)
def test_jobs_are_listed_by_namespace_and_name(query: str, names: list[str]) -> None:
    """A list has the jobs of one namespace or of all, below a prefix, that pass the filter, in order."""
    assert _names(_world().ask("GET", f"/v1/jobs?{query}")) == names


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("namespace=*&per_page=2", DEFAULT + TEAM),
        ("per_page=1", DEFAULT),
        ("per_page=1&reverse=true", DEFAULT[::-1]),
        ("namespace=*&per_page=4&reverse=true", (DEFAULT + TEAM)[::-1]),
        ("namespace=*&per_page=1&filter=ParentID+!=+%22%22", DEFAULT[1:] + TEAM[1:]),
        ("per_page=1&prefix=ok/dispatch-", DEFAULT[1:]),
    ],
)
def test_pages_have_every_job_once(query: str, names: list[str]) -> None:
    """Following the tokens gives the same jobs in the same order as one list."""
    pages = _pages(_world(), f"/v1/jobs?{query}")
    assert [name for page in pages for name in page] == names


def test_rows_tell_neither_payload_nor_token_and_meta_only_on_request() -> None:
    """A row of the list has meta if it is asked for."""
    world = _world()
    [plain] = world.get("/v1/jobs?prefix=ok/dispatch-runA")
    [full] = world.get("/v1/jobs?prefix=ok/dispatch-runA&meta=true")
    assert full == {**plain, "Meta": {"k": "runA"}}
    assert not {"Payload", "DispatchIdempotencyToken"} & plain.keys()


@pytest.mark.parametrize("table", ["evaluations", "allocations"])
def test_evaluations_and_allocations_come_in_the_order_of_creation(table: str) -> None:
    """Both lists begin with the oldest; their pages follow each other by index and ID."""
    world = _world()
    rows = world.get(f"/v1/{table}?namespace=*")
    assert [row["CreateIndex"] for row in rows] == sorted(row["CreateIndex"] for row in rows)
    paged, token = [], ""
    while not paged or token:
        reply = world.ask("GET", f"/v1/{table}?namespace=*&per_page=3&next_token={token}")
        assert isinstance(reply.body, list)
        paged += reply.body
        token = reply.next_token
    assert paged == rows
    reverse = world.get(f"/v1/{table}?namespace=*&reverse=true")
    assert reverse == rows[::-1]


@pytest.mark.parametrize("table", ["evaluations", "allocations"])
def test_records_are_found_by_the_beginning_of_their_id(table: str) -> None:
    """A prefix of an ID finds its record, in the namespace that is asked for."""
    world = _world()
    [row, *_] = world.get(f"/v1/{table}")
    assert row in world.get(f"/v1/{table}?prefix={row['ID'][:8]}")
    assert world.get(f"/v1/{table}?prefix={row['ID'][:8]}&namespace=nope") == []


def test_evaluations_can_be_limited_to_a_job_and_a_status() -> None:
    """Status and job limit the list of evaluations."""
    world = _world()
    child = world.state.children_of(("default", "ok"))[0]
    assert [row["JobID"] for row in world.get(f"/v1/evaluations?job={child.id}")] == [child.id]
    assert world.get("/v1/evaluations?status=blocked") == []


def test_allocations_without_task_states_and_with_resources() -> None:
    """The list of allocations shows less or more on request."""
    world = _world()
    [row, *_] = world.get("/v1/allocations?task_states=false&resources=true")
    assert (row["TaskStates"], row["AllocatedResources"]["Shared"]["DiskMB"]) == (None, 300)


def _statuses(world: World, body: Any, query: str = "") -> list[str]:
    return _names(world.ask("POST", f"/v1/jobs/statuses?{query}", body))


def test_statuses_are_given_for_the_jobs_that_are_there() -> None:
    """Statuses of listed jobs come newest change first; children only on request, missing ones not at all."""
    world = _world()
    first, second = world.state.children_of(("default", "ok"))
    _end(world, first)
    wanted = [{"ID": job.id, "Namespace": "default"} for job in (first, second)] + [{"ID": "nope"}]
    assert _statuses(world, {"Jobs": wanted}) == []
    listed = ["default:ok/dispatch-runB", "default:ok/dispatch-runA"]
    assert _statuses(world, {"Jobs": wanted, "IncludeChildren": True}) == listed
    assert _statuses(world, {"Jobs": wanted}, "include_children=true") == listed
    assert _statuses(world, {"Jobs": [{"ID": "ok"}]}) == ["default:ok"]


def _end(world: World, job: StoredJob) -> None:
    world.report(world.alloc(job), DONE)
    world.settle()


def test_statuses_of_a_parent_tell_those_of_its_children() -> None:
    """A parent's row lists the statuses of its children; a page's token is an index."""
    world = _world()
    _end(world, world.state.children_of(("default", "ok"))[0])
    [row] = [row for row in world.get("/v1/jobs/statuses") if row["ID"] == "ok"]
    assert (row["ChildStatuses"], row["Allocs"]) == (["dead", "running"], None)
    reply = world.ask("GET", "/v1/jobs/statuses?include_children=true&per_page=1")
    assert reply.next_token.isdigit()
    assert world.ask("GET", f"/v1/jobs/statuses?include_children=true&next_token={reply.next_token}").body


@pytest.mark.parametrize(
    ("path", "status", "text"),
    [
        ("/v1/jobs?meta=x", 500, 'Failed to parse value of "meta" (x) as a bool: '),
        ("/v1/jobs/statuses?filter=Nope==x", 500, "failed to read result page: "),
        ("/v1/jobs/statuses?filter=x", 500, "failed to create result paginator: "),
        ("/v1/evaluations?prefix=zz", 500, "eval lookup failed: index error: Invalid UUID: encoding/hex: "),
        ("/v1/allocations?prefix=1", 500, "alloc lookup failed: index error: Input (without hyphens) must be "),
        ("/v1/evaluation/1", 500, "failed to lookup eval: eval lookup failed: index error: UUID must be 36 "),
        ("/v1/evaluation/1/allocations", 500, "index error: UUID must be 36 characters"),
        ("/v1/node/1", 500, "node lookup failed: index error: UUID must be 36 characters"),
        ("/v1/nodes?prefix=zz", 500, "node lookup failed: index error: Invalid UUID: encoding/hex: "),
        ("/v1/job/ok/submission", 400, "Unable to parse job submission version parameter"),
        ("/v1/job/ok/submission?version=0", 404, "job source not found"),
        ("/v1/job/nope/versions", 404, "job versions not found"),
        ("/v1/namespace/nope", 404, "Namespace not found"),
        ("/v1/event/stream?index=x", 400, 'Unable to parse index: strconv.Atoi: parsing "x": invalid syntax'),
    ],
)
def test_bad_question_is_refused_in_nomads_words(path: str, status: int, text: str) -> None:
    """What cannot be looked up is refused with Nomad's status and text."""
    reply = _world().ask("GET", path)
    assert (reply.status, str(reply.body).startswith(text)) == (status, True), reply


def test_search_finds_what_the_cli_looks_for() -> None:
    """A prefix is looked up among jobs, and among IDs if it could be one; at most twenty are told."""
    world = _world()
    reply = world.ask("PUT", "/v1/search", {"Prefix": "ok/", "Context": "all"})
    assert isinstance(reply.body, dict)
    assert sorted(reply.body["Matches"]["jobs"]) == [job.id for job in world.state.jobs_below("default", "ok/")]
    assert "allocs" not in reply.body["Matches"]
    alloc_id = next(iter(world.state.allocs))
    found = world.ask("PUT", "/v1/search", {"Prefix": alloc_id[:8], "Context": "allocs"})
    assert isinstance(found.body, dict)
    assert found.body["Matches"] == {"allocs": [alloc_id]}
    many = World()
    parent = many.register(PLAIN, ID="ok", Name=None)
    for _ in range(25):
        many.dispatch(parent)
    truncated = many.ask("PUT", "/v1/search", {"Prefix": "ok", "Context": "jobs"})
    assert isinstance(truncated.body, dict)
    assert (len(truncated.body["Matches"]["jobs"]), truncated.body["Truncations"]) == (20, {"jobs": True})
