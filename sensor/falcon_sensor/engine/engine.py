"""The engine: one record in, alerts out.

    record -> Event -> Dispatcher.match -> Limiter.admit -> rendered Alert

Built from a bundle once, used by one thread. Output is rendered only for what the limiter lets
through, so a flood of matches costs no formatting.
"""

from __future__ import annotations

import socket
import traceback
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from falcon_rules import bundle, output
from falcon_sensor import alerts
from falcon_sensor.engine import costs, dispatch, event, limiter, naming, suggested
from falcon_sensor.engine.fields import registry
from falcon_sensor.records import decode
from falcon_sensor.state import questions

BROKEN_RULE = "Falcon internal: rule error"
"""Name of the alert that tells, once a rule, that a rule raised while it was evaluated or rendered."""

SUPPRESSED_FIELD = "falcon.suppressed"


@dataclass(frozen=True, slots=True)
class Options:
    """How a bundle is run; what the settings say.

    priority: less urgent rules do not run. extra_fields: static entries of every alert's
    `output_fields`. rate_limit: of rules without a limit of their own; None for no limit.
    """

    rule_matching: Literal["first", "all"] = "first"
    priority: bundle.Priority = bundle.Priority.DEBUG
    hostname: str = field(default_factory=socket.gethostname)
    extra_fields: Mapping[str, Any] = field(default_factory=dict)
    rate_limit: bundle.RateLimit | None = limiter.DEFAULT_LIMIT
    limiter_capacity: int = limiter.DEFAULT_CAPACITY
    # Also tell what is known of container and pod, where the rule's text does not.
    suggested_fields: bool = True


@dataclass(slots=True)
class Counters:
    """Of one rule since the engine was built. matches = alerts + suppressed for active rules."""

    matches: int = 0
    alerts: int = 0
    suppressed: int = 0
    errors: int = 0
    seconds: float = 0.0
    """Of processor time for the condition, estimated, see `costs`."""


