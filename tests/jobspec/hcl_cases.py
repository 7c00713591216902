"""Small job files in HCL, by what they try out, for a comparison with what Nomad's own parser makes of them."""

# ruff: noqa: E501  cases are read best side by side

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

EXPRESSIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "operators": (
        "1+2*3", "(1+2)*3", "10/4", "1/3", "0.1+0.2", "5%3", "-5%3", "5%0", "7.5%2", "!true", "-(-3)", "2 - -2",
        "true && false || true", "1 == 1", '1 == "1"', '"a" != "b"', "[1,2] == [1,2]", '{a=1} == {a="1"}',
        "null == null", "1 == null", '"10" < 9', "1 <= 1", '"5" + 1', '"a" + 1', "1 + null", "true + 1", "![]",
    ),
    "numbers": (
        "1e3", "1e100", "123456789012345678901234567890", "0.1", "1.50", "100.0", "-0.000001", "9007199254740993",
        '"${1.50}"', '"${1e21}"', '"${0.1+0.2}"', '"${1/3}"', "1.5.3", "012",
    ),
    "conditions": (
        'true ? 1 : "x"', 'false ? [1] : ["a","b"]', "true ? {a=1} : {b=2}", "true ? null : 1", "1 == 1 ? 2 : 3",
        "true ? 1 : [1]", '"x" ? 1 : 2', '"true" ? 1 : 2', "null ? 1 : 2", "true ? 1 : var.nothing", "true ? 1",
        "false ? 1 : true ? 2 : 3",
    ),
    "for": (
        "[for x in [1,2,3]: x*2]", '[for i, x in ["a","b"]: "${i}${x}"]', "[for x in [1,2,3]: x if x > 1]",
        '{for x in ["a","b"]: x => upper(x)}', '{for x in ["a","b","a"]: x => x...}', '{for x in ["a","a"]: x => x}',
        "{for k, v in {a=1,b=2}: v => k}", '[for x in []: x if "foo"]', "[for x in 5: x]", "[for x in null: x]",
        "[for x in [1]: y => x]", "{for x in [1]: x}", "[for in [1]: 1]", "[for x in [1]: NOMAD_X]",
    ),
    "access": (
        "[1,2,3][*]", "[{a=1},{a=2}][*].a", "[{a=1},{a=2}].*.a", "null[*]", "5[*]", "{a={b=[1,2]}}.a.b[1]",
        '{a=1}["a"]', '{a=1}["b"]', "[1,2][2]", "[1,2][-1]", "[1,2][0.5]", '[1,2]["0"]', "[[1]].0.0", "[[1]].0[0]",
        '{a=1}.b', "[1].a", "5.a", '"x"[0]', "[{a=[1,2]}][*].a[0]", "[[{b=1}]].0.*.b",
    ),
    "collections": (
        "{a=1,}", "{a=1, b:2}", '{"${"a"}b"=1}', '{(upper("a"))=1}', "{a.b=1}", "{null=1}", "{true=1}", "{1=2}",
        "[1,2,]", "[1 2]", "{a=1 b=2}", '[\n1,\n2\n]', "{\na = 1\nb = 2\n}", "{a={b={c=1}}}", "[{a=1},{b=[{c=2}]}]",
    ),
    "templates": (
        '"a${1+1}b"', '"${1}"', '"${true}x"', '"%{ if true }a%{ else }b%{ endif }"', '"%{ for x in [1,2] }${x},%{ endfor }"',
        '"%{ for k, v in {a=1} }${k}=${v}%{ endfor }"', '"a  ${~ 1 ~}  b"', '"x %{~ if true ~} y %{~ endif ~} z"',
        '"$${x}"', '"%%{x}"', '"$x %y $$ %%"', '"${[1]}"', '"${null}"', '"${"', '"%{ if true }"', '"%{ x }"',
        '"%{ endif }"', r'"\n\t\"\\é"', r'"\u00e9"', r'"\q"', '"a${"b${"c"}"}"', '"${\n1\n}"',
    ),
    "heredocs": (
        "<<E\na\n b ${1+1}\nE\n", "<<-E\n    a\n      b\n\n    c\n    E\n", "<<-E\n  ${NOMAD_X}\n    b\n  E\n",
        "<<E\n$${x} %%{y} $x\nE\n", '<<E\n"quoted" \\n\nE\n', "<<E\nE\n", "<<E\na\n  E  \n",
        "<<E\n%{ for x in [1,2] ~}\n${x}\n%{ endfor ~}\nE\n", "<<E\n${HOST:-x}\nE\n", "<<E\n${x y}\nE\n",
    ),
    "references": (
        '"${NOMAD_META_x}"', '"${ NOMAD_META_x }"', "NOMAD_META_x", '"${node.class}"', '"${attr.kernel.name}"',
        '"${meta.a}"', '"${env["X"]}"', 'env["X"]', '"${env["X"]}-${meta.b}"', '"${upper(NOMAD_X)}"', '"${NOMAD_X}}"',
        '"${ NOMAD_X }}"', '"${NOMAD_X == "y" ? 1 : 2}"', '"${NOMAD_ALLOC_INDEX + 1}"', '"${~ NOMAD_X ~}"',
        '[for x in ["a"]: "${x}${NOMAD_Y}"]', '"${meta["a.b"].c[0]}"', '"${NOMAD_X  }"',
    ),
    "texts": (
        'upper("abé")', "upper(1)", "upper(null)", "upper()", 'upper("a","b")', 'lower("ABC")',
        'title("hello world foo-bar_baz don\'t")', 'replace("abc","b","x")', 'replace("abc","","-")',
        'regex_replace("abc123","[0-9]+","x")', 'regex_replace("abc","(b)","<$1>")',
        'regex_replace("foobar","o+?","0")', 'regex_replace("abc","(?i)B","x")', 'regex("a","b")',
        'trimspace("  a  ")', 'trim("xxaxx","x")', 'trimprefix("abc","a")', 'trimsuffix("abc","c")',
        'chomp("a\\n\\n")', 'indent(2,"a\\nb")', 'substr("hello",1,3)', 'substr("hello",-3,2)',
        'substr("hello",1,-1)', 'strlen("héllo")', 'strrev("abc")', 'join(",",["a","b"])', "join(\",\",[1,2])",
        'join(",")', 'split(",","a,b")', 'split("","abc")', 'sort(["b","a"])',
    ),
    "formats": (
        'format("%s-%d","a",1)', 'format("%05d|%-5d|%+d|%x|%X|%o|%b",42,42,42,255,255,8,5)',
        'format("%v %v %v",1.5,true,[1,"a"])', 'format("%v",1000000)', 'format("%v",123456789)',
        'format("%.2f",2.675)', 'format("%8.3f|%-8.2f|%08.2f",3.14159,2.5,2.5)', 'format("%e",12345.678)',
        'format("%q","a\\"b")', 'format("%5s|%-5s|%.2s","a","b","abc")', 'format("%%")', 'format("%")',
        'format("%d",1.5)', 'format("%s")', 'format("x",1)', 'format("%[2]s %[1]s","a","b")', 'format("%#v",{a=1})',
        'format("%v",null)', 'format("%z",1)', 'formatlist("%s-%s",["a","b"],"c")', 'formatlist("%s",[])',
        'formatlist("%s-%s",["a","b"],["c"])',
    ),
    "sequences": (
        'concat([1],["a"])', "concat()", 'concat("a")', "length([1,2])", "length({a=1})", 'length("abc")',
        'contains(["a"],"a")', 'contains(["a"],1)', 'coalesce(null,"a")', 'coalesce("","a")', 'coalesce(1,"a")',
        "coalesce(null)", "coalescelist([],[1])", 'compact(["a","","b"])', 'distinct(["a","b","a"])',
        "flatten([[1],[2,[3]]])", 'element(["a","b"],3)', "element([],0)", "slice([1,2,3],0,2)", "slice([1,2,3],2,1)",
        "chunklist([1,2,3],2)", "range(3)", "range(1,10,3)", "range(5,1)", "range(2000)", 'setunion(["a"],["b","a"])',
        'setintersection(["a","b"],["b"])', 'setproduct(["a","b"],["c"])', 'index(["a","b"],1)', "max([1,2,3]...)",
        'max(1,"2")', "min()", 'reverse("abc")',
    ),
    "maps": (
        'lookup({a=1},"a",2)', 'lookup({a=1},"b",2)', 'lookup({a=1},"b")', "merge({a=1},{b=2})", "merge({a=1},null)",
        "merge()", "merge([1])", "keys({b=1,a=2})", "values({b=1,a=2})", 'zipmap(["a","b"],[1,2])',
        'zipmap(["a"],[1,2])', 'keys(convert({b=1,a=2}, map(number)))',
    ),
    "encodings": (
        'base64encode("abé")', 'base64decode("YWJj")', 'base64decode("YW")', 'urlencode("a b&c/é~*")', 'md5("a")',
        'sha1("a")', 'sha256("a")', 'sha512("a")', 'jsonencode({b=[1,"x",null,true,1.5],a={}})', 'jsonencode("<a&b>")',
        'jsondecode("{\\"a\\":[1,2.5,null,true]}")', 'jsondecode("[")', 'csvdecode("a,b\\n1,2\\n")',
        'uuidv5("dns","example.com")', 'convert("1",number)', 'convert(["b","a"],set(string))', 'convert("x",bool)',
        'convert({a="1"},object({a=number}))', 'convert([1,"2"],list(string))', 'yamlencode({b=[1,{c="x",d=[]}],a={e=null,f={}}})', 'yamlencode([["a"],[true,1.5]])',
        'yamlencode({a="l1\\nl2\\n",b="q\\"\\\\é"})', "yamlencode(1)", 'yamlencode("x")', "yamlencode([])", 'convert("x",any)',
    ),
    "computed": (
        "abs(-1)", "ceil(1.2)", "floor(-1.2)", "signum(-5)", "pow(2,10)", 'parseint("ff",16)', 'parseint("z",10)',
        'try(nothing.x[0], "d")', 'can(upper())', "can(1)", "try()",
        'formatdate("YYYY-MM-DD hh:mm:ss","2020-02-03T04:05:06Z")',
        'formatdate("EEE, DD MMM YYYY \'at\' H:mm AA ZZZ","2020-02-03T14:05:06+01:00")',
        'timeadd("2020-02-03T14:05:06Z","1h30m")', 'timeadd("2020-02-30T14:05:06Z","1s")', 'cidrhost("10.0.0.0/8",5)',
        'cidrnetmask("10.0.0.0/12")', 'cidrsubnet("10.0.0.0/8",8,2)', 'cidrsubnets("10.0.0.0/8",8,8,4)',
        'file("x")', 'nothing("x")',
    ),
    "comments": (
        "1 # c", "1 // c", "1 /* c */", "[1, # c\n2]", "/* c */ 1", "[/* a */ 1 /* b */,\n// c\n2]", "(1 +\n# c\n2)",
        "{ # c\na = 1 // d\n}", "1 /* c\nc */", "1 /* c",
    ),
}  # fmt: skip

