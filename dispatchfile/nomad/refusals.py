"""
Decides what an answer means, by its text and not only by its status.

Nomad answers 500 to bad requests and to passing faults alike. So the texts are listed here: what will never be done,
what was definitely not done. Any other 500 leaves open whether a write was carried out.

Texts and their order were observed on 2.0.5, where it was possible, else read in the source: hashicorp/nomad,
nomad/job_endpoint.go, nomad/structs/errors.go, nomad/rpc.go, helper/pool/pool.go, command/agent/http.go.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from dispatchfile.errors import (
    NomadAmbiguous,
    NomadError,
    NomadForbidden,
    NomadLeaderless,
    NomadNotFound,
    NomadRefused,
    NomadThrottled,
    NomadUnavailable,
    NomadUnreadable,
)
from dispatchfile.nomad.answers import PERHAPS_DONE, Answer
from dispatchfile.nomad.decode import as_object, parse_dispatched
from dispatchfile.nomad.models import Dispatched

# One more for every server the request was handed on to.
HOPS = re.compile(r"^(?:rpc error: |RPC Error:: \d+,)+")


@dataclass(frozen=True, slots=True)
class Rule:
    """A text of Nomad's and what it says of the request. *pattern* is searched for behind the hops."""

    pattern: str
    error: type[NomadError]
    hint: str = ""


# Texts that quote what a user wrote come first, so that no name can pass for a passing fault.
NEVER: Sequence[Rule] = (
    Rule(r"^Specified job \".*\" is not a parameterized job$", NomadRefused),
    Rule(r"^Specified job \".*\" is stopped$", NomadRefused),
    Rule(r"^Dispatch request included unpermitted metadata keys: \[.*\]$", NomadRefused),
    Rule(r"^Dispatch did not provide required meta keys: \[.*\]$", NomadRefused),
    Rule(r"^job \".*\" is in nonexistent (?:namespace|node pool) \".*\"$", NomadRefused),
    Rule(r"^Payload is not provided but required by parameterized job$", NomadRefused),
    Rule(r"^Payload provided but forbidden by parameterized job$", NomadRefused),
    Rule(r"^Payload exceeds maximum size; \d+ > \d+$", NomadRefused),
    Rule(r"^dispatch job priority must be between \[\d+, \d+\]$", NomadRefused),
    Rule(r"^missing parameterized job ID$", NomadRefused),
    Rule(r"^missing job ID for (?:evaluation|deregistering)$", NomadRefused),
    Rule(r"^can't evaluate (?:periodic|parameterized) job$", NomadRefused),
    Rule(r"^missing region for target RPC$", NomadRefused),
    Rule(r"^parameterized job not found$", NomadNotFound),
    Rule(r"^(?:job|eval|alloc) not found$", NomadNotFound),
    Rule(
        r"^Enforcing job modify index \d+: job (?:does not exist|already exists|exists with conflicting )", NomadRefused
    ),
    Rule(r"^\d+ errors? occurred: ", NomadRefused),  # of a job that is registered or planned
    Rule(r"(?:^|: )Permission denied$", NomadForbidden),
    Rule(r"(?:^|: )ACL token (?:not found|expired|is invalid)", NomadForbidden),
    Rule(r"^failed to parse signed token: ", NomadForbidden),
    Rule(r"^Job registration, dispatch, and scale are disabled by the scheduler configuration$", NomadForbidden),
)

# Rights are lacking in these words alone; the last two are those of the socket inside an allocation.
DENIALS: Sequence[str] = (
    *(rule.pattern for rule in NEVER if rule.error is NomadForbidden),
    r"^(?:Unauthorized|Forbidden)$",
)

NO_LEADER = "No cluster leader"
NO_REGION = "No path to region"  # for a name that is wrong, and for a region that is away

# Given before the request was written to the log, or before it reached a server.
NOT_DONE: Sequence[Rule] = (
    Rule(rf"(?:^|: ){NO_LEADER}$", NomadLeaderless),
    Rule(r"(?:^|: )Not ready to serve consistent reads$", NomadUnavailable),
    Rule(rf"(?:^|: ){NO_REGION}$", NomadUnavailable, "is the region's name correct?"),
    Rule(r"(?:^|: )no servers$", NomadUnavailable, "the agent knows no servers"),
    Rule(r"(?:^|: )failed to get conn: ", NomadUnavailable),
    Rule(r"(?:^|: )failed to start stream: ", NomadUnavailable),
)

# What only reads are told. An allocation that the token may not see is "unknown", with a 500.
READS: Sequence[Rule] = (
    Rule(r"^Unknown (?:allocation|node) ", NomadForbidden, "or there is none"),
    Rule(r"^alloc lookup failed: index error: ", NomadRefused),
    Rule(r"^failed to (?:create result paginator|read result page|read filter expression): ", NomadRefused),
)


def trouble_of_write(answer: Answer) -> NomadError | None:
    """Return the error in the *answer* to a request that changes something, or None if it was carried out."""
    status = answer.status
    if status == 200:
        return None
    if status == 500 and not answer.is_html and (error := _by_rules((*NEVER, *NOT_DONE), answer)):
        return error
    if _is_denied_by_proxy(answer):
        return NomadUnavailable(_denial_of_proxy(answer), status=status)
    if 300 <= status < 500 and status != 408:
        return _trouble_of_status(answer)
    return in_doubt(answer)


def in_doubt(answer: Answer) -> NomadAmbiguous:
    """An answer to a write that tells nothing of it."""
    return NomadAmbiguous(f"{_heading(answer)}: {PERHAPS_DONE}", status=answer.status)


