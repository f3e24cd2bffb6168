"""Filters: each of them in SQL, on both databases, and in Python; the three must agree."""

from __future__ import annotations

import itertools
import time
from collections.abc import Mapping

import pytest
from tests.hub.support import made

from falcon_hub.store import filters, reading, records, store
from falcon_rules import bundle

FAR = 4_000_000_000 * made.SECOND

ALERTS = [
    made.alert(0),
    made.alert(
        1, rule="Shell in a container", priority=bundle.Priority.CRITICAL, tags=(), output="sh -c 'cat /etc/passwd'"
    ),
    made.in_pod(2, "shop", "web-1", tags=("container",), output="Überwachung läuft in web_1"),
    made.in_pod(3, "shop", "web-2", priority=bundle.Priority.NOTICE, fields={"proc.name": "curl", "ok": True, "n": 7}),
    made.in_pod(4, "pay", "db-0", image="postgres", hostname="node-2", fields={"proc.cmdline": "psql -c 'x'"}),
    made.alert(
        5,
        source="k8s_audit",
        hostname="",
        output="15 times",
        fields={"ka.verb": "get", "gone": None, "list": [1, 2], "small": 5},
    ),
    made.alert(6, fields={'quote"d': "a 'b' \"c\"", "proc.name": "CURL", "text": "100%_sure"}),
]
CHOICES = [
    filters.Filter(),
    filters.Filter(since_ns=made.BEGIN + made.SECOND, until_ns=made.BEGIN + 4 * made.SECOND),
    filters.Filter(priorities=frozenset({2, 5})),
    filters.Filter(priorities=frozenset({0})),
    filters.Filter(is_={"rule": ("Shell in a container",)}),
    filters.Filter(is_={"namespace": ("shop", "pay")}),
    filters.Filter(is_={"namespace": ("shop",), "pod": ("web-2", "db-0")}),
    filters.Filter(is_={"hostname": ("node-2",)}),
    filters.Filter(is_={"source": ("k8s_audit",), "tag": ("files",)}),
    filters.Filter(is_={"image": ("postgres",), "container": ("main",)}),
    filters.Filter(is_={"tag": ("container", "network")}),
    filters.Filter(is_={"tag": ("unknown",)}),
    filters.Filter(is_not={"namespace": ("shop",)}),
    filters.Filter(is_not={"tag": ("files",)}),
    filters.Filter(is_not={"rule": ("Read a secret",), "pod": ("web-1",)}),
    filters.Filter(fields=(("proc.name", "curl"),)),
    filters.Filter(fields=(("n", "7"),)),
    filters.Filter(fields=(("ok", "true"),)),
    filters.Filter(fields=(("proc.pid", "0"),)),
    filters.Filter(fields=(("small", "5"),)),
    filters.Filter(fields=(("fd.name", "/etc/shadow"), ("proc.pid", "0"))),
    filters.Filter(fields=(('quote"d', "a 'b' \"c\""),)),
    filters.Filter(fields=(("text", "100%_sure"),)),
    filters.Filter(not_fields=(("proc.name", "curl"),)),
    filters.Filter(not_fields=(("fd.name", "/etc/shadow"),)),
    filters.Filter(text="shadow"),
    filters.Filter(text="SHAD"),
    filters.Filter(text="/etc/sha"),
    filters.Filter(text="etc shadow"),
    filters.Filter(text="cat /etc"),
    filters.Filter(text="hadow"),
    filters.Filter(text="überw"),
    filters.Filter(text="uberw"),
    filters.Filter(text="web_1"),
    filters.Filter(text="container"),
    filters.Filter(text="node-2"),
    filters.Filter(text="psql"),
    filters.Filter(text="secret read"),
    filters.Filter(text="number=0"),
    filters.Filter(text="secret-read"),
    filters.Filter(text="\"' OR 1=1 --"),
    filters.Filter(text="NOT shadow* NEAR ^"),
    filters.Filter(text="!&|<->:*"),
    filters.Filter(text="shadow", is_={"tag": ("network",)}, priorities=frozenset({4})),
    filters.Filter(acknowledged=True),
    filters.Filter(acknowledged=False),
    filters.Filter(silenced=True),
    filters.Filter(silenced=False, text="read"),
]


