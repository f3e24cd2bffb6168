"""Whether an alert is for a sink: its priority, the globs and the condition of `match`.

A condition is in the rules language and sees the fields that the alert carries. What it does not carry is unavailable,
and comparing it is false, as in a rule. A value that is not of its field's kind is taken as not there.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

from falcon_hub import alerts
from falcon_hub.sinks import base, options
from falcon_rules import evaluate, operands, typed
from falcon_rules.compiler import types
from falcon_rules.evaluate import mapping
from falcon_rules.syntax import errors, parser, walking

Choice: TypeAlias = Callable[[alerts.Alert], bool]


def choice(wanted: options.Common) -> Choice:
    """The function that says whether an alert is for the sink. Raises base.Unusable for a condition that is none."""
    least = options.priority(wanted.minimum_priority)
    tests = [test for test in _globs(wanted.match) if test is not None]
    if wanted.match.condition is not None:
        tests.append(condition(wanted.match.condition))

    def holds(alert: alerts.Alert) -> bool:
        return alert.priority <= least and all(test(alert) for test in tests)

    return holds


def condition(text: str) -> Choice:
    """A condition in the rules language as a function of an alert."""
    try:
        node = parser.parse(text)
        macros = [each.name for each in walking.macros(node)]
        if macros:
            raise base.Unusable(f"match.condition: there are no macros here, so what is {macros[0]!r}?")
        predicate = evaluate.compile_condition(types.check(node), _resolver)
    except errors.ConditionSyntaxError as error:
        raise base.Unusable(f"match.condition: {error}") from None
    except operands.CheckError as error:
        meant = f"; did you mean {error.suggestion}?" if error.suggestion else ""
        raise base.Unusable(f"match.condition: column {error.span.start + 1}: {error}{meant}") from None

    def holds(alert: alerts.Alert) -> bool:
        return predicate({"evt.rawtime": alert.time_ns, **alert.fields})

    return holds


def _resolver(field: typed.FieldRef) -> Callable[[Mapping[str, Any]], Any]:
    get = mapping.resolver(field)

    def tolerant(event: Mapping[str, Any]) -> Any:
        try:
            return get(event)
        except mapping.BadValue:
            return None

    return tolerant


def _globs(match: options.Match) -> Iterable[Choice | None]:
    yield _any(match.rules, lambda alert: (alert.rule,))
    yield _any(match.tags, lambda alert: alert.tags)
    yield _any(match.sources, lambda alert: (alert.source,))
    yield _any(match.hostnames, lambda alert: (alert.hostname,))
    yield _any(match.namespaces, lambda alert: (alert.namespace,) if alert.namespace else ())


def _any(patterns: tuple[str, ...], values: Callable[[alerts.Alert], tuple[str, ...]]) -> Choice | None:
    """None where nothing is asked for."""
    if not patterns:
        return None
    expression = re.compile("|".join(f"(?:{fnmatch.translate(each)})" for each in patterns))
    return lambda alert: any(expression.match(value) is not None for value in values(alert))
