"""A dispatch whose display fails."""

import re
from pathlib import Path
from typing import NoReturn

import pytest

from dispatchfile.cli.commands.dispatch import DispatchDisplay, DispatchFlags, run_dispatch
from dispatchfile.cli.dispatch_printer import DispatchPrinter
from dispatchfile.cli.option_groups import ConnectionFlags
from dispatchfile.reports.dispatched import Wording
from dispatchfile.reports.formats import OutputFormat


class BrokenWording(Wording):
    """Fails at the first thing that is to be told of the child."""

    def accepted(self, child: object, token: str) -> NoReturn:
        raise ZeroDivisionError("on purpose")


def test_a_dispatch_that_cannot_be_shown_still_names_its_child(
    embedded: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever does not see the child might dispatch it twice; the exit code is that of its end."""
    flags = DispatchFlags(wait="completion")
    connection = ConnectionFlags(address=embedded)
    printer = DispatchPrinter(connection, OutputFormat.TEXT, DispatchDisplay(), browse=False, wording=BrokenWording())
    assert run_dispatch(["exit3"], flags, connection, printer) == 2
    out, err = capsys.readouterr()
    assert re.search(r"child: exit3/dispatch-[0-9]+-[0-9a-f]{8}\noutcome: failed\nexit code: 2\n\Z", out)
    (trace,) = re.findall(r"internal error: ZeroDivisionError: on purpose \(traceback in (.*)\)", err)
    assert "ZeroDivisionError: on purpose" in Path(trace).read_text()
    Path(trace).unlink()
