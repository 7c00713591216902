"""Values that may be secrets, kept out of messages: keys, tokens and passwords in the place of a file's name."""

from __future__ import annotations

import math
import re
from collections import Counter

LONGEST_NAME = 255  # characters of one part of a path, as file systems have it
LONGEST_PATH = 1_024
LONGEST_OPAQUE = 24  # characters of letters and digits without anything that names have
LEAST_ENTROPY = 3.5  # bits a character of what is drawn by chance

# Texts, compiled when they are first used: most commands start without a need for them.
_UUID = r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_JWT = r"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]*)?"
_PREFIXES = r"(hvs|hvb|ghp|gho|ghs|glpat|xox[abp]|sk|AKIA|github_pat)[-_.]?[A-Za-z0-9_-]{12,}"
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


def _is_drawn_by_chance(text: str) -> bool:
    """Return whether letters of both cases and digits are mixed as in a random text; names and paths hardly are."""
    mixed = all(re.search(pattern, text) for pattern in ("[a-z]", "[A-Z]", "[0-9]"))
    entropy = -sum(count / len(text) * math.log2(count / len(text)) for count in Counter(text).values())
    return mixed and entropy >= LEAST_ENTROPY
