"""Restart, reschedule, disconnect and scaling policies. Source: hashicorp/nomad, nomad/structs."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from dispatchfile.jobspec.durations import UNITS_NS, format_duration
from dispatchfile.jobspec.validation.words import quote

Api = Mapping[str, Any]

_SECOND: Final = UNITS_NS["s"]
_LEAST_RESTART_INTERVAL: Final = 5 * _SECOND
_LEAST_RESCHEDULE_INTERVAL: Final = 15 * _SECOND
_LEAST_DELAY: Final = 5 * _SECOND
_DELAY_FUNCTIONS: Final = ("constant", "exponential", "fibonacci")
_RECONCILE: Final = ("", "best_score", "longest_running", "keep_original", "keep_replacement")


def restart_problems(policy: Api) -> Iterator[str]:
    """Why Nomad takes no such restart policy."""
    attempts, mode, interval, delay = policy["Attempts"], policy["Mode"], policy["Interval"], policy["Delay"]
    if mode not in {"delay", "fail"}:
        yield f"Unsupported restart mode: {quote(mode)}"
    if attempts == 0 and mode != "fail":
        yield f"Restart policy {quote(mode)} with 0 attempts is ambiguous"
    if interval < _LEAST_RESTART_INTERVAL:
        yield f"Interval can not be less than 5s (got {format_duration(interval)})"
    if attempts * delay > interval:
        yield (
            f"Nomad can't restart the TaskGroup {attempts} times in an interval of {format_duration(interval)} "
            f"with a delay of {format_duration(delay)}"
        )


def reschedule_problems(policy: Api) -> Iterator[str]:
    """Why Nomad takes no such reschedule policy; one that is off may say anything."""
    if not (policy["Attempts"] > 0 or policy["Unlimited"]):
        return
    yield from _ambiguities(policy)
    delays = list(_delay_problems(policy))
    yield from delays
    if policy["Unlimited"]:
        return
    if policy["Interval"] < _LEAST_RESCHEDULE_INTERVAL:
        yield f"Interval cannot be less than 15s (got {format_duration(policy['Interval'])})"
    if not delays:
        yield from _attempt_problems(policy)


def _ambiguities(policy: Api) -> Iterator[str]:
    attempts, interval = policy["Attempts"], policy["Interval"]
    if attempts > 0 and interval <= 0:
        yield "Interval must be a non zero value if Attempts > 0"
    if attempts > 0 and policy["Unlimited"]:
        yield (
            f"Reschedule Policy with Attempts = {attempts}, Interval = {format_duration(interval)}, "
            "and Unlimited = true is ambiguous"
        )
        yield "If Attempts >0, Unlimited cannot also be set to true"


def _delay_problems(policy: Api) -> Iterator[str]:
    delay, longest, function = policy["Delay"], policy["MaxDelay"], policy["DelayFunction"]
    if delay < _LEAST_DELAY:
        yield f"Delay cannot be less than 5s (got {format_duration(delay)})"
    if function not in _DELAY_FUNCTIONS:
        known = " ".join(quote(one) for one in _DELAY_FUNCTIONS)
        yield f"Invalid delay function {quote(function)}, must be one of [{known}]"
    if function == "constant":
        return
    if longest < _LEAST_DELAY:
        yield f"Max Delay cannot be less than 5s (got {format_duration(delay)})"
    if longest < delay:
        yield f"Max Delay cannot be less than Delay {format_duration(delay)} (got {format_duration(longest)})"


def _attempt_problems(policy: Api) -> Iterator[str]:
    fits, possible, interval = _viable(policy)
    if fits:
        return
    constant = policy["DelayFunction"] == "constant"
    start = (
        f"Nomad can only make {max(0, possible)} attempts in {format_duration(policy['Interval'])} with initial delay "
        f"{format_duration(policy['Delay'])}"
    )
    if constant:
        yield f"{start} and delay function {quote('constant')}"
    else:
        ceiling = format_duration(policy["MaxDelay"])
        yield f"{start}, delay function {quote(policy['DelayFunction'])}, and delay ceiling {ceiling}"
    rounded = format_duration((interval + _SECOND // 2) // _SECOND * _SECOND)
    yield f"Set the interval to at least {rounded} to accommodate {policy['Attempts']} attempts"


def _viable(policy: Api) -> tuple[bool, int, int]:
    """Return whether the attempts fit into the interval, how many do, and the interval in which all fit."""
    attempts, interval, delay = policy["Attempts"], policy["Interval"], policy["Delay"]
    if policy["DelayFunction"] == "constant":
        wanted = attempts * delay
        return interval >= wanted, interval // delay, wanted
    if policy["DelayFunction"] == "exponential":
        return _viable_exponential(attempts, interval, delay, policy["MaxDelay"])
    slots = _fibonacci(attempts, delay, policy["MaxDelay"])
    possible = next((number for number, slot in enumerate(slots) if slot > interval), 0)
    return interval >= slots[-1], possible, slots[-1]


def _viable_exponential(attempts: int, interval: int, delay: int, longest: int) -> tuple[bool, int, int]:
    possible = wanted = 0
    for attempt in range(min(attempts, 100_000)):
        following = delay << min(attempt, 64)
        wanted = wanted + longest if following > longest else following
        possible += wanted < interval
    return possible >= attempts, possible, wanted


def _fibonacci(attempts: int, delay: int, longest: int) -> list[int]:
    slots = [delay, delay]
    at_ceiling = False
    for _ in range(2, min(attempts, 100_000)):
        following = slots[-1] + (longest if at_ceiling else slots[-2])
        if not at_ceiling and following > longest:
            following, at_ceiling = longest, True
        slots.append(following)
    return slots


def disconnect_problems(policy: Api, job_type: str) -> Iterator[str]:
    """Why Nomad takes no such disconnect block."""
    stop, lost = policy["StopOnClientAfter"], policy["LostAfter"]
    if stop is not None and stop < 0:
        yield "stop_after cannot be a negative duration"
    if stop is not None and job_type not in {"service", "batch"}:
        yield "stop_after can only be used with service or batch job types"
    if lost < 0:
        yield "lost_after cannot be a negative duration"
    if stop is not None and lost != 0:
        yield "Disconnect cannot be configured with both lost_after and stop_after"
    if policy["Reconcile"] not in _RECONCILE:
        yield f"reconcile option is invalid: {policy['Reconcile']}"


def scaling_problems(policy: Api, count: int) -> Iterator[str]:
    """Why Nomad takes no such scaling policy of a group."""
    least, most = policy["Min"], policy["Max"]
    if policy["Type"] == "horizontal" and not policy["Target"].get("Group"):
        yield "Scaling policy invalid: missing target group"
    if policy["Type"] != "horizontal":
        yield f'Scaling policy invalid: scaling policy type "{policy["Type"]}" is not valid'
    if most < 0:
        yield "Scaling policy invalid: maximum count must be specified and non-negative"
    elif most < least:
        yield "Scaling policy invalid: maximum count must not be less than minimum count"
    if least < 0:
        yield "Scaling policy invalid: minimum count must be specified and non-negative"
    if most < count:
        yield "Scaling policy invalid: task group count must not be greater than maximum count in scaling policy"
    if count < least:
        yield "Scaling policy invalid: task group count must not be less than minimum count in scaling policy"
