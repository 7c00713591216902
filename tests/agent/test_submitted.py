"""Jobs are filled in and checked as Nomad 2.0.5 fills in and checks them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from dispatchfile.agent.submitted import MalformedJob, joined_problems, problems_of, read_submitted
from dispatchfile.agent.views import job_view

from .recordings import body_of
from .world import World

TASK = {"Name": "t", "Driver": "mock_driver"}
GROUP = {"Name": "g", "Tasks": [TASK]}


def _job(**changes: Any) -> dict[str, Any]:
    return {"ID": "j", "Type": "batch", "TaskGroups": [GROUP], **changes}


def _problems(document: Mapping[str, object]) -> str:
    problems = problems_of(read_submitted(document), {"default"})
    return joined_problems(problems) if problems else ""


@pytest.mark.parametrize("name", ["ok", "resched-fail", "count2", "sys-ok", "maxrun", "twogroups", "unplaced-waiting"])
def test_recorded_job_is_given_back_as_recorded(name: str) -> None:
    """A job that a server gave is taken and given back with the same keys and values."""
    recorded = body_of(f"job/{name}")
    world = World()
    child = world.dispatch(world.register(recorded, ID=recorded["ParentID"], Name=None))
    own = {"ID", "Name", "SubmitTime", "CreateIndex", "ModifyIndex", "JobModifyIndex", "Status", "Version", "Stop"}
    given = job_view(child)
    assert {key: given[key] for key in given.keys() - own} == {key: recorded[key] for key in recorded.keys() - own}


def test_minimal_job_is_filled_in() -> None:
    """What a job leaves out gets Nomad's defaults for its type."""
    submitted = read_submitted(_job())
    document = submitted.spec.document
    assert (submitted.name, submitted.priority, submitted.namespace) == ("j", 50, "default")
    assert (document["Datacenters"], document["NodePool"], document["Region"]) == (["*"], "default", "global")
    group = submitted.spec.groups[0]
    assert (group.count, group.disk_mb, group.reschedule.attempts if group.reschedule else None) == (1, 300, 1)


def test_sysbatch_has_no_reschedule_policy() -> None:
    """A sysbatch job is never rescheduled."""
    assert read_submitted(_job(Type="sysbatch")).spec.groups[0].reschedule is None


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"ID": "a b"}, "Job ID contains a space"),
        ({"ID": "a\0b", "Name": "n"}, "Job ID contains a null character"),
        ({"Type": "nope"}, 'Invalid job type: "nope"'),
        (
            {"Type": "service", "ParameterizedJob": {}},
            'Parameterized job can only be used with "batch" or "sysbatch" scheduler',
        ),
        (
            {"Type": "service"},
            'type is "service", the embedded agent runs batch and sysbatch jobs',
        ),
        ({"TaskGroups": []}, "Missing job task groups"),
        ({"Priority": 101}, "job priority must be between [1, 100]"),
        ({"Namespace": "nope"}, 'job "j" is in nonexistent namespace "nope"'),
        ({"NodePool": "gpu"}, 'job "j" is in nonexistent node pool "gpu"'),
        (
            {"ParameterizedJob": {"Payload": "x"}},
            '1 error occurred:\n\t* Unknown payload requirement: "x"\n\n',
        ),
        (
            {"ParameterizedJob": {"MetaRequired": ["a"], "MetaOptional": ["a"]}},
            (
                "1 error occurred:\n\t* Required and optional meta keys should be disjoint. "
                "Following keys exist in both: [a]\n\n"
            ),
        ),
        (
            {"TaskGroups": [{**GROUP, "Tasks": [{"Name": "t"}]}]},
            (
                "Task group g validation failed: 1 error occurred:\n\t* Task t validation failed: "
                "1 error occurred:\n\t* Missing task driver\n\n\n\n"
            ),
        ),
        (
            {"TaskGroups": [{**GROUP, "Tasks": [{**TASK, "Name": ""}]}]},
            (
                "Task group g validation failed: 2 errors occurred:\n\t* Task 1 missing name\n\t* Task  validation "
                "failed: 1 error occurred:\n\t* Missing task name\n\n\n\n"
            ),
        ),
        (
            {"TaskGroups": [{**GROUP, "ReschedulePolicy": {"Attempts": 1, "Delay": 10**9}}]},
            "Task group g validation failed: 1 error occurred:\n\t* Delay cannot be less than 5s (got 1s)\n\n",
        ),
        (
            {"TaskGroups": [{**GROUP, "Count": -1}]},
            "Task group g validation failed: 1 error occurred:\n\t* Task group count can't be negative\n\n",
        ),
        (
            {"Type": "sysbatch", "TaskGroups": [{**GROUP, "ReschedulePolicy": {"Attempts": 1}}]},
            (
                "Task group g validation failed: 1 error occurred:\n\t* "
                "System or sysbatch jobs should not have a reschedule policy\n\n"
            ),
        ),
    ],
)
def test_problem_is_worded_as_nomad_words_it(changes: dict[str, Any], problem: str) -> None:
    """One problem of a job is told with Nomad's text."""
    assert _problems(_job(**changes)) == f"1 error occurred:\n\t* {problem}\n\n"


