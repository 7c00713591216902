"""Flags and environment to a connection, as the Nomad CLI reads them."""

import os
from datetime import timedelta

import pytest

from dispatchfile.errors import FileError, UsageError
from dispatchfile.nomad.connection import Connection, Endpoint, parse_address, read_connection


def test_without_flags_and_variables_it_is_the_local_agent():
    """Nothing given: the address Nomad's own client falls back to, and nothing else."""
    assert read_connection({}, {}) == Connection(address="http://127.0.0.1:4646")


def test_every_variable_of_nomad_is_read():
    """Each NOMAD_ variable fills its field."""
    environ = {
        "NOMAD_ADDR": "https://nomad.example:4646",
        "NOMAD_REGION": "eu",
        "NOMAD_NAMESPACE": "media",
        "NOMAD_TOKEN": "t-1",
        "NOMAD_CACERT": "ca.pem",
        "NOMAD_CAPATH": "certs",
        "NOMAD_CLIENT_CERT": "cert.pem",
        "NOMAD_CLIENT_KEY": "key.pem",
        "NOMAD_TLS_SERVER_NAME": "server.eu.nomad",
        "NOMAD_SKIP_VERIFY": "true",
        "NOMAD_HTTP_AUTH": "ann:secret",
    }
    assert read_connection({}, environ) == Connection(
        address="https://nomad.example:4646",
        region="eu",
        namespace="media",
        token="t-1",
        ca_cert="ca.pem",
        ca_path="certs",
        client_cert="cert.pem",
        client_key="key.pem",
        tls_server_name="server.eu.nomad",
        tls_skip_verify=True,
        http_auth="ann:secret",
    )


def test_a_flag_beats_its_variable_and_an_empty_one_does_not():
    """Flag over environment; what is empty was not given."""
    environ = {"NOMAD_REGION": "eu", "NOMAD_NAMESPACE": "media", "NOMAD_TOKEN": "old", "NOMAD_ADDR": ""}
    flags = {"region": "us", "namespace": "", "token": "new", "address": None}
    assert read_connection(flags, environ) == Connection(region="us", namespace="media", token="new")


@pytest.mark.parametrize("text", ["1", "t", "T", "TRUE", "true", "True"])
def test_go_reads_these_as_true(text):
    """NOMAD_SKIP_VERIFY takes what Go's ParseBool takes."""
    assert read_connection({}, {"NOMAD_SKIP_VERIFY": text}).tls_skip_verify


@pytest.mark.parametrize("text", ["0", "f", "F", "FALSE", "false", "False", ""])
def test_go_reads_these_as_false(text):
    """Verification stays on."""
    assert not read_connection({}, {"NOMAD_SKIP_VERIFY": text}).tls_skip_verify


@pytest.mark.parametrize("text", ["yes", "on", "tRuE", " 1"])
def test_what_go_cannot_parse_is_an_error(text):
    """The CLI ignores it, which drops what somebody asked for without a word."""
    with pytest.raises(UsageError, match=r"^NOMAD_SKIP_VERIFY must be true or false$"):
        read_connection({}, {"NOMAD_SKIP_VERIFY": text})


def test_the_flag_can_only_switch_verification_off():
    """As in the CLI, a flag that was not given does not undo the variable."""
    assert read_connection({"tls_skip_verify": False}, {"NOMAD_SKIP_VERIFY": "1"}).tls_skip_verify
    assert read_connection({"tls_skip_verify": True}, {}).tls_skip_verify


@pytest.mark.parametrize("given", [{"client_cert": "c"}, {"client_key": "k"}])
def test_half_of_a_client_certificate_is_an_error_in_the_clis_own_words(given):
    """Certificate and key come together."""
    with pytest.raises(UsageError, match=r"^Both client cert and client key must be provided$"):
        read_connection(given, {})


def test_user_information_in_the_address_beats_the_variable_and_is_not_kept_in_it():
    """The password is decoded for the header, and no part of what is shown."""
    connection = read_connection({"address": "http://ann:p%40ss@nomad:4646"}, {"NOMAD_HTTP_AUTH": "bob:x"})
    assert (connection.address, connection.http_auth) == ("http://nomad:4646", "ann:p@ss")


