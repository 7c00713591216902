"""Settings of a run: flag over manifest over default, each default a named constant."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import timedelta
from enum import StrEnum
from functools import lru_cache
from typing import TypeVar

import durationpy

MAX_CONCURRENCY = 64
UNLIMITED = "unlimited"
NONE = "none"  # as a flag: what the manifest sets does not hold

Value = TypeVar("Value")


class Wait(StrEnum):
    """The point up to which a run follows each item."""

    DETACH = "detach"
    PLACEMENT = "placement"
    COMPLETION = "completion"


@dataclass(frozen=True, slots=True)
class Share:
    """A number of items, or a percentage of the selected ones."""

    count: int | None = None
    percent: float | None = None

    def of(self, total: int) -> float:
        """Return how many of *total* items this is."""
        return float(self.count) if self.count is not None else total * (self.percent or 0.0) / 100

    def __str__(self) -> str:
        return str(self.count) if self.count is not None else f"{self.percent:g}%"


@dataclass(frozen=True, slots=True)
class Rate:
    """Dispatches in a span of time."""

    count: int
    per_seconds: int

    @property
    def per_second(self) -> float:
        return self.count / self.per_seconds

    def __str__(self) -> str:
        return f"{self.count}/{ {1: 's', 60: 'm', 3600: 'h'}[self.per_seconds] }"


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of a run, with the defaults of the tool."""

    wait: Wait = Wait.PLACEMENT  # as `nomad job dispatch`
    concurrency: int = 16  # requests at the same time
    in_flight: int | None = 1000  # items sent and still without outcome; None: unlimited
    rate: Rate | None = None
    canary: Share | None = None
    stop_on: Share | None = None
    unplaced_after: timedelta | None = None
    unreachable_after: timedelta = timedelta(minutes=5)
    timeout: timedelta | None = None
    settle: timedelta = timedelta(seconds=45)


class SettingError(ValueError):
    """A setting cannot be read; *key* is its manifest key."""

    def __init__(self, key: str, message: str) -> None:
        super().__init__(f"{key}: {message}")
        self.key, self.message = key, message


DURATION_EXAMPLES = " (examples: 30s, 10m, 1h30m)"
DURATION_PATTERN = r"^([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h))+$"
_UNITS = {
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), "s"),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), "m"),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), "h"),
}
LONGEST_SPELLING = 60
_HOURS = {**dict.fromkeys(("d", "day", "days"), 24), **dict.fromkeys(("w", "week", "weeks"), 168)}
_MICROSECONDS = (("h", 3_600_000_000), ("m", 60_000_000), ("s", 1_000_000), ("ms", 1_000), ("us", 1))


@lru_cache(maxsize=1024)  # most items of a manifest have the same
def parse_duration(text: str) -> timedelta:
    """
    Parse a duration as Nomad writes it: `90s`, `1h30m`, `0.5s`.

    Raises ValueError with what would be right.
    """
    if not re.fullmatch(DURATION_PATTERN.strip("^$"), text):
        spelled = respell_duration(text)
        raise ValueError(f"{text!r} is not a duration{f': write {spelled}' if spelled else DURATION_EXAMPLES}")
    try:
        return durationpy.from_str(text)
    except (OverflowError, durationpy.DurationError) as exc:
        raise ValueError(f"{text!r} is too long") from exc


def respell_duration(text: str) -> str:
    """Return `30 seconds`, `1d` or `1 hour and 5 min` as a duration that can be read; "" if it is nothing like one."""
    part = r"([0-9]{1,6})\s*([a-z]+)"
    if len(text) > LONGEST_SPELLING or not re.fullmatch(rf"\s*{part}(?:(?:,|\s|\band\b)*{part})*\s*", text.casefold()):
        return ""
    parts = re.findall(part, text.casefold())
    if any(unit not in _UNITS and unit not in _HOURS for _, unit in parts):
        return ""
    return "".join(
        f"{int(count)}{_UNITS[unit]}" if unit in _UNITS else f"{int(count) * _HOURS[unit]}h" for count, unit in parts
    )


def format_duration(span: timedelta) -> str:
    """Return a duration as manifests have it: `1h30m`."""
    left, parts = span // timedelta(microseconds=1), []
    for unit, size in _MICROSECONDS:
        count, left = divmod(left, size)
        parts += [f"{count}{unit}"] if count else []
    return "".join(parts) or "0s"


def parse_rate(text: str) -> Rate:
    """Parse `20/s`, `100/m` or `5/h`. Raises ValueError with what would be right."""
    match = re.fullmatch(r"([0-9]{1,9})/(s|m|h)", text)
    if match is None or int(match[1]) == 0:
        raise ValueError(f"{text!r} is not a rate (examples: 20/s, 100/m, 5/h)")
    return Rate(int(match[1]), {"s": 1, "m": 60, "h": 3600}[match[2]])


def parse_share(text: str) -> Share:
    """Parse `5` or `1%`. Raises ValueError with what would be right."""
    if match := re.fullmatch(r"([0-9]{1,3}(?:\.[0-9]+)?)%", text):
        if float(match[1]) <= 100:
            return Share(percent=float(match[1]))
    elif re.fullmatch(r"[0-9]{1,9}", text):
        return Share(count=int(text))
    raise ValueError(f"{text!r} is neither a number of items nor a percentage (examples: 5, 5%)")


