"""Recorded exchanges with a Nomad 2.0.5 server, and what is comparable in them."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

_FOLDER = Path(__file__).parent.parent / "recordings"

Json = dict[str, Any]

_TIMES = frozenset({"CreateTime", "ModifyTime", "SubmitTime", "WaitUntil", "RescheduleTime", "AllocationTime"})
_INDEXES = frozenset({"CreateIndex", "ModifyIndex", "JobModifyIndex", "AllocModifyIndex", "NodeModifyIndex"})
_IDS = frozenset(
    {
        "ID",
        "EvalID",
        "BlockedEval",
        "NextEval",
        "PreviousEval",
        "FollowupEvalID",
        "NextAllocation",
        "PreviousAllocation",
        "PrevAllocID",
    }
)
_JOB_KEYS = ("Status", "Stop", "Version", "CreateIndex", "ModifyIndex", "JobModifyIndex")
_LEFT_OUT = frozenset(
    {
        "SnapshotIndex",
        "ClassEligibility",
        "SigningKeyID",
        "NetworkStatus",
        "TaskStates",
        "Job",
        "Metrics",
        "ScoreMetaData",
        "AllocStates",
        "NodeID",
        "NodeName",
        "PrevNodeID",
        "JobID",
    }
)


def recorded(name: str) -> Json:
    """A recording by its area and name, such as "job/ok"."""
    text = (_FOLDER / f"{name}.json").read_text(encoding="utf-8")
    exchange: Json = json.loads(text)
    return exchange


def body_of(name: str) -> Any:
    return recorded(name)["response"]["body_json"]


def comparable(*, job: Json | None, summary: Json | None, evals: Iterable[Json], allocs: Iterable[Json]) -> Json:
    """
    The records of one child, with what differs between two runs taken out.

    Times and what only real nodes have are left out, IDs are numbered in the order of creation, and indexes are
    replaced by their rank, so that what matters is what happened together and what after what.
    """
    evals = sorted(evals, key=lambda record: record["CreateIndex"])
    allocs = sorted(allocs, key=lambda record: (record["CreateIndex"], record["Name"]))
    names = {record["ID"]: f"eval {place}" for place, record in enumerate(evals)}
    names |= {record["ID"]: f"alloc {place}" for place, record in enumerate(allocs)}
    documents = [document for document in (job, summary, *evals, *allocs) if document is not None]
    ranks = _ranks(documents)
    child = next((record["JobID"] for record in evals), "")

    def plain(value: Any, key: str = "") -> Any:
        if isinstance(value, Mapping):
            return {name: plain(part, name) for name, part in value.items() if name not in _LEFT_OUT | _TIMES}
        if isinstance(value, list):
            return [plain(item) for item in value]
        if key in _INDEXES and value:
            return ranks[value]
        if key in _IDS:
            return names.get(value, value)
        if isinstance(value, str):
            for found, name in (*names.items(), (child, "CHILD")):
                value = value.replace(found, name) if found else value
            return value
        return value

    return {
        "job": None if job is None else plain({key: job[key] for key in _JOB_KEYS}),
        "summary": None if summary is None else plain(summary),
        "evals": [plain(record) for record in evals],
        "allocs": [plain(record) for record in allocs],
    }


def _ranks(documents: Iterable[Json]) -> dict[int, int]:
    found = sorted({document[key] for document in documents for key in _INDEXES if document.get(key)})
    return {index: rank for rank, index in enumerate(found)}
