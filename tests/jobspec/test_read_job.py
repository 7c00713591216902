"""Job files against what a 2.0.5 server made of the same files."""

import json
from pathlib import Path

import pytest

from dispatchfile.jobspec import JobspecError, read_job
from dispatchfile.jobspec.body import WAY_ROUND, WITHOUT

JOBS = Path(__file__).parent / "jobs"
KEPT_BY_THE_SERVER = {"Dispatched"}  # `nomad job run -output` writes it, the server does not read it


UNCLOSED = (
    "Unclosed configuration block; There is no closing brace for this block before the end of the file. "
    "This may be caused by incorrect brace nesting elsewhere in this file."
)
COLON = (
    "Extra characters after interpolation expression; Template interpolation doesn't expect a colon at this location. "
    "Did you intend this to be a literal sequence to be processed as part of another language? If so, you can escape "
    'it by starting with "$${" instead of just "${".'
)
BAD_CHARACTER = (
    "Invalid character; This character is not used within the language. If this text is for another language, such as "
    'a shell, write "$${" instead of "${".'
)
NOT_DECLARED = (
    'Unsupported attribute; This object does not have an attribute named "nope". No variable is declared as "nope"'
)
NO_EXPRESSION = "Invalid expression; Expected the start of an expression, but found an invalid expression token."
UNTERMINATED = (
    "Unterminated tuple constructor expression; There is no corresponding closing bracket before the end of the file. "
    "This may be caused by incorrect bracket nesting elsewhere in this file."
)
MULTI_LINE = (
    "Invalid multi-line string; Quoted strings may not be split over multiple lines. To produce a multi-line string, "
    r'either use the \n escape to represent a newline character or use the "heredoc" multi-line template syntax.'
)


def job_text(body: str = "", task: str = "", head: str = "") -> str:
    return f"""{head}job "j" {{
  type = "batch"
  {body}
  group "g" {{
    task "t" {{
      driver = "raw_exec"
      {task}
    }}
  }}
}}
"""


def read_text(folder: Path, text: str, name: str = "j.nomad.hcl") -> dict:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return read_job(path)


def read_task(folder: Path, task: str, head: str = "") -> dict:
    return read_text(folder, job_text(task=task, head=head))["TaskGroups"][0]["Tasks"][0]


def refusal(folder: Path, text: str, name: str = "j.nomad.hcl") -> tuple[int | None, int | None, str]:
    with pytest.raises(JobspecError) as caught:
        read_text(folder, text, name)
    error = caught.value
    place = "" if error.line is None else f":{error.line}:{error.column}"
    assert str(error) == f"{error.path}{place}: {error.message}"
    return error.line, error.column, error.message


def refused(problem: str) -> str:
    return f"Nomad refuses this job: 1 error occurred:\n\t* {problem}"


def in_group(problem: str) -> str:
    return refused(f"Task group g validation failed: 1 error occurred:\n\t* {problem}")


def in_task(problem: str) -> str:
    return in_group(f"Task t validation failed: 1 error occurred:\n\t* {problem}")


