"""What a task finds when it starts: its environment, its folders and the files in them."""

import asyncio
import base64
import os
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from aiohttp import web

from dispatchfile.agent.outcomes import SetupError
from dispatchfile.agent.runner import AllocUpdate
from dispatchfile.agent.taskdir import TaskFolders
from dispatchfile.agent.taskenv import Folders, Placement, build_environment
from tests.agent.allocs import (
    ALLOC_ID,
    NODE,
    make_job,
    make_runner,
    make_task,
    messages,
    output,
    run_mocks,
    run_processes,
    shell,
)

FOLDERS = Folders(alloc=Path("/a/alloc"), local=Path("/a/t/local"), secrets=Path("/a/t/secrets"))
INHERITED = {
    "PATH": "/usr/bin:/bin",
    "HOME": "/root",
    "NOMAD_TOKEN": "secret",
    "NOMAD_ADDR": "https://production:4646",
    "VAULT_TOKEN": "secret",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "DISPATCHFILE_STATE_DIR": "/x",
}


def environment(task: dict, **job: object) -> dict[str, str]:
    """All variables of a task of a dispatched job."""
    given = make_job(task, **{"ID": "p/dispatch-1-2", "Name": "p/dispatch-1-2", "ParentID": "p", **job})
    group = given["TaskGroups"][0]
    placement = Placement(ALLOC_ID, "p/dispatch-1-2.g[3]", given, group, NODE)
    return dict(build_environment(placement, task, FOLDERS, INHERITED).variables)


def test_a_task_gets_nomads_variables():
    """These are the variables that a 2.0.5 client gave a task of the same job, less cgroups; no secret is passed on."""
    resources = {"CPU": 10, "MemoryMB": 20, "MemoryMaxMB": 0}
    assert environment(shell("x", Resources=resources), Namespace="default", Region="global") == {
        "NOMAD_ALLOC_DIR": "/a/alloc",
        "NOMAD_TASK_DIR": "/a/t/local",
        "NOMAD_SECRETS_DIR": "/a/t/secrets",
        "NOMAD_ALLOC_ID": ALLOC_ID,
        "NOMAD_SHORT_ALLOC_ID": "1b0cb87f",
        "NOMAD_ALLOC_INDEX": "3",
        "NOMAD_ALLOC_NAME": "p/dispatch-1-2.g[3]",
        "NOMAD_CPU_LIMIT": "10",
        "NOMAD_MEMORY_LIMIT": "20",
        "NOMAD_DC": "dc1",
        "NOMAD_GROUP_NAME": "g",
        "NOMAD_JOB_ID": "p/dispatch-1-2",
        "NOMAD_JOB_NAME": "p/dispatch-1-2",
        "NOMAD_JOB_PARENT_ID": "p",
        "NOMAD_NAMESPACE": "default",
        "NOMAD_REGION": "global",
        "NOMAD_TASK_NAME": "t",
        "PATH": "/usr/bin:/bin",
        "HOME": "/root",
    }


def test_meta_comes_in_two_spellings_and_the_nearest_counts():
    """Task before group before job; optional keys of the dispatch are there though empty; bad bytes turn into _."""
    task = shell("x", Meta={"title": "task", "we-ird.k": "${NOMAD_JOB_ID}", "ß": "1"})
    optional = {"MetaOptional": ["opt", "title"], "Payload": "optional"}
    found = environment(task, Meta={"title": "job", "JM": "1"}, Dispatched=True, ParameterizedJob=optional)
    assert {key: value for key, value in found.items() if key.startswith("NOMAD_META_")} == {
        "NOMAD_META_OPT": "",
        "NOMAD_META_opt": "",
        "NOMAD_META_TITLE": "task",
        "NOMAD_META_title": "task",
        "NOMAD_META_JM": "1",
        "NOMAD_META_WE_IRD.K": "p/dispatch-1-2",
        "NOMAD_META_we_ird.k": "p/dispatch-1-2",
        "NOMAD_META_SS": "1",
        "NOMAD_META___": "1",
    }


