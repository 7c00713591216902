"""Journals that version 0.1.0 has written, as SQL, and a folder of them as that version would have left it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

RUN = "run1"
FILE = "19700101T001640.020000Z-run1.db"


def restore(name: str, folder: Path) -> Path:
    """Write the stored journal *name* into the state folder *folder*. Return the path of its file."""
    path = folder / "runs" / FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    script = Path(__file__).with_name(f"{name}.sql").read_text(encoding="utf-8")
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(script)
    return path
