"""Manifests that list job files: items checked against them without a server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from dispatchfile.usecases.jobs.values import JobValues
from dispatchfile.usecases.load import ManifestSource
from dispatchfile.usecases.validate import validate

JOB = """\
variable "keys" {
  default = ["title"]
}
variable "size" {
  type    = number
  default = 1
}
job "encode" {
  type = "batch"
  @
  parameterized {
    payload       = "required"
    meta_required = var.keys
    meta_optional = ["note"]
  }
  group "g" {
    count = var.size
    task "t" {
      driver = "raw_exec"
      config {
        command = "/bin/true"
      }
    }
  }
}
"""
FINE = "{id: fine, job: encode, payload: {text: x}, meta: {title: t}}"


def job(extra: str = "", *, job_id: str = "encode") -> str:
    return JOB.replace("@", extra).replace('job "encode"', f'job "{job_id}"')


def found(
    folder: Path,
    files: Mapping[str, str],
    *items: str,
    top: str = "jobs: [jobs/*]",
    values: JobValues | None = None,
    environ: Mapping[str, str] | None = None,
) -> list[str]:
    """The problems, from the third line on an item a line."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    source = write(folder, top, items or (FINE,), values or JobValues(), environ or {})
    (checked,) = validate([source])
    return [str(problem).replace(f"{folder}/", "") for problem in checked.problems]


def write(
    folder: Path, top: str, items: Sequence[str], values: JobValues, environ: Mapping[str, str]
) -> ManifestSource:
    lines = "".join(f"\n  - {item}" for item in items)
    (folder / "m.yaml").write_text(f"version: 1\n{top}\ndispatches:{lines}\n")
    return ManifestSource(str(folder / "m.yaml"), None, {}, environ, job_values=values)


def test_items_that_fit_their_job_have_no_problem(tmp_path: Path) -> None:
    """Neither has an item whose job is in no file: only a server knows that."""
    assert found(tmp_path, {"jobs/encode.hcl": job()}, FINE, "{id: other, job: elsewhere, meta: {x: y}}") == []


@pytest.mark.parametrize(
    ("item", "problem"),
    [
        pytest.param(
            "{id: a, job: encode, meta: {title: t}}",
            "the item has no payload, but the job requires one (jobs/encode.hcl:11): give the item a payload",
            id="payload",
        ),
        pytest.param(
            "{id: a, job: encode, payload: {text: x}, meta: {titel: t, title: t}}",
            "the job does not allow meta key 'titel' (jobs/encode.hcl:11): did you mean 'title'?",
            id="meta key",
        ),
        pytest.param(
            "{id: a, job: encode, payload: {text: x}}",
            "the job requires meta key 'title', which is missing (jobs/encode.hcl:11): add it to meta",
            id="required meta key",
        ),
        pytest.param(
            "{id: a, job: encode, payload: {text: x}, meta: {title: t}, max_starts: 1, retry: {attempts: 2}}",
            "max_starts is 1, but job 'encode' may start this item up to 16 times (restarts, reschedules and attempts) "
            "(jobs/encode.hcl:8): lower the job's restart and reschedule attempts, or raise max_starts",
            id="starts",
        ),
    ],
)
def test_an_item_that_nomad_would_refuse_is_named_with_the_place_in_the_job_file(
    tmp_path: Path, item: str, problem: str
) -> None:
    """The error is at the item."""
    assert found(tmp_path, {"jobs/encode.hcl": job()}, FINE, item) == [f"m.yaml:5:5: {problem}"]


def test_a_job_that_is_not_parameterized_is_told_once(tmp_path: Path) -> None:
    """It is at the first item that dispatches the job, however many there are."""
    plain = job().replace("parameterized", "#").replace("#", "meta").replace('payload       = "required"', "")
    text = plain.replace("meta_required = var.keys", "").replace('meta_optional = ["note"]', 'a = "b"')
    items = [f"{{id: i{number}, job: encode}}" for number in range(1_200)]
    assert found(tmp_path, {"jobs/encode.hcl": text}, *items) == [
        "m.yaml:4:5: job 'encode' is not parameterized (jobs/encode.hcl:8): only parameterized jobs can be dispatched"
    ]


def test_job_files_in_json_are_read_too(tmp_path: Path) -> None:
    """The API's own form, and HCL as JSON; neither has lines."""
    api = '{"Job": {"ID": "api", "Type": "batch", "ParameterizedJob": {}, "TaskGroups": []}}'
    hcl = '{"job": {"hcl": {"type": "batch", "parameterized": {"payload": "forbidden"}, "group": {"g": {"task": '
    hcl += '{"t": {"driver": "raw_exec"}}}}}}}'
    problems = found(
        tmp_path,
        {
            "jobs/api.json": api.replace("[]", '[{"Name": "g", "Tasks": [{"Name": "t", "Driver": "raw_exec"}]}]'),
            "jobs/hcl.json": hcl,
        },
        "{id: a, job: api, meta: {k: v}}",
        "{id: b, job: hcl, payload: {text: x}}",
    )
    assert problems == [
        "m.yaml:4:5: the job does not allow meta key 'k' (jobs/api.json:1): it allows none",
        "m.yaml:5:5: the item has a payload, but the job forbids one (jobs/hcl.json:1): leave the payload out",
    ]


