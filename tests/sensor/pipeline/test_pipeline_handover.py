"""When rules are exchanged, each event is reported by exactly one of the two generations.

The worked example: T is 1000; every event gives an old and a new record, a few ns apart.
"""

from __future__ import annotations

import pytest
from tests.sensor.support import heads

from falcon_sensor.pipeline import handover
from falcon_sensor.records import decode, layout

T = 1000


def record(time: int, *, tid: int = 7, name: bytes = b"/a", event: str = "openat", wanted: bool = True):
    flags = int(layout.Flag.WANTED) if wanted else 0
    head = heads.head(event, pid=tid, flags=flags, time=time, result=3, start=1)
    return decode.Record(decode.encode(layout.Kind.OPEN, head, (), decode.OpenBody(0, 0, 0, 0, 0), {"name": name}))


def counted(old, new):
    """Times of the old and the new records that count."""
    change = handover.Handover(T)
    return [each.head.time for each in old if change.old(each)], [each.head.time for each in new if change.new(each)]


def test_events_well_before_and_after_count_once():
    old, new = counted([record(100), record(2000)], [record(101), record(2001)])
    assert (old, new) == ([100], [2001])


def test_an_event_that_straddles_counts_as_the_old_one():
    old, new = counted([record(500), record(999), record(1500)], [record(501), record(1001), record(1501)])
    assert (old, new) == ([500, 999], [1501])


def test_a_second_event_of_the_same_kind_right_after_is_no_half_of_the_first():
    # o1 and n1 are both before T, so n2 is an event of its own although it looks the same.
    old, new = counted([record(990), record(1010)], [record(991), record(1011)])
    assert (old, new) == ([990], [1011])


def test_halves_are_of_one_task():
    old, new = counted([record(999, tid=7)], [record(1001, tid=8)])
    assert (old, new) == ([999], [1001])


@pytest.mark.parametrize("other", [{"name": b"/b"}, {"event": "openat2"}])
def test_what_differs_is_another_event(other):
    # The new rules did not want the first, the old ones not the second.
    old, new = counted([record(999)], [record(1001, **other)])
    assert (old, new) == ([999], [1001])


def test_which_filter_wanted_it_makes_no_difference():
    old, new = counted([record(999, wanted=False)], [record(1001)])
    assert (old, new) == ([999], [])


def test_only_the_first_record_after_the_switch_can_straddle():
    old, new = counted([record(999)], [record(1001), record(1002), record(1003)])
    assert (old, new) == ([999], [1002, 1003])


def test_a_straddling_event_that_only_the_new_rules_want_counts():
    old, new = counted([], [record(1001)])
    assert (old, new) == ([], [1001])


def test_bytes_that_belong_to_nothing_make_no_difference():
    # Room for ancestors that the record does not have holds what an earlier record left there.
    half = record(1001)
    start = layout.format_of(layout.HEAD).size
    end = start + layout.ANCESTORS * layout.format_of(layout.ANCESTOR).size
    littered = decode.Record(half.data[:start] + b"\xaa" * (end - start) + half.data[end:])
    old, new = counted([record(999)], [littered])
    assert (old, new) == ([999], [])
