"""Drivers' configs and failures, in the words of a 2.0.5 client."""

import asyncio
import subprocess

import pytest

from dispatchfile.agent.drivers import known_drivers
from dispatchfile.agent.rawexec import exit_by_polling
from tests.agent.allocs import (
    ALLOC_ID,
    eventually,
    is_gone,
    make_job,
    make_runner,
    make_task,
    messages,
    output,
    run_mocks,
    run_processes,
    shell,
)

NOT_RESTARTED = ("Not Restarting", "Policy allows no restarts")
LAUNCH = "failed to launch command with executor: rpc error: code = Unknown desc = "
EMPTY = (
    "Root value must be object: The root value in a JSON-based configuration must be either a JSON object or a "
    "JSON array of objects."
)
INDEX = "Invalid index: The given key does not identify an element in this collection value."
OBJECT = (
    "Invalid template interpolation value: Cannot include the given value in a string template: "
    "string required, but have object."
)


def invalid(*problems: str) -> tuple[str, str]:
    lines = ["failed to parse config: ", *problems]
    return "Failed Validation", f"{len(lines)} errors occurred:\n" + "".join(f"\t* {x}\n" for x in lines) + "\n"


def unfit(name: str, problem: str) -> tuple[str, str]:
    return invalid(f'Incorrect attribute value type: Inappropriate value for attribute "{name}": {problem}.')


def echo(*arguments: object, **more: object) -> dict[str, object]:
    return {"command": "/bin/echo", "args": list(arguments), **more}


def test_the_known_drivers():
    """Every other driver is one that no node has."""
    assert known_drivers == {"raw_exec", "exec", "mock_driver"}