@pytest.mark.parametrize(
    ("values", "top", "environ", "keys"),
    [
        pytest.param(JobValues(), "", {}, ["title"], id="the default"),
        pytest.param(JobValues(), "", {"NOMAD_VAR_keys": '["env"]'}, ["env"], id="the environment"),
        pytest.param(JobValues(), "job_vars: {keys: [vars]}", {"NOMAD_VAR_keys": '["env"]'}, ["vars"], id="job_vars"),
        pytest.param(JobValues({"keys": '["flag"]'}), "job_vars: {keys: [vars]}", {}, ["flag"], id="--job-var"),
    ],
)
def test_a_variable_has_the_value_of_the_nearest_source(
    tmp_path: Path, values: JobValues, top: str, environ: Mapping[str, str], keys: list[str]
) -> None:
    """--job-var overrides job_vars, and these override the environment."""
    item = "{id: a, job: encode, payload: {text: x}}"
    problems = found(
        tmp_path, {"jobs/encode.hcl": job()}, item, top=f"jobs: [jobs/*]\n{top}", values=values, environ=environ
    )
    assert [problem.split("meta key ")[1].split(",")[0] for problem in problems] == [repr(key) for key in keys]


def test_a_number_is_a_text_where_the_job_wants_one(tmp_path: Path) -> None:
    """It has the digits of the manifest: 1.10 stays 1.10."""
    text = job().replace('default = ["title"]', "type = list(string)")
    problems = found(
        tmp_path,
        {"jobs/e.hcl": text},
        "{id: a, job: encode, payload: {text: x}}",
        top="jobs: [jobs/*]\njob_vars: {keys: [1.10, 7]}",
    )
    assert [problem.split("meta key ")[1].split(",")[0] for problem in problems] == ["'1.10'", "'7'"]


def test_a_variable_that_no_file_declares_is_an_error(tmp_path: Path) -> None:
    """Each file gets only the variables that it declares; the environment may have others."""
    values = JobValues({"kyes": "[]"})
    problems = found(
        tmp_path,
        {"jobs/a.hcl": job(), "jobs/b.hcl": job(job_id="b").replace("size", "count_of")},
        top="jobs: [jobs/*]\njob_vars: {siez: 2, count_of: 1}",
        values=values,
        environ={"NOMAD_VAR_other": "x"},
    )
    assert problems == [
        "m.yaml:2:1: --job-var: no job file declares the variable 'kyes': did you mean keys?",
        "m.yaml:3:12: no job file declares the variable 'siez': did you mean size?",
    ]


def test_a_variable_of_another_manifest_is_no_error(tmp_path: Path) -> None:
    """With several manifests it is enough that the job files of one declare it."""
    (tmp_path / "jobs").mkdir()
    (tmp_path / "jobs/a.hcl").write_text(job())
    folders = [tmp_path / name for name in ("one", "two")]
    for folder in folders:
        (folder / "jobs").mkdir(parents=True)
    (folders[0] / "jobs/a.hcl").write_text(job())
    (folders[1] / "jobs/b.hcl").write_text(job(job_id="b").replace("size", "only_here"))
    values = JobValues({"only_here": "2", "nowhere": "1"})
    sources = [write(folder, "jobs: [jobs/*]", ["{id: a, job: other}"], values, {}) for folder in folders]
    problems = [problem.found for checked in validate(sources) for problem in checked.problems]
    assert problems == ["--job-var: no job file declares the variable 'nowhere'"]


BROKEN = 'job "encode" {\n  typ = "batch"\n}\n'


@pytest.mark.parametrize(
    ("text", "items", "severity"),
    [
        pytest.param(BROKEN, (FINE,), "error", id="used"),
        pytest.param(BROKEN, ("{id: a, job: other}",), "warning", id="unused"),
        pytest.param("typ =", ("{id: a, job: other}",), "error", id="it may be the job of an item"),
    ],
)
def test_a_broken_job_file_is_an_error_if_items_use_it(
    tmp_path: Path, text: str, items: Sequence[str], severity: str
) -> None:
    """Else it is a warning: nothing depends on it yet."""
    (tmp_path / "jobs").mkdir()
    (tmp_path / "jobs/x.hcl").write_text(text)
    source = write(tmp_path, "jobs: [jobs/*]", items, JobValues(), {})
    (checked,) = validate([source])
    assert [(problem.code, str(problem.severity)) for problem in checked.problems] == [("DF050", severity)]


