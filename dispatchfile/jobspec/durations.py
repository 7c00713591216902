"""Durations as Go writes and reads them: ``1h30m``, ``500ms``; in memory integer nanoseconds."""

import re
from fractions import Fraction
from typing import Final

UNITS_NS: Final = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,
    "μs": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
}
LONGEST_NS: Final = 2**63 - 1

_PART = re.compile(r"(\d*(?:\.\d*)?)([^\d.]*)", re.ASCII)
_MOST_DIGITS: Final = 100


def parse_duration(text: str) -> int:
    """
    Nanoseconds of a Go duration such as ``1h30m``, ``-1.5s`` or ``0``.

    Raises ValueError with Go's text. Source: the Go standard library, time.ParseDuration.
    """
    sign, rest = (-1, text[1:]) if text.startswith("-") else (1, text.removeprefix("+"))
    if rest == "0":
        return 0
    total = sum((_part_ns(text, *match.groups()) for match in _parts(text, rest)), Fraction(0))
    if total > LONGEST_NS:
        raise _invalid(text)
    return sign * int(total)


def format_duration(nanoseconds: int) -> str:
    """Return a duration as Go prints it: ``24h0m0s``, ``1.079540604s``, ``500ms``, ``0s``."""
    if nanoseconds < 0:
        return "-" + format_duration(-nanoseconds)
    if nanoseconds < UNITS_NS["s"]:
        return _format_below_a_second(nanoseconds)
    minutes, rest = divmod(nanoseconds, UNITS_NS["m"])
    hours, minutes = divmod(minutes, 60)
    seconds = _format_decimal(rest, 9) + "s"
    if hours:
        return f"{hours}h{minutes}m{seconds}"
    return f"{minutes}m{seconds}" if minutes else seconds


def _parts(text: str, rest: str) -> list[re.Match[str]]:
    matches = [match for match in _PART.finditer(rest) if match.group()]
    if not matches:
        raise _invalid(text)
    return matches


def _part_ns(text: str, number: str, unit: str) -> Fraction:
    if number in ("", ".") or len(number) > _MOST_DIGITS:
        raise _invalid(text)
    if not unit:
        raise ValueError(f'time: missing unit in duration "{text}"')
    if unit not in UNITS_NS:
        raise ValueError(f'time: unknown unit "{unit}" in duration "{text}"')
    whole, _, decimals = number.partition(".")
    return Fraction(int(whole + decimals), 10 ** len(decimals)) * UNITS_NS[unit]


def _invalid(text: str) -> ValueError:
    return ValueError(f'time: invalid duration "{text}"')


def _format_below_a_second(nanoseconds: int) -> str:
    for unit, digits in (("ms", 6), ("µs", 3)):
        if nanoseconds >= UNITS_NS[unit]:
            return _format_decimal(nanoseconds, digits) + unit
    return f"{nanoseconds}ns" if nanoseconds else "0s"


def _format_decimal(amount: int, digits: int) -> str:
    whole, decimals = divmod(amount, 10**digits)
    return f"{whole}.{decimals:0{digits}d}".rstrip("0").rstrip(".")