@pytest.mark.parametrize(
    ("address", "endpoint"),
    [
        ("http://127.0.0.1:4646", Endpoint("http", "127.0.0.1", 4646)),
        ("HTTP://Nomad.Example:4646/", Endpoint("http", "nomad.example", 4646)),
        ("https://nomad", Endpoint("https", "nomad", 443, has_port=False)),
        ("http://nomad", Endpoint("http", "nomad", 80, has_port=False)),
        ("http://[::1]:4646", Endpoint("http", "::1", 4646)),
        ("http://[fe80::1%25eth0]:4646", Endpoint("http", "fe80::1%eth0", 4646)),
        ("https://lb.example/nomad/eu/", Endpoint("https", "lb.example", 443, "/nomad/eu", has_port=False)),
        ("http://lb/nöm<ad>%2f", Endpoint("http", "lb", 80, "/n%C3%B6m%3Cad%3E%2f", has_port=False)),
        ("http://bücher.example:1", Endpoint("http", "xn--bcher-kva.example", 1)),
        ("unix:///run/nomad/api.sock", Endpoint("unix", "127.0.0.1", 80, socket="/run/nomad/api.sock", has_port=False)),
    ],
)
def test_an_address_names_an_endpoint(address, endpoint):
    """Scheme, host, port, socket; and a path is kept, for agents behind a proxy."""
    assert parse_address(address) == (endpoint, "")


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("http://127.0.0.1:4646", "http://127.0.0.1:4646"),
        ("http://[::1]:4646/x/", "http://[::1]:4646/x"),
        ("https://u:p@nomad", "https://nomad"),
        ("unix:///run/api.sock", "unix:///run/api.sock"),
    ],
)
def test_an_endpoint_is_shown_as_an_address_without_user_information(address, told):
    """What is shown can be read again."""
    endpoint, _ = parse_address(address)
    assert str(endpoint) == told
    assert parse_address(told)[0] == endpoint


@pytest.mark.parametrize(
    ("address", "right"),
    [
        ("127.0.0.1:4646", "use http://127.0.0.1:4646 or https://127.0.0.1:4646"),
        ("localhost:4646", "use http://localhost:4646 or"),
        ("nomad.internal", "use http://nomad.internal:4646 or"),
        ("/run/nomad/api.sock", "use unix:///run/nomad/api.sock"),
        ("ftp://nomad:4646", "must start with http://, https:// or unix://"),
        ("http://nomad:abc", "the port must be a number from 1 to 65535"),
        ("http://nomad:0", "the port must be a number from 1 to 65535"),
        ("http://nomad:70000", "the port must be a number from 1 to 65535"),
        ("http://nomad:-1", "the port must be a number from 1 to 65535"),
        ("http://::1:4646", "in brackets, as in http://[::1]:4646"),
        ("http://[::1:4646", "in brackets, as in http://[::1]:4646"),
        ("http://fe80::1", "in brackets, as in http://[::1]:4646"),
        ("http://", "has no host"),
        ("http://:4646", "has no host"),
        ("http://no mad:4646", "a blank or a control character"),
        ("http://nomad:4646\n", "a blank or a control character"),
        ("http://a..b:4646", "is not a host name"),
        (f"http://{'a' * 64}:4646", "is not a host name"),
        ("http://nomad:4646/ui", "use http://nomad:4646"),
        ("http://nomad:4646/ui/jobs", "use http://nomad:4646"),
        ("http://nomad:4646/eu/v1/jobs", "use http://nomad:4646/eu"),
        ("http://nomad:4646/?region=eu", "must not have a query"),
        ("http://nomad:4646/#x", "must not have a query or a fragment"),
        ("unix://api.sock", "absolute path: use unix:///api.sock"),
        ("unix://", "absolute path"),
    ],
)
def test_an_address_that_cannot_be_meant_says_what_would_be_right(address, right):
    """The message begins with the variable or the flag it came from."""
    with pytest.raises(UsageError) as by_variable:
        read_connection({}, {"NOMAD_ADDR": address})
    with pytest.raises(UsageError) as by_flag:
        read_connection({"address": address}, {})
    assert str(by_variable.value).startswith("NOMAD_ADDR: ")
    assert str(by_flag.value).startswith("--address: ")
    assert right in str(by_flag.value)


