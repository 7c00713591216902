"""Job files of the embedded agent: which are read, with which variables, and what becomes of those that cannot be."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from dispatchfile.cli.exits import run_to_exit_code
from dispatchfile.cli.job_files import JobFiles, UnreadFile, read_job_files
from dispatchfile.cli.option_groups import AgentFlags
from dispatchfile.errors import AgentError, UsageError

JOB = """
job "{name}" {{
  type = "batch"
  parameterized {{}}
  group "g" {{
    task "t" {{
      driver = "raw_exec"
      config {{
        command = "/bin/echo"
        args    = [{args}]
      }}
    }}
  }}
}}
"""
DECLARED = 'variable "root" {\n type = string\n}\nvariable "sizes" {\n type = list(number)\n default = []\n}\n'
MANIFEST = "version: 1\nname: m\ndispatches:\n  - {id: one, job: used}\n"


def job(name: str, args: str = "", head: str = "") -> str:
    return head + JOB.format(name=name, args=args)


def write(folder: Path, files: Mapping[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def read(flags: AgentFlags, folder: Path, environ: Mapping[str, str] | None = None) -> JobFiles:
    return read_job_files(flags, folder, refusal=lambda _: None, environ=environ or {})


def args_of(files: JobFiles) -> object:
    return json.loads(json.dumps(files.jobs))[0]["TaskGroups"][0]["Tasks"][0]["Config"]["args"]


def test_each_ending_that_nomad_users_give_job_files_counts(tmp_path: Path) -> None:
    """The folder of jobs may have other files, too."""
    names = ("a.nomad", "b.hcl", "c.nomad.hcl", "d.nomad.json", "e.json", "f.txt")
    write(tmp_path, {name: job(name[0]) for name in names if not name.endswith("json")})
    document = {
        "ID": "d",
        "Type": "batch",
        "TaskGroups": [{"Name": "g", "Tasks": [{"Name": "t", "Driver": "raw_exec"}]}],
    }
    write(tmp_path, {name: json.dumps(document) for name in names if name.endswith("json")})
    assert [one["ID"] for one in read(AgentFlags(), tmp_path).jobs] == ["a", "b", "c", "d"]


@pytest.mark.parametrize(
    ("environ", "file", "flags", "expected"),
    [
        ({"NOMAD_VAR_root": "/env"}, None, [], "/env"),
        ({"NOMAD_VAR_root": "/env"}, "/file", [], "/file"),
        ({"NOMAD_VAR_root": "/env"}, "/file", ["root=/flag"], "/flag"),
        ({}, None, ["root=/a", "root=/b"], "/b"),
        ({}, None, ["root=a=b"], "a=b"),
        ({"NOMAD_VAR_root": "", "NOMAD_VAR_other": "x"}, None, [], ""),
    ],
)
def test_a_flag_overrides_a_file_and_a_file_the_environment(
    tmp_path: Path, environ: Mapping[str, str], file: str | None, flags: list[str], expected: str
) -> None:
    """`nomad job run` has the same order. A variable of the environment that no file declares is ignored."""
    write(tmp_path, {"jobs/j.hcl": job("j", "var.root", DECLARED), "v.hcl": f'root = "{file}"\n'})
    given = AgentFlags(job_var=flags, job_var_file=[str(tmp_path / "v.hcl")] if file else None)
    assert args_of(read(given, tmp_path / "jobs", environ)) == [expected]


@pytest.mark.parametrize(
    ("name", "text"),
    [("v.hcl", 'root = 5\nsizes = [1, "2"]\n'), ("v.json", '{"root": 5, "sizes": [1, "2"]}')],
)
def test_values_get_the_types_of_their_variables(tmp_path: Path, name: str, text: str) -> None:
    """Files may be HCL or JSON; texts of variables that are neither text nor number are expressions."""
    write(tmp_path, {"jobs/j.hcl": job("j", 'var.root, jsonencode(var.sizes), "${root}"', DECLARED), name: text})
    files = read(AgentFlags(job_var_file=[str(tmp_path / name)]), tmp_path / "jobs")
    assert args_of(files) == ["5", "[1,2]", "${root}"]
    files = read(AgentFlags(job_var=["root=5", 'sizes=[3, "4"]']), tmp_path / "jobs")
    assert args_of(files) == ["5", "[3,4]", "${root}"]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (AgentFlags(job_var=["rot=1"]), "--job-var rot: no job file declares this variable: did you mean root?"),
        (AgentFlags(job_var=["secret-value"]), "--job-var secret-value: write it as NAME=VALUE"),
        (AgentFlags(job_var=["=1"]), "--job-var : write it as NAME=VALUE"),
        (AgentFlags(job_var_file=["v.hcl"]), "--job-var-file v.hcl: no job file declares the variable zzz"),
    ],
)
def test_a_variable_that_no_file_declares_is_an_error(
    in_an_empty_folder: Path, flags: AgentFlags, message: str
) -> None:
    """It is a slip of the pen, and a near miss is named."""
    write(in_an_empty_folder, {"jobs/j.hcl": job("j", "", DECLARED), "v.hcl": "zzz = 1\n"})
    with pytest.raises(UsageError) as caught:
        read(flags, Path("jobs"))
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("root = var.x\n", "v.hcl:1:8: Variables not allowed; Variables may not be used here."),
        ('root = upper("x")\n', "v.hcl:1:8: Function calls not allowed; Functions may not be called here."),
        ("root = \n", ("v.hcl:1:8: Invalid expression; Expected the start of an expression, but found an invalid "
         "expression token.")),
        ('variable "root" {}\n', ('v.hcl:1:1: Variable declaration in a .var file; To declare variable "root", place '
         "this block in a job file. To set a value for this variable in v.hcl, use: root = <value>")),
        ("[]", "v.hcl:1:1: Argument or block definition required; An argument or block definition is required here."),
    ],
)  # fmt: skip
def test_a_variable_file_that_is_none_is_an_error(in_an_empty_folder: Path, text: str, message: str) -> None:
    """The error has the place of the mistake."""
    write(in_an_empty_folder, {"jobs/j.hcl": job("j", "", DECLARED), "v.hcl": text})
    with pytest.raises(AgentError) as caught:
        read(AgentFlags(job_var_file=["v.hcl"]), Path("jobs"))
    assert str(caught.value) == f"--job-var-file {message}"


@pytest.mark.parametrize(
    ("environ", "flags", "message"),
    [
        ({}, [], ('Unset variable "n"; A used variable must be set or have a default value: --job-var n=VALUE, '
         "--job-var-file FILE or NOMAD_VAR_n")),
        ({"NOMAD_VAR_n": "hunter2"}, [], ("Invalid value for variable; The value of the environment variable "
         "NOMAD_VAR_n for n is not compatible with the variable's type constraint: a number is required.")),
        ({}, ["n=hunter2"], ("Invalid value for variable; The value of --job-var n for n is not compatible with the "
         "variable's type constraint: a number is required.")),
        ({}, ["n=5"], "Invalid value for cmd variable; n must be below 5"),
    ],
)  # fmt: skip
def test_a_value_that_does_not_fit_is_told_without_it(
    in_an_empty_folder: Path, environ: Mapping[str, str], flags: list[str], message: str
) -> None:
    """A value may be a secret: its source is named instead, and the place of the declaration."""
    head = """variable "n" {
  type = number
  validation {
    condition     = var.n < 5
    error_message = "n must be below 5"
  }
}
"""
    write(in_an_empty_folder, {"jobs/j.hcl": job("j", "", head)})
    with pytest.raises(AgentError) as caught:
        read(AgentFlags(job_var=flags), Path("jobs"), environ)
    assert str(caught.value) == f"jobs/j.hcl:1:1: {message}"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("priority = var.n", "priority: expected a whole number, found another text"),
        ("all_at_once = local.copy", "all_at_once: expected true or false, found another text"),
        (
            "reschedule {\n  delay = var.n\n}",
            'delay: expected a duration such as "1h30m", found another text',
        ),
    ],
)
def test_a_value_from_a_variable_is_not_shown_where_it_is_used(
    in_an_empty_folder: Path, line: str, message: str
) -> None:
    """What a file says itself is quoted, what comes from elsewhere may be a secret."""
    head = 'variable "n" {}\nlocals {\n  copy = var.n\n}\n'
    text = job("j", "", head).replace("parameterized {}", f"parameterized {{}}\n{line}")
    write(in_an_empty_folder, {"jobs/j.hcl": text})
    with pytest.raises(AgentError) as caught:
        read(AgentFlags(job_var=["n=hunter2"]), Path("jobs"))
    assert str(caught.value).partition(": ")[2] == message


def test_files_that_cannot_be_read_are_left_out_and_named(in_an_empty_folder: Path) -> None:
    """All of them at once, with the ID of their job where it shows."""
    write(
        in_an_empty_folder,
        {
            "jobs/a.hcl": job("a"),
            "jobs/b.hcl": 'job "b" {\n',
            "jobs/c.hcl": job("c", "var.one, var.two"),
            "jobs/d.hcl": "nothing = 1\n",
            "jobs/e.hcl": job("e"),
            "jobs/f.hcl": job("e"),
        },
    )
    files = read(AgentFlags(), Path("jobs"))
    assert [one["ID"] for one in files.jobs] == ["a"]
    assert [(str(file.path), file.job, len(file.problems)) for file in files.unread] == [
        ("jobs/b.hcl", "b", 1),
        ("jobs/c.hcl", "c", 2),
        ("jobs/d.hcl", None, 1),
        ("jobs/e.hcl", "e", 1),
        ("jobs/f.hcl", "e", 1),
    ]
    assert UnreadFile(Path("x"), ("x:1:1: a", "x:2:1: b", "x:3:1: c"), None).warning == (
        "not read: x:1:1: a (and 2 more problems)"
    )


def test_a_variable_may_be_declared_in_a_file_that_is_not_hcl(in_an_empty_folder: Path) -> None:
    """Then nobody can tell that it is a slip of the pen."""
    write(in_an_empty_folder, {"jobs/a.hcl": job("a"), "jobs/b.hcl": "job"})
    assert [one["ID"] for one in read(AgentFlags(job_var=["x=1"]), Path("jobs")).jobs] == ["a"]


@pytest.fixture
def folder(in_an_empty_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A manifest of one item; journals stay in the folder."""
    monkeypatch.setenv("DISPATCHFILE_STATE_DIR", str(in_an_empty_folder / "state"))
    return write(in_an_empty_folder, {"dispatchfile.yaml": MANIFEST})


