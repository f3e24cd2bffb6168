"""What people have said lately, as the audit log has it."""

from __future__ import annotations

import asyncio

from tests.hub.support import made

from falcon_hub.store import marks, store

FAR = 4_000_000_000 * made.SECOND


async def acknowledge(kept: store.Store, uuid: str, who: str = "anna", expires_ns: int | None = None) -> None:
    assert await kept.acknowledgements.set(uuid, who=who, reason="seen", expires_ns=expires_ns)
    await kept.accounts.log(who, marks.ACKNOWLEDGE, {marks.ALERT: uuid})


async def test_how_things_stand_now_and_how_far_that_is(kept: store.Store):
    one, two = made.alert(1), made.alert(2)
    await kept.add([one, two])
    await acknowledge(kept, one.uuid)
    begun = await kept.last_note()
    nothing = await kept.marks(begun)
    assert (nothing.note, nothing.alerts, nothing.silences) == (begun, {}, False)
    await acknowledge(kept, one.uuid, "ben")
    await acknowledge(kept, two.uuid, expires_ns=1)
    await kept.accounts.log("anna", "login")
    found = await kept.marks(begun)
    assert {uuid: mark and mark.who for uuid, mark in found.alerts.items()} == {one.uuid: "ben", two.uuid: None}
    assert (found.silences, found.note) == (False, await kept.last_note())
    assert await kept.acknowledgements.clear(one.uuid)
    await kept.accounts.log("ben", marks.TAKE_BACK, {marks.ALERT: one.uuid})
    await kept.accounts.log("ben", marks.END_SILENCE, {"id": "3"})
    later = await kept.marks(found.note)
    assert (later.alerts, later.silences) == ({one.uuid: None}, True)
    # All at once tells of each alert only once.
    assert (await kept.marks(0)).alerts == {one.uuid: None, two.uuid: None}


async def test_much_comes_in_parts(kept: store.Store):
    for number in range(3):
        await kept.accounts.log("anna", marks.SILENCE, {"id": str(number)})
    uuids = [made.alert(number).uuid for number in range(700)]
    await asyncio.gather(*(kept.accounts.log("anna", marks.ACKNOWLEDGE, {marks.ALERT: each}) for each in uuids))
    note, seen, parts = 0, set[str](), 0
    while (found := await kept.marks(note)).note > note:
        note, parts = found.note, parts + 1
        seen |= found.alerts.keys()
    assert (len(seen), parts, note) == (700, 2, await kept.last_note())


async def test_waiting_ends_with_an_alert_or_with_an_entry(kept: store.Store):
    waiting = asyncio.create_task(kept.wait_for_news(0, 0, 30))
    await kept.accounts.log("anna", "login")
    assert await waiting is True
    note = await kept.last_note()
    waiting = asyncio.create_task(kept.wait_for_news(0, note, 30))
    await kept.add([made.alert()])
    assert await waiting is True
    assert await kept.wait_for_news(1, note, 0.01) is False


async def test_waiting_sees_what_was_said_by_another_hub(postgresql_url: str):
    async with await store.Store.open(postgresql_url) as kept, await store.Store.open(postgresql_url) as other:
        waiting = asyncio.create_task(kept.wait_for_news(0, 0, 30))
        await other.accounts.log("anna", marks.SILENCE)
        assert await waiting is True
        assert (await kept.marks(0)).silences


async def test_silences_that_cover_an_alert_now(kept: store.Store):
    alert = made.in_pod(1, "shop", "web-1")
    covering = await kept.silences.add({"namespace": ["shop"]}, who="anna", reason="deploy", expires_ns=FAR)
    await kept.silences.add({"namespace": ["pay"]}, who="anna", reason="other", expires_ns=FAR)
    await kept.silences.add({"namespace": ["shop"]}, who="anna", reason="later", starts_ns=FAR - 1, expires_ns=FAR)
    assert [each.id for each in await kept.silences.covering(alert)] == [covering.id]
    await kept.silences.end(covering.id)
    assert await kept.silences.covering(alert) == []
