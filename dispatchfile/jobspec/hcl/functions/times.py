"""Functions of timestamps. Source: zclconf/go-cty, cty/function/stdlib/datetime.go."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

from dispatchfile.jobspec.durations import parse_duration
from dispatchfile.jobspec.hcl.call import Function, FunctionError, Parameter
from dispatchfile.jobspec.hcl.types import STRING, Value, string_value

_TIMESTAMP = re.compile(
    r"(?P<date>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?P<fraction>\.\d+)?(?P<zone>Z|(?P<sign>[+-])(?P<hours>\d\d):(?P<minutes>\d\d))",
    re.ASCII,
)
_MONTHS: Final = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
_DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def _parsed(text: str, argument: int | None) -> tuple[datetime, int]:
    """Return a timestamp without its fraction, and its fraction in nanoseconds."""
    match = _TIMESTAMP.fullmatch(text)
    if match is None:
        raise FunctionError("not a valid RFC3339 timestamp", argument)
    zone = UTC
    if match["sign"]:
        hours, minutes = int(match["hours"]), int(match["minutes"])
        if hours > 23 or minutes > 59:
            raise FunctionError("not a valid RFC3339 timestamp: UTC offset out of range", argument)
        offset = timedelta(hours=hours, minutes=minutes)
        zone = timezone(-offset if match["sign"] == "-" else offset)
    try:
        moment = datetime.strptime(match["date"], "%Y-%m-%dT%H:%M:%S").replace(tzinfo=zone)
    except ValueError as exc:
        raise FunctionError(f"not a valid RFC3339 timestamp: {exc}", argument) from exc
    return moment, int((match["fraction"] or ".0")[1:10].ljust(9, "0"))


def _time_add(values: Sequence[Value]) -> Value:
    moment, fraction = _parsed(values[0].text, None)
    try:
        total = parse_duration(values[1].text) + fraction
        moment += timedelta(seconds=total // 1_000_000_000)
    except (ValueError, OverflowError) as exc:
        raise FunctionError(str(exc)) from exc
    return string_value(moment.strftime("%Y-%m-%dT%H:%M:%S").rjust(19, "0") + _zone(moment, "Z"))


def _zone(moment: datetime, zulu: str, colon: str = ":") -> str:
    offset = moment.utcoffset() or timedelta()
    if zulu and not offset:
        return zulu
    minutes = abs(offset) // timedelta(minutes=1)
    return f"{'-' if offset < timedelta() else '+'}{minutes // 60:02d}{colon}{minutes % 60:02d}"


_VERBS: Final[Mapping[str, Callable[[datetime], str]]] = {
    "YY": lambda t: f"{t.year % 100:02d}",
    "YYYY": lambda t: f"{t.year:04d}",
    "M": lambda t: str(t.month),
    "MM": lambda t: f"{t.month:02d}",
    "MMM": lambda t: _MONTHS[t.month - 1][:3],
    "MMMM": lambda t: _MONTHS[t.month - 1],
    "D": lambda t: str(t.day),
    "DD": lambda t: f"{t.day:02d}",
    "EEE": lambda t: _DAYS[t.weekday()][:3],
    "EEEE": lambda t: _DAYS[t.weekday()],
    "h": lambda t: str(t.hour),
    "hh": lambda t: f"{t.hour:02d}",
    "H": lambda t: str(t.hour % 12 or 12),
    "HH": lambda t: f"{t.hour % 12 or 12:02d}",
    "AA": lambda t: "AM" if t.hour < 12 else "PM",
    "aa": lambda t: "am" if t.hour < 12 else "pm",
    "m": lambda t: str(t.minute),
    "mm": lambda t: f"{t.minute:02d}",
    "s": lambda t: str(t.second),
    "ss": lambda t: f"{t.second:02d}",
    "Z": lambda t: _zone(t, "Z"),
    "ZZZ": lambda t: _zone(t, "UTC", ""),
    "ZZZZ": lambda t: _zone(t, "", ""),
    "ZZZZZ": lambda t: _zone(t, ""),
}
_PIECE = re.compile(r"''|'(?P<quoted>(?:[^']|'')*)'|(?P<verb>([A-Za-z])\3*)|(?P<text>[^'A-Za-z]+)|(?P<open>')")


def _format_date(values: Sequence[Value]) -> Value:
    moment, _ = _parsed(values[1].text, 1)
    return string_value("".join(_date_part(piece, moment) for piece in _PIECE.finditer(values[0].text)))


def _date_part(piece: re.Match[str], moment: datetime) -> str:
    if piece["verb"]:
        if piece["verb"] not in _VERBS:
            raise FunctionError(f'invalid date format verb "{piece["verb"]}"', 0)
        return _VERBS[piece["verb"]](moment)
    if piece["open"]:
        raise FunctionError("unterminated literal '", 0)
    if piece["quoted"] is not None:
        return piece["quoted"].replace("''", "'")
    return piece["text"] or "'"


FUNCTIONS: Final[Mapping[str, Function]] = {
    "timeadd": Function(_time_add, (Parameter("timestamp", STRING), Parameter("duration", STRING))),
    "formatdate": Function(_format_date, (Parameter("format", STRING), Parameter("time", STRING))),
}
