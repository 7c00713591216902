"""A job in the API's own form, read as Go reads JSON."""

import json
from pathlib import Path

import pytest

from dispatchfile.jobspec import JobspecError, read_job
from dispatchfile.jobspec.apiform import read_api
from dispatchfile.jobspec.body import WITHOUT, UnreadableJobError
from dispatchfile.jobspec.warnings import job_warnings, left_aside

from .beside_nomad import LEFT_ASIDE, TASK, job, with_group, with_task


def read(folder: Path, document: object) -> dict:
    path = folder / "j.nomad.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    return read_job(path)


@pytest.mark.parametrize("wrapper", ["Job", "job", "JOB", None])
def test_the_wrapper_may_be_there_in_any_case(tmp_path: Path, wrapper: str | None) -> None:
    """`nomad job run -output` prints one, `nomad job inspect` too, and a bare job is fine."""
    document = job() if wrapper is None else {wrapper: job()}
    assert read(tmp_path, document) == read(tmp_path, {"Job": job()})


def test_hcl_as_json_has_a_name_below_job(tmp_path: Path) -> None:
    """It is told apart from the API's wrapper by what is inside."""
    task = {"driver": "raw_exec", "config": {"command": "/bin/true"}}
    assert read(tmp_path, {"job": {"j": {"type": "batch", "group": {"g": {"task": {"t": task}}}}}}) == read(
        tmp_path, {"Job": job()}
    )


def test_unknown_keys_are_left_out_as_go_leaves_them_out() -> None:
    """They have no place in Nomad's types."""
    assert read_api({**job(), "Nope": 1, "TaskGroups": [{"Name": "g", "Nope": 1}]}) == {
        "ID": "j",
        "Type": "batch",
        "TaskGroups": [{"Name": "g"}],
    }


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"Priority": "50"}, "Job.Priority: expected a whole number, found '50'"),
        ({"Priority": 5.5}, "Job.Priority: expected a whole number, found 5.5"),
        ({"Priority": True}, "Job.Priority: expected a whole number, found true"),
        ({"Priority": 2**70}, f"Job.Priority: {2**70} is too large"),
        ({"AllAtOnce": "true"}, "Job.AllAtOnce: expected true or false, found 'true'"),
        ({"Meta": {"a": 1}}, "Job.Meta.a: expected a string, found 1"),
        ({"Datacenters": "dc1"}, "Job.Datacenters: expected a list of strings, found 'dc1'"),
        ({"TaskGroups": {}}, "Job.TaskGroups: expected a list"),
        ({"TaskGroups": [5]}, "Job.TaskGroups[0]: expected an object"),
        ({"ParameterizedJob": []}, "Job.ParameterizedJob: expected an object"),
        (
            {"TaskGroups": [{"Name": "g", "Tasks": [{**TASK, "KillTimeout": "5"}]}]},
            'Job.TaskGroups[0].Tasks[0].KillTimeout: time: missing unit in duration "5"',
        ),
        ({"TaskGroups": [{"Volumes": {"v": 1}}]}, "Job.TaskGroups[0].Volumes.v: expected an object"),
        (
            {"TaskGroups": [{"Services": [{"Checks": [{"Header": {"a": 1}}]}]}]},
            "Job.TaskGroups[0].Services[0].Checks[0].Header.a: expected a list of strings, found 1",
        ),
    ],
)
def test_a_value_of_the_wrong_type_is_refused(changes: dict, message: str) -> None:
    """The message names the key, as Nomad spells it, and the value."""
    with pytest.raises(UnreadableJobError) as caught:
        read_api(job(**changes))
    assert caught.value.message == message


@pytest.mark.parametrize(
    ("name", "aside"),
    [
        ("network", ["network"]),
        ("network in resources", ["network"]),
        ("native service", ["service"]),
        ("task service", ["service"]),
        ("identity", ["identity"]),
        ("the default identity", ["identity"]),
        ("volume mount", ["volume", "volume_mount"]),
        ("scaling", ["scaling"]),
        ("action", ["action"]),
        ("consul", ["consul"]),
        ("csi plugin", ["csi_plugin"]),
        ("spread", []),
        ("affinity", []),
        ("change script", []),
    ],
)
def test_what_has_no_effect_here_is_named(tmp_path: Path, name: str, aside: list[str]) -> None:
    """What would have no effect on one node either, such as a spread, is not worth a warning."""
    assert left_aside(read(tmp_path, LEFT_ASIDE[name])) == aside


def test_one_warning_names_all_of_them(tmp_path: Path) -> None:
    """A job with nothing of the kind has none."""
    several = with_task(Vault={"Role": "r"}, Actions=[{"Name": "a", "Command": "x"}], Identities=[{"File": True}])
    assert job_warnings(read(tmp_path, several)) == ["no effect on the embedded agent: action, identity and vault"]
    assert job_warnings(read(tmp_path, LEFT_ASIDE["network"])) == ["no effect on the embedded agent: network"]
    assert job_warnings(read(tmp_path, job())) == []


def test_env_that_refers_to_env_is_told(tmp_path: Path) -> None:
    """Nomad resolves such references in random order, so a rehearsal proves nothing."""
    env = {"A": "one", "B": "${A}-two", "C": "${B} ${HOME} ${NOMAD_TASK_NAME}", "D": "${D}"}
    assert job_warnings(read(tmp_path, with_task(Env=env))) == [
        'task "t": env B refers to ${A}, which Nomad may leave unresolved',
        'task "t": env C refers to ${B}, which Nomad may leave unresolved',
    ]


def test_meta_that_refers_to_meta_is_told(tmp_path: Path) -> None:
    """Of whatever level the other one is, and in capitals too."""
    document = {**with_task(Meta={"b": "${NOMAD_META_a}", "c": "${NOMAD_META_A}"}), "Meta": {"a": "one"}}
    assert job_warnings(read(tmp_path, document)) == [
        'task "t": meta b refers to ${NOMAD_META_a}, which Nomad may leave unresolved',
        'task "t": meta c refers to ${NOMAD_META_A}, which Nomad may leave unresolved',
    ]


def with_connect(**connect: object) -> dict:
    """A job whose group has a Connect service."""
    services = [{"Name": "s", "PortLabel": "80", "Connect": connect}]
    return with_group(Services=services, Networks=[{"Mode": "bridge"}])


CONNECT = f'group "g": connect adds a docker task, which the embedded agent does not have: {WITHOUT}'


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (
            with_task(Secrets=[{"Name": "s"}]),
            f'task "t": secret needs a secrets provider, which the embedded agent does not have: {WITHOUT}',
        ),
        (with_task(Schedule={"Cron": {"Start": "* * * * *"}}), f'task "t": schedule needs Nomad Enterprise: {WITHOUT}'),
        (with_connect(SidecarService={}), CONNECT),
        (with_connect(gateway={"Ingress": {}}), CONNECT),
        (job(Multiregion={"Regions": []}), f"multiregion needs Nomad Enterprise: {WITHOUT}"),
    ],
)
def test_what_a_task_cannot_run_without_is_refused(tmp_path: Path, document: dict, message: str) -> None:
    """The reason is told when the file is read. Nomad 2.0.5 adds a docker task for a sidecar or a gateway."""
    with pytest.raises(JobspecError) as caught:
        read(tmp_path, document)
    assert caught.value.message == message
