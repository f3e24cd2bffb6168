"""Answers: what comes out of the store, as the JSON that the page reads (hub/web/src/types.ts)."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import Any

from falcon_hub.store import filters, records
from falcon_rules import bundle, times


def row(stored: records.Stored, now_ns: int | None = None) -> dict[str, Any]:
    """One alert in a list, without its fields."""
    alert, mark = stored.alert, stored.acknowledgement
    seen = filters.acknowledged(stored, time.time_ns() if now_ns is None else now_ns)
    return {
        "seq": stored.seq,
        "cursor": f"{alert.time_ns}-{stored.seq}",
        "uuid": alert.uuid,
        "time": times.rfc3339(alert.time_ns),
        "rule": alert.rule,
        "priority": int(alert.priority),
        "source": alert.source,
        "hostname": alert.hostname,
        "tags": list(alert.tags),
        # What stands in front of it (time, priority) has columns of its own.
        "output": alert.message,
        "namespace": alert.namespace,
        "pod": alert.pod,
        "container": alert.container,
        "image": alert.image,
        "acknowledged": acknowledgement(mark) if mark is not None and seen else None,
        "silenced": stored.silence is not None,
    }


def detail(stored: records.Stored, silences: Sequence[records.Silence] = ()) -> dict[str, Any]:
    """Everything about an alert. Values of fields are text: JavaScript would round nanoseconds. silences: in force,
    which would cover its like now."""
    fields = [{"name": name, "value": filters.field_text(value)} for name, value in sorted(stored.alert.fields.items())]
    return row(stored) | {
        "received": times.rfc3339(stored.received_ns),
        "silences": [silence(each, time.time_ns()) for each in silences],
        "fields": fields,
        "json": json.dumps(stored.alert.to_json(), ensure_ascii=False, indent=2),
    }


def exported(stored: records.Stored) -> dict[str, Any]:
    """Falco's object, and what the hub knows besides."""
    mark = stored.acknowledgement
    known: dict[str, Any] = {"received": times.rfc3339(stored.received_ns), "silenced": stored.silence is not None}
    if mark is not None:
        known["acknowledged"] = acknowledgement(mark)
    return stored.alert.to_json() | {"falcon_hub": known}


def acknowledgement(mark: records.Acknowledgement) -> dict[str, Any]:
    expires = None if mark.expires_ns is None else times.rfc3339(mark.expires_ns)
    return {"who": mark.who, "when": times.rfc3339(mark.at_ns), "reason": mark.reason, "expires": expires}


def silence(found: records.Silence, now_ns: int) -> dict[str, Any]:
    return {
        "id": found.id,
        "matchers": {name: list(values) for name, values in found.matchers.items()},
        "who": found.who,
        "reason": found.reason,
        "starts": times.rfc3339(found.starts_ns),
        "expires": times.rfc3339(found.expires_ns),
        "active": found.starts_ns <= now_ns < found.expires_ns,
    }


def letter(found: records.DeadLetter) -> dict[str, Any]:
    """What a sink could not deliver. when: of the last attempt; reason: what the receiver answered, or why it was given
    up."""
    alert = found.alert
    return {
        "id": found.id,
        "uuid": alert.uuid,
        "time": times.rfc3339(alert.time_ns),
        "rule": alert.rule,
        "priority": int(alert.priority),
        "hostname": alert.hostname,
        "namespace": alert.namespace,
        "pod": alert.pod,
        "when": times.rfc3339(found.at_ns),
        "reason": found.reason,
        "attempts": found.attempts,
        "retry": found.retry,
    }


def entry(found: records.AuditEntry) -> dict[str, Any]:
    """Of the audit log."""
    return {
        "id": found.id,
        "when": times.rfc3339(found.at_ns),
        "who": found.who,
        "action": found.action,
        "detail": found.detail,
        "address": found.address,
    }


def counts(by_priority: dict[int, int], open_: dict[int, int]) -> dict[str, Any]:
    """open_: of those, the ones that nobody has acknowledged."""
    return {
        "total": sum(by_priority.values()),
        "priorities": [by_priority.get(each, 0) for each in bundle.Priority],
        # Counted a moment later than all, so there may be more.
        "open": [min(open_.get(each, 0), by_priority.get(each, 0)) for each in bundle.Priority],
    }


def timeline(found: records.Timeline) -> dict[str, Any]:
    """Times in seconds since the epoch, as charts have them; counts by bucket and priority."""
    start = found.buckets[0].start_ns if found.buckets else 0
    return {
        "start": start / 1e9,
        "end": (start + found.width_ns * len(found.buckets)) / 1e9,
        "step": found.width_ns / 1e9,
        "counts": [[each.counts.get(priority, 0) for priority in bundle.Priority] for each in found.buckets],
    }