HEADS: Final[Mapping[str, tuple[str, ...]]] = {
    "variables": (
        'variable "v" {\n default = "x"\n}\n', 'variable "v" {\n type = number\n default = "1.50"\n}\n',
        'variable "v" {\n type = bool\n default = "true"\n}\n', 'variable "v" {\n type = list(string)\n default = [1]\n}\n',
        'variable "v" {\n type = set(string)\n default = ["b", "a", "b"]\n}\n', 'variables {\n v = ["x", 1]\n}\n',
        'variable "v" {\n type = object({a = number})\n default = {a = "1", b = 2}\n}\n',
        'variable "v" {\n type = tuple([string, number])\n default = [1, "2"]\n}\n',
        'variable "v" {\n type = number\n default = "many"\n}\n', 'variable "v" {\n type = text\n default = "a"\n}\n',
        'variable "v" {\n type = map(any)\n default = {}\n}\n', 'variable "v" {\n type = string\n}\n',
        'variable "v" {\n default = "a"\n}\nvariable "v" {\n default = "b"\n}\n',
        'variable "v" {\n default = NOMAD_META_x\n}\n', 'variable "v" {\n default = upper("x")\n}\n',
        'variable "v" {\n default = 1\n other = 2\n}\n', 'variable {\n default = 1\n}\n',
        'variable "v" {\n default = 1\n validation {\n  condition = var.v > 0\n  error_message = "no"\n }\n}\n',
        'variable "v" {\n default = 1\n validation {\n  condition = var.v > 1\n  error_message = "no"\n }\n}\n',
        'variable "v" {\n default = 1\n validation {\n  condition = true\n  error_message = "no"\n }\n}\n',
    ),
}  # fmt: skip