@pytest.mark.parametrize(
    ("files", "top", "problems"),
    [
        pytest.param(
            {},
            "jobs: [jobs/*.hcl]",
            ["m.yaml:2:8: no job file matches 'jobs/*.hcl': name a job file, for example jobs/encode.nomad.hcl"],
            id="no file",
        ),
        pytest.param(
            {"jobs/encode.hcl": job()},
            "jobs: [jobs/encod.hcl]",
            ["m.yaml:2:8: no job file matches 'jobs/encod.hcl': did you mean encode.hcl?"],
            id="a misspelled name",
        ),
        pytest.param({}, "jobs: [../*.hcl]", ["m.yaml:2:8: ..: is outside the manifest's folder"], id="outside"),
        pytest.param(
            {"jobs/a.hcl": job(), "jobs/b.hcl": job('namespace = "default"')},
            "jobs: [jobs/a.hcl, jobs/b.hcl]",
            [
                (
                    "jobs/b.hcl:8:1: job 'encode' is also in jobs/a.hcl:8:1: remove one of them from jobs, or give "
                    "each a namespace or region of its own"
                )
            ],
            id="one job in two files",
        ),
        pytest.param(
            {"jobs/a.hcl": job('namespace = "media"')},
            "jobs: [jobs/a.hcl]",
            [
                (
                    "m.yaml:4:5: job 'encode' has namespace 'media' in jobs/a.hcl:8:1, but the item dispatches it in "
                    "namespace 'default': use the same namespace in both, or remove it from the job file"
                )
            ],
            id="another namespace",
        ),
        pytest.param(
            {"jobs/a.hcl": job("multiregion {}")},
            "jobs: [jobs/a.hcl]",
            [
                (
                    "jobs/a.hcl:10:3: a multiregion job cannot be registered by dispatchfile, because it is one job in "
                    "each of several regions: remove the multiregion block, or register the job with `nomad job run`"
                )
            ],
            id="multiregion",
        ),
        pytest.param(
            {"jobs/a.hcl": job("priority = 5000")},
            "jobs: [jobs/a.hcl]",
            [],
            id="what the server configures is left to it",
        ),
    ],
)
def test_what_is_wrong_with_the_list_of_job_files_has_its_place(
    tmp_path: Path, files: Mapping[str, str], top: str, problems: list[str]
) -> None:
    """The entry of the list, the job file or the item."""
    assert found(tmp_path, files, top=top) == problems


def test_two_files_for_two_namespaces_are_two_jobs(tmp_path: Path) -> None:
    """Each item belongs to the one of its namespace."""
    files = {
        "jobs/a.hcl": job('namespace = "a"').replace('["title"]', '["of_a"]'),
        "jobs/b.hcl": job('namespace = "b"').replace('["title"]', '["of_b"]'),
    }
    items = [f"{{id: {space}, job: encode, namespace: {space}, payload: {{text: x}}}}" for space in ("a", "b")]
    assert [problem.split(": ")[1] for problem in found(tmp_path, files, *items)] == [
        "the job requires meta key 'of_a', which is missing (jobs/a.hcl:11)",
        "the job requires meta key 'of_b', which is missing (jobs/b.hcl:11)",
    ]


@pytest.mark.parametrize(
    ("extra", "reason"),
    [
        pytest.param('meta = { a = file("/etc/hostname") }', "filesystem function disabled", id="reads a file"),
        pytest.param(
            'meta = { a = yamldecode("a") }', "this function is not supported by the embedded agent", id="a function"
        ),
        pytest.param("vault {}", 'block "vault" is not supported by the embedded agent', id="a block"),
    ],
)
def test_what_only_nomad_can_read_is_one_warning(tmp_path: Path, extra: str, reason: str) -> None:
    """No item has an error because of it."""
    (tmp_path / "jobs").mkdir()
    (tmp_path / "jobs/x.hcl").write_text(job(extra))
    (checked,) = validate([write(tmp_path, "jobs: [jobs/*]", ["{id: a, job: encode}"], JobValues(), {})])
    assert [(problem.code, str(problem.severity), reason in problem.found) for problem in checked.problems] == [
        ("DF052", "warning", True)
    ]


def test_no_value_of_a_variable_is_shown(tmp_path: Path) -> None:
    """It may be a secret."""
    values = JobValues({"size": "hunter2"})
    problems = found(tmp_path, {"jobs/a.hcl": job()}, values=values, top="jobs: [jobs/*]\njob_vars: {keys: hunter2}")
    assert (len(problems) > 0, "hunter2" in "".join(problems)) == (True, False)