@pytest.mark.parametrize("path", sorted(JOBS.glob("*.nomad.*")), ids=lambda path: path.name)
def test_a_job_file_reads_as_the_server_keeps_it(path):
    """Every block, argument and default comes out as a 2.0.5 server gave the same job back."""
    expected = json.loads(path.with_name(path.name.partition(".")[0] + ".expected.json").read_text("utf-8"))
    job = read_job(path)
    assert {key: value for key, value in job.items() if key not in KEPT_BY_THE_SERVER} == expected


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ('"${NOMAD_META_title}"', "${NOMAD_META_title}"),
        ('"${ meta.x }"', "${ meta.x }"),
        ('"$${x}"', "${x}"),
        ('"%%{x}"', "%{x}"),
        (r'"a\n\"\u00e9\\"', 'a\n"é\\'),
        ('"${env["X"]}"', '${env["X"]}'),
        ('"${meta["a.b"]}"', '${meta["a.b"]}'),
        ('"$x $$x %x 100%"', "$x $$x %x 100%"),
        ('"${NOMAD_A}-${NOMAD_B}"', "${NOMAD_A}-${NOMAD_B}"),
        ('"${foo.bar.0.x}"', "${foo.bar.0.x}"),
        ('"$$$${x}"', "$$${x}"),
        ("NOMAD_X", "${NOMAD_X}"),
        ("meta.y", "${meta.y}"),
        ("5", "5"),
        ("-5", "-5"),
        ("1.5", "1.5"),
        ("1e3", "1000"),
        ("1e-7", "0.0000001"),
        ("true", "true"),
        ('"x${true}"', "xtrue"),
        ("(7)", "7"),
        ('""', ""),
        ('<<EOF\n  hello ${NOMAD_X} "q" \\n\n  $${y}\nEOF', '  hello ${NOMAD_X} "q" \\n\n  ${y}\n'),
        ("<<-EOF\n    hello\n\n      x\n    EOF", "hello\n\n  x\n"),
        ("<<EOF\nEOF", ""),
    ],
)
def test_a_value_reads_as_nomad_reads_it(tmp_path, written, value):
    """Strings, heredocs, numbers and references become the texts that Nomad's parser makes of them."""
    task = read_task(tmp_path, f"env {{\n A = {written}\n}}")
    assert task["Env"] == {"A": value}


def test_variables_and_locals_are_filled_in(tmp_path):
    """Defaults of variables and values of locals replace their references, with their types, in any order."""
    head = (
        'variable "n" {\n type = number\n default = 3\n}\n'
        'variables {\n who = "me"\n}\n'
        'locals {\n a = "${local.b}!"\n b = "hi ${var.who}"\n list = ["x", { y = 1 }]\n}\n'
    )
    config = 'config {\n n = var.n\n s = "${var.n}"\n t = "n=${var.n}"\n a = local.a\n y = local.list[1].y\n}'
    task = read_task(tmp_path, config, head)
    assert task["Config"] == {"n": 3, "s": 3, "t": "n=3", "a": "hi me!", "y": 1}


def test_maps_in_a_config_are_blocks_and_nulls_are_nothing(tmp_path):
    """Nomad's parser makes a list of a map in a driver's config, as of blocks, and drops nulls."""
    task = read_task(tmp_path, "config {\n a = { b = [{ c = 1 }] }\n d {\n e = 2\n }\n f = null\n}")
    assert task["Config"] == {"a": [{"b": [{"c": 1}]}], "d": [{"e": 2}]}


@pytest.mark.parametrize("text", [b"\xef\xbb\xbf" + job_text().encode(), job_text().replace("\n", "\r\n").encode()])
def test_byte_order_marks_and_carriage_returns_are_no_trouble(tmp_path, text):
    """A file saved by a Windows editor reads like any other."""
    path = tmp_path / "j.nomad.hcl"
    path.write_bytes(text)
    assert read_job(path)["ID"] == "j"