LOCALS: Final = (
    'locals {\n v = "x"\n}\n', "locals {\n a = local.v\n v = 1\n}\n", "locals {\n v = [for x in local.a : x]\n a = [1]\n}\n",
    "locals {\n v = local.a\n a = local.v\n}\n", "locals {\n v = 1\n}\nlocals {\n v = 2\n}\n", "locals {\n v = NOMAD_X\n}\n",
    "locals {\n v = {a = 1}\n b {}\n}\n", 'locals "x" {\n v = 1\n}\n', "locals {\n v = null\n}\n",
)  # fmt: skip

GROUP: Final = 'group "g" {\n task "t" {\n driver = "raw_exec"\n }\n}\n'
BODIES: Final[Mapping[str, tuple[str, ...]]] = {
    "tasks in the job": (
        'task "t" {\n driver = "x"\n}\n', 'task "t" {\n driver = "x"\n}\ntask "u" {\n driver = "x"\n}\n',
        GROUP + 'task "u" {\n driver = "x"\n}\n', 'task {\n driver = "x"\n}\n', 'task "a" "b" {\n driver = "x"\n}\n',
        'task "t" {\n driver = "x"\n env {\n  A = 1\n }\n}\n', 'task "t" {\n driver = "x"\n count = 2\n}\n',
        'dynamic "task" {\n for_each = ["a"]\n labels = [task.value]\n content {\n  driver = "x"\n }\n}\n',
    ),
    "dynamic blocks": tuple(
        f"dynamic {head}" for head in (
            '"group" {\n for_each = ["a","b"]\n labels = ["g-${group.value}"]\n content {\n count = group.key\n }\n}\n',
            '"group" {\n for_each = {x = 1}\n iterator = it\n labels = [it.key]\n content {\n count = it.value\n }\n}\n',
            '"constraint" {\n for_each = ["a"]\n content {\n attribute = constraint.value\n value = "x"\n }\n}\n',
            '"constraint" {\n for_each = []\n content {\n nothing = 1\n }\n}\n',
            '"constraint" {\n for_each = ["a"]\n content {\n nothing = 1\n }\n}\n',
            '"nothing" {\n for_each = ["a"]\n content {}\n}\n', '"group" {\n for_each = ["a"]\n content {}\n}\n',
            '"constraint" {\n for_each = 5\n content {}\n}\n', '"constraint" {\n for_each = null\n content {}\n}\n',
            '"constraint" {\n content {}\n}\n', '"constraint" {\n for_each = []\n}\n',
            ('"group" {\n for_each = ["a"]\n labels = ["g"]\n content {\n dynamic "task" {\n for_each = ["b"]\n '
            'labels = ["${group.value}${task.value}"]\n content {\n driver = "x"\n }\n }\n }\n}\n'),
            '"meta" {\n for_each = ["a"]\n content {\n x = meta.value\n }\n}\n',
        )
    ),
    "arguments": (
        'priority = "50"\n', "priority = null\n", "region = null\n", "priority = 1.5\n", "priority = true\n",
        'datacenters = "dc1"\n', "datacenters = [1, true]\n", "datacenters = [[]]\n", "meta = {a = 1, \"b.c\" = true}\n",
        "meta {\n a = 1\n}\nmeta = {}\n", "meta {\n a = null\n}\n", 'type = 5\n', "all_at_once = \"true\"\n",
        'constraint {\n attribute = null\n regexp = "x"\n}\n', "constraint {\n distinct_hosts = true\n}\n",
        'constraint {\n distinct_property = "${meta.rack}"\n value = 2\n}\n', 'affinity {\n attribute = "a"\n weight = 5\n}\n',
        'spread {\n attribute = "x"\n weight = 200\n}\n', 'spread {\n attribute = "x"\n target "a" {\n percent = 10\n }\n}\n',
        "reschedule {\n attempts = \"1\"\n interval = \"1h\"\n}\n", "reschedule {\n delay = 5\n}\n",
        "reschedule {\n delay = \"5\"\n}\n", "reschedule {\n delay = null\n}\n", "parameterized {\n payload = null\n}\n",
        'parameterized {\n meta_required = ["a"]\n}\n', "parameterized {}\nparameterized {}\n", "nothing = 1\n",
        "nothing {}\n", "parameterized = {}\n", "priority {}\n", "priority = 1\npriority = 2\n",
    ),
    "invalid HCL": (
        'group "g"\n{\n}\n', 'group "g" { task "t" {} }\n', "parameterized { payload = \"x\"\n}\n",
        "parameterized {\n payload = \"x\" }\n", 'meta { a = "1" b = "2" }\n', "meta { a = 1, b = 2 }\n", "a = \n",
        "= 1\n", '"type" = "batch"\n', 'type = "a\nb"\n', "type = 'batch'\n", "type = batch;\n", "type = `x`\n",
        'group "${x}" {\n}\n', "group = {\n}\n", "}\n", "{\n", "type = \"batch\" priority = 5\n", "meta {} meta {}\n",
        "type = \"batch\",\n", "type : \"batch\"\n", "a.b = 1\n", "1a = 1\n", "type = \u201cx\u201d\n", "a = 1 & 2\n",
    ),
}  # fmt: skip
TASKS: Final[Mapping[str, tuple[str, ...]]] = {
    "blocks of a task": (
        "config {\n a = { b = [{ c = 1 }] }\n d {\n e = 2\n }\n f = null\n}\n", "config {\n b \"x\" {\n y = 1\n }\n}\n",
        "config {\n b {\n x = 1\n }\n b {\n x = 2\n }\n}\n", "config = {\n a = 1\n}\n", "env = {\n A = 1\n}\n",
        "env {\n A = [1]\n}\n", "env {\n A = 1.50\n B = true\n}\n", "driver = null\n", "user = null\n", "leader = \"true\"\n",
        'kill_timeout = "5s"\n', "kill_timeout = 5000000000\n", 'kill_timeout = "x"\n', "lifecycle {}\n",
        'lifecycle {\n hook = "prestart"\n}\n', "artifact {\n source = \"x\"\n options = {}\n}\n",
        "artifact {\n source = \"x\"\n options {\n a = 1\n }\n}\n", "resources {\n cpu = 10.5\n}\n", "resources {\n cpu = \"10\"\n}\n",
        "template {\n data = <<E\n${NOMAD_X} $${y}\nE\n destination = \"x\"\n}\n", "logs {\n max_files = 1\n}\n", "template {\n data = \"x\"\n destination = \"y\"\n wait {\n min = \"1s\"\n }\n}\n",
        "template {\n data = \"x\"\n destination = \"y\"\n change_script {\n command = \"x\"\n }\n}\n", "action \"a\" {\n command = \"x\"\n}\n", "action \"a\" {}\n",
        "config {\n a = true ? { b = 1 } : { b = 2 }\n}\n", "config {\n a = ({ b = 1 })\n}\n", "meta = {\n a = null\n}\n",
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Case:
    """One job file; *name* says what it tries out."""

    name: str
    text: str


def _job(body: str = "", task: str = "", head: str = "") -> str:
    group = f'group "g" {{\n task "t" {{\n driver = "raw_exec"\n{task} }}\n}}\n' if task else ""
    return f'{head}job "j" {{\n{body}{group}}}\n'


def cases() -> Iterator[Case]:
    """Yield all job files."""
    for kind, expressions in EXPRESSIONS.items():
        for expression in expressions:
            yield Case(f"{kind}: {expression}", _job(task=f"config {{\n v = {expression.rstrip(chr(10))}\n}}\n"))
    for head in HEADS["variables"]:
        yield Case(f"variables: {head}", _job(task="config {\n v = var.v\n}\n", head=head))
    for head in LOCALS:
        yield Case(f"locals: {head}", _job(task="config {\n v = local.v\n}\n", head=head))
    for kind, bodies in BODIES.items():
        for body in bodies:
            yield Case(f"{kind}: {body}", _job(body))
    for kind, tasks in TASKS.items():
        for task in tasks:
            yield Case(f"{kind}: {task}", _job(task=task))


CASES: Final = {case.name: case.text for case in cases()}
