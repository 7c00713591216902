"""Filters answer as Nomad 2.0.5 did for the same expressions on the same two jobs."""

import pytest

from dispatchfile.agent.filters import FilterError, compile_filter

_COMMON = {
    "Meta": None,
    "ParentID": "",
    "Priority": 50,
    "Stop": False,
    "Datacenters": ["*"],
    "Type": "batch",
    "Payload": None,
    "SubmitTime": 1795392458325677123,
    "Update": {"Canary": 0},
    "Version": 0,
    "Dispatched": False,
    "Multiregion": None,
    "Periodic": None,
    "TaskGroups": [{"Name": "g"}],
}
_JOBS = [
    {
        **_COMMON,
        "ID": "hello",
        "Status": "running",
        "CreateIndex": 34,
        "ParameterizedJob": {"MetaRequired": ["who"], "MetaOptional": ["mood"], "Payload": "optional"},
    },
    {**_COMMON, "ID": "j1", "Status": "dead", "CreateIndex": 44, "ParameterizedJob": None},
]
_SYNTAX = "failed to create result paginator: failed to read filter expression: "
_PAGE = "failed to read result page: "
_BLANK = r"[ \t\r\n]"
_OPERATORS = f'"!=", "==", "contains", "in", "is", "matches", "not" or {_BLANK}'
_AFTER_NAME = f'"!=", ".", "==", "[", {_BLANK} or [a-zA-Z0-9_/]'
_VALUE = f'"-", "0", "\\"", "`", {_BLANK}, [1-9] or [a-zA-Z]'
_START = f'"(", "-", "0", "\\"", "`", "all", "any", "not", {_BLANK}, [1-9] or [a-zA-Z]'


def _ids(expression: str) -> list[object]:
    matches = compile_filter(expression)
    return [job["ID"] for job in _JOBS if matches(job)]


@pytest.mark.parametrize(
    ("expression", "ids"),
    [
        ("", ["hello", "j1"]),
        ("Status == dead", ["j1"]),
        ('  ID == "hello"  ', ["hello"]),
        ('ID==""', []),
        ("ID == `hello`", ["hello"]),
        ('ID != "hello"', ["j1"]),
        ("ID matches `^hel`", ["hello"]),
        ('ID not matches "^hel"', ["j1"]),
        ('ID contains "el"', ["hello"]),
        ('ID not contains "el"', ["j1"]),
        ('"el" in ID', ["hello"]),
        ('"x" not in ID', ["hello", "j1"]),
        ('ID == "hello" and Status == "running" or Status == "dead"', ["hello", "j1"]),
        ('not ParentID == ""', []),
        ('not (ID == "hello")', ["j1"]),
        ('not not ID == "hello"', ["hello"]),
        ('(ID == "hello" or ID == "j1") and Status != "dead"', ["hello"]),
        ('ParentID == "" and ParameterizedJob is not nil', ["hello"]),
        ("ParameterizedJob is nil", ["j1"]),
        ("ParentID is empty", ["hello", "j1"]),
        ("Meta is empty", ["hello", "j1"]),
        ("Meta is nil", ["hello", "j1"]),
        ("Meta is not empty", []),
        ("Payload is empty", ["hello", "j1"]),
        ("TaskGroups is empty", []),
        ('Meta.nope == "x"', []),
        ('Meta.nope != "x"', ["hello", "j1"]),
        ('Meta["nope"] is empty', ["hello", "j1"]),
        ('"who" in Meta', []),
        ('"/Meta/who" == "x"', []),
        ('"/Status" == "dead"', ["j1"]),
        ("Priority == 50", ["hello", "j1"]),
        ('Priority == "50"', ["hello", "j1"]),
        ("Stop == true", []),
        ('Stop == "false"', ["hello", "j1"]),
        ('Datacenters contains "*"', ["hello", "j1"]),
        ("CreateIndex == 34", ["hello"]),
        ("Update.Canary == 0", ["hello", "j1"]),
        ("Type matches bat", ["hello", "j1"]),
        ('ID == "\\u0068ello"', ["hello"]),
        ('ID == "/hello"', ["hello"]),  # a quoted value that looks like a pointer loses its first slash
    ],
)
def test_filter_passes_what_nomad_passes(expression: str, ids: list[str]) -> None:
    """The same filter on the same two jobs lists the same jobs as Nomad."""
    assert _ids(expression) == ids


