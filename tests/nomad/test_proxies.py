"""Whether a proxy stands between, as Go decides it."""

import pytest

from dispatchfile.errors import UsageError
from dispatchfile.nomad.proxies import proxy_for

BOTH = {"HTTP_PROXY": "http://plain:1", "HTTPS_PROXY": "http://secure:2"}


@pytest.mark.parametrize(
    ("scheme", "environ", "proxy"),
    [
        ("http", BOTH, "http://plain:1"),
        ("https", BOTH, "http://secure:2"),
        ("unix", BOTH, ""),
        ("http", {}, ""),
        ("http", {"HTTP_PROXY": ""}, ""),
        ("http", {"http_proxy": "p:3"}, "http://p:3"),
        ("http", {"HTTP_PROXY": "P:1", "http_proxy": "p:3"}, "http://P:1"),
        ("https", {"HTTP_PROXY": "p:3"}, ""),
        ("https", {"ALL_PROXY": "p:3"}, ""),
    ],
)
def test_the_scheme_chooses_the_variable(scheme, environ, proxy):
    """Upper case first; ALL_PROXY is unknown to Go."""
    assert proxy_for(scheme, "nomad.example", 4646, environ) == proxy


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.3.2.1", "::1"])
def test_loopback_never_goes_through_a_proxy(host):
    """A local agent is reached directly."""
    assert not proxy_for("http", host, 4646, BOTH)


@pytest.mark.parametrize(
    ("host", "exceptions", "is_direct"),
    [
        ("nomad.example", "*", True),
        ("nomad.example", "example", True),
        ("nomad.example", "nomad.example", True),
        ("nomad.example", "NOMAD.Example", True),
        ("nomad.example", " other , nomad.example ", True),
        ("nomad.example", ".example", True),
        ("nomad.example", "*.example", True),
        ("example", ".example", False),
        ("badexample", "example", False),
        ("nomad.example", "nomad.example:4646", True),
        ("nomad.example", "nomad.example:80", False),
        ("nomad.example", "", False),
        ("nomad.example", ",,", False),
        ("10.1.2.3", "10.1.2.3", True),
        ("10.1.2.3", "10.0.0.0/8", True),
        ("10.1.2.3", "10.1.2.0/33", False),
        ("10.1.2.3", "2.3", False),
        ("10.1.2.3", "10.1.2.3:4646", True),
        ("fd00::1", "fd00::/8", True),
        ("fd00::1", "[fd00::1]:4646", True),
        ("fd00::1", "[fd00::1]:1", False),
    ],
)
def test_no_proxy_excepts_hosts_domains_networks_and_ports(host, exceptions, is_direct):
    """The rules of Go's httpproxy package."""
    assert (proxy_for("http", host, 4646, BOTH | {"NO_PROXY": exceptions}) == "") is is_direct


@pytest.mark.parametrize(
    "proxy", ["socks5://u:hunter2@p:1", "http://u:hunter2@p:x", "http://", "http://u:hunter2@[::1"]
)
def test_a_proxy_that_cannot_be_used_is_an_error_without_its_password(proxy):
    """The variable is named, its value is not."""
    with pytest.raises(UsageError, match=r"^HTTP_PROXY: must be a URL such as http://host:3128") as caught:
        proxy_for("http", "nomad", 4646, {"HTTP_PROXY": proxy})
    assert "hunter2" not in str(caught.value)