def test_a_job_of_the_api_may_stand_bare_and_say_durations_as_text(tmp_path):
    """The object that `nomad job inspect` prints under "Job" is enough by itself."""
    task = {"Name": "t", "Driver": "mock_driver", "KillTimeout": "1h30m", "Config": {"run_for": "1s", "n": [1, None]}}
    job = {"ID": "j", "Type": "batch", "TaskGroups": [{"Name": "g", "Tasks": [task]}]}
    read = read_text(tmp_path, json.dumps(job), "j.json")["TaskGroups"][0]["Tasks"][0]
    assert (read["KillTimeout"], read["Config"]) == (5_400_000_000_000, task["Config"])


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ("", 1, 1, "the file is empty"),
        (" \n\t\n", 1, 1, "the file is empty"),
        ("job \"j\" {", 1, 9, UNCLOSED),
        ('job "j" {\n  type = \n}', 2, 10, NO_EXPRESSION),
        ('job "j" {\n  type = }\n}', 2, 10, NO_EXPRESSION),
        ("a = 1", 1, 1, 'Unsupported argument; An argument named "a" is not expected here.'),
        ('variable "x" {\n default = 1\n}', 1, 1, "Missing job block; A job block is required"),
        ('variable "x" {}', 1, 1, ('Unset variable "x"; A used variable must be set or have a default value: '
         "--job-var x=VALUE, --job-var-file FILE or NOMAD_VAR_x")),
        (job_text() + 'job "k" {}', 11, 1, 'Duplicate job block; Only one block of type "job" is allowed.'),
        (job_text(head="jib {}\n"), 1, 1,
         'Unsupported block type; Blocks of type "jib" are not expected here; did you mean "job"?'),
        (job_text(body="prioritty = 5"), 3, 3, 'unknown argument "prioritty" in job; did you mean "priority"?'),
        (job_text(body="nothing_like_it = 5"), 3, 3, 'unknown argument "nothing_like_it" in job'),
        (job_text(task="schedule {}"), 7, 7, f'block "schedule" is not supported by the embedded agent: {WITHOUT}'),
        (job_text(body="multiregion {}"), 3, 3,
         f'block "multiregion" is not supported by the embedded agent: {WITHOUT}'),
        (job_text(body='dynamic "grup" {}'), 3, 11,
         'Unsupported block type; Blocks of type "grup" are not expected here.'),
        (job_text(task="resource {}"), 7, 7, 'unknown block "resource"; did you mean "resources"?'),
        (job_text(task="resources = {}"), 7, 7, '"resources" is a block: write resources { … }'),
        (job_text(body="priority {}"), 3, 3, '"priority" is an argument: write priority = …'),
        (job_text(task="driver = 5"), 7, 7,
         'Attribute redefined; The argument "driver" was already set. Each argument may be set only once.'),
        (job_text(task="resources {}\nresources {}"), 8, 1, "resources is defined twice"),
        (job_text(task="env = {}\nenv {}"), 8, 1, "env is defined twice"),
        (job_text(task="lifecycle {}"), 7, 7, 'lifecycle needs the argument "hook"'),
        (job_text(task='kill_timeout = "5"'), 7, 7, 'kill_timeout: time: missing unit in duration "5"'),
        (job_text(task="kill_timeout = 5.5"), 7, 7, "kill_timeout: expected a whole number, found 5.5"),
        (job_text(body='priority = "high"'), 3, 3, "priority: expected a whole number, found 'high'"),
        (job_text(body="priority = true"), 3, 3, "priority: expected a whole number, found true"),
        (job_text(task='leader = "x"'), 7, 7, "leader: expected true or false, found 'x'"),
        (job_text(body='datacenters = "dc1"'), 3, 3, "datacenters: expected a list of strings, found 'dc1'"),
        (job_text(body="datacenters = [[]]"), 3, 3, "datacenters[0]: expected a string, found a list"),
        (job_text(task="env {\n A = null\n}"), 8, 2, "A: expected a string, found null"),
        (job_text(task='env {\n A = "${uper(x)}"\n}'), 8, 9,
         'Call to unknown function; There is no function named "uper"; did you mean "upper"?'),
        (job_text(task="env {\n A = 1 + true\n}"), 8, 10,
         "Invalid operand; Unsuitable value for right operand: number required, but have bool."),
        (job_text(task='env {\n A = true ? "a" : ["b"]\n}'), 8, 13,
         ("Inconsistent conditional result types; The true and false result expressions must have consistent types. "
         "The 'true' value is string, but the 'false' value is tuple.")),
        (job_text(task="env {\n A = [for x in y : x]\n}"), 8, 16,
         ("Iteration over non-iterable value; A value of type string cannot be used as the collection in a 'for' "
         "expression.")),
        (job_text(task='env {\n A = "%{ if x }a%{ endif }"\n}'), 8, 13,
         "Incorrect condition type; The condition expression must be of type bool."),
        (job_text(task='env {\n A = "${var.nope}"\n}'), 8, 12,
         ('Unsupported attribute; This object does not have an attribute named "nope". '
         'No variable is declared as "nope"')),
        (job_text(head="locals {\n a = local.b\n b = local.a\n}\n"), 3, 11,
         ('Unsupported attribute; This object does not have an attribute named "a". '
         'No local value is known as "a"')),
        (job_text(task='env {\n A = "\\z"\n}'), 8, 7,
         'Invalid escape sequence; The symbol "z" is not a valid escape sequence selector.'),
        (job_text(task='env {\n A = "\\ud800"\n}'), 8, 7,
         "Invalid escape sequence; Cannot encode character U+d800 in UTF-8."),
        (job_text(task='env {\n A = "a\nb"\n}'), 8, 8, MULTI_LINE),
        (job_text(task='env {\n A = <<E\necho one\necho ${ADDR[@]}\nE\n}'), 10, 13, BAD_CHARACTER),
        (job_text(task='env {\n A = <<E\necho one\necho ${HOST:-x}\nE\n}'), 10, 12, COLON),
        (job_text(task='env {\n A = <<E\none\n  two ${var.nope}\nE\n}'), 10, 12, NOT_DECLARED),
        (job_text(task='env { A = "1" B = "2" }'), 7, 21,
         ("Invalid single-argument block definition; A single-line block definition must end with a closing brace "
         "immediately after its single argument.")),
        (job_text(body='group {}'), 3, 3, "group takes one name, found 0"),
        (job_text(body='parameterized "x" {}'), 3, 3, "parameterized takes no name, found 1"),
        (job_text(task='env {\n x {}\n}'), 8, 2, "x: expected a string, found a list"),
        (job_text(head='variable "x" {\n default = 1\n check {}\n}\n'), 3, 2,
         'Unsupported block type; Blocks of type "check" are not expected here'),
    ],
)  # fmt: skip
def test_a_bad_hcl_file_is_refused_where_it_is_wrong(tmp_path, text, line, column, message):
    """Whatever Nomad would refuse, or the embedded agent cannot do, is an error with its line and column."""
    assert refusal(tmp_path, text) == (line, column, message)


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ("{", 1, 2, "Expecting property name enclosed in double quotes"),
        ("[1]", None, None, "the file is no JSON object"),
        ("{}", 1, 1, 'expected {"Job": {…}}, a job with an "ID", or {"job": {"name": {…}}}'),
        ('{"ID": NaN}', None, None, "NaN is not a valid JSON number"),
        ('{"Job": []}', None, None, '"Job" is no JSON object'),
        ('{"ID": "j", "Priority": "x"}', None, None, "Job.Priority: expected a whole number, found 'x'"),
        ('{"ID": "j", "TaskGroups": {}}', None, None, "Job.TaskGroups: expected a list"),
        ('{"ID": "j", "TaskGroups": [1]}', None, None, "Job.TaskGroups[0]: expected an object"),
        ('{"ID": "j", "TaskGroups": [{"Name": "g", "Tasks": [{"Name": "t", "KillTimeout": "x"}]}]}', None, None,
         'Job.TaskGroups[0].Tasks[0].KillTimeout: time: invalid duration "x"'),
        ('{"job": {"j": {"grup": {}}}}', None, None, 'unknown argument "grup" in job; did you mean "group"?'),
        ('{"job": {"j": {"meta": {"a": "${var.x}"}}}}', None, None, "${var.x} is not supported in a JSON job file"),
        ('{"job": {"j": {"meta": {"a": "${"}}}}', None, None, "'${': there is no closing brace for this ${"),
        ('{"job": {"j": {}}, "locals": {}}', None, None, '"locals" is not supported next to "job"'),
        ('{"job": "j"}', None, None, '"job" is no JSON object'),
    ],
)  # fmt: skip
def test_a_bad_json_file_is_refused(tmp_path, text, line, column, message):
    """JSON errors have a place; wrong types are named by their path in the job."""
    assert refusal(tmp_path, text, "j.nomad.json") == (line, column, message)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("batch", "service"), 'type is "service", the embedded agent runs batch and sysbatch jobs'),
        (('type = "batch"', 'type = "batch"\npriority = 101'),
         refused("job priority must be between [1, 100]")),
        (('group "g"', 'group "g" {\n task "t" {\n driver = "x"\n }\n}\ngroup "g"'),
         refused("Job task group 2 redefines 'g' from group 1")),
        (('job "j"', 'job ""'), "Nomad refuses this job: 2 errors occurred:\n\t* Missing job ID\n\t* Missing job name"),
        (('type = "batch"', 'type = "batch"\nparameterized {\n payload = "x"\n}'),
         refused('1 error occurred:\n\t* Unknown payload requirement: "x"')),
        (('type = "batch"', ""), 'type is "service", the embedded agent runs batch and sysbatch jobs'),
        (('"raw_exec"', '""'), in_task("Missing task driver")),
        (('group "g" {', 'group "g" {\n count = -1'), in_group("Task group count can't be negative")),
        (('"raw_exec"', '"x"\nlifecycle {\n hook = "before"\n}'),
         in_task("Lifecycle validation failed: invalid hook: before")),
        (('"raw_exec"', '"x"\nkill_timeout = "-1s"'), in_task("KillTimeout must be a positive value")),
        (("batch", 'sysbatch"\nreschedule {\n attempts = 1\n}\nname = "x'),
         in_group("System or sysbatch jobs should not have a reschedule policy")),
    ],
)  # fmt: skip
def test_a_job_that_cannot_run_is_refused(tmp_path, change, message):
    """Nomad's own validations that matter here are made on reading, so that checks without a server see them."""
    assert refusal(tmp_path, job_text().replace(*change, 1))[2] == message


