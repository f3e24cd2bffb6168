"""An alert as a JSON document, for receivers that store or pass on data (Elasticsearch, Kafka, Loki, webhooks)."""

from __future__ import annotations

import json
from typing import Any

from falcon_hub.sinks import base


def of(message: base.Message) -> dict[str, Any]:
    """Falco's object; of a message that stands for several alerts with how many, and since when."""
    document = message.alert.to_json()
    if message.count > 1:
        document["count"] = message.count
    return document


def line(message: base.Message) -> str:
    """The same as JSON on one line."""
    return json.dumps(of(message), ensure_ascii=False, separators=(",", ":"))
