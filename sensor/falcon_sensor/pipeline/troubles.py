"""What is wrong with the sensor itself, told as alerts: when it begins, now and then while it lasts, and its end.

A trouble has a key (`blind`, `output:webhook`); it begins with the first report and ends with its
`clear`. So whoever watches the sensor reports what he sees as often as he looks, and nobody is
flooded. Each kind's alert has a rule name of its own, `docs/self-knowledge.md` tells what to do.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final

from falcon_rules import bundle
from falcon_sensor import alerts

PREFIX: Final = "Falcon internal: "

REMIND_SECONDS: Final = 600.0
"""From one alert of a trouble that lasts to the next."""

PAUSE_SECONDS: Final = 10.0
"""Between alerts about troubles of one key that keep coming and going: then the next one tells how many there were."""


class Kind(Enum):
    """The value: rule name (behind `PREFIX`), priority."""

    BLIND = "sensor is blind", bundle.Priority.CRITICAL
    LOST_PROBE = "probe lost", bundle.Priority.CRITICAL
    PAUSED = "sensor was paused", bundle.Priority.CRITICAL
    KILLED = "sensor was killed", bundle.Priority.CRITICAL
    STOPPED = "sensor was stopped", bundle.Priority.NOTICE
    LAG = "sensor lags behind", bundle.Priority.WARNING
    DEAD_OUTPUT = "output is dead", bundle.Priority.ERROR
    NOT_LOADED = "rules not loaded", bundle.Priority.ERROR

    @property
    def rule(self) -> str:
        return PREFIX + self.value[0]

    @property
    def priority(self) -> bundle.Priority:
        return self.value[1]


@dataclass(slots=True)
class _Trouble:
    kind: Kind
    began: float
    told: float
    active: bool = True
    untold: int = 0
    fields: Mapping[str, Any] = field(default_factory=dict)


class Troubles:
    """Used from any thread. deliver: gets each alert, must not block. hostname, extra_fields: as in every alert."""

    def __init__(
        self, deliver: Callable[[alerts.Alert], None], hostname: str, extra_fields: Mapping[str, Any] | None = None
    ) -> None:
        self._deliver = deliver
        self._hostname = hostname
        self._extra = dict(extra_fields or {})
        self._known: dict[str, _Trouble] = {}
        self._lock = threading.Lock()
        self.told: Counter[str] = Counter()
        """Alerts by rule name."""
        self.seconds: defaultdict[str, float] = defaultdict(float)
        """How long troubles lasted that are over, by kind in lower case."""

    def report(self, key: str, kind: Kind, text: str, now: float, **fields: Any) -> None:
        """It is so now. now: time.monotonic. fields: entries of the alert's output_fields."""
        with self._lock:
            known = self._known.get(key)
            if known is None or not known.active:
                quiet = known is not None and now - known.told < PAUSE_SECONDS
                told = known.told if known is not None and quiet else now
                untold = known.untold + quiet if known is not None else 0
                known = self._known[key] = _Trouble(kind, now, told, untold=untold, fields=fields)
                if quiet:
                    return
            elif now - known.told < (PAUSE_SECONDS if known.untold else REMIND_SECONDS):
                return
            lasts = now - known.began
            known.told, untold, known.untold = now, known.untold, 0
        if lasts:
            text += f" It has been so for {lasts:.0f} s."
        if untold:
            text += f" {untold} times more in between."
        self.tell(kind, text, **fields)

    def clear(self, key: str, text: str, now: float) -> None:
        """It is not so, whether or not it was. text: of the alert that tells that it is over."""
        with self._lock:
            known = self._known.get(key)
            if known is None or not known.active:
                return
            known.active = False
            lasted = now - known.began
            self.seconds[known.kind.name.lower()] += lasted
            if known.untold:  # its begin was not told, so its end need not be
                return
        fields = {**known.fields, "falcon.seconds": round(lasted, 1)}
        self._send(known.kind.rule, bundle.Priority.NOTICE, f"{text} It was so for {lasted:.0f} s.", fields)

    def tell(self, kind: Kind, text: str, seconds: float = 0.0, **fields: Any) -> None:
        """Tells of what is past already, once. seconds: how long it lasted."""
        self.seconds[kind.name.lower()] += seconds
        self._send(kind.rule, kind.priority, text, fields)

    def active(self) -> tuple[str, ...]:
        """Keys of what is wrong now."""
        with self._lock:
            return tuple(key for key, known in self._known.items() if known.active)

    def _send(self, rule: str, priority: bundle.Priority, text: str, fields: Mapping[str, Any]) -> None:
        self.told[rule] += 1
        at = time.time_ns()
        self._deliver(
            alerts.Alert(
                uuid=str(uuid.uuid4()),
                time=at,
                rule=rule,
                priority=priority,
                source="internal",
                hostname=self._hostname,
                tags=(),
                output=f"{rule}. {text}",
                fields={**self._extra, **fields, "evt.time": at},
            )
        )
