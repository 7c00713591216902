"""A first manifest."""

import json
import re
from pathlib import Path

import pytest

from dispatchfile.agent import EmbeddedAgent
from dispatchfile.errors import FileError, NomadNotFound, UsageError
from dispatchfile.items import TargetScope
from dispatchfile.jobspec import read_job
from dispatchfile.nomad.connection import Connection
from dispatchfile.nomad.models import Job, Parameterized
from dispatchfile.schema import read_schema
from dispatchfile.usecases.init import (
    SCHEMA_FILE,
    files_for_job,
    quoted,
    read_files_for_job,
    slug,
    starter_files,
    write_new_files,
    write_schema,
)
from dispatchfile.usecases.load import ManifestSource, load_items


def make_job(job_id: str, asked: Parameterized | None, namespace: str = "default") -> Job:
    return Job(
        id=job_id,
        namespace=namespace,
        type="batch",
        status="running",
        stop=False,
        parent_id="",
        dispatched=False,
        token="",
        priority=50,
        meta={},
        payload=b"",
        parameterized=asked,
        periodic=False,
        groups=(),
        create_index=1,
        modify_index=1,
        job_modify_index=1,
        submit_time_ns=0,
        version=0,
        region="global",
    )


def _load(folder: Path) -> ManifestSource:
    return ManifestSource(
        path=str(folder / "dispatchfile.yaml"), content=None, variables={}, environ={}, scope=TargetScope()
    )


def test_the_starter_runs_as_it_is(tmp_path: Path) -> None:
    """Manifest, template and job fit together and are without problems."""
    write_new_files(tmp_path, starter_files("My Films!"))
    loaded = load_items(_load(tmp_path))
    assert loaded.problems == ()
    assert [(item.id, item.request.payload, dict(item.request.meta)) for item in loaded.items] == [
        ("hello", b'{"to": "Grace", "from": "Ada"}\n', {"language": "en"}),
        ("hello-annie", b'{"to":"Annie","from":"Ada"}', {"language": "fr"}),
        ("hello-mary", b'{"to":"Mary","from":"Ada"}', {"language": "en"}),
    ]
    job = read_job(tmp_path / "jobs/greet.nomad.hcl")
    assert {item.request.job for item in loaded.items} == {job["ID"]}


def test_editors_are_told_where_the_schema_is(tmp_path: Path) -> None:
    """VS Code and JetBrains each have a comment of their own for it, and the schema is there."""
    first, second, third = starter_files("x")["dispatchfile.yaml"].splitlines()[:3]
    assert (first, second) == (f"# yaml-language-server: $schema={SCHEMA_FILE}", f"# $schema: {SCHEMA_FILE}")
    assert third == "# Editors check this file and complete its keys with the schema beside it."
    path = write_schema(tmp_path)
    assert path == tmp_path / SCHEMA_FILE
    assert json.loads(path.read_text(encoding="utf-8")) == read_schema("manifest")


@pytest.mark.parametrize("content", ["", "{}"])
def test_a_schema_that_is_there_is_left_as_it_is(tmp_path: Path, content: str) -> None:
    """Other manifests in the folder may use it."""
    (tmp_path / SCHEMA_FILE).write_text(content)
    assert write_schema(tmp_path) is None
    assert (tmp_path / SCHEMA_FILE).read_text() == content


def test_a_manifest_for_a_job_has_all_that_it_asks_for() -> None:
    """What is required is there to be filled in, what is allowed stands in comments."""
    asked = Parameterized("required", ("title", "odd key"), ("quality",))
    texts = files_for_job(make_job("video/encode", asked, "media"), "Films")
    manifest = "".join(texts["dispatchfile.yaml"].splitlines(keepends=True)[5:])
    assert (
        manifest
        == """\
version: 1
name: films
namespace: media

# settings:
#   wait: completion # watch each item to its end; the default, placement, waits until Nomad has placed it

defaults:
  job: video/encode

dispatches:
  - id: first
    payload: {template: payloads/video-encode.j2} # required
    meta:
      title: "" # required
      "odd key": "" # required
    #   quality: ""
"""
    )
    assert list(texts) == ["dispatchfile.yaml", "payloads/video-encode.j2"]


