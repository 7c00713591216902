"""Looks for a secret in what was written, in every form in which a program may write it."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import quote, quote_plus


def forms(secret: str) -> Mapping[str, frozenset[bytes]]:
    """Return the texts that show the secret to somebody, by the name of the form."""
    data = secret.encode()
    return {
        "plain": frozenset({data}),
        "Base64": frozenset(_in_base64(data)),
        "hexadecimal": frozenset({data.hex().encode()}),
        "in a URL": frozenset(text.encode() for text in (quote(secret, safe=""), quote(secret), quote_plus(secret))),
        "in JSON": frozenset(json.dumps(secret, ensure_ascii=is_ascii)[1:-1].encode() for is_ascii in (True, False)),
        "in XML": frozenset(html.escape(secret, quote=is_quoted).encode() for is_quoted in (True, False)),
        "in Python": frozenset({repr(secret)[1:-1].encode()}),
    }


def _in_base64(data: bytes) -> Iterator[bytes]:
    """Yield what is the same of it in each text of which it is a part: it may begin at any of three places."""
    for before in range(3):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            whole = encode(b"\0" * before + data)
            yield whole[(0, 2, 3)[before] : len(whole) // 4 * 4 - 4]


def leaks(secrets: Mapping[str, str], written: Mapping[str, bytes]) -> list[str]:
    """Return each secret that is seen: which one, where, and in which form."""
    return [
        f"{name} {form} in {place}"
        for name, secret in secrets.items()
        for form, texts in forms(secret).items()
        for place, content in written.items()
        if any(text in content for text in texts)
    ]


def files_below(folder: Path) -> dict[str, bytes]:
    """Return the content of each file, by its path below the folder: also what SQLite has not yet tidied up."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
