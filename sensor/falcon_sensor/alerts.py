"""An alert as every output gets it.

The shape of its JSON is Falco's, so that what reads Falco reads Falcon.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from falcon_rules import bundle


@dataclass(frozen=True, slots=True)
class Alert:
    """One match, rendered.

    time: ns since the epoch. output: the rule's text rendered, without time and priority.
    fields: what `output_fields` shows: one entry per distinct field of the output text, the
    static fields from settings, and `evt.time` as integer ns. suppressed: how many alerts of
    the same key were held back since the last one told.
    """

    uuid: str
    time: int
    rule: str
    priority: bundle.Priority
    source: str
    hostname: str
    tags: tuple[str, ...]
    output: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    suppressed: int = 0
    # What the alert is about, for outputs that address it (Kubernetes Events) rather than print it.
    container_id: str | None = None
    container_name: str | None = None
    pod_uid: str | None = None
    # Known when the API server or the runtime has told; the namespace is never a rule's choice.
    pod_name: str | None = None
    pod_namespace: str | None = None