def _or_none(parse: Callable[[str], Value]) -> Callable[[str], Value | None]:
    return lambda text: None if text == NONE else parse(text)


def _parse_canary(text: str) -> Share:
    share = parse_share(text)
    if not (share.count or share.percent):
        raise ValueError(f"{text!r} is too few: use at least one item (examples: 5, 1%)")
    return share


def _parse_patience(text: str) -> timedelta:
    patience = parse_duration(text)
    if not patience:
        raise ValueError(f"{text!r} is too short (examples: 90s, 5m)")
    return patience


def parse_timeout(text: str) -> timedelta:
    """Parse a duration that is longer than zero. Raises ValueError with what would be right."""
    timeout = parse_duration(text)
    if not timeout:
        raise ValueError(f"{text!r} is too short (examples: 30m, 2h)")
    return timeout


def _parse_concurrency(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,3}", text) or not 1 <= int(text) <= MAX_CONCURRENCY:
        raise ValueError(f"{text!r} is not a whole number from 1 to {MAX_CONCURRENCY}")
    return int(text)


def _parse_pace(text: str) -> Rate | None:
    return None if text == UNLIMITED else parse_rate(text)


def _parse_in_flight(text: str) -> int | None:
    if text == UNLIMITED:
        return None
    if not re.fullmatch(r"[0-9]{1,9}", text) or int(text) == 0:
        raise ValueError(f"{text!r} is neither a positive whole number nor {UNLIMITED!r}")
    return int(text)


def _parse_wait(text: str) -> Wait:
    if text not in set(Wait):
        raise ValueError(f"{text!r} is not one of {', '.join(Wait)}")
    return Wait(text)


PARSERS: Mapping[str, Callable[[str], object]] = {
    "wait": _parse_wait,
    "concurrency": _parse_concurrency,
    "in_flight": _parse_in_flight,
    "rate": _parse_pace,
    "canary": _or_none(_parse_canary),
    "stop_on": _or_none(parse_share),
    "unplaced_after": _or_none(parse_duration),
    "unreachable_after": _parse_patience,
    "timeout": _or_none(parse_timeout),
    "settle": parse_duration,
}


def _read(key: str, value: object) -> object:
    if key == "stop_on" and isinstance(value, Mapping):
        value = value.get("failures")
    try:
        return PARSERS[key](str(value))
    except ValueError as exc:
        raise SettingError(key, str(exc)) from exc


# By wait: what a flag that says how far to wait takes out of a manifest, or out of the run that goes on.
MEANINGLESS: Mapping[str, frozenset[str]] = {
    Wait.DETACH: frozenset({"in_flight", "unplaced_after"}),
    Wait.PLACEMENT: frozenset({"unplaced_after"}),
}


def resolve_settings(flags: Mapping[str, str | None], manifest: Mapping[str, object]) -> Settings:
    """
    Flag over manifest over default.

    flags: by manifest key, as typed, None where not given. manifest: its `settings`, checked against the schema.
    Raises SettingError for the first value that cannot be read or contradicts another.
    """
    chosen = {key: value for key, value in flags.items() if value is not None}
    unfit = MEANINGLESS.get(chosen.get("wait", ""), frozenset())
    given = {key: value for key, value in manifest.items() if value is not None and key not in unfit} | chosen
    read = {field.name: _read(field.name, given[field.name]) for field in fields(Settings) if field.name in given}
    settings = replace(Settings(), **read)  # type: ignore[arg-type]  # PARSERS gives each field its own type
    return _settle_contradictions(settings, given)


def override_settings(settings: Settings, flags: Mapping[str, str | None]) -> Settings:
    """
    Return the settings of a run that continues, with the flags given now.

    flags: by manifest key, as typed, None where not given. Raises SettingError.
    """
    given = {key: value for key, value in flags.items() if value is not None}
    read = {key: _read(key, value) for key, value in given.items()}
    unfit = MEANINGLESS.get(given.get("wait", ""), frozenset())
    settings = replace(settings, unplaced_after=None) if "unplaced_after" in unfit else settings
    return _settle_contradictions(replace(settings, **read), given)  # type: ignore[arg-type]  # as above


def _settle_contradictions(settings: Settings, given: Mapping[str, object]) -> Settings:
    if settings.wait is not Wait.COMPLETION and settings.unplaced_after is not None:
        raise SettingError("unplaced_after", "works only with wait: completion")
    if settings.wait is not Wait.DETACH:
        return settings
    if "in_flight" in given and settings.in_flight is not None:
        raise SettingError("in_flight", "does not work with wait: detach, because items are not watched")
    return replace(settings, in_flight=None)


def written_settings(settings: Settings) -> dict[str, str]:
    """Return the settings as a manifest would write them; those without a value are left out."""
    values = {field.name: getattr(settings, field.name) for field in fields(settings)}
    written = {key: _written(value) for key, value in values.items() if value is not None}
    return written if "in_flight" in written or settings.wait is Wait.DETACH else written | {"in_flight": UNLIMITED}


def _written(value: object) -> str:
    return format_duration(value) if isinstance(value, timedelta) else str(value)
