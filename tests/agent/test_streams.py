"""The event stream tells what a recorded one told of the same run, and what its quirks let through."""

import base64
from typing import Any

import pytest

from dispatchfile.agent.http import HttpRequest, Stream, parse_query
from dispatchfile.agent.records import StoredJob
from dispatchfile.agent.server import answer_for
from dispatchfile.agent.streams import Subscription, TopicError, event_lines, lines_of, read_topics

from .recordings import Json, body_of, recorded
from .world import DONE, World

ALL = Subscription(read_topics([]), None, 0)


def _run(world: World, **request: Any) -> StoredJob:
    """One child from its dispatch to its end."""
    parent = world.register(body_of("job/ok"), ID="ok", Name=None)
    world.state.entries.clear()
    child = world.dispatch(parent, **request)
    world.report(world.alloc(child), DONE, body_of("allocation/ok-1")["TaskStates"])
    world.settle()
    return child


def _lines(world: World, subscription: Subscription = ALL) -> list[Any]:
    return [line for entry in world.state.entries for line in lines_of(entry, subscription)]


def _told(lines: list[Json]) -> list[list[tuple[str, str, bool, list[str]]]]:
    """Of each line the topics and types of its events, whether they have filter keys, and their payloads."""
    return [
        [(e["Topic"], e["Type"], e["FilterKeys"] is None, sorted(e["Payload"])) for e in line["Events"]]
        for line in lines
    ]


def test_run_is_told_as_recorded() -> None:
    """A short run makes the recorded lines: the same events in the same order."""
    world = World()
    _run(world)
    lines = recorded("events/dispatch-ok")["lines"]
    assert _told(_lines(world)) == _told([line for line in lines[2:] if line])


def test_end_by_max_run_duration_is_marked() -> None:
    """The event of an allocation that ran too long says so."""
    world = World()
    parent = world.register(body_of("job/ok"), ID="ok", Name=None)
    child = world.dispatch(parent)
    world.report(world.alloc(child), ("complete", "allocation exceeded max_run_duration"))
    world.settle()
    payload = _lines(world)[-1]["Events"][0]["Payload"]
    told = recorded("events/dispatch-maxrun")["lines"][-1]["Events"][0]["Payload"]
    assert payload.keys() == told.keys()
    assert (payload["Timeout"], payload["TimeoutReason"]) == (True, told["TimeoutReason"])


def test_collection_is_one_line_of_deleted_jobs() -> None:
    """A collection tells the jobs that went, and nothing of their evaluations and allocations."""
    world = World()
    _run(world)
    world.scheduler.collect_garbage()
    [line] = _lines(world)[-1:]
    [event, *_] = recorded("events/system-gc")["lines"][0]["Events"]
    assert [(e["Topic"], e["Type"], sorted(e["Payload"])) for e in line["Events"]] == [
        (event["Topic"], event["Type"], sorted(event["Payload"]))
    ]


def test_payload_is_shown_as_it_is_stored() -> None:
    """Streams show payloads in snappy's block format, as recorded for `hello`."""
    world = World()
    _run(world, payload=b"hello")
    assert _lines(world)[0]["Events"][0]["Payload"]["Job"]["Payload"] == "BRBoZWxsbw=="


def test_large_payload_is_one_literal() -> None:
    """A payload of any allowed size keeps its bytes behind its length."""
    world = World()
    _run(world, payload=bytes(16384))
    block = base64.b64decode(_lines(world)[0]["Events"][0]["Payload"]["Job"]["Payload"])
    assert block == b"\x80\x80\x01" + b"\xf4\xff\x3f" + bytes(16384)


@pytest.mark.parametrize(
    ("texts", "topics"),
    [
        ([], {"*": ["*"]}),
        (["Job"], {"Job": ["*"]}),
        (["Job:a", "Job:b", "Evaluation"], {"Job": ["a", "b"], "Evaluation": ["*"]}),
    ],
)
def test_topics_are_read(texts: list[str], topics: dict[str, list[str]]) -> None:
    """A topic comes with a key or without; none at all is everything."""
    assert read_topics(texts) == topics


def test_topic_with_two_colons_is_refused() -> None:
    """A key cannot contain a colon."""
    with pytest.raises(TopicError) as refused:
        read_topics(["Job:a:b"])
    assert str(refused.value) == recorded("events/bad-topic")["lines"][0]


@pytest.mark.parametrize(
    ("topics", "times"),
    [
        (["Evaluation"], 1),
        (["Evaluation:e"], 1),
        (["Evaluation:ok/child"], 1),
        (["Evaluation:e", "Evaluation:ok/child"], 2),
        (["Evaluation:ok"], 0),
        (["Evaluation", "Evaluation"], 0),
        (["Evaluation", "Evaluation:e"], 1),
        (["Job"], 0),
        (["Nonsense"], 0),
        ([], 1),
    ],
)
def test_event_is_delivered_once_for_each_key_it_has(topics: list[str], times: int) -> None:
    """Keys match exactly, and a star counts only when it stands alone."""
    subscription = Subscription(read_topics(topics), "default", 0)
    assert subscription.deliveries("Evaluation", ["e", "ok/child", ""]) == times


def test_other_namespaces_are_silent() -> None:
    """A subscription to one namespace hears nothing of another."""
    world = World()
    _run(world)
    assert _lines(world, Subscription(read_topics([]), "team", 0)) == []


async def test_stream_begins_with_what_is_remembered_and_goes_on() -> None:
    """A stream greets, tells what happened from its index on, then what happens."""
    world = World()
    child = _run(world)
    last = world.state.index
    stream = event_lines(world.state, Subscription(read_topics(["Job"]), "default", last))
    assert await anext(stream) == b"{}\n"
    assert b'"dead"' in await anext(stream)
    world.stop(child)
    assert b'"Stop":true' in await anext(stream)
    await stream.aclose()
    assert world.state.listeners == set() or all("listen" not in repr(one) for one in world.state.listeners)


async def test_index_behind_the_end_tells_the_newest_entry() -> None:
    """A stream that asks for the future begins with the newest entry, as Nomad's does."""
    world = World()
    _run(world)
    stream = event_lines(world.state, Subscription(read_topics(["Job"]), "default", 10**6))
    assert await anext(stream) == b"{}\n"
    assert b'"dead"' in await anext(stream)
    await stream.aclose()


async def test_reader_that_falls_behind_is_left() -> None:
    """A reader that is slower than the buffer is long finds the stream at its end."""
    world = World()
    parent = world.register(body_of("job/ok"), ID="ok", Name=None)
    stream = event_lines(world.state, Subscription(read_topics(["Job:none"]), "default", 0))
    assert await anext(stream) == b"{}\n"
    for _ in range(110):
        world.dispatch(parent)
    assert [line async for line in stream] == []


def test_stream_takes_its_connection_over() -> None:
    """The route of the stream asks for a connection of its own."""
    answer = answer_for(World().core, HttpRequest("GET", "/v1/event/stream", parse_query("topic=Job")))
    assert isinstance(answer, Stream)
    assert answer.hijacks
