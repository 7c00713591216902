"""The state folder."""

from pathlib import Path

import pytest
from platformdirs import user_state_path

from dispatchfile.journal import state_folder
from dispatchfile.journal.folder import is_worked_on, lock_run


@pytest.mark.parametrize(
    ("flag", "environ", "folder"),
    [
        pytest.param("x", {"DISPATCHFILE_STATE_DIR": "/y"}, Path("x"), id="the flag wins"),
        pytest.param(None, {"DISPATCHFILE_STATE_DIR": "/y"}, Path("/y"), id="then the environment"),
        pytest.param(None, {"DISPATCHFILE_STATE_DIR": ""}, user_state_path("dispatchfile"), id="empty is unset"),
        pytest.param(None, {}, user_state_path("dispatchfile"), id="else the user's own"),
    ],
)
def test_the_state_folder_is_the_one_named_closest(flag, environ, folder):
    """Flag over environment over the user's own."""
    assert state_folder(flag, environ) == folder


def test_asking_for_the_folder_creates_nothing(tmp_path):
    """The folder comes with the first run's intents."""
    state_folder(str(tmp_path / "state"), {})
    assert list(tmp_path.iterdir()) == []


def test_a_run_is_worked_on_while_somebody_has_its_lock(tmp_path):
    """Looking takes nothing away, and needs no file."""
    path = tmp_path / "x-abc.db"
    assert not is_worked_on(path)
    lock = lock_run(path)
    assert is_worked_on(path)
    assert is_worked_on(path)
    lock.release()
    assert not is_worked_on(path)


def test_a_lock_is_had_once(tmp_path):
    """The second who asks for it is refused."""
    path = tmp_path / "x-abc.db"
    with lock_run(path):
        assert lock_run(path) is None
