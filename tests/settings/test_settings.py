"""Settings: how each is written, and which goes over which."""

from datetime import timedelta

import pytest

from dispatchfile.settings import (
    Rate,
    SettingError,
    Settings,
    Share,
    Wait,
    format_duration,
    override_settings,
    parse_duration,
    parse_rate,
    parse_share,
    resolve_settings,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90s", timedelta(seconds=90)),
        ("10m", timedelta(minutes=10)),
        ("1h30m", timedelta(minutes=90)),
        ("0.5s", timedelta(milliseconds=500)),
        ("1h0.5m250ms", timedelta(hours=1, seconds=30, milliseconds=250)),
        ("5us", timedelta(microseconds=5)),
        ("0s", timedelta()),
    ],
)
def test_durations_are_written_as_nomad_writes_them(text: str, expected: timedelta) -> None:
    """Numbers with units, largest first by custom only."""
    assert parse_duration(text) == expected


@pytest.mark.parametrize(
    "text", ["", "90", "s", "1d", "-5s", "+5s", " 5s", "5s ", "5s\n", "5 s", "1e3s", "٣s", "5S", "9" * 30 + "h"]
)
def test_anything_else_is_no_duration(text: str) -> None:
    """A number without a unit, a day, a sign, a blank and what no clock can count are refused."""
    with pytest.raises(ValueError, match=r"."):
        parse_duration(text)


@pytest.mark.parametrize(
    ("text", "expected", "per_second"),
    [("20/s", Rate(20, 1), 20.0), ("90/m", Rate(90, 60), 1.5), ("7200/h", Rate(7200, 3600), 2.0)],
)
def test_rates_are_a_number_in_a_span(text: str, expected: Rate, per_second: float) -> None:
    """A rate shows as it was written, and knows its pace."""
    rate = parse_rate(text)
    assert (rate, rate.per_second, str(rate)) == (expected, per_second, text)


@pytest.mark.parametrize("text", ["", "20", "0/s", "20/d", "20 /s", "-1/s", "1.5/s", "20/s\n", "1" * 10 + "/s"])
def test_anything_else_is_no_rate(text: str) -> None:
    """A rate of nothing would never start, and a fraction has a longer span that says it."""
    with pytest.raises(ValueError, match="examples: 20/s"):
        parse_rate(text)


@pytest.mark.parametrize(
    ("text", "expected", "of_200"),
    [
        ("5", Share(count=5), 5.0),
        ("0", Share(count=0), 0.0),
        ("1%", Share(percent=1.0), 2.0),
        ("0.5%", Share(percent=0.5), 1.0),
        ("100%", Share(percent=100.0), 200.0),
    ],
)
def test_shares_are_a_number_or_a_percentage(text: str, expected: Share, of_200: float) -> None:
    """A share shows as it was written, and knows what it is of a total."""
    share = parse_share(text)
    assert (share, share.of(200), str(share)) == (expected, of_200, text)


@pytest.mark.parametrize("text", ["", "-1", "1.5", "101%", "100.1%", "%", "5 %", "5%\n", "all"])
def test_anything_else_is_no_share(text: str) -> None:
    """Half an item and more than all of them are refused."""
    with pytest.raises(ValueError, match="examples: 5, 5%"):
        parse_share(text)


def test_the_defaults_need_no_manifest() -> None:
    """Nothing given means the tool's own values."""
    assert resolve_settings({}, {}) == Settings(wait=Wait.PLACEMENT, concurrency=16, in_flight=1000)


def test_a_flag_goes_over_the_manifest_which_goes_over_the_default() -> None:
    """Flags that were not given, and keys without a value, change nothing."""
    flags = {"concurrency": "4", "rate": None}
    manifest = {"concurrency": 8, "rate": "100/m", "timeout": None, "stop_on": {"failures": "5%"}}
    assert resolve_settings(flags, manifest) == Settings(concurrency=4, rate=Rate(100, 60), stop_on=Share(percent=5.0))


