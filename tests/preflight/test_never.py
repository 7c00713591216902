"""What a job asks for and can never get is told before anything is sent, and stops nothing."""

from dataclasses import replace

import pytest

from dispatchfile.nomad.decode import parse_job
from dispatchfile.nomad.models import PlacementRule
from dispatchfile.preflight import ParentState, check_items
from dispatchfile.preflight.never import Unknown, find_overrides, find_unknown
from dispatchfile.problems import Severity, has_errors
from dispatchfile.settings import Wait
from tests.making import make_item

ENCODE = ("default", "", "encode")
META = "${NOMAD_META_dc}"
RULES = "placement knows only ${attr.NAME}, ${meta.NAME} and ${node.NAME} of the node"
ANOTHER_JOB = "to choose by item, register a job for each choice"


def job_with(**fields):
    return parse_job({"ID": "encode", "ParameterizedJob": {"MetaOptional": ["title", "codec"]}, **fields})


def problems_of(job, *items):
    return check_items(items, {ENCODE: ParentState(job)}, wait=Wait.COMPLETION, version=None)


def constraint(left, operand="=", right="yes", **fields):
    return PlacementRule("constraint", "", left, operand, right, **fields)


@pytest.mark.parametrize(
    ("rule", "variable", "effect"),
    [
        pytest.param(constraint(META), META, "no node meets it", id="left"),
        pytest.param(constraint("${meta.dc}", "=", META), META, "no node meets it", id="right"),
        pytest.param(constraint("${meta.dc}", "=", f"eu-{META}"), META, "no node meets it", id="within-a-text"),
        pytest.param(
            constraint("${attr.cpu.numcores}", ">=", "${NOMAD_META_cores}"),
            "${NOMAD_META_cores}",
            "no node meets it",
            id="order",
        ),
        pytest.param(constraint(META, "is_set", ""), META, "no node meets it", id="is-set"),
        pytest.param(constraint(META, "distinct_property", "2"), META, "no node meets it", id="distinct-property"),
        pytest.param(constraint("${NOMAD_ALLOC_INDEX}"), "${NOMAD_ALLOC_INDEX}", "no node meets it", id="another"),
        pytest.param(constraint("${env.HOME}"), "${env.HOME}", "no node meets it", id="environment"),
        pytest.param(constraint("${node.region}"), "${node.region}", "no node meets it", id="not-of-the-node"),
        pytest.param(constraint("${attr.cpu.arch}-${meta.x}"), "${attr.cpu.arch}", "no node meets it", id="two"),
        pytest.param(
            constraint("${meta.dc}", "regexp", f"^(eu|{META})$"),
            META,
            "it compares the text as it is",
            id="a-part-may-match",
        ),
        pytest.param(constraint("${meta.dc}", "set_contains_any", META), META, "no node meets it", id="any-of-none"),
        pytest.param(constraint("${meta.dc}", "!=", META), META, "it keeps no node out", id="negation"),
        pytest.param(constraint(META, "is_not_set", ""), META, "it keeps no node out", id="is-not-set"),
        pytest.param(constraint("${device.model}", "=", META, of_device=True), META, "no device meets it", id="device"),
        pytest.param(
            constraint("${attr.cpu.arch}", of_device=True),
            "${attr.cpu.arch}",
            "no device meets it",
            id="a-node-is-no-device",
        ),
        pytest.param(PlacementRule("affinity", "", META, "=", "yes"), META, "it has no effect", id="affinity"),
        pytest.param(PlacementRule("spread", "", META), META, "it has no effect", id="spread"),
    ],
)
def test_a_variable_that_nomad_does_not_replace_is_found(rule, variable, effect):
    """Wherever it stands in the rule; what becomes of the rule depends on the operator."""
    assert find_unknown(rule) == Unknown(variable, effect)


