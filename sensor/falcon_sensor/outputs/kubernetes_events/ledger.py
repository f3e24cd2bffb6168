"""Which alerts become Events of their own, which count up one there is, which are held back.

    alert -- same pod, container, rule and text as an Event seen lately --> counted up, in `update_seconds` at most
          -- the rule has `series_texts` Events there already           --> its last one is counted up
          -- a token and room in the queue                              --> an Event of its own
          -- else                                                       --> held back, counted, summarised

Jobs come out one at a time, and go in again when they are done: new Events in the order of their
alerts, then a summary that is due, then updates. Nothing here is thread-safe or knows what time it
is: `now` is seconds of a steady clock.

Memory: Events remembered are at most `max_burst + rate * series_seconds`, 770 by default, of some 3 kB.
"""

from __future__ import annotations

import uuid
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from falcon_sensor import alerts
from falcon_sensor.outputs.kubernetes_events import bucket, objects, texts
from falcon_sensor.settings import receivers

SUMMARY_SECONDS = 60.0
"""From the first alert held back to the summary, and so the least between two: one request a minute needs no token."""

_NAMED_RULES = 10
"""In a summary's note: as many fit with names of the usual length."""


@dataclass(slots=True, eq=False)
class Entry:
    """An Event. body: as it is made, seen once. count: how often it was seen; written: how often as far as the API
    server knows, 0 until it has the Event at all. seen, updated: when last, by the steady clock."""

    body: objects.Json
    rule: str
    first: objects.Sighting
    last: objects.Sighting
    seen: float
    count: int = 1
    written: int = 0
    updated: float = 0.0

    @property
    def unwritten(self) -> int:
        return self.count - self.written


@dataclass(frozen=True, slots=True)
class Job:
    """A request. create: body is a whole Event, else a patch of the one called `name`. namespace: empty for an
    Event about the node. count: the Event's, once this is done. rules: for a summary, which has no entry, the
    alerts that it tells of."""

    create: bool
    namespace: str
    name: str
    body: objects.Json
    count: int = 1
    entry: Entry | None = None
    rules: Mapping[str, int] = field(default_factory=dict)


Group = OrderedDict[str, Entry]
"""By an alert's whole text; the longest unseen first."""


