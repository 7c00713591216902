"""No part of an address that may be secret is in an error about it."""

import pytest

from dispatchfile.errors import UsageError
from dispatchfile.nomad.connection import read_connection

SECRET = "s3cretPW"


@pytest.mark.parametrize("source", ["--address", "NOMAD_ADDR"])
@pytest.mark.parametrize(
    ("address", "message"),
    [
        (f"user:{SECRET}@127.0.0.1:1", "'***@127.0.0.1:1' has no scheme"),
        (f"ftp://user:{SECRET}@127.0.0.1", "'ftp://***@127.0.0.1' must start with http://"),
        (f"http://a/?token={SECRET}", "'http://a/?***': the address must not have a query"),
        (f"http://a/#{SECRET}", "'http://a/#***': the address must not have a query"),
        (f"http://user:{SECRET}@a/ui/jobs", "'http://***@a/ui/jobs' has too long a path"),
        (f"unix://user:{SECRET}@x", "use unix:///***@x"),
        (f"http://us\ner:{SECRET}@a:x", ""),
        (f"http://[user:{SECRET}@a:1", ""),
    ],
)
def test_no_secret_of_an_address_is_shown(source: str, address: str, message: str) -> None:
    """The message still says which option or variable it is, and what is wrong."""
    flags = {"address": address} if source == "--address" else {}
    with pytest.raises(UsageError) as refused:
        read_connection(flags, {"NOMAD_ADDR": address})
    told = str(refused.value)
    assert (SECRET in told, source in told, message in told) == (False, True, True)