def test_optional_meta_of_a_job_that_was_not_dispatched_is_not_there():
    """Only a dispatch makes the optional keys known."""
    found = environment(shell("x"), ParameterizedJob={"MetaOptional": ["opt"]})
    assert not any(key.startswith("NOMAD_META_") for key in found)


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("x-${NOMAD_META_title}", "x-hi"),
        ("${attr.kernel.name} ${node.unique.name} ${meta.rack} ${node.region}", "linux node-1 r1 global"),
        ("${nope} ${meta.nope} ${env.HOME}", "${nope} ${meta.nope} ${env.HOME}"),
        ('${env["HOME"]}', '${env["HOME"]}'),
        ("$${NOMAD_TASK_NAME}", "$t"),
        ("${HOME} $HOME", "/root $HOME"),
    ],
)
def test_references_in_env_are_filled_in_and_unknown_ones_stay(written, value):
    """In env, unlike in a driver's config, only plain names count, and there are no escapes. Observed on 2.0.5."""
    assert environment(shell("x", Env={"A": written}), Meta={"title": "hi"})["A"] == value


async def test_a_process_runs_in_its_own_folders(tmp_path):
    """Folders are there, as the variables name them."""
    script = 'ls -d "$NOMAD_ALLOC_DIR"/* "$NOMAD_TASK_DIR" "$NOMAD_SECRETS_DIR" tmp; env | grep -c NOMAD_TOKEN'
    await run_processes(make_job(shell(script)), tmp_path, inherited=INHERITED)
    root = tmp_path / ALLOC_ID
    names = ["alloc/data", "alloc/logs", "alloc/tmp", "t/local", "t/secrets"]
    assert output(tmp_path) == "".join(f"{root / name}\n" for name in names) + "tmp\n0\n"
    assert (root / "t" / "secrets").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    ("payload", "job", "found"),
    [
        (b"hello", {}, "hello"),
        (b"", {"Dispatched": True}, ""),
        (None, {"Dispatched": True}, ""),
        (None, {}, None),
    ],
)
async def test_the_payload_is_written_below_local(tmp_path, payload, job, found):
    """A dispatched job without payload gets an empty file, any other none; the name is not interpolated."""
    encoded = None if payload is None else base64.b64encode(payload).decode()
    task = make_task("mock_driver", {"run_for": "1s"}, DispatchPayload={"File": "in/${NOMAD_TASK_NAME}.json"})
    update = await run_mocks(make_job(task, Payload=encoded, **job), tmp_path)
    path = tmp_path / ALLOC_ID / "t" / "local" / "in" / "${NOMAD_TASK_NAME}.json"
    assert (update.client_status, path.read_text() if path.exists() else None) == ("complete", found)