NOT_HERE = "which the embedded agent does not have"
INSTEAD = "to try the job here, use a copy of the file with a fixed text in its place"


def template(text: str) -> str:
    return job_text(task=f'template {{\n destination = "local/x"\n data = <<EOT\n{text}\nEOT\n}}')


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ('a\n  {{ key "x" }}', 11, 3,
         f'task "t": template "local/x", line 2: function "key" needs Consul, {NOT_HERE}: {INSTEAD}'),
        ('{{ with secret "x" }}{{ end }}', 10, 1,
         f'task "t": template "local/x", line 1: function "secret" needs Vault, {NOT_HERE}: {INSTEAD}'),
        ('{{ nomadVar "x" }}', 10, 1,
         f'task "t": template "local/x", line 1: function "nomadVar" needs a Nomad cluster, {NOT_HERE}: {INSTEAD}'),
        ('{{ sprig_upper "x" }}', 10, 1,
         ('task "t": template "local/x", line 1: function "sprig_upper" is not supported by the embedded agent: '
          f"{INSTEAD}")),
        ("{{ nope }}", 10, 1, 'task "t": template "local/x", line 1: function "nope" not defined'),
        ("{{ nope }}\n{{ nope }}", 10, 1, 'task "t": template "local/x", line 1: function "nope" not defined'),
        ("{{ if true }}", 10, 1, 'task "t": template "local/x", line 1: unexpected EOF: an {{ end }} is missing'),
    ],
)  # fmt: skip
def test_a_template_that_cannot_be_rendered_is_told_when_the_file_is_read(tmp_path, text, line, column, message):
    """With the place of its line."""
    assert refusal(tmp_path, template(text)) == (line, column, message)


