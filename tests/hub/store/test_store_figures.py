"""Timeline and most frequent values."""

from __future__ import annotations

import time

import pytest
from tests.hub.support import made

from falcon_hub.store import filters, records, store
from falcon_rules import bundle


async def test_the_timeline_counts_each_alert_once_in_its_span(kept: store.Store):
    await kept.add([made.alert(number, priority=bundle.Priority(number % 2)) for number in range(10)])
    chosen = filters.Filter(since_ns=made.BEGIN, until_ns=made.BEGIN + 10 * made.SECOND)
    found = await kept.timeline(chosen, 5)
    assert found.width_ns == 2 * made.SECOND
    assert [each.start_ns for each in found.buckets] == [made.BEGIN + 2 * n * made.SECOND for n in range(5)]
    assert [each.counts for each in found.buckets] == [{0: 1, 1: 1}] * 5


async def test_a_timeline_without_times_reaches_from_the_first_alert_to_now(kept: store.Store):
    await kept.add([made.alert(0), made.alert(1, time_ns=time.time_ns())])
    found = await kept.timeline(filters.Filter(), 10)
    assert found.buckets[0].counts == {4: 1}
    assert found.buckets[-1].counts == {4: 1}


async def test_a_timeline_of_nothing_is_empty(kept: store.Store):
    found = await kept.timeline(filters.Filter(text="nothing"), 3)
    assert [each.counts for each in found.buckets] == [{}, {}, {}]


async def test_top_counts_values_and_leaves_out_those_without(kept: store.Store):
    await kept.add(
        [
            made.in_pod(1, "shop", "web-1", tags=("a", "b")),
            made.in_pod(2, "shop", "web-1", tags=("b",)),
            made.in_pod(3, "pay", "db-0", tags=()),
            made.alert(4, tags=("a", "b", "c")),
        ]
    )
    everything = filters.Filter()
    assert await kept.top(everything, "namespace") == [records.Top("shop", 2), records.Top("pay", 1)]
    assert await kept.top(everything, "pod", 1) == [records.Top("web-1", 2)]
    assert await kept.top(everything, "tag") == [records.Top("b", 3), records.Top("a", 2), records.Top("c", 1)]
    assert await kept.top(filters.Filter(is_={"namespace": ("shop",)}), "tag") == [
        records.Top("b", 2),
        records.Top("a", 1),
    ]
    with pytest.raises(ValueError, match="by must be one of"):
        await kept.top(everything, "output")