@pytest.mark.parametrize(
    ("driver", "config", "failure"),
    [
        ("raw_exec", {}, invalid(EMPTY)),
        ("mock_driver", None, invalid(EMPTY)),
        ("raw_exec", {"comand": "/bin/true"}, invalid(
            'Missing required argument: The argument "command" is required, but no definition was found.',
            'Invalid label: No argument or block type is named "comand". Did you mean "command"?')),
        ("raw_exec", echo(foo=1, bar=2), invalid(
            'Invalid label: No argument or block type is named "foo".',
            'Invalid label: No argument or block type is named "bar".')),
        ("mock_driver", {"exitcode": 1},
         invalid('Invalid label: No argument or block type is named "exitcode". Did you mean "exit_code"?')),
        ("raw_exec", {"command": "/bin/echo", "args": "x"},
         unfit("args", "list of string required, but have string")),
        ("raw_exec", {"command": ["a"]}, unfit("command", "string required, but have tuple")),
        ("raw_exec", {"command": {}}, unfit("command", "string required, but have object")),
        ("raw_exec", echo(["a"]), unfit("args", "element 0: string required, but have tuple")),
        ("raw_exec", echo(oom_score_adj="x"), unfit("oom_score_adj", "a number is required")),
        ("mock_driver", {"exit_code": "x"}, unfit("exit_code", "a number is required")),
        ("mock_driver", {"exit_code": True}, unfit("exit_code", "number required, but have bool")),
        ("mock_driver", {"start_error_recoverable": "yes"}, unfit("start_error_recoverable", "a bool is required")),
        ("mock_driver", {"start_error_recoverable": 1},
         unfit("start_error_recoverable", "bool required, but have number")),
        ("raw_exec", echo("${nope} ${NOMAD_META_nope}"), invalid(
            'Unknown variable: There is no variable named "nope". Did you mean "node"?',
            'Unknown variable: There is no variable named "NOMAD_META_nope".')),
        ("raw_exec", echo("${FIRST}", "a", "${SECOND}", work_dir="${meta.third}"), invalid(
            'Unknown variable: There is no variable named "FIRST".',
            'Unknown variable: There is no variable named "SECOND".',
            'Unsupported attribute: This object does not have an attribute named "third".')),
        ("raw_exec", echo("${meta.a}"),
         invalid('Unsupported attribute: This object does not have an attribute named "a".')),
        ("raw_exec", echo('${env["NOPE"]}'), invalid(INDEX)),
        ("raw_exec", echo("${attr}"), invalid(OBJECT)),
        ("raw_exec", echo("${attr.kernel}"), invalid(OBJECT)),
        ("raw_exec", echo("${attr.kernel.name.x}"), invalid(
            "Unsupported attribute: Can't access attributes on a primitive-typed value (string).")),
        ("raw_exec", echo('${attr["kernel.name"]}'), invalid(INDEX)),
        ("raw_exec", echo("${upper(NOMAD_TASK_NAME)}"), invalid(
            "Invalid expression: ${upper(NOMAD_TASK_NAME)} is more than a reference, "
            "which the embedded agent does not support.")),
        ("raw_exec", echo("${NOMAD_TASK_NAME"), invalid(
            "Invalid template: there is no closing brace for this ${.")),
        ("raw_exec", {"command": 5}, ("Driver Failure", f'{LAUNCH}binary "5" could not be found')),
        ("raw_exec", {"command": "nosuchcmd"}, ("Driver Failure", f'{LAUNCH}binary "nosuchcmd" could not be found')),
        ("raw_exec", {"command": "../../../../bin/nosuch"},
         ("Driver Failure", f'{LAUNCH}binary "../../../../bin/nosuch" could not be found')),
        ("raw_exec", {"command": "a\0b"}, ("Driver Failure", f'{LAUNCH}binary "a\\u0000b" could not be found')),
        ("exec", echo(work_dir="rel"),
         ("Driver Failure", "failed driver config validation: work_dir must be an absolute path")),
        ("raw_exec", echo(oom_score_adj=-1),
         ("Driver Failure", "failed driver config validation: oom_score_adj must not be negative")),
        ("raw_exec", echo(work_dir="/proc/missing"), ("Driver Failure", (
            f'{LAUNCH}failed to start command path="/bin/echo" --- args=["/bin/echo"]: '
            "fork/exec /bin/echo: no such file or directory"))),
        ("raw_exec", {"command": "/etc"}, ("Driver Failure",
            f'{LAUNCH}failed to start command path="/etc" --- args=["/etc"]: fork/exec /etc: permission denied')),
        ("raw_exec", echo("a\0b"), ("Driver Failure", (
            f'{LAUNCH}failed to start command path="/bin/echo" --- args=["/bin/echo" "a\\u0000b"]: '
            "fork/exec /bin/echo: invalid argument"))),
        ("mock_driver", {"run_for": "bogus"},
         ("Driver Failure", 'run_for bogus not a valid duration: time: invalid duration "bogus"')),
        ("mock_driver", {"run_for": 5},
         ("Driver Failure", 'run_for 5 not a valid duration: time: missing unit in duration "5"')),
        ("mock_driver", {"stdout_repeat_duration": "zz"},
         ("Driver Failure", 'stdout_repeat_duration 0s not a valid duration: time: invalid duration "zz"')),
        ("mock_driver", {"start_block_for": "zz"},
         ("Driver Failure", 'start_block_for zz not a valid duration: time: invalid duration "zz"')),
        ("mock_driver", {"plugin_exit_after": "zz"},
         ("Driver Failure", 'plugin_exit_after zz not a valid duration: time: invalid duration "zz"')),
        ("mock_driver", {"driver_port_map": "a"}, ("Driver Failure", 'malformed port map: "a"')),
        ("mock_driver", {"exit_code": 1.5}, ("Driver Failure", "exit_code 1.5 is not a whole number")),
        ("mock_driver", {"start_error": "no such image"}, ("Driver Failure", "no such image")),
    ],
)  # fmt: skip
async def test_a_task_that_cannot_start_says_why(tmp_path, driver, config, failure):
    """A config that does not fit is a validation failure, everything after it a driver failure."""
    update = await run_mocks(make_job(make_task(driver, config)), tmp_path)
    assert (update.client_status, messages(update)) == ("failed", [failure, NOT_RESTARTED])


