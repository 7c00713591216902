"""A plan as one JSON object."""

from __future__ import annotations

import json
from dataclasses import asdict

from dispatchfile.items import Item
from dispatchfile.planfile import Change, JobFileReview, Review
from dispatchfile.reports.requests import request_record

SCHEMA = "dispatchfile/review/v1"


def plan_json(review: Review) -> str:
    """Return the plan with every request, sensitive values masked."""
    plain = {
        "schema": SCHEMA,
        "name": review.head.name,
        "manifest": review.manifest,
        "digest": review.digest,
        "address": review.address or None,
        "base": review.comparison.base if review.comparison else None,
        "counts": {
            "to_send": len(review.items),
            **{str(change): review.counts[change] for change in Change if review.comparison},
            "left_out": review.head.left_out,
        },
        "jobs": [
            {
                "namespace": job.key.namespace,
                "region": job.key.region,
                "job": job.key.job,
                "job_modify_index": job.job_modify_index,
                "file": _file(review.file_of(job.key)),
            }
            for job in review.head.jobs
        ],
        "items": [_item(review, item) for item in review.items],
        "removed": [item.id for item in review.comparison.removed] if review.comparison else [],
    }
    return json.dumps(plain, indent=2) + "\n"


def _file(file: JobFileReview | None) -> dict[str, object] | None:
    if file is None:
        return None
    changes = [asdict(change) for change in file.changes]
    return {"path": file.file, "state": file.state, "changes": changes, "note": file.note or None}


def _item(review: Review, item: Item) -> dict[str, object]:
    found = review.difference(item)
    request = request_record(item)
    return {
        "id": request.pop("item"),
        **request,
        "change": found.change if found else None,
        "changed_keys": [key.key for key in found.keys] if found else [],
        "known": review.known.get(item.id),
    }
