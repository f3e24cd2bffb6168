"""What goes over the wire, held against the published formats: the receivers are stand-ins that only listen."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.hub.sinks import support

from falcon_hub.routing import rendering
from falcon_hub.sinks import base
from falcon_rules import bundle

LINK = "https://hub.example/?alert={uuid}"
HOSTILE = "<!channel> @everyone [x](http://evil) <a href='x'>&\"*_`\r\nBcc: x@evil \u202e"


async def _sent(kind: str, count: int = 1, members: dict[str, Any] | None = None, **given: Any) -> list[support.Seen]:
    found = next(each for each in support.KINDS if each.type == kind)
    async with support.receiving() as receiver:
        receiver.otherwise = found.ok
        chosen, sink = found.make(receiver.url, **given)
        try:
            batch = [
                support.message(sink, chosen, support.alert(number, **(members or {})), LINK) for number in range(count)
            ]
            assert await support.send(sink, batch) == base.Outcome(count)
        finally:
            await sink.close()
    return receiver.seen


async def test_slack() -> None:
    (seen,) = await _sent("slack", channel="#alerts")
    document = seen.json
    blocks = document["attachments"][0]["blocks"]
    assert seen.path.startswith("/services/")
    assert document["channel"] == "#alerts"
    assert document["text"] == "Warning: Terminal shell in container"
    uuid = support.alert().uuid
    assert blocks[0]["text"]["text"] == f"*<https://hub.example/?alert={uuid}|Warning: Terminal shell in container>*"
    assert blocks[1]["text"] == {"type": "mrkdwn", "text": "A shell was spawned number=00000"}
    assert {"type": "mrkdwn", "text": "*Pod*\napi-7d9f"} in blocks[2]["fields"]


async def test_slack_within_its_limits() -> None:
    fields = {f"field.{number}": "x" * 5000 for number in range(100)}
    (seen,) = await _sent("slack", fields="all", members={"fields": fields, "output": "y" * 50_000})
    for block in seen.json["attachments"][0]["blocks"]:
        assert len(block.get("fields", ())) <= 10
        assert all(len(each["text"]) <= 2000 for each in block.get("fields", ()))
        assert len(block.get("text", {}).get("text", "")) <= 3000


async def test_pagerduty() -> None:
    (seen,) = await _sent("pagerduty", members={"priority": bundle.Priority.CRITICAL})
    event = seen.json
    assert event["routing_key"] == support.SECRET
    assert event["event_action"] == "trigger"
    assert event["dedup_key"] == support.alert().uuid
    assert event["payload"]["severity"] == "critical"
    assert event["payload"]["source"] == "node-1"
    assert event["payload"]["timestamp"] == "2026-11-24T06:00:00.123456789Z"
    assert event["payload"]["component"] == "api-7d9f"
    assert event["payload"]["custom_details"]["fields"] == support.FIELDS
    assert event["links"] == [{"href": event["client_url"], "text": "Alert in Falcon"}]


@pytest.mark.parametrize("priority", list(bundle.Priority))
async def test_pagerduty_severities_are_its_own(priority: bundle.Priority) -> None:
    (seen,) = await _sent("pagerduty", members={"priority": priority, "output": "z" * 5000})
    assert seen.json["payload"]["severity"] in ("critical", "error", "warning", "info")
    assert len(seen.json["payload"]["summary"]) <= 1024


async def test_pagerduty_within_its_size() -> None:
    (seen,) = await _sent("pagerduty", members={"fields": {"proc.cmdline": "x" * 600_000}})
    assert len(seen.body) < 512_000


async def test_opsgenie() -> None:
    fields = {f"field.{number}": "x" * 5000 for number in range(100)}
    members = {
        "output": "y" * 50_000,
        "rule": "r" * 300,
        "tags": tuple(f"{'t' * 80}{n}" for n in range(40)),
        "fields": fields,
    }
    (seen,) = await _sent("opsgenie", members=members, responders=["secops"])
    document = seen.json
    assert seen.headers["Authorization"] == f"GenieKey {support.SECRET}"
    assert len(document["message"]) <= 130
    assert len(document["description"]) <= 15_000
    assert (len(document["tags"]), max(map(len, document["tags"]))) == (20, 50)
    assert sum(len(name) + len(value) for name, value in document["details"].items()) <= 8000
    assert document["alias"] == support.alert().uuid
    assert document["priority"] == "P3"
    assert document["responders"] == [{"type": "team", "name": "secops"}]


async def test_discord() -> None:
    (seen,) = await _sent("discord", fields="all", members={"output": "y" * 50_000, "fields": {"a": "x" * 9000}})
    (embed,) = seen.json["embeds"]
    assert seen.path == f"/api/v10/webhooks/42/{support.SECRET}"
    assert seen.json["allowed_mentions"] == {"parse": []}
    assert embed["timestamp"] == "2026-11-24T06:00:00.123456789Z"
    assert len(embed["description"]) <= 4096
    texts = [
        embed["title"],
        embed["description"],
        *(each[key] for each in embed["fields"] for key in ("name", "value")),
    ]
    assert sum(map(len, texts)) <= 6000
    assert all(len(each["value"]) <= 1024 for each in embed["fields"])


async def test_discord_says_in_its_answer_how_long_to_wait() -> None:
    async with support.receiving() as receiver:
        receiver.script = [
            (429, {}, '{"message": "You are being rate limited.", "retry_after": 0.75, "global": false}')
        ]
        chosen, sink = support.KINDS[1].make(receiver.url)
        outcome = await sink.send([support.message(sink, chosen, support.alert())])
        await sink.close()
    assert outcome.failure is not None
    assert outcome.failure.retry_after == 0.75


async def test_teams() -> None:
    (seen,) = await _sent("teams")
    (attachment,) = seen.json["attachments"]
    card = attachment["content"]
    assert seen.json["type"] == "message"
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    assert (card["type"], card["version"]) == ("AdaptiveCard", "1.4")
    assert card["body"][0]["text"] == "Warning: Terminal shell in container"
    assert {"title": "Namespace", "value": "payments"} in card["body"][2]["facts"]
    assert card["actions"][0]["type"] == "Action.OpenUrl"


async def test_teams_within_its_size() -> None:
    fields = {f"field.{number}": "ü" * 5000 for number in range(100)}
    (seen,) = await _sent("teams", fields="all", members={"fields": fields, "output": "ü" * 50_000})
    assert len(seen.body.encode()) <= 28_000


async def test_telegram() -> None:
    (seen,) = await _sent("telegram", thread_id=7, members={"output": "<b>" * 5000})
    document = seen.json
    assert seen.path == f"/bot42:{support.SECRET}/sendMessage"
    assert (document["chat_id"], document["message_thread_id"], document["parse_mode"]) == ("-100", 7, "HTML")
    assert len(document["text"]) <= 4096
    assert document["text"].startswith("<b>Warning: Terminal shell in container</b>\n&lt;b&gt;")
    assert document["text"].count("<b>") == document["text"].count("</b>")


async def test_telegram_says_in_its_answer_how_long_to_wait() -> None:
    answer = {"ok": False, "error_code": 429, "description": "Too Many Requests", "parameters": {"retry_after": 5}}
    async with support.receiving() as receiver:
        receiver.script = [(429, {}, json.dumps(answer))]
        chosen, sink = support.KINDS[3].make(receiver.url)
        outcome = await sink.send([support.message(sink, chosen, support.alert())])
        await sink.close()
    assert outcome.failure is not None
    assert outcome.failure.retry_after == 5


async def test_alertmanager() -> None:
    (seen,) = await _sent("alertmanager", count=2, labels=["proc.cmdline"], extra_labels={"team": "sec"})
    first = seen.json[0]
    assert seen.path == "/api/v2/alerts"
    assert first["labels"] == {
        "alertname": "Terminal shell in container",
        "rule": "Terminal shell in container",
        "priority": "Warning",
        "severity": "warning",
        "source": "falcon",
        "eventsource": "syscall",
        "hostname": "node-1",
        "tags": "container,shell",
        "namespace": "payments",
        "pod": "api-7d9f",
        "container": "api",
        "image": "registry.example/api",
        "proc_cmdline": "sh -c id",
        "team": "sec",
    }
    assert first["annotations"]["uuid"] == support.alert().uuid
    assert first["startsAt"] == "2026-11-24T06:00:00.123456789Z"
    assert "endsAt" not in first


async def test_loki() -> None:
    (seen,) = await _sent("loki", count=3, tenant="team-a", structured_metadata=True)
    (stream,) = seen.json["streams"]
    assert seen.path == "/loki/api/v1/push"
    assert seen.headers["X-Scope-OrgID"] == "team-a"
    assert seen.headers["Authorization"] == f"Bearer {support.SECRET}"
    assert stream["stream"] == {
        "job": "falcon",
        "rule": "Terminal shell in container",
        "priority": "Warning",
        "source": "syscall",
        "hostname": "node-1",
        "namespace": "payments",
    }
    assert [entry[0] for entry in stream["values"]] == [str(support.TIME_NS + number) for number in range(3)]
    assert json.loads(stream["values"][0][1]) == support.alert().to_json()
    assert stream["values"][0][2] == {"uuid": support.alert().uuid, "pod": "api-7d9f"}


async def test_elasticsearch() -> None:
    (seen,) = await _sent("elasticsearch", count=2, pipeline="falco", flatten_fields=True)
    lines = [json.loads(line) for line in seen.body.splitlines()]
    assert seen.path == "/_bulk?pipeline=falco"
    assert seen.headers["Authorization"] == f"ApiKey {support.SECRET}"
    assert seen.headers["Content-Type"] == "application/x-ndjson"
    assert seen.body.endswith("\n")
    assert lines[0] == {"create": {"_index": "falcon-2026.11.24", "_id": support.alert().uuid}}
    assert lines[1]["@timestamp"] == "2026-11-24T06:00:00.123456789Z"
    assert lines[1]["output_fields"]["k8s_ns_name"] == "payments"


@pytest.mark.parametrize(
    ("suffix", "index"),
    [("none", "audit"), ("daily", "audit-2026.11.24"), ("monthly", "audit-2026.11"), ("yearly", "audit-2026")],
)
async def test_elasticsearch_indexes(suffix: str, index: str) -> None:
    (seen,) = await _sent("elasticsearch", index="audit", suffix=suffix)
    assert json.loads(seen.body.splitlines()[0])["create"]["_index"] == index


@pytest.mark.parametrize(
    ("statuses", "outcome", "told"),
    [
        ([201, 409, 201], base.Outcome(3), None),
        ([201, 400, 201], base.Outcome(3, {1: '400: {"type": "mapper_parsing_exception"}'}), None),
        ([201, 429, 201], base.Outcome(1), '429: {"type": "es_rejected_execution_exception"}'),
        ([400, 503, 201], base.Outcome(1, {0: '400: {"type": "mapper_parsing_exception"}'}), "503: null"),
    ],
)
async def test_elasticsearch_answers_for_each_document(
    statuses: list[int], outcome: base.Outcome, told: str | None
) -> None:
    """The request as a whole is answered by 200, whatever became of its documents."""
    errors = {400: {"type": "mapper_parsing_exception"}, 429: {"type": "es_rejected_execution_exception"}}
    items = [{"create": {"status": status, "error": errors.get(status)}} for status in statuses]
    async with support.receiving() as receiver:
        receiver.script = [(200, {}, json.dumps({"errors": True, "items": items}))]
        chosen, sink = support.KINDS[8].make(receiver.url)
        found = await sink.send([support.message(sink, chosen, support.alert(number)) for number in range(3)])
        await sink.close()
    assert (found.done, found.refused) == (outcome.done, outcome.refused)
    assert (str(found.failure) if found.failure else None) == told


async def test_webhook() -> None:
    (seen,) = await _sent("webhook", bearer_token="another-token", headers={"X-Team": "sec"})
    assert seen.json == support.alert().to_json()
    assert seen.headers["Idempotency-Key"] == support.alert().uuid
    assert seen.headers["Authorization"] == "Bearer another-token"
    assert seen.headers["X-Team"] == "sec"
    assert seen.headers["Content-Type"] == "application/json"


async def test_webhook_batches() -> None:
    (array,) = await _sent("webhook", count=3, batch=10)
    assert [each["uuid"] for each in array.json] == [support.alert(number).uuid for number in range(3)]
    (lines,) = await _sent("webhook", count=3, batch=10, format="ndjson")
    assert [json.loads(each)["uuid"] for each in lines.body.splitlines()] == [
        support.alert(number).uuid for number in range(3)
    ]


async def test_webhook_with_a_body_of_its_own() -> None:
    """A value cannot leave the text that the template puts it into."""
    template = '{"summary": "{{ rule }}", "pod": "{{ pod }}", "text": "{{ output }}"}'
    members = {"output": 'a " and a \\ and \n a line", "admin": "yes'}
    (seen,) = await _sent("webhook", format="text", content_type="application/json", text=template, members=members)
    assert seen.json == {"summary": support.alert().rule, "pod": "api-7d9f", "text": members["output"]}


async def test_falcosidekick_gets_what_falco_sends() -> None:
    first, second = await _sent("falcosidekick", count=2)
    assert set(first.json) >= {
        "uuid",
        "output",
        "priority",
        "rule",
        "time",
        "output_fields",
        "source",
        "tags",
        "hostname",
    }
    assert second.json["uuid"] == support.alert(1).uuid


@pytest.mark.parametrize("kind", ["slack", "discord", "teams", "telegram"])
async def test_what_an_attacker_chose_stays_text(kind: str) -> None:
    members = {"output": HOSTILE, "rule": HOSTILE, "hostname": HOSTILE, "fields": {"proc.cmdline": HOSTILE}}
    (seen,) = await _sent(kind, members=members)
    texts = _texts(seen.json)
    joined = "\n".join(texts)
    assert "\u202e" not in joined
    if kind == "slack":
        assert "<!channel>" not in joined
        assert "&lt;!channel&gt;" in joined
    elif kind == "telegram":
        assert "<a href='x'>" not in joined
        assert "&lt;a href=" in joined
    else:
        assert "[x](" not in joined
        assert "\\[x\\]\\(http\\:" in joined
        assert "@everyone" not in joined.replace("\\@everyone", "")


def _texts(node: Any) -> list[str]:
    if isinstance(node, dict):
        return [text for value in node.values() for text in _texts(value)]
    if isinstance(node, list):
        return [text for value in node for text in _texts(value)]
    return [node] if isinstance(node, str) else []


@pytest.mark.parametrize("kind", ["slack", "discord", "teams", "telegram", "pagerduty", "opsgenie"])
async def test_a_digest(kind: str) -> None:
    found = next(each for each in support.KINDS if each.type == kind)
    async with support.receiving() as receiver:
        receiver.otherwise = found.ok
        chosen, sink = found.make(receiver.url)
        many = [support.alert(number, rule=f"Rule {number % 3}") for number in range(100)]
        message = rendering.Renderer(chosen, sink.escape).digest(many)
        assert await sink.send([message]) == base.Outcome(1)
        await sink.close()
    joined = "\n".join(_texts(receiver.seen[0].json))
    assert "100 alerts" in joined
    assert "34 × Warning" in joined.replace("\\", "")