def test_a_flag_names_the_share_of_stop_on_itself() -> None:
    """`--stop-on 3` means what `stop_on: {failures: 3}` does."""
    assert resolve_settings({"stop_on": "3"}, {}).stop_on == resolve_settings({}, {"stop_on": {"failures": 3}}).stop_on


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("wait", "complete"),
        ("concurrency", "0"),
        ("concurrency", "65"),
        ("concurrency", "four"),
        ("concurrency", "16.0"),
        ("in_flight", "0"),
        ("in_flight", "all"),
        ("rate", "fast"),
        ("canary", "101%"),
        ("canary", "0"),
        ("canary", "0.0%"),
        ("unreachable_after", "0s"),
        ("unreachable_after", "0m0.0s"),
        ("stop_on", "-1"),
        ("timeout", "2 hours"),
        ("timeout", "0s"),
        ("settle", "45"),
    ],
)
def test_a_setting_that_cannot_be_read_names_its_key(key: str, text: str) -> None:
    """The error carries the manifest's key, so that its place can be shown."""
    with pytest.raises(SettingError) as caught:
        resolve_settings({key: text}, {})
    assert (caught.value.key, str(caught.value)) == (key, f"{key}: {caught.value.message}")


def test_a_flag_takes_away_what_the_manifest_sets() -> None:
    """A flag removes a setting with the word that its help shows as the default."""
    manifest = {
        "canary": "5",
        "stop_on": "3",
        "timeout": "2h",
        "unplaced_after": "5m",
        "rate": "3/s",
        "wait": "completion",
    }
    flags = dict.fromkeys(("canary", "stop_on", "timeout", "unplaced_after"), "none") | {"rate": "unlimited"}
    assert resolve_settings(flags, manifest) == resolve_settings({}, {"wait": "completion"})


def test_detach_has_nothing_in_flight() -> None:
    """What is not watched cannot be counted, whatever the default is; unlimited says the same."""
    limits = [resolve_settings({"wait": "detach"}, given).in_flight for given in ({}, {"in_flight": "unlimited"})]
    assert limits == [None, None]


@pytest.mark.parametrize(
    ("given", "key"),
    [
        ({"wait": "detach", "in_flight": 5}, "in_flight"),
        ({"wait": "placement", "unplaced_after": "5m"}, "unplaced_after"),
        ({"wait": "detach", "unplaced_after": "5m"}, "unplaced_after"),
        ({"unplaced_after": "5m"}, "unplaced_after"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(given: dict[str, object], key: str) -> None:
    """The error names the key that has no meaning beside the others."""
    with pytest.raises(SettingError) as caught:
        resolve_settings({}, given)
    assert caught.value.key == key


@pytest.mark.parametrize("wait", ["detach", "placement", "completion"])
def test_a_flag_that_waits_less_goes_over_all_that_the_manifest_says_of_waiting(wait: str) -> None:
    """Nobody has to edit a manifest to detach; what has a meaning still holds."""
    manifest = {"wait": "completion", "unplaced_after": "5m", "in_flight": 7}
    resolved = resolve_settings({"wait": wait}, manifest)
    kept = timedelta(minutes=5) if wait == "completion" else None
    assert resolved == Settings(Wait(wait), unplaced_after=kept, in_flight=None if wait == "detach" else 7)
    assert override_settings(resolve_settings({}, manifest), {"wait": wait}) == resolved


@pytest.mark.parametrize("text", ["1h30m", "90m", "45s", "1m0.25s", "1500us", "0s"])
def test_a_duration_is_written_so_that_it_reads_the_same(text: str) -> None:
    """The largest units first."""
    assert parse_duration(format_duration(parse_duration(text))) == parse_duration(text)
    assert format_duration(timedelta(minutes=90, milliseconds=250)) == "1h30m250ms"


def test_flags_may_not_contradict_each_other() -> None:
    """Who types both means something else."""
    for flags in ({"wait": "detach", "in_flight": "5"}, {"wait": "placement", "unplaced_after": "5m"}):
        with pytest.raises(SettingError):
            resolve_settings(flags, {})
