"""Results and errors pass between processes, as worker pools and schedulers need it."""

import copy
import inspect
import pickle

import pytest

import dispatchfile
from dispatchfile import errors
from tests.api.conftest import MANIFEST, Write

SAMPLES = {  # of errors whose constructors take more than a message
    errors.FileError: lambda: errors.FileError("a.csv", "does not exist", hint="did you mean b.csv?"),
    errors.OutsideFolder: lambda: errors.OutsideFolder("a.csv", "lies outside"),
    errors.StandardInputError: lambda: errors.StandardInputError("is closed", "pipe the rows in"),
    errors.RenderError: lambda: errors.RenderError("a.j2", "no such variable", 3),
    errors.NothingToRerun: lambda: errors.NothingToRerun("nothing to rerun", "abc", 0),
    errors.Interrupted: lambda: errors.Interrupted("interrupted", 130),
    dispatchfile.InvalidManifest: lambda: dispatchfile.InvalidManifest("a.yaml", dispatchfile.load("none").problems),
}
KINDS = [
    kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, errors.DispatchfileError)
] + [dispatchfile.InvalidManifest]


def test_results_can_be_pickled_and_copied(write: Write) -> None:
    """A scheduler hands them on to its next task."""
    path = write(MANIFEST)
    for value in (dispatchfile.load(path), dispatchfile.plan(path), dispatchfile.run(path)):
        assert pickle.loads(pickle.dumps(value)) == value == copy.deepcopy(value)


@pytest.mark.parametrize("kind", KINDS)
def test_every_error_can_be_pickled(kind: type[errors.DispatchfileError]) -> None:
    """A pool of processes that cannot restore an error waits for ever."""
    error = SAMPLES.get(kind, lambda: kind("cannot go on"))()
    restored = pickle.loads(pickle.dumps(error))
    assert (type(restored), str(restored), restored.exit_code) == (kind, str(error), error.exit_code)
    assert restored.__dict__ == error.__dict__
