"""Values that the tests of the journal start from."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

from dispatchfile.events import Intent
from dispatchfile.items import DispatchRequest, Item, Retry
from dispatchfile.journal import RunHeader, Target
from dispatchfile.settings import Rate, Settings, Share, Wait
from dispatchfile.source import Position

TARGET = Target("http://127.0.0.1:4646", "eu", ("media", "default"))
SETTINGS = Settings(
    wait=Wait.COMPLETION,
    in_flight=None,
    rate=Rate(20, 1),
    canary=Share(count=5),
    stop_on=Share(percent=2.5),
    timeout=timedelta(hours=2, microseconds=1),
)


def header(run: str = "k3j9x2ab", *, manifest: str = "/films/dispatchfile.yaml", started_at: float = 1.25) -> RunHeader:
    return RunHeader(
        id=run,
        name="nightly",
        manifest=manifest,
        shown_manifest=Path(manifest).name,
        manifest_digest="d" * 64,
        target=TARGET,
        settings=SETTINGS,
        local=False,
        started_at=started_at,
        tool_version="0.1.0",
        rerun_of="before",
    )


def item(
    name: str = "a",
    *,
    payload: bytes | None = b'{"title": "A"}',
    meta: Mapping[str, str] | None = None,
    sensitive: frozenset[str] = frozenset(),
) -> Item:
    return Item(
        id=name,
        request=DispatchRequest(
            job="encode",
            namespace="media",
            region="eu",
            payload=payload,
            meta={"title": "The \N{LATIN SMALL LETTER E WITH ACUTE}nd"} if meta is None else meta,
            priority=70,
            token=f"nightly-{name}",
        ),
        fingerprint="f" * 64,
        position=Position("dispatchfile.yaml", 12, 5),
        row=Position("films-\udcff.csv", 3, 1),
        written_prefix="outro",
        exact_prefix=False,
        deadline=timedelta(minutes=30),
        stop_on_deadline=True,
        retry=Retry(2, frozenset({"failed", "lost"}), timedelta(seconds=30)),
        max_starts=4,
        tags=("films", "eu"),
        sensitive=sensitive,
    )


def intent(name: str = "a", attempt: int = 1) -> Intent:
    return Intent(name, attempt, "f" * 64, f"k3j9x2ab-{name}-{attempt}", None)
