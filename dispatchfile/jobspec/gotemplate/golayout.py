"""Times as Go lays them out. Source: the Go standard library, time/format.go."""

import re
from datetime import datetime
from typing import Final

_ELEMENT: Final = re.compile(
    r"January|Jan|Monday|Mon|MST|2006|__2|002|01|02|03|04|05|06|_2|15|PM|pm|Z07:00:00|Z07:00|Z0700|Z07|"
    r"-07:00:00|-07:00|-0700|-07|[.,](?:0+|9+)(?!\d)|1|2|3|4|5"
)


def format_time(time: datetime, layout: str) -> str:
    """*time*, which is in UTC, in a layout such as ``2006-01-02``."""
    return _ELEMENT.sub(lambda match: _element(time, match[0]), layout)


def _element(time: datetime, name: str) -> str:
    if name[0] in ".,":
        digits = f"{time.microsecond:06d}000"[: len(name) - 1].ljust(len(name) - 1, "0")
        kept = digits if name[1] == "0" else digits.rstrip("0")
        return name[0] + kept if kept else ""
    if name[0] == "Z":
        return "Z"
    if name[0] == "-":
        return "+" + re.sub("[1-9]", "0", name[1:])
    hour = time.hour % 12 or 12
    values = {
        "January": f"{time:%B}",
        "Jan": f"{time:%b}",
        "Monday": f"{time:%A}",
        "Mon": f"{time:%a}",
        "MST": "UTC",
        "2006": f"{time.year:04d}",
        "06": f"{time.year % 100:02d}",
        "01": f"{time.month:02d}",
        "1": str(time.month),
        "02": f"{time.day:02d}",
        "_2": f"{time.day:2d}",
        "2": str(time.day),
        "002": f"{time:%j}",
        "__2": f"{int(f'{time:%j}'):3d}",
        "15": f"{time.hour:02d}",
        "03": f"{hour:02d}",
        "3": str(hour),
        "04": f"{time.minute:02d}",
        "4": str(time.minute),
        "05": f"{time.second:02d}",
        "5": str(time.second),
        "PM": "PM" if time.hour >= 12 else "AM",
        "pm": "pm" if time.hour >= 12 else "am",
    }
    return values[name]
