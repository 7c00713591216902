"""Fixtures that every test shares."""

import os
import signal
from collections.abc import Iterator

import pytest
from hypothesis import settings

settings.register_profile("repeatable", derandomize=True, deadline=None, database=None)
settings.load_profile("repeatable")

OWN_HANDLERS = {signal.SIGINT: signal.default_int_handler, signal.SIGHUP: signal.SIG_DFL}


def pytest_xdist_auto_num_workers() -> int:
    """Return the number of workers for `-n auto`: tests wait for sockets and processes for half of their time."""
    return 2 * (os.cpu_count() or 1)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session", autouse=True)
def _signals_are_heard() -> Iterator[None]:
    """Reset the signals that processes started in the background or under `nohup` ignore."""
    ignored = [number for number in OWN_HANDLERS if signal.getsignal(number) is signal.SIG_IGN]
    for number in ignored:
        signal.signal(number, OWN_HANDLERS[number])
    yield
    for number in ignored:
        signal.signal(number, signal.SIG_IGN)