@pytest.mark.parametrize(
    "rule",
    [
        *map(constraint, ["${meta.dc}", "${attr.kernel.name}", "${attr.unique.hostname}", "${node.class}"]),
        *map(constraint, ["${node.datacenter}", "${node.pool}", "${node.unique.id}", "${node.unique.name}"]),
        constraint("", "distinct_hosts", "true"),
        constraint("${meta.rack}", "distinct_property", "2"),
        constraint("${attr.cpu.arch}", "regexp", "^a{2}$"),
        constraint("${device.attr.memory}", ">=", "2 GiB", of_device=True),
        constraint("${device.ids}", "set_contains", "a", of_device=True),
        PlacementRule("spread", "", "${node.datacenter}"),
    ],
    ids=str,
)
def test_what_nomad_knows_of_a_node_or_a_device_is_fine(rule):
    """Whether or not there is a node that has it."""
    assert find_unknown(rule) is None


def test_each_rule_of_a_job_is_told_once_with_its_part():
    """At the first item of the job, as a warning: the others fare alike."""
    rule = {"LTarget": META, "RTarget": "eu", "Operand": "="}
    task = {"Name": "t", "Affinities": [rule], "Resources": {"Devices": [{"Name": "gpu", "Constraints": [rule]}]}}
    group = {"Name": "g", "Spreads": [{"Attribute": META}], "Tasks": [task]}
    job = job_with(Constraints=[rule], TaskGroups=[group], Datacenters=["dc1", META])
    problems = problems_of(job, make_item("a", line=3), make_item("b", line=4))
    words = f"of job 'encode': Nomad does not replace {META}"
    text = f'"{META} = eu"'
    assert [(problem.found, problem.hint) for problem in problems] == [
        (f"constraint {text} {words}, so no node meets it", f"{RULES}; {ANOTHER_JOB}"),
        (f'spread "{META}" of group g {words}, so it has no effect', f"{RULES}; {ANOTHER_JOB}"),
        (f"affinity {text} of task t of group g {words}, so it has no effect", f"{RULES}; {ANOTHER_JOB}"),
        (
            f"constraint {text} of task t of group g {words}, so no device meets it",
            f"placement knows only ${{device.NAME}} of the device; {ANOTHER_JOB}",
        ),
        (f'datacenter "{META}" {words}, so no node is in it', "write the datacenter's name"),
    ]
    assert {(problem.code, problem.item, problem.severity) for problem in problems} == {
        ("DF112", "a", Severity.WARNING)
    }
    assert not has_errors(problems)


GROUPS = [
    {"Name": "g", "Meta": {"title": "x"}, "Tasks": [{"Name": "t", "Meta": {"title": "y", "codec": "z"}}]},
    {"Name": "h", "Meta": None, "Tasks": [{"Name": "u", "Meta": {"title": "y"}}, {"Name": "v", "Meta": None}]},
]


def test_the_deepest_meta_block_wins():
    """A group's beats the job's, where dispatches put theirs, and a task's beats both."""
    assert find_overrides(job_with(Meta={"quality": "1"}, TaskGroups=GROUPS)) == {
        "title": "group g and task u of group h",
        "codec": "task t of group g",
    }


def test_a_meta_key_that_the_job_overrides_is_told_at_the_first_item_that_has_it():
    """Once for each key; items without it are not concerned."""
    items = [
        make_item("plain", line=1),
        make_item("a", line=2, meta={"codec": "h264"}),
        make_item("b", line=3, meta={"title": "x", "codec": "h264"}),
    ]
    problems = problems_of(job_with(TaskGroups=GROUPS), *items)
    assert [(problem.code, problem.item, problem.found) for problem in problems] == [
        (
            "DF113",
            "a",
            "meta key 'codec' does not reach task t of group g of job 'encode', whose own meta overrides it",
        ),
        (
            "DF113",
            "b",
            (
                "meta key 'title' does not reach group g and task u of group h of job 'encode', "
                "whose own meta overrides it"
            ),
        ),
    ]
    assert not has_errors(problems)


def test_a_job_that_is_not_there_has_no_rules():
    """Its items have a problem of their own."""
    state = {ENCODE: replace(ParentState(), job=None)}
    problems = check_items([make_item("a")], state, wait=Wait.COMPLETION, version=None)
    assert [problem.code for problem in problems] == ["DF100"]