def test_a_file_that_no_item_uses_never_stops_a_run(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is named once, and the run goes on."""
    write(folder, {"jobs/u.hcl": job("used"), "jobs/b.hcl": 'job "b" {\n'})
    assert run_to_exit_code(["run", "--local"]) == 0
    assert [line.partition(";")[0] for line in capsys.readouterr().err.splitlines() if "not read" in line] == [
        "not read: jobs/b.hcl:1:9: Unclosed configuration block"
    ]


def test_a_file_that_an_item_needs_stops_the_run_with_its_place(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The problem of the item says what is wrong with the file."""
    write(folder, {"jobs/u.hcl": job("used", "var.no"), "jobs/b.hcl": job("b")})
    assert run_to_exit_code(["run", "--local"]) == 1
    assert (
        "DF100 job 'used' is not registered in namespace 'default': its job file could not be read: "
        'jobs/u.hcl:10:23: Unsupported attribute; This object does not have an attribute named "no". '
        "No variable is declared as \"no\" (item 'one')"
    ) in capsys.readouterr().err


def test_where_no_file_can_be_read_all_are_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """There is nothing that could run."""
    write(folder, {"jobs/u.hcl": job("used", "var.no"), "jobs/b.hcl": 'job "b" {\n'})
    assert run_to_exit_code(["run", "--local"]) == 1
    told = capsys.readouterr().err
    assert [place in told for place in ("jobs/b.hcl:1:9: ", "jobs/u.hcl:10:23: ")] == [True, True]
