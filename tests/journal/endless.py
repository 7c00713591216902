"""A run that goes on until it is killed: told on standard output is what the journal has acknowledged."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from dispatchfile.events import Accepted, Sending
from dispatchfile.journal import Journal

from .samples import header, intent, item


def tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


async def main(folder: Path, items: int) -> None:
    """Tell `intents`, then each marked item, as soon as it is known to be durable."""
    journal = Journal.create(folder, header(), [item(f"i{number}", payload=bytes(999)) for number in range(items)])
    await journal.add_intents([intent(f"i{number}") for number in range(items)])
    tell("intents")
    for number in range(items):
        await journal.mark_may_send([(f"i{number}", 1)])
        tell(f"i{number}")
        journal.record(Sending(f"i{number}", 1, 1.0))
        journal.record(Accepted(f"i{number}", 1, 2.0, f"child-{number}"))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
