"""What a sensor says it does with a rule in the kernel, as short text for people: statuses and `falcon-rules explain`.

The sensor speaks in typed comparisons (`sensors.InKernel`), which are written here as the rule's author would.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from falcon_rules import bundle, sensors, typed
from falcon_rules.syntax import typed_text


@dataclass(frozen=True, slots=True)
class Summary:
    """Of one rule, over all its events.

    decided: comparisons by which the kernel refuses events. left: those that user space tests, on the
    events that remain. everything: event types of which the kernel refuses none on this rule's account.
    """

    decided: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    everything: tuple[str, ...] = ()


def summary(rule: bundle.Rule, sensor: sensors.Sensor) -> Summary:
    """A comparison that is decided for some of the rule's events and left for others is in both."""
    found = sensor.explain(rule)
    return Summary(
        _distinct(text for each in found for text in literals(each.decided)),
        _distinct(text for each in found for text in literals(each.left)),
        _distinct(each.event for each in found if each.everything),
    )


def literals(found: Sequence[tuple[typed.Comparison, bool]]) -> list[str]:
    """As in a rule, with `not` where it stands under one."""
    return [("not " if negated else "") + typed_text.comparison(part) for part, negated in found]


def _distinct(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(texts))
