"""Acknowledgements, silences, cursors, dead letters, accounts: what is kept beside alerts."""

from __future__ import annotations

import time

import pytest
from tests.hub.support import made

from falcon_hub.store import records, store

FAR = 4_000_000_000 * made.SECOND


async def test_an_acknowledgement_is_seen_replaced_and_taken_back(kept: store.Store):
    alert = made.alert(1)
    await kept.add([alert])
    assert await kept.acknowledgements.set(alert.uuid, who="anna", reason="false alarm")
    assert await kept.acknowledgements.set(alert.uuid, who="ben", reason="really", expires_ns=FAR)
    found = await kept.get(alert.uuid)
    assert found is not None
    assert found.acknowledgement is not None
    assert (found.acknowledgement.who, found.acknowledgement.reason) == ("ben", "really")
    assert await kept.acknowledgements.clear(alert.uuid)
    assert not await kept.acknowledgements.clear(alert.uuid)
    assert not await kept.acknowledgements.set(made.alert(2).uuid, who="anna", reason="")


async def test_a_silence_marks_what_comes_while_it_is_in_force(kept: store.Store):
    await kept.add([made.in_pod(1, "shop", "web-1")])
    made_now = await kept.silences.add(
        {"namespace": ["shop", "pay"], "rule": ["Read a secret"]}, who="anna", reason="deploy", expires_ns=FAR
    )
    await kept.add(
        [made.in_pod(2, "shop", "web-1"), made.in_pod(3, "shop", "web-1", rule="Other"), made.in_pod(4, "ops", "x")]
    )
    assert await kept.silences.end(made_now.id)
    assert not await kept.silences.end(made_now.id)
    await kept.add([made.in_pod(5, "shop", "web-1")])
    assert [each.silence for each in await kept.after(0, 10)] == [None, made_now.id, None, None, None]
    assert await kept.silences.list() == []
    assert [each.reason for each in await kept.silences.list(over_too=True)] == ["deploy"]


async def test_a_silence_that_begins_later_or_is_over_marks_nothing(kept: store.Store):
    await kept.silences.add({"tag": ["files"]}, who="a", reason="", starts_ns=FAR - 1, expires_ns=FAR)
    await kept.add([made.alert(1)])
    assert (await kept.after(0, 1))[0].silence is None
    assert len(await kept.silences.list()) == 1


@pytest.mark.parametrize(
    ("matchers", "expires"),
    [({}, FAR), ({"rule": []}, FAR), ({"output": ["x"]}, FAR), ({"rule": ["x"]}, 5), ({"rule": ["x"]}, 0)],
)
async def test_a_silence_that_cannot_be_meant_is_refused(kept: store.Store, matchers, expires: int):
    with pytest.raises(ValueError, match="a silence"):
        await kept.silences.add(matchers, who="a", reason="", expires_ns=expires)


async def test_a_new_sink_begins_with_what_comes_next_and_its_cursor_never_goes_back(kept: store.Store):
    await kept.add([made.alert(number) for number in range(5)])
    assert await kept.cursor("slack") == 5
    assert await kept.cursor("archive", beginning=True) == 0
    await kept.advance("archive", 3)
    await kept.advance("archive", 2)
    assert await kept.cursor("archive") == 3
    assert {each.sink: each.behind for each in await kept.cursors()} == {"slack": 0, "archive": 2}


async def test_dead_letters_are_listed_tried_again_and_dropped(kept: store.Store):
    await kept.add([made.alert(number) for number in range(4)])
    await kept.dead_letters.add("slack", [1, 3], "too long", 1)
    await kept.dead_letters.add("mail", [2], "no such mailbox", 2)
    await kept.dead_letters.add("slack", [3], "still too long", 2)
    found = await kept.dead_letters.list("slack")
    assert [(each.seq, each.reason, each.attempts) for each in found] == [(1, "too long", 1), (3, "still too long", 2)]
    assert found[0].alert == made.alert(0)
    assert await kept.dead_letters.count() == {"slack": 2, "mail": 1}
    assert await kept.dead_letters.due("slack", 10) == []
    assert await kept.dead_letters.retry([found[1].id]) == 1
    assert [each.seq for each in await kept.dead_letters.due("slack", 10)] == [3]
    assert await kept.dead_letters.drop([found[1].id]) == 1
    assert [each.sink for each in await kept.dead_letters.list()] == ["slack", "mail"]


async def test_a_users_sessions_end_when_the_user_changes_or_goes(kept: store.Store):
    accounts = kept.accounts
    await accounts.put_user(records.User("anna", "admin", "hash", 1))
    now = time.time_ns()
    await accounts.add_session("h1", records.Session("anna", "admin", "csrf", now, now + 3600 * made.SECOND))
    assert (await accounts.session("h1")) is not None
    await accounts.put_user(records.User("anna", "viewer", "hash", 1))
    assert (await accounts.session("h1")) is None
    await accounts.add_session("h2", records.Session("anna", "viewer", "csrf", now, now + 1))
    assert (await accounts.session("h2")) is None
    assert [each.role for each in await accounts.users()] == ["viewer"]
    assert await accounts.remove_user("anna")
    assert not await accounts.remove_user("anna")


async def test_the_audit_log_is_read_newest_first(kept: store.Store):
    await kept.accounts.log("anna", "login", {"by": "password"}, "192.0.2.1")
    await kept.accounts.log("ben", "acknowledge", {"uuid": "x"})
    found = await kept.accounts.audit()
    assert [(each.who, each.action) for each in found] == [("ben", "acknowledge"), ("anna", "login")]
    assert found[1].detail == {"by": "password"}
    assert [each.who for each in await kept.accounts.audit(before=found[0])] == ["anna"]


async def test_no_entry_of_the_audit_log_is_lost_between_pages(kept: store.Store, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(time, "time_ns", lambda: FAR)
    for number in range(7):
        await kept.accounts.log(f"user {number}", "login")
    seen: list[records.AuditEntry] = []
    while page := await kept.accounts.audit(3, seen[-1] if seen else None):
        seen += page
    assert [each.who for each in seen] == [f"user {number}" for number in range(6, -1, -1)]
