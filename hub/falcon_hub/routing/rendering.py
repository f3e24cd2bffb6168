"""From alerts to messages: added fields, and templates in a sandbox.

Templates are Jinja's. Whoever writes the settings writes them, but what they show was chosen by an attacker: every
value that an expression gives is escaped for the receiver (`Sink.escape`), what stands around it is not.
"""

from __future__ import annotations

import collections
import dataclasses
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import jinja2
import jinja2.sandbox

from falcon_hub import alerts
from falcon_hub.sinks import base, facts, options
from falcon_rules import times

_NAMESPACE: Final = uuid.UUID("5b1c5e0a-8c4f-4f3e-9f0e-2f4b0b7c9d10")
"""Of the keys of messages that stand for several alerts."""

TITLE: Final = (
    "{% if tallies %}{{ count }} alerts{% else %}{{ priority }}: {{ rule }}"
    "{% if count > 1 %} ({{ count }} times){% endif %}{% endif %}"
)
TEXT: Final = (
    "{% if tallies %}{{ count }} alerts between {{ first }} and {{ last }}:"
    "{% for each in tallies %}\n{{ each.count }} × {{ each.priority }}: {{ each.rule }}{% endfor %}\n"
    "The last: {{ output }}{% else %}{{ output }}"
    "{% if count > 1 %}\n{{ count }} times between {{ first }} and {{ last }}{% endif %}{% endif %}"
)
_MOST_TALLIES: Final = 20
"""Lines of a digest; rules beyond are one line together."""
_MOST_RENDERED: Final = 200_000
"""Characters a template may make."""


class Renderer:
    """Messages for one sink. link: the address of an alert's place on the hub's page, `{uuid}` in it; None: unknown.
    Raises base.Unusable for a template that is none."""

    def __init__(self, wanted: options.Common, escape: Callable[[str], str], link: str | None = None) -> None:
        self._link = link
        self._custom = dict(wanted.custom_fields)
        raw = _environment(str)
        self._fields = {
            name: _template(raw, text, f"templated_fields.{name}") for name, text in wanted.templated_fields.items()
        }
        escaping = _environment(escape)
        self._title = _template(escaping, wanted.title or TITLE, "title")
        self._text = _template(escaping, wanted.text or TEXT, "text")

    def one(self, alert: alerts.Alert) -> base.Message:
        return self._message(alert.uuid, [alert], ())

    def repeats(self, key: str, alert: alerts.Alert, count: int, first_ns: int, last_ns: int) -> base.Message:
        """count alerts that are the same, the latest of them shown."""
        return self._message(key, [alert], (), count, first_ns, last_ns)

    def digest(self, found: Sequence[alerts.Alert]) -> base.Message:
        """Different alerts as one message, which shows the most urgent of the latest."""
        counts = collections.Counter((alert.priority, alert.rule) for alert in found)
        ranked = sorted(counts.items(), key=lambda each: (each[0][0], -each[1], each[0][1]))
        tallies = [base.Tally(rule, priority.label, count) for (priority, rule), count in ranked]
        rest = tallies[_MOST_TALLIES:]
        if rest:
            other = base.Tally(f"{len(rest)} other rules", rest[0].priority, sum(each.count for each in rest))
            tallies = [*tallies[:_MOST_TALLIES], other]
        key = str(uuid.uuid5(_NAMESPACE, f"{found[0].uuid} {found[-1].uuid} {len(found)}"))
        return self._message(key, found, tuple(tallies), len(found))

    def _message(
        self,
        key: str,
        found: Sequence[alerts.Alert],
        tallies: tuple[base.Tally, ...],
        count: int = 1,
        first_ns: int | None = None,
        last_ns: int | None = None,
    ) -> base.Message:
        shown = min(reversed(found), key=lambda alert: alert.priority)
        alert = self.with_fields(shown)
        first = min(each.time_ns for each in found) if first_ns is None else first_ns
        last = max(each.time_ns for each in found) if last_ns is None else last_ns
        link = self._link.format(uuid=alert.uuid) if self._link else None
        context = _context(alert) | {
            "count": count,
            "tallies": tallies,
            "first": times.rfc3339(first),
            "last": times.rfc3339(last),
            "link": link or "",
        }
        title, text = self._rendered(self._title, context), self._rendered(self._text, context)
        return base.Message(key, alert, title, text, count, tallies, first, last, link)

    def with_fields(self, alert: alerts.Alert) -> alerts.Alert:
        """The alert with the sink's own fields; what the alert itself says is not replaced."""
        if not self._custom and not self._fields:
            return alert
        context = _context(alert)
        added = self._custom | {name: self._rendered(template, context) for name, template in self._fields.items()}
        return dataclasses.replace(alert, fields=added | dict(alert.fields))

    def _rendered(self, template: jinja2.Template, context: Mapping[str, Any]) -> str:
        """A template that fails on this alert shows that, so that the alert itself still arrives."""
        try:
            return template.render(context)[:_MOST_RENDERED]
        except (jinja2.TemplateError, ArithmeticError, TypeError, ValueError, LookupError, AttributeError) as error:
            return f"{context['priority']}: {context['rule']} (template failed: {type(error).__name__})"


def _environment(escape: Callable[[str], str]) -> jinja2.sandbox.SandboxedEnvironment:
    def finalize(value: Any) -> str:
        return "" if isinstance(value, jinja2.Undefined) else escape(facts.value(value))

    # autoescape would write HTML's entities into everything; values are escaped by `finalize`.
    environment = jinja2.sandbox.ImmutableSandboxedEnvironment(autoescape=False, finalize=finalize)
    environment.filters["text"] = facts.value
    return environment


def _template(environment: jinja2.Environment, text: str, name: str) -> jinja2.Template:
    try:
        return environment.from_string(text)
    except jinja2.TemplateSyntaxError as error:
        raise base.Unusable(f"{name}: line {error.lineno}: {error.message}") from None


def _context(alert: alerts.Alert) -> dict[str, Any]:
    return {
        "uuid": alert.uuid,
        "time": times.rfc3339(alert.time_ns),
        "rule": alert.rule,
        "priority": alert.priority.label,
        "source": alert.source,
        "hostname": alert.hostname,
        "tags": list(alert.tags),
        "output": alert.message,
        "fields": dict(alert.fields),
        "namespace": alert.namespace or "",
        "pod": alert.pod or "",
        "container": alert.container or "",
        "image": alert.image or "",
        "count": 1,
        "tallies": (),
    }