def test_each_template_that_cannot_be_rendered_is_told_with_its_own_place(tmp_path):
    """Templates that begin alike, or are equal, are told apart by where they are in the file."""
    fields = {"a": ".A", "b": ".B", "c": ".B"}
    texts = {
        name: f'  {{{{ with nomadVar "x" }}}}\n  {{{{ {field} }}}}\n  {{{{ end }}}}' for name, field in fields.items()
    }
    blocks = [
        f'template {{\n destination = "local/{name}"\n data = <<-EOT\n{text}\n EOT\n}}' for name, text in texts.items()
    ]
    path = tmp_path / "j.nomad.hcl"
    path.write_text(job_text(task="\n".join(blocks)))
    with pytest.raises(JobspecError) as caught:
        read_job(path)
    why = f'function "nomadVar" needs a Nomad cluster, {NOT_HERE}: {INSTEAD}'
    assert str(caught.value).split("\n") == [
        f'{path}:{line}:3: task "t": template "local/{name}", line 1: {why}'
        for line, name in ((10, "a"), (18, "b"), (26, "c"))
    ]


def test_a_job_without_groups_is_refused(tmp_path):
    """A job needs a group and a group needs a task."""
    assert refusal(tmp_path, 'job "j" {\n type = "batch"\n}')[2] == refused("Missing job task groups")
    assert refusal(tmp_path, 'job "j" {\n type = "batch"\n group "g" {}\n}')[2] == in_group(
        "Missing tasks for task group"
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\x7fELF\x00\x01\xff", "not UTF-8 text"),
        (b"\x00", "Invalid character; This character is not used within the language."),
        (b"a" * 1_000_001, "larger than 1000000 bytes"),
        (b"job {\n" * 100, UNCLOSED),
        (b'job "j" {\n a = ' + b"[" * 20_000 + b"]" * 20_000 + b"\n}", "nested too deeply"),
        (b"job {\n" * 20_000 + b"}\n" * 20_000, "nested too deeply"),
        (
            b'job "j" {\n a = <<E\n' + b"\n" * 300_000,
            "Unterminated template string; No closing marker was found for the string.",
        ),
        (b"a = [1" + b"\n" * 300_000, UNTERMINATED),
        (b"a = " + b"/*" * 400_000, NO_EXPRESSION),
        (
            b"a = [for x in range(1000) : [for y in range(1000) : 1]]",
            'Unsupported argument; An argument named "a" is not expected here.',
        ),
        (
            b'locals {\n a = [for x in range(1000) : [for y in range(1000) : y + 1]]\n}\njob "j" {}',
            "The file takes too long to evaluate.",
        ),
        (
            b"locals {\n"
            + b"".join(b' x%d = "${local.x%d}${local.x%d}"\n' % (n, n - 1, n - 1) for n in range(1, 64))
            + b' x0 = "lol"\n}\njob "j" {}',
            "This value is too large.",
        ),
        (
            b"locals {\n"
            + b"".join(b" x%d = [local.x%d, local.x%d]\n" % (n, n - 1, n - 1) for n in range(1, 64))
            + b' x0 = "lol"\n}\njob "j" {}',
            "This value is too large.",
        ),
        (
            b"locals {\n"
            + b"".join(b" x%d = local.x%d * local.x%d\n" % (n, n - 1, n - 1) for n in range(1, 64))
            + b' x0 = 1e300\n}\njob "j" {}',
            "Operation failed; Error during operation: this number is too large; this is not supported here; "
            + WAY_ROUND,
        ),
        (
            b'locals {\n a = regex_replace("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab", "(a+)+$", "")\n}\njob "j" {}',
            (
                'Invalid function argument; Invalid value for "pattern" parameter: '
                "patterns with so many repetitions are not supported here; " + WAY_ROUND
            ),
        ),
        (b"x = " + b"9" * 5_000, "this number is too large"),
        (b'{"a": [' * 50_000, "nested too deeply"),
    ],
    ids=[
        "binary",
        "zeros",
        "huge",
        "unclosed",
        "lists",
        "blocks",
        "desert",
        "newlines",
        "comments",
        "loops-outside",
        "loops",
        "texts",
        "tuples",
        "numbers",
        "pattern",
        "digits",
        "json",
    ],
)
def test_hostile_input_is_refused(tmp_path, content, message):
    """No content makes the reader fail in any other way than with its own error."""
    path = tmp_path / "j.hcl"
    path.write_bytes(content)
    with pytest.raises(JobspecError) as caught:
        read_job(path)
    assert caught.value.message == message


def test_a_number_beyond_bounds_is_refused(tmp_path):
    """Neither Python's limit of digits nor its infinity gets through."""
    for number in ("9" * 5_000, "1e400"):
        assert refusal(tmp_path, job_text(body=f"priority = {number}")) == (3, 14, "this number is too large")


@pytest.mark.parametrize("name", ["missing.hcl", "."])
def test_a_file_that_cannot_be_opened_is_refused(tmp_path, name):
    """A missing file and a folder are errors of the job file, like any other."""
    with pytest.raises(JobspecError, match=r"cannot be read: (No such file|Is a directory)"):
        read_job(tmp_path / name)
