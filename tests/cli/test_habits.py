"""Commands and options as users of other tools type them: the message says what to type instead."""

from pathlib import Path

import pytest

from dispatchfile.cli.argv import normalize_argv
from dispatchfile.cli.program import run_command
from dispatchfile.errors import UsageError

CONCURRENCY = "use --concurrency for the number of requests at the same time"
FOLLOW = "use --wait to wait until the items have ended, or `dispatchfile watch RUN` to follow a run"
NAMED = "name the manifest without an option, as in `dispatchfile run films.yaml`"
NO_QUESTION = "nothing asks for a confirmation: use --dry-run to look first"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("run --watch", f"No such option: --watch: {FOLLOW}"),
        ("run m.yaml --follow", f"No such option: --follow: {FOLLOW}"),
        ("run m.yaml --parallel 4", "No such option: --parallel: use --concurrency"),
        ("run m.yaml --max_parallel=4", "No such option: --max_parallel: use --concurrency"),
        ("run m.yaml -j 4", f"No such option: -j: {CONCURRENCY}"),
        ("run m.yaml -n films", "No such option: -n: use --namespace"),
        ("run m.yaml --dry_run", "No such option: --dry_run: did you mean --dry-run?"),
        ("run m.yaml --Dry-Run", "No such option: --Dry-Run: did you mean --dry-run?"),
        ("run -f m.yaml", f"No such option: -f: {NAMED}"),
        ("run m.yaml -y", f"No such option: -y: {NO_QUESTION}"),
        ("run m.yaml --auto-approve", f"No such option: --auto-approve: {NO_QUESTION}"),
        ("run m.yaml --set a=b", "No such option: --set: use --var KEY=VALUE"),
        ("run m.yaml --json", "No such option: --json: use -o json"),
        ("run m.yaml --resume", "No such option: --resume: use `dispatchfile resume RUN`"),
        ("run m.yaml --host x", "No such option: --host: use --address"),
        ("run m.yaml --bogus", "No such option: --bogus"),
        ("logs x -f", "No such option: -f: to follow a run, use `dispatchfile watch RUN`"),
        ("logs x -n 10", "No such option: -n: use --tail"),
        ("status -w", "No such option: -w: use `dispatchfile watch RUN`"),
        ("ps", "No such command 'ps': use `runs` to list all runs"),
        ("cancel x", "No such command 'cancel': use `stop` to stop the jobs of a run"),
        ("lint m.yaml", "No such command 'lint': use `validate` to check a manifest"),
        ("retry x", "No such command 'retry': use `rerun --failed` to send what failed once more"),
        ("vaildate", "No such command 'vaildate': did you mean validate?"),
        ("bogus", "No such command 'bogus'"),
        ("run m.yaml --wait completion", "--wait completion: write --wait=completion"),
        ("run --wait done m.yaml", "--wait done: write --wait=completion"),
        ("rerun r1 --failed --wait running", "--wait running: write --wait=placement"),
    ],
)
def test_the_message_says_what_to_type(line: str, message: str) -> None:
    """A suggestion is an option that the command has; where nothing fits, there is none."""
    with pytest.raises(UsageError) as refused:
        run_command(normalize_argv(line.split()))
    assert str(refused.value) == message


def test_a_manifest_may_be_called_like_what_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of that name is the manifest."""
    monkeypatch.chdir(tmp_path)
    Path("done").write_text("version: 1\n")
    assert run_command(normalize_argv(["run", "--dry-run", "--wait", "done"])) == 1
