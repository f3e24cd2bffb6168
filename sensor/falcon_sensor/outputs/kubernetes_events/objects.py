"""Events as the API has them, of alerts and of what they are about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from falcon_rules import bundle, times
from falcon_sensor import alerts
from falcon_sensor.outputs.kubernetes_events import texts

API_VERSION = "events.k8s.io/v1"
CONTROLLER = "falcon.dev/sensor"
CLUSTER = ""
"""The namespace of Events about objects without one: where these are is the API server's choice (see `client`)."""

_ACTION = "Detected"
_TAGS_BYTES = 1024

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Subject:
    """What an Event is about. namespace: the Event's own."""

    namespace: str
    name: str
    regarding: Mapping[str, str]
    key: tuple[str, ...]
    """The same for alerts about the same pod and container, or node."""


@dataclass(frozen=True, slots=True)
class Source:
    """Who reports. node: name of the Node; instance: of the sensor's pod."""

    node: str
    instance: str

    def host(self) -> Subject:
        # The kubelet's own Events have the node's name for a uid, and `kubectl describe node` looks for that.
        regarding = {"apiVersion": "v1", "kind": "Node", "name": self.node, "uid": self.node}
        return Subject(CLUSTER, self.node, regarding, ("", self.node))

    def subject(self, alert: alerts.Alert) -> Subject:
        """The pod, if its name is known, else the node."""
        if not alert.pod_uid or not alert.pod_name or not alert.pod_namespace:
            return self.host()
        regarding = {
            "apiVersion": "v1",
            "kind": "Pod",
            "namespace": alert.pod_namespace,
            "name": alert.pod_name,
            "uid": alert.pod_uid,
        }
        if alert.container_name:
            regarding["fieldPath"] = f"spec.containers{{{alert.container_name}}}"
        key = (alert.pod_uid, alert.container_id or alert.container_name or "")
        return Subject(alert.pod_namespace, alert.pod_name, regarding, key)


@dataclass(frozen=True, slots=True)
class Sighting:
    """One alert of an Event. time: ns since the epoch. text: what the note says."""

    time: int
    uuid: str
    text: str


def event(source: Source, subject: Subject, alert: alerts.Alert, sighting: Sighting) -> Json:
    """A new Event, seen once."""
    reason = texts.reason(alert.rule)
    annotations = {"falcon.dev/rule": alert.rule, "falcon.dev/uuid": alert.uuid, "falcon.dev/node": source.node}
    if alert.tags:
        annotations["falcon.dev/tags"] = texts.cut(",".join(alert.tags), _TAGS_BYTES)
    if alert.container_id:
        annotations["falcon.dev/container-id"] = alert.container_id
    if alert.suppressed:
        annotations["falcon.dev/suppressed"] = str(alert.suppressed)
    return {
        **_common(source, subject, sighting, urgent=alert.priority <= bundle.Priority.WARNING),
        "metadata": {
            "name": texts.event_name(subject.name, alert.uuid),
            "namespace": subject.namespace,
            "labels": {
                "falcon.dev/priority": alert.priority.label,
                "falcon.dev/rule": texts.label(reason),
            },
            "annotations": annotations,
        },
        "reason": reason,
    }


def summary(source: Source, sighting: Sighting, held_back: int) -> Json:
    """One about the node, for all that was held back."""
    subject = source.host()
    return {
        **_common(source, subject, sighting, urgent=True),
        "metadata": {
            "name": texts.event_name(subject.name, sighting.uuid),
            "namespace": subject.namespace,
            "annotations": {"falcon.dev/held-back": str(held_back), "falcon.dev/node": source.node},
        },
        "reason": "AlertsHeldBack",
        "action": "Summarised",
    }


def series(count: int, last: Sighting, first_text: str) -> Json:
    """What changes with a further sighting: merge it into the Event, or send it as a patch."""
    annotations = {"falcon.dev/last-uuid": last.uuid}
    if last.text != first_text:
        annotations["falcon.dev/last-output"] = last.text
    return {
        "metadata": {"annotations": annotations},
        "series": {"count": count, "lastObservedTime": _micro(last.time)},
    }


def renewed(event: Json, sighting: Sighting) -> Json:
    """An Event like that one, seen once."""
    metadata = event["metadata"]
    return {
        **event,
        "metadata": {
            **metadata,
            "name": texts.event_name(event["regarding"]["name"], sighting.uuid),
            "annotations": {**metadata["annotations"], "falcon.dev/uuid": sighting.uuid},
        },
        "note": sighting.text,
        "eventTime": _micro(sighting.time),
    }


def _common(source: Source, subject: Subject, sighting: Sighting, *, urgent: bool) -> Json:
    return {
        "apiVersion": API_VERSION,
        "kind": "Event",
        "regarding": dict(subject.regarding),
        "note": sighting.text,
        "type": "Warning" if urgent else "Normal",
        "action": _ACTION,
        "eventTime": _micro(sighting.time),
        "reportingController": CONTROLLER,
        "reportingInstance": texts.cut(source.instance, texts.INSTANCE_BYTES),
    }


def _micro(time: int) -> str:
    """MicroTime: RFC 3339 with exactly six digits."""
    return times.rfc3339(time)[: -len("000Z")] + "Z"