@pytest.mark.parametrize(
    ("config", "end"),
    [
        ({"run_for": "-5s"}, "Exit Code: 0"),
        ({"run_for": None}, "Exit Code: 0"),
        ({"exec_command": {"run_for": "1s"}}, "Exit Code: 0"),
        ({"exit_code": "3"}, "Exit Code: 3"),
        ({"exit_code": "${NOMAD_META_code}"}, "Exit Code: 7"),
        ({"exit_signal": 9}, "Exit Code: 0, Signal: 9"),
        ({"exit_signal": 9, "exit_code": 137}, "Exit Code: 137, Signal: 9"),
        ({"exit_err_msg": "boom"}, 'Exit Code: 0, Exit Message: "boom"'),
        ({"start_block_for": "1h", "run_for": "1h"}, "Exit Code: 0"),
    ],
)
async def test_a_mock_task_plays_its_script(tmp_path, config, end):
    """Exit codes, signals and messages are those of the config, which may take them from the dispatch."""
    update = await run_mocks(make_job(make_task("mock_driver", config), Meta={"code": "7"}), tmp_path)
    assert messages(update)[:2] == [("Started", "Task started by client"), ("Terminated", end)]


async def test_a_mock_task_writes_its_texts(tmp_path):
    """The text comes once and then as often as it is to be repeated, even if run_for is shorter."""
    config = {
        "run_for": "1s",
        "stdout_string": "out ${NOMAD_META_title}\n",
        "stdout_repeat": 2,
        "stdout_repeat_duration": "5s",
        "stderr_string": "err\n",
    }
    await run_mocks(make_job(make_task("mock_driver", config), Meta={"title": "é"}), tmp_path)
    assert (output(tmp_path), output(tmp_path, kind="stderr")) == ("out é\n" * 3, "err\n")


async def test_a_mock_task_that_cannot_write_fails(tmp_path):
    """The error is the message of its exit."""
    (tmp_path / ALLOC_ID).write_text("in the way of the folder")
    config = {"run_for": "1s", "stdout_string": "x"}
    update = await run_mocks(make_job(make_task("mock_driver", config)), tmp_path)
    kind, text = messages(update)[1]
    assert (update.client_status, kind) == ("failed", "Terminated")
    assert text.startswith('Exit Code: 0, Exit Message: "[Errno ')


async def test_a_mock_task_may_take_its_time_to_die(tmp_path):
    """kill_after delays the end of a killed task."""
    job = make_job(make_task("mock_driver", {"run_for": "1h", "kill_after": "10s"}), group={"MaxRunDuration": 10**9})
    update = await run_mocks(job, tmp_path)
    times = {event["Type"]: event["Time"] for event in update.task_states["t"]["Events"]}
    assert times["Terminated"] - times["Killing"] == 10 * 10**9


async def test_a_process_gets_its_arguments_and_folder(tmp_path):
    """References and escapes in arguments are read as HCL, relative commands are found, the folder is the task's."""
    script = (
        "echo '$${NOMAD_TASK_NAME}' ${NOMAD_TASK_NAME} ${env[\"NOMAD_TASK_NAME\"]} '%%{x}' ${node.datacenter} "
        "${attr.cpu.arch} ${attr.unique.hostname} ${node.attr.cpu.arch} ${node.meta.rack} ${ NOMAD_GROUP_NAME }; pwd"
    )
    task = make_task("exec", {"command": "sh", "args": ["-c", script, 1, True]})
    update = await run_processes(make_job(task), tmp_path)
    folder = next(tmp_path.iterdir()) / "t"
    assert output(tmp_path) == f"${{NOMAD_TASK_NAME}} t t %{{x}} dc1 amd64 node-1 amd64 r1 g\n{folder}\n"
    assert update.client_status == "complete"


async def test_a_command_in_the_tasks_folder_goes_first(tmp_path):
    """A template can be the command: it is found below local/ and made executable."""
    template = {"EmbeddedTmpl": "#!/bin/sh\necho mine\n", "DestPath": "local/echo", "Perms": "0644"}
    await run_processes(make_job(make_task("raw_exec", {"command": "echo"}, Templates=[template])), tmp_path)
    assert output(tmp_path) == "mine\n"


async def test_nulls_in_a_config_are_empty(tmp_path):
    """An argument that is null is an empty one, and a command that is null is the task's folder. Observed on 2.0.5."""
    await run_processes(make_job(make_task("raw_exec", {"command": "/bin/echo", "args": ["a", None, "b"]})), tmp_path)
    update = await run_processes(make_job(make_task("raw_exec", {"command": None})), tmp_path / "other")
    assert output(tmp_path) == "a  b\n"
    assert messages(update)[0][1].endswith("/t/local: permission denied")


