"""Values that may be secrets, kept out of messages: keys, tokens and passwords in the place of a file's name."""

from __future__ import annotations

import base64
import json
import math
import re
from collections import Counter
from collections.abc import Iterable
from urllib.parse import quote, quote_plus

MASKED = "***"
SHORTEST_SECRET = 4  # characters; less than that hides nothing, and would tear holes into every sentence
CUT = "…"  # ends a text that was too long
LONGEST_NAME = 255  # characters of one part of a path, as file systems have it
LONGEST_PATH = 1_024
LONGEST_OPAQUE = 24  # characters of letters and digits without anything that names have
LEAST_ENTROPY = 3.5  # bits a character of what is drawn by chance

# Texts, compiled when they are first used: most commands start without a need for them.
_UUID = r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_JWT = r"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]*)?"
_PREFIXES = r"(AKIA|(hv[sb]\.|gh[pos]_|github_pat_|glpat-|xox[abp]-|sk[-_]))[A-Za-z0-9_-]{12,}"
_PEM = r"-----BEGIN .*?(?:-----END [A-Z0-9 ]+-----|\Z)"
_OPAQUE = rf"[A-Za-z0-9+=_-]{{{LONGEST_OPAQUE},}}"


def kind_of_secret(text: str) -> str:
    """Return what secret *text* looks like, with its article; empty if it looks like none."""
    if "-----BEGIN" in text:
        return "a certificate" if "PRIVATE KEY" not in text and "CERTIFICATE" in text else "a key"
    if re.fullmatch(_UUID, text.strip()) or re.fullmatch(_JWT, text.strip()) or re.fullmatch(_PREFIXES, text):
        return "a token"
    if "\n" in text.strip() or "\r" in text.strip():
        return "a text of several lines"
    if len(text) > LONGEST_PATH or max(map(len, text.split("/"))) > LONGEST_NAME:
        return "a text too long for a file's name"
    return "a secret" if re.fullmatch(_OPAQUE, text) and _is_drawn_by_chance(text) else ""


def shown_name(text: str) -> str:
    """Return *text* as a message may show it where a name is wanted: without what may be a secret."""
    kind = kind_of_secret(text)
    return f"({kind}, not shown)" if kind else text


def without_keys(text: str) -> str:
    """Return *text* without the keys, certificates and tokens in it, for a message that repeats what somebody typed."""
    text = re.sub(_PEM, "(a key, not shown)", text, flags=re.DOTALL)
    return re.sub(rf"(?<![A-Za-z0-9])(?:{_JWT}|{_PREFIXES})", "(a token, not shown)", text)


def forms_of(secrets: Iterable[str]) -> tuple[str, ...]:
    """Return every text that may repeat one of the secrets, the longest first."""
    forms = {form for secret in secrets if len(secret) >= SHORTEST_SECRET for form in _forms(secret)}
    return tuple(sorted(forms, key=len, reverse=True))


def _forms(secret: str) -> Iterable[str]:
    """Return the ways in which a message may repeat it: plain, in JSON, in a URL, in Base64."""
    data = secret.encode(errors="replace")
    packed = (encode(data).decode().rstrip("=") for encode in (base64.b64encode, base64.urlsafe_b64encode))
    quoted = (json.dumps(secret, ensure_ascii=is_ascii)[1:-1] for is_ascii in (True, False))
    return (secret, *quoted, quote(data, safe=""), quote(data), quote_plus(data), *packed)


def masked(text: str, forms: Iterable[str]) -> str:
    """Return *text* without the forms of secrets, and without the beginning of one at which the text was cut."""
    for form in forms:
        text = _without_cut_form(text.replace(form, MASKED), form)
    return text


def _without_cut_form(text: str, form: str) -> str:
    head, cut, rest = text.rpartition(CUT)
    if not cut:
        return text
    lengths = range(min(len(form), len(head)), SHORTEST_SECRET - 1, -1)
    length = next((length for length in lengths if head.endswith(form[:length])), 0)
    return f"{head[: len(head) - length]}{MASKED}{cut}{rest}" if length else text


def _is_drawn_by_chance(text: str) -> bool:
    """Return whether letters of both cases and digits are mixed as in a random text; names and paths hardly are."""
    mixed = all(re.search(pattern, text) for pattern in ("[a-z]", "[A-Z]", "[0-9]"))
    entropy = -sum(count / len(text) * math.log2(count / len(text)) for count in Counter(text).values())
    return mixed and entropy >= LEAST_ENTROPY