@pytest.mark.parametrize(
    ("more", "text"),
    [
        ({"DispatchPayload": {"File": "../x"}}, "dispatch_payload file '../x' escapes the task's local directory"),
        ({"DispatchPayload": {"File": "/"}}, "dispatch_payload file '/' escapes the task's local directory"),
        ({"DispatchPayload": {"File": "a\0b"}}, "failed to write 'a\\x00b': embedded null byte"),
        ({"Templates": [{"EmbeddedTmpl": "x", "DestPath": "../../x"}]},
         "path '../../x' escapes the allocation directory"),
        ({"Templates": [{"EmbeddedTmpl": "x", "DestPath": "local"}]}, "failed to write 'local': [Errno 21]"),
        ({"Templates": [{"EmbeddedTmpl": '{{ key "x" }}', "DestPath": "local/x"}]},
         'template: line 1: function "key" needs Consul, which the embedded agent does not have: to try the job here'),
        ({"Templates": [{"EmbeddedTmpl": '{{ mustEnv "NO" }}', "DestPath": "local/x"}]},
         "template: line 1: required environment variable NO is empty"),
        ({"Templates": [{"SourcePath": "local/no", "DestPath": "local/x"}]},
         "template: local/no: No such file or directory"),
        ({"Templates": [{"SourcePath": "../../no", "DestPath": "local/x"}]},
         "path '../../no' escapes the allocation directory"),
        ({"Templates": [{"EmbeddedTmpl": "x", "DestPath": "local/x", "Uid": 1 << 40}]},
         "failed to set the owner of 'x' to uid 1099511627776 and gid -1: "),
        ({"Templates": [{"EmbeddedTmpl": "x", "DestPath": "local/x", "Perms": "rw"}]},
         "template: 'rw' is not a file mode such as 644"),
        ({"Templates": [{"EmbeddedTmpl": "no pair", "DestPath": "local/x", "Envvars": True}]},
         "template: 'no pair' is no KEY=value"),
        ({"Name": "a/b"}, "task name 'a/b' cannot be used as the name of a folder"),
        ({"Driver": "docker"}, "the embedded agent has no driver docker"),
    ],
)  # fmt: skip
async def test_what_cannot_be_set_up_fails_the_task(tmp_path, more, text):
    """Nothing that a job asks for is left out in silence, and nothing is written outside of the task's folders."""
    task = {**make_task("raw_exec", {"command": "/bin/true"}), **more}
    update = await run_mocks(make_job(task, Payload="aGVsbG8="), tmp_path)
    kind, message = messages(update, task["Name"])[0]
    assert (kind, message[: len(text)]) == ("Setup Failure", text)
    assert {path.name for path in tmp_path.iterdir()} <= {ALLOC_ID}


async def test_a_payload_that_is_no_base64_fails_the_task(tmp_path):
    """A broken record is the task's trouble, not the agent's."""
    task = make_task("mock_driver", {"run_for": "1s"}, DispatchPayload={"File": "x"})
    update = await run_mocks(make_job(task, Payload="%%%"), tmp_path)
    assert messages(update)[0][0] == "Setup Failure"


async def test_templates_are_written_and_may_set_variables(tmp_path):
    """Text stays as it is but for {{ env }}; env = true makes variables of KEY=value lines."""
    templates = [
        {"EmbeddedTmpl": 't=${NOMAD_META_title} {{ env "NOMAD_META_title" }}{{ env "NO" }}', "DestPath": "local/o"},
        {"EmbeddedTmpl": "FOO=a b\n# c\n\nexport BAR=\"q\"\n", "DestPath": "${NOMAD_SECRETS_DIR}/env", "Envvars": True},
        {"EmbeddedTmpl": "[[env \"HOME\"]] {{", "DestPath": "local/p", "LeftDelim": "[[", "RightDelim": "]]"},
    ]  # fmt: skip
    script = 'cat local/o local/p; echo; echo "x$FOO y$BAR"; stat -c %a secrets/env'
    job = make_job(shell(script, Templates=templates), Meta={"title": "hi"})
    await run_processes(job, tmp_path, inherited=INHERITED)
    assert output(tmp_path) == "t=${NOMAD_META_title} hi/root {{\nxa b yq\n644\n"


async def test_templates_see_node_attributes_and_files_of_the_task(tmp_path):
    """As on Nomad, `env` knows ``attr.``, ``node.`` and ``meta.`` too; `file` and source read what is in the task."""
    templates = [
        {"EmbeddedTmpl": '{{ env "attr.kernel.name" }} {{ env "node.unique.name" }}\n', "DestPath": "local/a"},
        {"EmbeddedTmpl": '{{ file "local/a" }}{{ if env "NO" }}x{{ else }}y{{ end }}\n', "DestPath": "local/b"},
        {"SourcePath": "local/b", "DestPath": "local/c"},
    ]
    await run_processes(make_job(shell("cat local/b local/c", Templates=templates)), tmp_path)
    assert output(tmp_path) == "linux node-1\ny\n" * 2