@pytest.mark.parametrize(
    "address",
    [
        "http://ann:hunter2@nomad:x",
        "ann:hunter2@nomad:4646",
        "ftp://ann:hunter2@nomad",
        "http://ann:hun/hunter2@nomad:1",
        "http://ann:hunter2@nomad/ui",
        "http://ann:hunter2@::1:4646",
        "http://ann:hunter2@nomad/?x",
        "http://ann:hunter2@a..b",
    ],
)
def test_a_password_in_a_wrong_address_is_not_shown(address):
    """Messages end up in the logs of CI systems."""
    with pytest.raises(UsageError) as caught:
        read_connection({"address": address}, {})
    assert "hunter2" not in str(caught.value)


def test_secrets_are_no_part_of_the_repr():
    """A connection may be logged."""
    connection = read_connection(
        {"address": "http://ann:hunter2@nomad:1", "token": "hunter2"}, {"HTTP_PROXY": "http://b:hunter2@proxy:3128"}
    )
    assert connection.token
    assert connection.http_auth
    assert connection.proxy
    assert "hunter2" not in repr(connection) + str(connection)


def test_a_token_is_read_from_a_file_without_its_line_break(tmp_path):
    """--token-file beats the variable; editors end files with a line break."""
    file = tmp_path / "token"
    file.write_text("  7f3a\r\n")
    assert read_connection({"token_file": str(file)}, {"NOMAD_TOKEN": "x"}).token == "7f3a"


def test_a_token_file_that_is_missing_empty_or_no_text_is_named(tmp_path):
    """The file, and what is wrong with it."""
    (tmp_path / "empty").write_text(" \n")
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    for name, reason in [
        ("none", "No such file"),
        ("empty", "contains no token"),
        ("binary", "not UTF-8"),
        ("", "irector"),
    ]:
        with pytest.raises(FileError, match=reason) as caught:
            read_connection({"token_file": str(tmp_path / name)}, {})
        assert caught.value.path == str(tmp_path / name)


def test_an_endless_token_file_is_refused_and_a_pipe_is_read():
    """A shell gives the name of a pipe for `<(vault read ...)`; a device must not fill the memory."""
    with pytest.raises(FileError, match=r"^--token-file /dev/zero: is larger than 4 MiB$"):
        read_connection({"token_file": "/dev/zero"}, {})
    read_end, write_end = os.pipe()
    os.write(write_end, b"s3cret\n")
    os.close(write_end)
    assert read_connection({"token_file": f"/dev/fd/{read_end}"}, {}).token == "s3cret"
    os.close(read_end)


def test_a_token_and_a_token_file_contradict_each_other():
    """Which one was meant is not guessed."""
    with pytest.raises(UsageError, match="--token and --token-file"):
        read_connection({"token": "a", "token_file": "b"}, {})


@pytest.mark.parametrize("token", ["hunter2\nX-Evil: 1", "hunter2 x", "hunter2é", "hunter2\x00"])
def test_a_token_that_no_header_can_carry_is_refused_without_being_shown(token):
    """A line break in a token would be a header of its own."""
    with pytest.raises(UsageError, match=r"^NOMAD_TOKEN: ") as caught:
        read_connection({}, {"NOMAD_TOKEN": token})
    assert "hunter2" not in str(caught.value)


def test_the_proxy_of_the_environment_handed_in_is_taken():
    """Only the environment handed in counts, not the process's."""
    connection = read_connection({"address": "http://nomad:4646"}, {"HTTP_PROXY": "proxy:3128"})
    assert connection.proxy == "http://proxy:3128"


def test_a_request_may_be_silent_for_half_a_minute():
    """Without a leader Nomad holds a request for five seconds; that must fit in well."""
    assert Connection().request_timeout == timedelta(seconds=30)