def check_written(answer: Answer) -> None:
    """Raise what *answer* to a request that changes something says, unless the request was carried out."""
    if error := trouble_of_write(answer):
        raise error
    try:
        as_object(answer.json())
    except ValueError as exc:
        raise in_doubt(answer) from exc


def read_dispatched(answer: Answer) -> Dispatched:
    """
    The child that *answer* to a dispatch names.

    Raises NomadUnavailable (not done), NomadAmbiguous (perhaps done) or NomadRefused (never will be). An agent
    that shuts down may answer 200 with empty fields.
    """
    if error := trouble_of_write(answer):
        raise error
    try:
        return parse_dispatched(answer.json())
    except ValueError as exc:
        raise in_doubt(answer) from exc


def trouble_of_read(answer: Answer) -> NomadError | None:
    """
    Return the error in the *answer* to a GET, or None if the answer can be trusted.

    A GET changes nothing, so every fault that may pass is NomadUnavailable. An answer given without a leader is none:
    it would show an empty cluster.
    """
    if answer.headers.get("x-nomad-knownleader") == "false":
        return NomadUnavailable("the servers have no leader", status=answer.status)
    if answer.status == 200:
        return None
    return _not_found(answer) if answer.status == 404 else _failed_read(answer)


def _failed_read(answer: Answer) -> NomadError:
    status = answer.status
    if status == 500 and not answer.is_html and (error := _by_rules((*NEVER, *READS, *NOT_DONE), answer)):
        return error
    if _is_denied_by_proxy(answer):
        return NomadUnreadable(_denial_of_proxy(answer), status=status)
    if 300 <= status < 500 and status != 408:
        return _trouble_of_status(answer)
    if status >= 400:
        return NomadUnavailable(_heading(answer), status=status)
    return NomadUnreadable(f"{_heading(answer)}: not an answer from Nomad", status=status)


def _by_rules(rules: Sequence[Rule], answer: Answer) -> NomadError | None:
    text = _words(answer)
    for rule in rules:
        if re.search(rule.pattern, text):
            hint = f" ({rule.hint})" if rule.hint else ""
            return rule.error(answer.shown(text) + hint, status=answer.status)
    return None


def _words(answer: Answer) -> str:
    """Nomad's own words, behind the hops."""
    return HOPS.sub("", answer.text)


GONE: Sequence[str] = (
    r"(?:job|eval|alloc) not found",
    r"Unknown allocation \".*\"",
    r"state for allocation .* not found on client",
    r"log entry for task \".*\" and log type \".*\" not found",
    r"task \".*\" not started yet\. No logs available",
)


def _not_found(answer: Answer) -> NomadError:
    """Return NomadNotFound if the text is Nomad's own, else an error about the address."""
    text = _words(answer)
    if any(re.fullmatch(pattern, text) for pattern in GONE):
        return NomadNotFound(answer.shown(text), status=404)
    return NomadUnreadable(f"{_heading(answer)}: {NO_SUCH_ROUTE}", status=404)


def is_busy(error: NomadError) -> bool:
    """Return whether Nomad may answer soon: it has too many requests or no leader, or a proxy does not reach it."""
    status = error.status or 0
    return status in {408, 429} or (status >= 500 and NO_REGION not in error.message)


DENIED = frozenset({401, 403})
NO_SUCH_ROUTE = "is this the address of a Nomad agent, and is the agent recent enough?"
PLAIN_TO_TLS = "Client sent an HTTP request to an HTTPS server"


def _trouble_of_status(answer: Answer) -> NomadError:
    """3xx and 4xx: whoever gave this answer has not carried the request out."""
    status, heading = answer.status, _heading(answer)
    if status < 400:
        return NomadRefused(
            f"{heading}{_whereto(answer)}: pass the address it redirects to with --address", status=status
        )
    if status in DENIED:
        return NomadForbidden(_said(answer), status=status)
    if status == 404:
        return NomadRefused(f"{heading}: {NO_SUCH_ROUTE}", status=status)
    if status == 429:
        return NomadThrottled(heading, status=status)
    if PLAIN_TO_TLS in answer.text:
        return NomadRefused(f"{heading}: use an https:// address", status=status)
    return NomadRefused(_said(answer), status=status)


def _is_denied_by_proxy(answer: Answer) -> bool:
    """Return whether a proxy refuses the request and did not forward it. Nomad itself never asks for a password."""
    if answer.status not in DENIED:
        return False
    words = _words(answer)
    is_nomads = not answer.is_html and any(re.search(pattern, words) for pattern in DENIALS)
    return not is_nomads or "www-authenticate" in answer.headers


def _denial_of_proxy(answer: Answer) -> str:
    wants_password = answer.headers.get("www-authenticate", "").lower().startswith("basic")
    told = _heading(answer) if answer.is_html else f"{_heading(answer)}, from a proxy and not from Nomad"
    return f"{told}: it asks for a user and a password, see NOMAD_HTTP_AUTH" if wants_password else told


def _said(answer: Answer) -> str:
    return answer.shown(_words(answer)) if answer.text and not answer.is_html else _heading(answer)


def _heading(answer: Answer) -> str:
    if answer.is_html:
        return f"HTTP {answer.status} with a web page, from a proxy and not from Nomad"
    return (
        f"HTTP {answer.status} ({answer.shown(answer.text)})"
        if answer.text
        else f"HTTP {answer.status} without a message"
    )


def _whereto(answer: Answer) -> str:
    """The place a redirect points to, without a query, which may hold secrets."""
    place = answer.headers.get("location", "").partition("?")[0]
    return f", redirected to {answer.shown(place)}" if place else ""