def test_several_problems_come_in_nomads_order() -> None:
    """Names are checked before what stands in groups and tasks."""
    groups = [{"Name": "g", "Tasks": [TASK, TASK]}, {"Name": "g", "Tasks": []}]
    assert _problems(_job(TaskGroups=groups)) == (
        "3 errors occurred:\n\t* Job task group 2 redefines 'g' from group 1\n\t* Task group g validation failed: "
        "1 error occurred:\n\t* Task 2 redefines 't' from task 1\n\n\n\t* Task group g validation failed: "
        "1 error occurred:\n\t* Missing tasks for task group\n\n\n\n"
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"TaskGroups": "x"},
        {"TaskGroups": ["x"]},
        {"Priority": "x"},
        {"Datacenters": [{}]},
        {"Meta": []},
        {"TaskGroups": [{**GROUP, "Tasks": [{**TASK, "Resources": 5}]}]},
        {"TaskGroups": [{**GROUP, "RestartPolicy": {"Attempts": "many"}}]},
        {"Constraints": [{"LTarget": {}}]},
        {"ParameterizedJob": "yes"},
        {"Periodic": 5},
    ],
)
def test_value_of_a_wrong_type_is_refused(changes: dict[str, Any]) -> None:
    """A job document that is no job is refused before anything looks into it."""
    with pytest.raises(MalformedJob):
        read_submitted(_job(**changes))


def test_parsing_checks_nothing(tmp_path: Path) -> None:
    """As on Nomad: a job that the server would refuse is parsed, and a file of this machine is never read."""
    (tmp_path / "secret").write_text("x")
    world = World(scratch=tmp_path)
    group = 'group "g" {\n task "t" {\n driver = "docker"\n env {\n A = %s\n }\n }\n}\n'
    parsed = world.ask("POST", "/v1/jobs/parse", {"JobHCL": 'job "a b" {\n' + group % '"x"' + "}\n"})
    assert (parsed.status, body_id(parsed.body)) == (200, ("a b", "service"))
    reading = world.ask(
        "POST", "/v1/jobs/parse", {"JobHCL": 'job "j" {\n' + group % f'file("{tmp_path}/secret")' + "}\n"}
    )
    assert reading.status == 400


def body_id(body: object) -> tuple[object, object]:
    assert isinstance(body, dict)
    return body["ID"], body["Type"]


def test_a_job_is_parsed_with_the_variables_that_it_declares(tmp_path: Path) -> None:
    """As Nomad's parser takes them over HTTP: the contents of a variable file."""
    world = World(scratch=tmp_path)
    text = 'variable "n" {\n type = number\n}\njob "j" {\n priority = var.n\n}\n'
    parsed = world.ask("PUT", "/v1/jobs/parse", {"JobHCL": text, "Variables": 'n = "60"\nother = 1\n'})
    assert isinstance(parsed.body, dict)
    assert (parsed.status, parsed.body["Priority"]) == (200, 60)
    assert world.ask("PUT", "/v1/jobs/parse", {"JobHCL": text}).status == 400
    assert world.ask("PUT", "/v1/jobs/parse", {"JobHCL": text, "Variables": "n = x"}).status == 400