@pytest.fixture
async def filled(kept: store.Store) -> Mapping[str, records.Stored]:
    """By uuid, as they are in the store: one acknowledged, one whose acknowledgement has expired, one silenced."""
    await kept.silences.add({"pod": ["db-0"]}, who="anna", reason="migration", expires_ns=FAR)
    await kept.add(ALERTS)
    await kept.acknowledgements.set(ALERTS[0].uuid, who="anna", reason="seen")
    await kept.acknowledgements.set(ALERTS[2].uuid, who="anna", reason="for a while", expires_ns=time.time_ns() - 1)
    return {each.alert.uuid: each for each in await kept.after(0, 100)}


async def test_sql_and_python_choose_the_same(kept: store.Store, filled: Mapping[str, records.Stored]):
    now = time.time_ns()
    for chosen in CHOICES:
        expected = {uuid for uuid, stored in filled.items() if chosen.matches(stored, now)}
        found = [each.alert.uuid for each in (await kept.page(chosen)).rows]
        assert set(found) == expected, chosen
        assert len(found) == len(expected)
        assert sum((await kept.count(chosen)).values()) == len(expected), chosen


async def test_the_choices_tell_alerts_apart(kept: store.Store, filled: Mapping[str, records.Stored]):
    """The test above would hold for filters that never choose anything."""
    now = time.time_ns()
    sizes = [sum(chosen.matches(stored, now) for stored in filled.values()) for chosen in CHOICES]
    assert {0, 1, 2, 3, 6, 7} <= set(sizes)
    found = (await kept.page(filters.Filter(text="/etc/sha", is_={"tag": ("network",)}))).rows
    assert [each.alert.uuid for each in found] == [ALERTS[number].uuid for number in (6, 4, 3, 0)]


async def test_pages_follow_each_other_without_gap_or_double_whatever_comes_in_between(kept: store.Store):
    # Several at the same moment: then their numbers decide.
    wanted = [made.alert(number, time_ns=made.BEGIN + number // 4) for number in range(23)]
    await kept.add(wanted)
    found: list[str] = []
    before: str | None = None
    for round in itertools.count():
        page = await kept.page(filters.Filter(), before, limit=5)
        found += [each.alert.uuid for each in page.rows]
        await kept.add([made.alert(1000 + round)])
        if page.next is None:
            break
        before = page.next
    assert found == [each.uuid for each in sorted(wanted, key=lambda each: (each.time_ns, each.uuid), reverse=True)]


@pytest.mark.parametrize("looked_at", [1, 3, 100])
async def test_frequent_words_are_found_by_looking_and_give_the_same_pages(
    url: str, monkeypatch: pytest.MonkeyPatch, looked_at: int
):
    """Whether all fit within what is looked at, or the rest is asked of the index."""
    async with await store.Store.open(url) as kept:
        wanted = [
            made.alert(number, time_ns=made.BEGIN + number // 4, output="shadow" if number % 3 else "light", fields={})
            for number in range(40)
        ]
        await kept.add(wanted)
        for chosen in (filters.Filter(text="shad"), filters.Filter(text="shad", until_ns=made.BEGIN + 8)):
            usual = (await kept.page(chosen)).rows
            with monkeypatch.context() as patch:
                patch.setattr(reading, "_MANY", 5)
                patch.setattr(reading, "_LOOKED_AT", looked_at)
                patch.setattr(reading, "_MOST_LOOKED_AT", looked_at * 4)
                found, before = [], None
                while True:
                    page = await kept.page(chosen, before, limit=4)
                    found += page.rows
                    if (before := page.next) is None:
                        break
            assert found == usual
            assert len(found) in (26, 21), looked_at


@pytest.mark.parametrize("before", ["", "x", "1-", "-1", "1-2-3", "1 OR 1", "9" * 80 + "-1", "١-٢"])
async def test_a_page_begins_only_where_a_page_ended(kept: store.Store, before: str):
    with pytest.raises(ValueError, match="before"):
        await kept.page(filters.Filter(), before)


def test_terms_are_runs_of_words():
    assert filters.terms("/etc/shad CAT -- x_y") == [("etc", "shad"), ("cat",), ("x", "y")]
    assert filters.terms(" -- ") == []
