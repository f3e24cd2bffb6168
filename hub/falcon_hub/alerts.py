"""An alert as the hub knows it: what came in as Falco's JSON, checked once, at the door.

Falco, Falcosidekick and Falcon's sensor all send this shape. What is stored, routed and shown is an `Alert`; nobody
behind the door looks at JSON that a stranger wrote.
"""

from __future__ import annotations

import functools
import json
import re
import socket
import time
import uuid as uuids
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from falcon_rules import bundle, times

_NS: Final = 1_000_000_000
_NAMESPACE: Final = uuids.UUID("6a0d1f7e-5f0b-5c55-9b8b-1c4b0f6b2a11")
"""Of the uuids made for alerts that have none: the same alert always gets the same."""

_TIME = re.compile(r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:[.,](\d+))?(Z|z|[+-]\d\d:?\d\d)")
# "22:13:20.123456789: Warning " or "2023-11-14T22:13:20.123456789+0000: Warning ", as Falco begins a line.
_HEAD = re.compile(r"(?:\d{4}-\d\d-\d\dT)?\d\d:\d\d:\d\d\.\d{9}(?:[+-]\d{4}|Z)?: [A-Z][a-z]+ ")
# What neither database nor UTF-8 can take: halves of surrogate pairs, and NUL in PostgreSQL's text.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")

MOST_NAME = 1024
"""Characters of a rule's or host's name. Longer ones are no names, and they are indexed."""
MOST_TAGS = 200
"""Distinct tags of an alert."""

_PRIORITIES = {each.name: each for each in bundle.Priority} | {
    # Falcosidekick and syslog say it so.
    "INFO": bundle.Priority.INFORMATIONAL,
    "WARN": bundle.Priority.WARNING,
    "CRIT": bundle.Priority.CRITICAL,
    "ERR": bundle.Priority.ERROR,
    "EMERG": bundle.Priority.EMERGENCY,
}


class Invalid(ValueError):
    """What came is no alert; the text says which member is wrong, for whoever sent it."""


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert.

    uuid: canonical lower-case text. time_ns: when it happened, since the epoch. tags: sorted, each once.
    output: as it came, with time and priority in front where the sender wrote them; `message` is without.
    fields: `output_fields`: JSON values by field name.
    """

    uuid: str
    time_ns: int
    rule: str
    priority: bundle.Priority
    source: str
    hostname: str
    tags: tuple[str, ...]
    output: str
    fields: Mapping[str, Any] = field(default_factory=dict)

    @property
    def message(self) -> str:
        """The output without time and priority in front: equal for equal happenings."""
        found = _HEAD.match(self.output)
        return self.output[found.end() :] if found else self.output

    @property
    def namespace(self) -> str | None:
        return self._text("k8s.ns.name")

    @property
    def pod(self) -> str | None:
        return self._text("k8s.pod.name")

    @property
    def container(self) -> str | None:
        return self._text("container.name")

    @property
    def image(self) -> str | None:
        """The repository, without tag."""
        return self._text("container.image.repository")

    def _text(self, name: str) -> str | None:
        value = self.fields.get(name)
        # Falco writes what it does not know as null, "" or "<NA>".
        if value is None or value in ("", "<NA>"):
            return None
        return str(value)[:MOST_NAME]

    def to_json(self) -> dict[str, Any]:
        """Falco's object, from which `parse` makes an equal alert."""
        return {
            "hostname": self.hostname,
            "output": self.output,
            "output_fields": dict(self.fields),
            "priority": self.priority.label,
            "rule": self.rule,
            "source": self.source,
            "tags": list(self.tags),
            "time": times.rfc3339(self.time_ns),
            "uuid": self.uuid,
        }


def parse(document: Any) -> Alert:
    """The alert that a decoded JSON value is. Raises Invalid, which names the member at fault."""
    if not isinstance(document, Mapping):
        raise Invalid(f"an alert must be a JSON object, not {_shown(document)}")
    fields = document.get("output_fields")
    if fields is not None and not isinstance(fields, Mapping):
        raise Invalid(f"output_fields must be an object, not {_shown(fields)}")
    fields = _storable(dict(fields or {}))
    return Alert(
        uuid=_uuid(document),
        time_ns=_time(document, fields),
        rule=_name(document, "rule"),
        priority=_priority(document.get("priority")),
        source=_name(document, "source", "syscall"),
        hostname=_name(document, "hostname", ""),
        tags=_tags(document.get("tags")),
        output=_output(document),
        fields=fields,
    )