@pytest.mark.parametrize("payload", ["required", "optional", "forbidden"])
@pytest.mark.parametrize("required", [(), ("a",)])
@pytest.mark.parametrize("optional", [(), ("b",)])
@pytest.mark.parametrize("job", ["encode", "123", "null", "1.10", 'a "quoted" job', "ünï", "a\u0085b", "🐢"])
def test_a_manifest_for_any_job_is_valid(
    tmp_path: Path, payload: str, required: tuple[str, ...], optional: tuple[str, ...], job: str
) -> None:
    """Whatever it is called and whatever it asks for; and it names that job."""
    write_new_files(tmp_path, files_for_job(make_job(job, Parameterized(payload, required, optional)), job))
    loaded = load_items(_load(tmp_path))
    assert [problem for problem in loaded.problems if problem.code != "DF046"] == []
    assert [item.request.job for item in loaded.items] in ([job], [])


@pytest.mark.parametrize("payload", ["required", "forbidden"])
def test_waiting_for_completion_is_a_comment_away(tmp_path: Path, payload: str) -> None:
    """With its two comment signs removed, the manifest is valid and waits."""
    texts = dict(files_for_job(make_job("encode", Parameterized(payload, (), ())), "x"))
    texts["dispatchfile.yaml"] = re.sub(
        r"^# (settings:|  wait:)", r"\1", texts["dispatchfile.yaml"], flags=re.MULTILINE
    )
    write_new_files(tmp_path, texts)
    loaded = load_items(_load(tmp_path))
    assert loaded.problems == ()
    assert loaded.document is not None
    assert loaded.document.data["settings"] == {"wait": "completion"}


def test_a_job_that_cannot_be_dispatched_is_refused() -> None:
    """It has no parameterized block."""
    with pytest.raises(UsageError, match="job 'web' is not parameterized"):
        files_for_job(make_job("web", None), "x")


@pytest.mark.parametrize("present", ["file", "broken link"])
def test_nothing_is_ever_overwritten(tmp_path: Path, present: str) -> None:
    """If one of the files is there, none of the others is written either."""
    (tmp_path / "jobs").mkdir()
    there = tmp_path / "jobs/greet.nomad.hcl"
    if present == "file":
        there.write_text("mine")
    else:
        there.symlink_to(tmp_path / "nowhere")
    with pytest.raises(FileError, match="exists already; nothing was written"):
        write_new_files(tmp_path, starter_files("x"))
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["greet.nomad.hcl", "jobs"]


def test_a_folder_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    """A file stands where the folder is to be."""
    (tmp_path / "x").write_text("")
    with pytest.raises(FileError, match="x: is not a folder"):
        write_new_files(tmp_path / "x", starter_files("x"))


def test_names_become_slugs() -> None:
    """The name of a folder or of a job becomes a valid name."""
    assert [slug(text) for text in ("My Films!", "--", "a" * 50, "v1.2/x")] == [
        "my-films",
        "dispatches",
        "a" * 40,
        "v1-2-x",
    ]


def test_texts_become_yaml_strings() -> None:
    """Never a number, a null or a tag."""
    assert [quoted(text) for text in ("enc-1", "1.10", "null", 'a"b', "a\nb", "yes")] == [
        "enc-1",
        '"1.10"',
        '"null"',
        '"a\\"b"',
        '"a\\nb"',
        "yes",
    ]


async def test_a_registered_job_is_asked_what_it_takes() -> None:
    """Over HTTP, as whoever has the connection."""
    job = {
        "ID": "encode",
        "Type": "batch",
        "Datacenters": ["*"],
        "ParameterizedJob": {"Payload": "forbidden", "MetaRequired": ["title"]},
        "TaskGroups": [{"Name": "g", "Tasks": [{"Name": "t", "Driver": "mock_driver", "Config": {}}]}],
    }
    async with EmbeddedAgent(jobs=[job]) as agent:
        texts = await read_files_for_job(Connection(address=agent.address), "encode", "films")
        assert texts == files_for_job(make_job("encode", Parameterized("forbidden", ("title",))), "films")
        with pytest.raises(NomadNotFound):
            await read_files_for_job(Connection(address=agent.address), "other", "films")