class Ledger:
    """wall: ns since the epoch, for summaries."""

    def __init__(self, settings: receivers.KubernetesEvents, source: objects.Source, wall: Callable[[], int]) -> None:
        self.held_back = 0
        """Alerts that have no Event, since the start."""
        self._settings, self._source, self._wall = settings, source, wall
        self._bucket = bucket.Bucket(settings.rate, settings.max_burst)
        self._new: deque[Entry] = deque()
        # By (pod or node, container, rule); the longest unseen first.
        self._groups: OrderedDict[tuple[str, ...], Group] = OrderedDict()
        self._changed: dict[Entry, None] = {}
        """Those the API server has, but not with all sightings; in the order they changed."""
        self._held: Counter[str] = Counter()
        self._held_since = 0.0

    def take(self, alert: alerts.Alert, now: float) -> None:
        self._forget(now)
        subject = self._source.subject(alert)
        sighting = objects.Sighting(alert.time, alert.uuid, texts.note(alert.output))
        key = (*subject.key, alert.rule)
        group = self._groups.setdefault(key, Group())
        self._groups.move_to_end(key)
        self._expire(group, now)
        entry = group.get(alert.output)
        if entry is not None:
            group.move_to_end(alert.output)
        elif len(group) >= self._settings.series_texts:
            entry = next(reversed(group.values()))
        if entry is not None:
            self._count_up(entry, sighting, now)
        elif len(self._new) < self._settings.queue and self._bucket.take(now):
            body = objects.event(self._source, subject, alert, sighting)
            entry = group[alert.output] = Entry(body, alert.rule, sighting, sighting, now)
            self._new.append(entry)
        else:
            self.hold_back({alert.rule: 1}, now)
            if not group:
                del self._groups[key]

    def hold_back(self, rules: Mapping[str, int], now: float) -> None:
        """So many alerts of these rules have no Event and won't get one."""
        if not self._held:
            self._held_since = now
        self._held.update(rules)
        self.held_back += sum(rules.values())

    def job(self, now: float, *, hurry: bool = False) -> Job | None:
        """What is to be asked next, if anything. It must go back in by `done`, `lost` or `vanished` before the next
        is asked for. hurry: also what could wait, as the end has come."""
        if self._new:
            return _creation(self._new[0])
        if self._held and (hurry or now >= self._held_since + SUMMARY_SECONDS):
            return self._summary(now)
        due = next((entry for entry in self._changed if hurry or now >= self._due(entry)), None)
        return _update(due) if due is not None and self._bucket.take(now) else None

    def again(self, job: Job) -> Job:
        """The same once more, with what has come since; needs no token."""
        if job.entry is None:
            return job
        return _creation(job.entry) if job.create else _update(job.entry)

    def wait(self, now: float) -> float | None:
        """Seconds until there may be a job; None when only a further alert can make one."""
        if self._new:
            return 0.0
        due = [self._held_since + SUMMARY_SECONDS - now] if self._held else []
        if self._changed:
            soonest = min(self._due(entry) for entry in self._changed)
            due.append(max(soonest - now, self._bucket.wait(now)))
        return max(0.0, min(due)) if due else None

    def done(self, job: Job, now: float) -> None:
        """The API server has it."""
        entry = job.entry
        if entry is None:
            return
        if job.create:
            self._new.popleft()
        entry.written, entry.updated = job.count, now
        self._changed.pop(entry, None)
        if entry.unwritten:
            self._changed[entry] = None

    def lost(self, job: Job, now: float, *, summarise: bool) -> None:
        """The API server does not want it, ever. summarise: its alerts are told of with those held back."""
        entry = job.entry
        if entry is None:
            self.held_back -= sum(job.rules.values())
            rules = job.rules
        else:
            if job.create:
                self._new.popleft()
            self._changed.pop(entry, None)
            self._drop(entry)
            rules = {entry.rule: entry.unwritten}
        if summarise:
            self.hold_back(rules, now)

    def vanished(self, job: Job) -> None:
        """The Event to be updated is no more (the API server keeps them for an hour): what it has not been told makes
        a new one."""
        entry = job.entry
        if entry is None or job.create:
            return
        self._changed.pop(entry, None)
        entry.body = objects.renewed(entry.body, entry.last)
        entry.count, entry.written = entry.unwritten, 0
        entry.first = entry.last
        self._new.append(entry)

    @property
    def waiting(self) -> int:
        """Events to be made or updated."""
        return len(self._new) + len(self._changed)

    @property
    def unwritten(self) -> int:
        """Alerts the API server has not been told of in any way."""
        return sum(entry.unwritten for entry in [*self._new, *self._changed]) + sum(self._held.values())

    def _count_up(self, entry: Entry, sighting: objects.Sighting, now: float) -> None:
        entry.count += 1
        entry.last, entry.seen = sighting, now
        if entry.written:
            self._changed.setdefault(entry)

    def _due(self, entry: Entry) -> float:
        return entry.updated + self._settings.update_seconds

    def _summary(self, now: float) -> Job:
        rules, since = self._held, self._held_since
        self._held = Counter()
        total = sum(rules.values())
        named = [f"{count} {rule}" for rule, count in rules.most_common(_NAMED_RULES)]
        more = [f"those of {len(rules) - _NAMED_RULES} more rules"] if len(rules) > _NAMED_RULES else []
        text = (
            f"{total} alerts within {max(1, round(now - since))} s have no Events of their own, to protect the API "
            f"server (kubernetes_events.rate); the sensor's other outputs have them: {', '.join(named + more)}"
        )
        sighting = objects.Sighting(self._wall(), str(uuid.uuid4()), texts.note(text))
        body = objects.summary(self._source, sighting, total)
        return Job(True, body["metadata"]["namespace"], body["metadata"]["name"], body, rules=rules)

    def _forget(self, now: float) -> None:
        """Events that were not seen for too long: a further alert makes a new one. What waits is kept elsewhere."""
        while self._groups:
            key, group = next(iter(self._groups.items()))
            self._expire(group, now)
            if group:
                return
            del self._groups[key]

    def _expire(self, group: Group, now: float) -> None:
        while group:
            text, entry = next(iter(group.items()))
            if now - entry.seen <= self._settings.series_seconds:
                return
            del group[text]

    def _drop(self, entry: Entry) -> None:
        for group in self._groups.values():
            for text, each in group.items():
                if each is entry:
                    del group[text]
                    return


def _creation(entry: Entry) -> Job:
    metadata = entry.body["metadata"]
    body = entry.body
    if entry.count > 1:
        further = objects.series(entry.count, entry.last, entry.first.text)
        annotations = {**metadata["annotations"], **further["metadata"]["annotations"]}
        body = {**body, "metadata": {**metadata, "annotations": annotations}, "series": further["series"]}
    return Job(True, metadata["namespace"], metadata["name"], body, entry.count, entry)


def _update(entry: Entry) -> Job:
    metadata = entry.body["metadata"]
    body = objects.series(entry.count, entry.last, entry.first.text)
    return Job(False, metadata["namespace"], metadata["name"], body, entry.count, entry)
