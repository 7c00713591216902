"""Bodies and parameters are read and refused as Go reads and refuses them, observed on Nomad 2.0.5."""

import pytest

from dispatchfile.agent.golang import GoError, decode_object, parse_bool, parse_duration

FIELDS = {"JobID": "string", "Payload": "bytes", "Meta": "map[string]string", "Priority": "int", "Flag": "bool"}


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        (b"null", {}),
        (b" {} trailing", {}),
        (b'{"nonsense": 1, "jobid": "x"}', {"JobID": "x"}),
        (b'{"JobID": "a", "JOBID": "b"}', {"JobID": "b"}),
        (b'{"Payload": "YWI=", "Priority": -1, "Flag": true}', {"Payload": b"ab", "Priority": -1, "Flag": True}),
        (b'{"Payload": "YWJ\\nj"}', {"Payload": b"abc"}),
        (b'{"Meta": {"a": null, "b": "c"}}', {"Meta": {"a": "", "b": "c"}}),
        (b'{"JobID": "\\ud800x"}', {"JobID": "\ufffdx"}),
        (b'{"Payload": null, "Meta": null}', {}),
    ],
)
def test_body_is_read(body: bytes, fields: dict[str, object]) -> None:
    """Keys match without case, the last wins, nulls and unknown keys do not count, the rest is ignored."""
    assert decode_object(body, "structs.JobDispatchRequest", FIELDS) == fields  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"", "Request body is empty"),
        (b"  ", "EOF"),
        (b"[]", "json: cannot unmarshal array into Go value of type structs.JobDispatchRequest"),
        (b"5", "json: cannot unmarshal number into Go value of type structs.JobDispatchRequest"),
        (b'"x"', "json: cannot unmarshal string into Go value of type structs.JobDispatchRequest"),
        (b"{nope", "invalid character 'n' looking for beginning of object key string"),
        (b'{"a": 1,}', "invalid character '}' looking for beginning of object key string"),
        (b'{"a": }', "invalid character '}' looking for beginning of value"),
        (b'{"a": NaN}', "invalid character 'N' looking for beginning of value"),
        (b'{"a" 5}', "invalid character '5' after object key"),
        (b'{"a": 1 "b"}', "invalid character '\"' after object key:value pair"),
        (b'{"a": 01}', "invalid character '1' after object key:value pair"),
        (b'{"a": [1 2]}', "invalid character '2' after array element"),
        (b'{"a": tru}', "invalid character '}' in literal true (expecting 'e')"),
        (b'{"a": "x\ty"}', "invalid character '\\t' in string literal"),
        (b'{"a": "\\q"}', "invalid character 'q' in string escape code"),
        (b'{"a": "\\u12"}', "invalid character '\"' in \\u hexadecimal character escape"),
        (b'{"Meta":{"k":"v"', "unexpected EOF"),
        (b'{"a": tr', "unexpected EOF"),
        (b"[" * 100_000, "exceeded max depth"),
        (
            b'{"Priority": 5.5}',
            "json: cannot unmarshal number 5.5 into Go struct field JobDispatchRequest.Priority of type int",
        ),
        (
            b'{"Priority": "5"}',
            "json: cannot unmarshal string into Go struct field JobDispatchRequest.Priority of type int",
        ),
        (
            b'{"Meta": {"a": 1}, "Payload": 5}',
            "json: cannot unmarshal number into Go struct field JobDispatchRequest.Meta of type string",
        ),
        (
            b'{"Meta": "x"}',
            "json: cannot unmarshal string into Go struct field JobDispatchRequest.Meta of type map[string]string",
        ),
        (
            b'{"Flag": "x"}',
            "json: cannot unmarshal string into Go struct field JobDispatchRequest.Flag of type bool",
        ),
        (b'{"Payload": "YWI"}', "illegal base64 data at input byte 0"),
        (b'{"Payload": "YWJjY"}', "illegal base64 data at input byte 4"),
        (b'{"Payload": "YWI=YWI="}', "illegal base64 data at input byte 4"),
        (b'{"Payload": "YWJj=A"}', "illegal base64 data at input byte 4"),
        (b'{"Payload": "YW=j"}', "illegal base64 data at input byte 2"),
        (b'{"Payload": "YW="}', "illegal base64 data at input byte 3"),
        (b'{"Payload": "ab*="}', "illegal base64 data at input byte 2"),
    ],
)
def test_bad_body_is_refused_in_gos_words(body: bytes, error: str) -> None:
    """The text of the refusal is that of Go's decoders."""
    with pytest.raises(GoError) as refused:
        decode_object(body, "structs.JobDispatchRequest", FIELDS)  # type: ignore[arg-type]
    assert str(refused.value) == error


def test_number_with_too_many_digits_is_refused() -> None:
    """A number that cannot be read at all is no crash."""
    with pytest.raises(GoError):
        decode_object(b'{"Priority": ' + b"1" * 5000 + b"}", "structs.JobDispatchRequest", {"Priority": "int"})


@pytest.mark.parametrize(("text", "seconds"), [("5000ms", 5), ("1m30s", 90), ("1.5h", 5400), ("-2s", -2), ("0", 0)])
def test_duration_is_read(text: str, seconds: float) -> None:
    """A duration is numbers with units."""
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "5", "abc", "5 s", "s", "1d"])
def test_bad_duration_is_refused(text: str) -> None:
    """A number without a unit is no duration."""
    with pytest.raises(GoError):
        parse_duration(text)


@pytest.mark.parametrize(("text", "value"), [("true", True), ("1", True), ("T", True), ("false", False), ("0", False)])
def test_bool_is_read(text: str, value: bool) -> None:
    """Go knows a dozen spellings of a bool."""
    assert parse_bool(text) == value


def test_bad_bool_is_refused() -> None:
    """All else is refused with the text of strconv."""
    with pytest.raises(GoError, match=r'strconv\.ParseBool: parsing "yes": invalid syntax'):
        parse_bool("yes")
