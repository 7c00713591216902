"""The endpoints that take a whole job: parse it, plan it, register it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TypeVar

from dispatchfile.errors import NomadAmbiguous, NomadRefused, NomadUnavailable, NomadUnreadable
from dispatchfile.nomad.answers import Answer
from dispatchfile.nomad.decode import as_object
from dispatchfile.nomad.fields import int_at
from dispatchfile.nomad.jobplans import JobPlan, parse_plan
from dispatchfile.nomad.protocol import Transport
from dispatchfile.nomad.refusals import in_doubt, trouble_of_write
from dispatchfile.nomad.targets import Targets, job_path

T = TypeVar("T")
Document = Mapping[str, object]  # a job as Nomad's API has it


class JobRegistry:
    """
    Jobs on their way to Nomad.

    Parsing and planning change nothing: they raise NomadRefused for what Nomad does not take, NomadForbidden without
    the right, NomadUnavailable without an answer, and NomadUnreadable for an answer that is not Nomad's.
    """

    def __init__(self, transport: Transport, targets: Targets) -> None:
        self._transport, self._targets = transport, targets

    async def parse(self, text: str, variables: str, *, namespace: str = "", region: str = "") -> Document:
        """Return the job of a file in HCL. variables: as a variable file in HCL. Needs parse-job."""
        target = self._targets.of("/v1/jobs/parse", namespace, region)
        body = {"JobHCL": text, "Variables": variables, "Canonicalize": True}
        return await self._try("POST", target, body, as_object)

    async def plan(self, job_id: str, document: Document, *, namespace: str = "", region: str = "") -> JobPlan:
        """Return what registering the job would change. Needs submit-job."""
        target = self._targets.of(f"{job_path(job_id)}/plan", namespace, region)
        return await self._try(
            "PUT", target, {"Job": document, "Diff": True}, lambda value: parse_plan(as_object(value))
        )

    async def register(self, document: Document, *, enforced_index: int, namespace: str = "", region: str = "") -> int:
        """
        Register the job, if it still has the JobModifyIndex *enforced_index* (0: if there is none); return its index.

        A job that is registered unchanged keeps its index. Raises NomadUnavailable (not done), NomadAmbiguous
        (perhaps done) and NomadRefused (never will be). Needs submit-job.
        """
        target = self._targets.of("/v1/jobs", namespace, region)
        body = {"Job": document, "EnforceIndex": True, "JobModifyIndex": enforced_index}
        answer = await self._transport.send("PUT", target, _encoded(body))
        if error := trouble_of_write(answer):
            raise error
        try:
            return int_at(as_object(answer.json()), "JobModifyIndex")
        except ValueError as exc:
            raise in_doubt(answer) from exc

    async def _try(self, method: str, target: str, body: Document, read: Callable[[object], T]) -> T:
        answer = await self._sent(method, target, body)
        if error := trouble_of_write(answer):
            if not isinstance(error, NomadAmbiguous):
                raise error
            kind = NomadRefused if answer.status == 500 and not answer.is_html else NomadUnavailable
            raise kind(answer.shown(answer.text), status=answer.status)
        try:
            return read(answer.json())
        except ValueError as exc:
            path = target.partition("?")[0]
            raise NomadUnreadable(f"{path}: not an answer from Nomad: {exc}") from exc

    async def _sent(self, method: str, target: str, body: Document) -> Answer:
        try:
            return await self._transport.send(method, target, _encoded(body))
        except NomadAmbiguous as error:
            raise NomadUnavailable(error.message, status=error.status) from error


def _encoded(body: Document) -> bytes:
    return json.dumps(body).encode("ascii")
