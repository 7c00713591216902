"""Near misses: what a misspelt name may stand for, and what it may not."""

from pathlib import Path

import pytest

from dispatchfile.similar import did_you_mean, similar_file, similar_names

SETTINGS = ["concurrency", "in_flight", "rate", "canary", "stop_on", "wait", "timeout", "unplaced_after", "settle"]


@pytest.mark.parametrize(
    ("name", "known", "expected"),
    [
        pytest.param("Title", ["slug", "title"], "title", id="case"),
        pytest.param("TITLE", ["slug", "title"], "title", id="all capitals"),
        pytest.param("title", ["slug", "Title"], "Title", id="case, the other way"),
        pytest.param("films.yml", ["films.yaml", "films.csv"], "films.yaml", id="yml"),
        pytest.param("films", ["films.yaml"], "films.yaml", id="no ending"),
        pytest.param("films.dispatchfile.yaml", ["films.yaml"], "films.yaml", id="two endings"),
        pytest.param("encode.hcl", ["encode.nomad.hcl", "decode.nomad.hcl"], "encode.nomad.hcl", id="hcl"),
        pytest.param("encode.nomad.json", ["decode.hcl", "encode.hcl"], "encode.hcl", id="json for hcl"),
        pytest.param("encode.nomad", ["encode"], "encode", id="a job named like its file"),
        pytest.param("body.txt", ["body.txt.j2"], "body.txt.j2", id="a template's ending"),
        pytest.param("body.json.j2", ["body.json"], "body.json", id="a template's ending too many"),
        pytest.param("encode", ["mail", "video-encode"], "video-encode", id="the last word"),
        pytest.param("video-encode", ["mail", "encode"], "encode", id="a word too many"),
        pytest.param("video", ["mail", "video-encode"], "video-encode", id="the first word"),
        pytest.param("enc", ["mail", "encode"], "encode", id="a prefix"),
        pytest.param("job-title", ["job_id", "job_title"], "job_title", id="hyphens"),
        pytest.param("jobTitle", ["job_id", "job_title"], "job_title", id="camel case"),
        pytest.param("JobTitle", ["job_id", "job_title"], "job_title", id="Pascal case"),
        pytest.param("HTTPProxy", ["http_proxy"], "http_proxy", id="an abbreviation in capitals"),
        pytest.param("jobtitle", ["job_id", "job_title"], "job_title", id="joined"),
        pytest.param("job title", ["job_id", "job_title"], "job_title", id="a blank"),
        pytest.param("job.title", ["job_id", "job_title"], "job_title", id="a dot"),
        pytest.param("titel", ["slug", "title"], "title", id="swapped letters"),
        pytest.param("okk", ["ok", "long"], "ok", id="a short one"),
        pytest.param("unplacedAfter", SETTINGS, "unplaced_after", id="a key in camel case"),
    ],
)
def test_a_slip_is_seen_through(name: str, known: list[str], expected: str) -> None:
    """Case, endings, joined words, prefixes and whole words make no difference; nor does a letter or two."""
    assert similar_names(name, known) == [expected]


@pytest.mark.parametrize(
    ("name", "known"),
    [
        pytest.param("parallelism", [*SETTINGS, "payload", "priority"], id="a key of GitHub's and Kubernetes'"),
        pytest.param("parallel", ["payload", "priority", "retry"], id="begins like another"),
        pytest.param("count", ["cause", "job", "id"], id="a word of Nomad's"),
        pytest.param("a", ["b", "ab"], id="one letter"),
        pytest.param("id", ["video", "wide"], id="inside of a word"),
        pytest.param("x", [], id="nothing known"),
    ],
)
def test_what_is_not_alike_is_not_suggested(name: str, known: list[str]) -> None:
    """A wrong suggestion is worse than none."""
    assert similar_names(name, known) == []


def test_the_likeliest_come_first_and_each_once() -> None:
    """The same word in another form, then one with a slip, then one that is longer."""
    known = ["encode-4k", "Encode", "encoder", "video-encode", "mail"]
    assert similar_names("encode", known, most=5) == ["Encode", "encoder", "encode-4k", "video-encode"]
    assert similar_names("encode", known, most=2) == ["Encode", "encoder"]


def test_a_name_does_not_stand_for_itself() -> None:
    """A known name is not its own near miss."""
    assert similar_names("title", ["title"]) == []


def test_the_hint_names_what_may_be_meant() -> None:
    """Else it says what the caller has to say."""
    assert did_you_mean("Title", ["title"]) == "did you mean title?"
    assert did_you_mean("Title", ["title"], quoted=True) == "did you mean 'title'?"
    assert did_you_mean("runa", ["runb", "runc"], most=3) == "did you mean runb or runc?"
    assert did_you_mean("x", ["title"], otherwise="it has title") == "it has title"


def test_a_missing_file_may_be_another_one_of_its_folder(tmp_path: Path) -> None:
    """Names that cannot be printed are left out, and a folder that is missing holds nothing."""
    (tmp_path / "films.yaml").touch()
    (tmp_path / "filmz\n.yaml").touch()
    assert similar_file(str(tmp_path / "films.yml")) == "did you mean films.yaml?"
    assert similar_file(str(tmp_path / "mail.csv")) == ""
    assert similar_file(str(tmp_path / "missing" / "films.yml")) == ""
    assert similar_file("") == ""