def priority(name: str) -> bundle.Priority:
    """Of one of Falco's names, in any case. Raises Invalid."""
    return _priority(name)


def make(rule: str, output: str, priority: bundle.Priority, tags: tuple[str, ...] = (), **fields: Any) -> Alert:
    """An alert of the hub's own, of now."""
    return Alert(
        str(uuids.uuid4()), time.time_ns(), rule, priority, "falcon_hub", socket.gethostname(), tags, output, fields
    )


def parse_time(text: str) -> int:
    """Nanoseconds since the epoch of an RFC 3339 time, without rounding. Raises ValueError."""
    found = _TIME.fullmatch(text.strip())
    if not found:
        raise ValueError(f"{text[:80]!r} is no RFC 3339 time, such as 2026-01-31T12:00:00.123456789Z")
    day, clock, fraction, zone = found.groups()
    seconds = datetime.fromisoformat(f"{day}T{clock}{'+00:00' if zone in 'Zz' else zone}").astimezone(UTC).timestamp()
    return int(seconds) * _NS + int((fraction or "").ljust(9, "0")[:9])


def _time(document: Mapping[str, Any], fields: Mapping[str, Any]) -> int:
    given = document.get("time")
    if isinstance(given, str):
        try:
            found = parse_time(given)
        except (ValueError, OverflowError) as error:
            raise Invalid(f"time: {error}") from None
    elif given is None and isinstance(fields.get("evt.time"), int):
        found = fields["evt.time"]
    else:
        raise Invalid(f"time must be RFC 3339 text, not {_shown(given)}")
    if not 0 <= found < 2**63:
        raise Invalid("time is before 1970 or after 2262")
    return found


def _uuid(document: Mapping[str, Any]) -> str:
    given = document.get("uuid")
    if given is None or given == "":
        text = json.dumps(document, sort_keys=True, separators=(",", ":"))
        return str(uuids.uuid5(_NAMESPACE, text))
    try:
        return str(uuids.UUID(given))
    except (ValueError, AttributeError, TypeError):
        raise Invalid(f"uuid must be a UUID, not {_shown(given)}") from None


def _priority(given: Any) -> bundle.Priority:
    if isinstance(given, str) and (found := _PRIORITIES.get(given.upper())) is not None:
        return found
    known = ", ".join(each.label for each in bundle.Priority)
    raise Invalid(f"priority must be one of {known}, not {_shown(given)}")


def _name(document: Mapping[str, Any], member: str, default: str | None = None) -> str:
    given = document.get(member, default)
    if given is None:
        given = default
    if not isinstance(given, str) or (not given and default is None):
        raise Invalid(f"{member} must be text, not {_shown(given)}")
    if len(given) > MOST_NAME:
        raise Invalid(f"{member} has more than {MOST_NAME} characters")
    return _UNSTORABLE.sub("\ufffd", given)


def _output(document: Mapping[str, Any]) -> str:
    # With json_include_output_property off and the message on, the message is all there is.
    given = document.get("output")
    if given is None:
        given = document.get("message", "")
    if not isinstance(given, str):
        raise Invalid(f"output must be text, not {_shown(given)}")
    return _UNSTORABLE.sub("\ufffd", given)


def _tags(given: Any) -> tuple[str, ...]:
    if given is None:
        return ()
    if not isinstance(given, list) or not all(isinstance(each, str) for each in given):
        raise Invalid(f"tags must be a list of texts, not {_shown(given)}")
    if len(given) > MOST_TAGS or any(len(each) > MOST_NAME for each in given):
        raise Invalid(f"tags: more than {MOST_TAGS}, or one of more than {MOST_NAME} characters")
    return _distinct(tuple(given))


@functools.lru_cache(maxsize=256)
def _distinct(tags: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted({_UNSTORABLE.sub("\ufffd", each) for each in tags if each}))


def _storable(value: Any) -> Any:
    if isinstance(value, str):
        return _UNSTORABLE.sub("\ufffd", value)
    if isinstance(value, Mapping):
        return {_UNSTORABLE.sub("\ufffd", str(name)): _storable(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_storable(each) for each in value]
    return value


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."