async def serve(handler: Callable[[web.Request], Awaitable[web.Response]]) -> tuple[web.AppRunner, int]:
    app = web.Application()
    app.router.add_get("/{path:.*}", handler)
    runner = web.AppRunner(app, handler_cancellation=True)
    await runner.setup()
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        await web.SockSite(runner, listener.dup()).start()
        return runner, listener.getsockname()[1]


async def test_an_artifact_of_this_machine_is_downloaded_once(tmp_path):
    """A restart does not fetch it again; headers are sent; a mode of file names the file."""
    asked = []

    async def answer(request: web.Request) -> web.Response:
        asked.append((request.path, request.headers.get("X-A")))
        return web.Response(text="content")

    server, port = await serve(answer)
    url = f"http://127.0.0.1:{port}"
    artifacts = [
        {"GetterSource": f"{url}/a/b.txt?x=1", "GetterHeaders": {"X-A": "${NOMAD_TASK_NAME}"}},
        {"GetterSource": f"{url}/c", "GetterMode": "file", "RelativeDest": "${NOMAD_ALLOC_DIR}/data/d.txt"},
    ]
    restarts = {"Attempts": 1, "Interval": 10**12, "Delay": 1, "Mode": "fail"}
    script = "grep -H content local/b.txt; exit 1"
    task = shell(script, Artifacts=artifacts, RestartPolicy=restarts)
    await run_processes(make_job(task), tmp_path)
    await server.cleanup()
    assert asked == [("/a/b.txt", "t"), ("/c", None)]
    assert output(tmp_path) == "local/b.txt:content\n" * 2
    assert (tmp_path / ALLOC_ID / "alloc" / "data" / "d.txt").read_text() == "content"


@pytest.mark.parametrize(
    ("artifact", "why"),
    [
        ({"GetterSource": "/tmp/x"}, "download not supported for scheme 'file'"),
        ({"GetterSource": "http://127.0.0.1:1/x", "RelativeDest": "../../x"},
         "path '../../x' escapes the allocation directory"),
        ({"GetterSource": "http://127.0.0.1:1/x"},
         'Get "http://127.0.0.1:1/x": dial tcp 127.0.0.1:1: connect: connection refused'),
    ],
)  # fmt: skip
async def test_an_artifact_that_cannot_be_had_fails_the_task(tmp_path, artifact, why):
    """Nothing but loopback is ever asked; each start after a restart tries again."""
    restarts = {"Attempts": 1, "Interval": 10**12, "Delay": 1, "Mode": "fail"}
    task = make_task("mock_driver", {"run_for": "1s"}, Artifacts=[artifact], RestartPolicy=restarts)
    update = await run_mocks(make_job(task), tmp_path)
    start = f'failed to download artifact "{artifact["GetterSource"]}": getter subprocess failed: exit status 1: '
    failure = ("Failed Artifact Download", f"{start}failed to download artifact: {why}")
    downloading = ("Downloading Artifacts", "Client is downloading artifacts")
    told = messages(update)
    assert told[:2] == [downloading, failure]
    assert (told[2][0], told[3:5], told[5][0]) == ("Restarting", [downloading, failure], "Not Restarting")