class Engine:
    """Evaluates records against one bundle.

    `counters` has an entry for every rule, by its uid. `running` lists the rules that are tried.
    """

    def __init__(self, rules: bundle.Bundle, state: questions.State, options: Options | None = None) -> None:
        self._options = options or Options()
        self._rules = rules.rules
        self._session = event.Session(state, self._options.hostname.encode("utf-8", "surrogateescape"))
        self._limiter = limiter.Limiter(self._options.rate_limit, self._options.limiter_capacity)
        running = [i for i, rule in enumerate(self._rules) if rule.priority <= self._options.priority]
        state.hosts.watch({name for i in running for name in naming.names_of(self._rules[i].condition)})
        self.running = [self._rules[i] for i in running]
        self.counters = {rule.uid: Counters() for rule in self._rules}
        self._raised: list[tuple[int, Exception]] = []
        first = self._options.rule_matching == "first"
        self._dispatcher = dispatch.Dispatcher(self._rules, running, first=first, report=self._note_error)
        self._costs = costs.Costs(self._dispatcher.predicate)
        extras = suggested.EXTRAS if self._options.suggested_fields else ()
        self._renderers = {i: output.compile_output(self._rules[i].output, registry.resolver, extras) for i in running}

    def evaluate(self, record: decode.Record) -> list[alerts.Alert]:
        """Alerts of one record, in the bundle's order. Does not raise on account of a rule or of what a record says.

        A successful exec must have been given to `State.observe` before.
        """
        e = self._session.next(record)
        self._costs.wait -= 1
        hits = self._dispatcher.match(e) if self._costs.wait > 0 else self._measured(e)
        found = [alert for hit in hits if (alert := self._judge(e, hit)) is not None]
        return found + self._diagnostics(e) if self._raised else found

    def _measured(self, e: event.Event) -> list[dispatch.Hit]:
        """The same as matching, once in a while with a look at what single rules cost."""
        hits: list[dispatch.Hit] = self._costs.sample(
            lambda: self._dispatcher.match(e),
            lambda: self._dispatcher.candidates(e),
            lambda: event.Event(e.record, self._session, e.number, e.delta),
        )
        for index, seconds in self._costs.seconds.items():
            self.counters[self._rules[index].uid].seconds = seconds
        return hits

    def sources(self) -> dict[str, str]:
        """The generated Python that judges successful events, by event type: for people who want to see it."""
        return self._dispatcher.sources()

    def by_name(self) -> list[tuple[str, Counters]]:
        """Every rule's counters with its name; several rules may share one."""
        return [(rule.name, self.counters[rule.uid]) for rule in self._rules]

    def broken(self) -> list[tuple[str, str]]:
        """(uid, reason) of rules that could not be turned into code: they never hold."""
        return [(self._rules[index].uid, f"{type(error).__name__}: {error}") for index, error in self._raised]

    def suppressed(self) -> dict[str, int]:
        """How many alerts were held back since the start, by rule name; rules without any are left out."""
        return {rule.name: count for rule in self._rules if (count := self.counters[rule.uid].suppressed)}

    def _judge(self, e: event.Event, hit: dispatch.Hit) -> alerts.Alert | None:
        rule = self._rules[hit.rule]
        counters = self.counters[rule.uid]
        counters.matches += 1
        if rule.mode is bundle.Mode.SHADOW:
            return None
        container = e.container
        told = self._limiter.admit(rule.uid, container.full_id, rule.rate_limit, e.head.time)
        if told is None:
            counters.suppressed += 1
            return None
        counters.alerts += 1
        opened = e.path
        e.path = hit.path or opened
        alert = self._alert(e, hit.rule, told)
        e.path = opened
        return alert

    def _alert(self, e: event.Event, index: int, suppressed: int) -> alerts.Alert:
        rule = self._rules[index]
        try:
            text, fields = self._renderers[index].render(e, e.wall)
            fields = suggested.known(fields, rule.output)
        except Exception as error:
            # The match is what counts: tell it without its details rather than not at all.
            self._note_error(index, error)
            text, fields = rule.name, {}
        return alerts.Alert(
            uuid=str(uuid.uuid4()),
            time=e.wall,
            rule=rule.name,
            priority=rule.priority,
            source=rule.source,
            hostname=self._options.hostname,
            tags=rule.tags,
            output=text,
            fields=self._fields(rule, fields, e.wall, suppressed),
            suppressed=suppressed,
            **_subject(e),
        )

    def _fields(self, rule: bundle.Rule, rendered: Mapping[str, Any], wall: int, suppressed: int) -> dict[str, Any]:
        """What a rule states itself wins over the settings, what the event says over both."""
        fields = {**self._options.extra_fields, **dict(rule.extra_fields), **rendered, "evt.time": wall}
        if suppressed:
            fields[SUPPRESSED_FIELD] = suppressed
        return fields

    def _note_error(self, index: int, error: Exception) -> None:
        counters = self.counters[self._rules[index].uid]
        counters.errors += 1
        if counters.errors == 1:
            self._raised.append((index, error))

    def _diagnostics(self, e: event.Event) -> list[alerts.Alert]:
        """One alert for each rule that raised for the first time: a rule that can't be evaluated is a blind spot."""
        raised, self._raised = self._raised, []
        return [self._diagnostic(e, self._rules[index], error) for index, error in raised]

    def _diagnostic(self, e: event.Event, rule: bundle.Rule, error: Exception) -> alerts.Alert:
        frames = traceback.extract_tb(error.__traceback__)
        place = f" at {frames[-1].filename}:{frames[-1].lineno}" if frames else ""
        text = (
            f"Rule {rule.name} could not be evaluated on an event of type {e.type}; please report this: "
            f"{type(error).__name__}: {error}{place}. Told once, counted from now on"
        )
        return alerts.Alert(
            uuid=str(uuid.uuid4()),
            time=e.wall,
            rule=BROKEN_RULE,
            priority=bundle.Priority.ERROR,
            source="internal",
            hostname=self._options.hostname,
            tags=(),
            output=text,
            fields={**self._options.extra_fields, "evt.time": e.wall, "rule": rule.name},
        )


def _subject(e: event.Event) -> dict[str, str | None]:
    """What an alert is about, for outputs that address it; nothing of host processes."""
    container = e.container
    if container.is_host:
        return {}
    pod, found = e.pod, e.description
    known = {
        "container_id": container.full_id,
        "container_name": found.name if found is not None else None,
        "pod_uid": pod.uid if pod is not None else container.pod_uid,
        "pod_name": pod.name if pod is not None else found.pod_name if found is not None else None,
        "pod_namespace": pod.namespace if pod is not None else found.pod_namespace if found is not None else None,
    }
    return {name: None if value is None else value.decode("utf-8", "replace") for name, value in known.items()}