async def test_an_exit_is_noticed_where_the_system_cannot_tell_of_it():
    """Systems without descriptors of processes are asked again and again."""
    with subprocess.Popen(["/bin/sh", "-c", "exit 3"]) as process:  # noqa: ASYNC220 - it is what a driver starts
        await exit_by_polling(process)
        assert process.returncode == 3


async def test_output_goes_to_the_logs_unless_they_are_disabled(tmp_path):
    """Both streams have a file each, which runner.log_path names."""
    updates = []
    runner = make_runner(
        make_job(shell("echo out; echo err >&2"), shell("echo nothing", "quiet", LogConfig={"Disabled": True})),
        tmp_path,
        updates,
    )
    await runner.run()
    assert runner.log_path("t", "stdout").read_text() == "out\n"
    assert runner.log_path("t", "stderr").read_text() == "err\n"
    assert not runner.log_path("quiet", "stdout").exists()


async def test_denied_variables_are_kept_from_the_process(tmp_path):
    """denied_envvars takes globs."""
    config = {"command": "/bin/sh", "args": ["-c", "env | grep KEY"], "denied_envvars": ["SECRET_*"]}
    await run_processes(make_job(make_task("raw_exec", config, Env={"SECRET_KEY": "1", "OPEN_KEY": "2"})), tmp_path)
    assert output(tmp_path) == "OPEN_KEY=2\n"


async def test_a_variable_with_a_nul_keeps_the_process_from_starting(tmp_path):
    """The operating system has no such environments."""
    update = await run_processes(make_job(shell("true", Env={"A": "a\0b"})), tmp_path)
    assert messages(update)[0][1].endswith("exec: environment variable contains NUL")


async def test_an_unknown_user_keeps_the_process_from_starting(tmp_path):
    """The user of a task must exist on this machine."""
    update = await run_processes(make_job(shell("true", User="nosuchuser")), tmp_path)
    assert messages(update)[0] == (
        "Driver Failure",
        'failed driver config validation: failed to identify user "nosuchuser": user: unknown user nosuchuser',
    )


@pytest.mark.parametrize(
    ("script", "signal", "end"),
    [
        ("trap 'exit 5' TERM; echo ready; while :; do sleep 0.01; done", "SIGTERM", "Exit Code: 5"),
        ("trap '' TERM; echo ready; sleep 60", "SIGTERM", "Exit Code: 137, Signal: 9"),
        ("echo ready; exec sleep 60", "SIGUSR1", "Exit Code: 138, Signal: 10"),
        ("echo ready; exec sleep 60", "SIGNONSENSE", "Exit Code: 137, Signal: 9"),
    ],
)
async def test_a_stopped_process_gets_its_signal_and_then_is_killed(tmp_path, script, signal, end):
    """kill_signal first, SIGKILL after kill_timeout; a signal that does not exist is left out."""
    updates = []
    runner = make_runner(make_job(shell(script, KillSignal=signal, KillTimeout=300_000_000)), tmp_path, updates)
    running = asyncio.create_task(runner.run())
    await eventually(lambda: "ready" in output(tmp_path))
    runner.stop()
    await running
    assert messages(updates[-1])[1:] == [
        ("Killing", "Sent interrupt. Waiting 300ms before force killing"),
        ("Terminated", end),
        ("Killed", "Task successfully killed"),
    ]
    assert (updates[-1].client_status, updates[-1].task_states["t"]["Failed"]) == ("complete", False)


async def test_what_a_process_leaves_behind_is_killed_with_it(tmp_path):
    """The rest of the process group dies when its leader ends."""
    await run_processes(make_job(shell("sleep 600 & echo $!")), tmp_path)
    await eventually(lambda: is_gone(int(output(tmp_path))))


async def test_a_cancelled_run_takes_its_processes_along(tmp_path):
    """An agent that is itself cancelled leaves nothing running."""
    updates = []
    runner = make_runner(make_job(shell("echo $$; exec sleep 600")), tmp_path, updates)
    running = asyncio.create_task(runner.run())
    await eventually(lambda: output(tmp_path))
    running.cancel()
    await asyncio.wait([running])
    assert running.cancelled()
    await eventually(lambda: is_gone(int(output(tmp_path))))