@pytest.mark.parametrize(
    ("artifact", "limit"),
    [
        ({"GetterSource": "git::https://example.com/x"}, "the embedded agent downloads only by HTTP, not by git"),
        ({"GetterSource": "https://example.com/x"},
         "the embedded agent downloads only from its own machine, not from example.com"),
        ({"GetterSource": "http://10.0.0.1/x"},
         "the embedded agent downloads only from its own machine, not from 10.0.0.1"),
        ({"GetterSource": "http://127.0.0.1:1/x", "GetterOptions": {"checksum": "md5:00"}},
         "options are not supported by the embedded agent"),
        ({"GetterSource": "http://127.0.0.1:1/x.tar.gz"}, "unpacking is not supported by the embedded agent"),
    ],
)  # fmt: skip
async def test_an_artifact_that_the_agent_can_never_download_fails_the_task_at_once(tmp_path, artifact, limit):
    """No restart would help, so there is none, and the text says what to do."""
    restarts = {"Attempts": 1, "Interval": 10**12, "Delay": 1, "Mode": "fail"}
    task = make_task("mock_driver", {"run_for": "1s"}, Artifacts=[artifact], RestartPolicy=restarts)
    update = await run_mocks(make_job(task), tmp_path)
    remedy = f'to try the job here, use a copy without the artifact "{artifact["GetterSource"]}"'
    assert messages(update) == [
        ("Downloading Artifacts", "Client is downloading artifacts"),
        ("Failed Artifact Download", f"{limit}: {remedy}"),
        ("Not Restarting", "Error was unrecoverable"),
    ]


async def test_a_template_may_name_the_owner_of_its_file(tmp_path):
    """The user that runs the agent can give the file to itself."""
    template = {"EmbeddedTmpl": "x", "DestPath": "local/x", "Uid": os.geteuid(), "Gid": os.getegid()}
    task = make_task("mock_driver", {"run_for": "1ms"}, Templates=[template])
    update = await run_mocks(make_job(task), tmp_path)
    stat = (tmp_path / ALLOC_ID / "t" / "local" / "x").stat()
    assert (update.client_status, stat.st_uid, stat.st_gid) == ("complete", os.geteuid(), os.getegid())


async def test_redirects_and_errors_are_no_artifacts(tmp_path):
    """A redirect could lead to another machine, so it counts as the answer it is."""

    async def answer(request: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": "http://example.com/"})

    server, port = await serve(answer)
    task = make_task("mock_driver", {"run_for": "1s"}, Artifacts=[{"GetterSource": f"http://127.0.0.1:{port}/"}])
    update = await run_processes(make_job(task), tmp_path)
    await server.cleanup()
    assert messages(update)[1][1].endswith("failed to download artifact: bad response code: 302")


async def test_a_stop_does_not_wait_for_a_download(tmp_path):
    """A task that is still being set up never starts, and is not failed."""
    asked = asyncio.Event()

    async def answer(request: web.Request) -> web.Response:
        asked.set()
        await asyncio.sleep(60)
        return web.Response()

    server, port = await serve(answer)
    updates: list[AllocUpdate] = []
    task = make_task("mock_driver", {"run_for": "1s"}, Artifacts=[{"GetterSource": f"http://127.0.0.1:{port}/"}])
    runner = make_runner(make_job(task), tmp_path, updates)
    running = asyncio.create_task(runner.run())
    await asked.wait()
    runner.stop()
    await running
    await server.cleanup()
    assert [kind for kind, _ in messages(updates[-1])] == ["Downloading Artifacts", "Killing"]
    assert (updates[-1].client_status, updates[-1].task_states["t"]["StartedAt"]) == ("complete", None)


@pytest.mark.parametrize("path", ["../x", "local/../../x", "/../x", "local/../../t2/x"])
def test_no_path_leads_out_of_the_task(tmp_path, path):
    """Paths are judged after they are resolved, and the task's neighbours are outside, too."""
    with pytest.raises(SetupError):
        TaskFolders(tmp_path, "t").inside(path)


def test_a_path_may_name_the_shared_folder_or_be_absolute(tmp_path):
    """An absolute path that is not below the allocation is taken as one below the task's folder."""
    folders = TaskFolders(tmp_path, "t")
    assert folders.inside(str(tmp_path / "alloc" / "x")) == tmp_path / "alloc" / "x"
    assert folders.inside("../alloc/x") == tmp_path / "alloc" / "x"
    assert folders.inside("/etc/x") == tmp_path / "t" / "etc" / "x"
