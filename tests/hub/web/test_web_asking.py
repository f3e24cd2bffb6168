"""Query strings become filters."""

from __future__ import annotations

import time

import pytest
from multidict import MultiDict
from yarl import URL

from falcon_hub.store import filters
from falcon_hub.web import asking


def asked(text: str) -> filters.Filter:
    return asking.chosen(MultiDict(URL(f"/?{text}").query))


def test_everything_a_filter_has():
    found = asked(
        "from=2026-01-02T03:04:05.123456789Z&to=2026-01-03T00:00:00%2B01:00&q=%20shadow%20&priority=warning&priority=ERROR"
        "&rule=A&rule=B&-namespace=kube-system&tag=shell&proc.name=bash&-user.name=root&acknowledged=no&silenced=yes"
    )
    assert found == filters.Filter(
        since_ns=1767323045123456789,
        until_ns=1767394800_000000000,
        priorities=frozenset({3, 4}),
        is_={"rule": ("A", "B"), "tag": ("shell",)},
        is_not={"namespace": ("kube-system",)},
        fields=(("proc.name", "bash"),),
        not_fields=(("user.name", "root"),),
        text="shadow",
        acknowledged=False,
        silenced=True,
    )


def test_nothing_asked_is_everything():
    assert asked("") == filters.Filter()
    assert asked("rule=&q=&priority=debug") == filters.Filter(priorities=frozenset({7}))


@pytest.mark.parametrize(
    ("text", "seconds"), [("-90s", 90), ("-15m", 900), ("-24h", 86_400), ("-7d", 604_800), ("-1w", 604_800)]
)
def test_relative_times(text: str, seconds: int):
    before = time.time_ns()
    found = asked(f"from={text}").since_ns
    assert found is not None
    assert before - seconds * 10**9 <= found <= time.time_ns() - seconds * 10**9


def test_a_relative_time_before_1970_is_the_beginning():
    assert asked("from=-999999999w").since_ns == 0


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("from=yesterday", "from must be RFC 3339 or such as -15m"),
        ("to=-1y", "to must be RFC 3339"),
        ("to=1969-12-31T00:00:00Z", "before 1970"),
        ("priority=loud", "priority must be one of Emergency"),
        ("acknowledged=maybe", "acknowledged must be yes or no"),
        ("colour=red", "'colour' is nothing to ask for: there are acknowledged"),
        ("&".join(["rule=x"] * 201), "more than 200 values"),
    ],
)
def test_what_cannot_be_meant_is_said(text: str, says: str):
    with pytest.raises(asking.BadQuestion, match=says):
        asked(text)


@pytest.mark.parametrize("text", ["0", "1001", "-1", "1e3", "٣", "99999999999"])
def test_numbers_have_bounds(text: str):
    with pytest.raises(asking.BadQuestion, match="limit must be a number from 1 to 1000"):
        asking.number(MultiDict(limit=text), "limit", 100, 1000)
    assert asking.number(MultiDict(), "limit", 100, 1000) == 100