@pytest.mark.parametrize(
    ("expression", "error"),
    [
        ("Status ==", f"1:10 (9): no match found, expected: {_VALUE}"),
        ("Status", f"1:7 (6): no match found, expected: {_AFTER_NAME}"),
        ('Status = "x"', f"1:8 (7): no match found, expected: {_OPERATORS}"),
        ('== "x"', f"1:1 (0): no match found, expected: {_START}"),
        ('/Status == "dead"', f"1:1 (0): no match found, expected: {_START}"),
        ('Status == "dead" and', f"1:21 (20): no match found, expected: {_BLANK}"),
        ('(Status == "dead"', '1:18 (17): rule "grouping": Unmatched parentheses'),
        ('Status == "dead")', f"1:17 (16): no match found, expected: {_BLANK} or EOF"),
        ('Status == "dead" or Type', f"1:25 (24): no match found, expected: {_AFTER_NAME}"),
        ("Priority > 5", f"1:10 (9): no match found, expected: {_OPERATORS}"),
        ('""', f'1:3 (2): no match found, expected: "!=", "==" or {_BLANK}'),
        ('ID=="x"or Status=="dead"', f"1:8 (7): no match found, expected: {_BLANK} or EOF"),
        ('Meta["k"] == "a\\"b"', '1:14 (13): rule "string": invalid syntax'),
        ("ID == 'hello'", f"1:7 (6): no match found, expected: {_VALUE}"),
        ('ID == "hello', '1:13 (12): rule "string": Unterminated string literal'),
        ('ID == "hello" "x"', f'1:15 (14): no match found, expected: "and", "or", {_BLANK} or EOF'),
        ('ID in "hello"', '1:7 (6): rule "match": Invalid selector'),
        ("ID is", f"1:6 (5): no match found, expected: {_BLANK}"),
        ("ID is foo", f'1:7 (6): no match found, expected: "empty", "nil", "not" or {_BLANK}'),
        ("ID matches", f"1:11 (10): no match found, expected: {_BLANK}"),
        ('"x" in', f"1:7 (6): no match found, expected: {_BLANK}"),
        ('Status == "dead" and and ID == "x"', f"1:26 (25): no match found, expected: {_OPERATORS}"),
    ],
)
def test_syntax_error_is_worded_as_nomad_words_it(expression: str, error: str) -> None:
    """A filter that cannot be read is refused with the place and everything that would have been right there."""
    with pytest.raises(FilterError) as refused:
        compile_filter(expression)
    assert str(refused.value) == _SYNTAX + error


@pytest.mark.parametrize(
    ("expression", "error"),
    [
        (
            'id == "hello"',
            'error finding value in datum: /id at part 0: couldn\'t find key: struct field with name "id"',
        ),
        (
            'ParameterizedJob.Nope == "x"',
            (
                "error finding value in datum: /ParameterizedJob/Nope at part 1: "
                'couldn\'t find key: struct field with name "Nope"'
            ),
        ),
        ('ID matches "["', 'failed to compile regular expression "[": error parsing regexp: missing closing ]: `[`'),
        (
            'ID matches "(?=x)"',
            (
                'failed to compile regular expression "(?=x)": error parsing regexp: '
                "invalid or unsupported Perl syntax: `(?=`"
            ),
        ),
        (
            "ID matches `(a)\\1`",
            'failed to compile regular expression "(a)\\\\1": error parsing regexp: invalid escape sequence: `\\1`',
        ),
        ("Priority == abc", 'error getting match value in expression: strconv.ParseInt: parsing "abc": invalid syntax'),
        (
            "Stop == maybe",
            'error getting match value in expression: strconv.ParseBool: parsing "maybe": invalid syntax',
        ),
        (
            "CreateIndex == -1",
            'error getting match value in expression: strconv.ParseUint: parsing "-1": invalid syntax',
        ),
        ('Datacenters == "x"', "unable to find suitable primitive comparison function for matching"),
        ('Meta == "x"', "unable to find suitable primitive comparison function for matching"),
        ('Payload == ""', "unable to find suitable primitive comparison function for matching"),
        ("ID is nil", 'cannot perform is-nil operations on type string for selector: "ID"'),
        ('Priority matches "5"', "value of type int is not convertible to []byte"),
        ("Priority contains 5", 'cannot perform in/contains operations on type int for selector: "Priority"'),
    ],
)
def test_value_error_is_worded_as_nomad_words_it(expression: str, error: str) -> None:
    """What only shows at an object, such as an unknown field, is refused with Nomad's text."""
    with pytest.raises(FilterError) as refused:
        _ids(expression)
    assert str(refused.value) == _PAGE + error


def test_missing_struct_below_a_null_pointer_is_an_error() -> None:
    """A field below an absent block cannot be compared, unlike a key of an absent map."""
    with pytest.raises(FilterError) as refused:
        compile_filter('ParameterizedJob.Payload == "optional"')(_JOBS[1])
    assert str(refused.value) == (
        _PAGE + "error finding value in datum: /ParameterizedJob/Payload: at part 1, invalid value kind: invalid"
    )
