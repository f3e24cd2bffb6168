"""One rule against its test cases."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from falcon_rules import bundle, evaluate, operands, output, typed
from falcon_rules.compiler import types
from falcon_rules.evaluate import mapping
from falcon_rules.fields import events, table
from falcon_rules.syntax import errors, parser

_SHOWN = 3
"""Fields named when a case fails; a part about more is best read in the rule."""


@dataclass(frozen=True, slots=True)
class Case:
    """event: field names to values, as `evaluate.mapping` reads them. match: whether the rule must hold.

    output: the message that the rule must then print; None for whichever.
    """

    name: str
    event: Mapping[str, Any]
    match: bool = True
    output: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """held: whether the rule held; None if the event could not be judged. problem: why the case failed, None if it
    did not; key: the field of the event that the problem is about, if one; suggestion: what was probably meant."""

    case: Case
    held: bool | None
    problem: str | None = None
    key: str | None = None
    suggestion: str | None = None

    @property
    def passed(self) -> bool:
        return self.problem is None


def run(condition: typed.Condition, cases: Sequence[Case], message: bundle.Output | None = None) -> tuple[Outcome, ...]:
    """Judges every case, in order. The rule's scope does not count: cases are about the condition. message: the rule's
    output, for cases that say what it must print.

    A case whose event cannot exist (an unknown field or event type, a value of another kind) fails: it would pass
    for the wrong reason.
    """
    if not cases:
        return ()
    holds = evaluate.compile_condition(condition, mapping.resolver)
    renderer = output.compile_output(message, mapping.resolver) if message is not None else None
    return tuple(_judge(condition, holds, renderer, case) for case in cases)


def _judge(
    condition: typed.Condition, holds: evaluate.Predicate, renderer: output.Renderer | None, case: Case
) -> Outcome:
    for key in case.event:
        if outcome := _impossible(case, key):
            return outcome
    held = holds(case.event)
    if held is case.match:
        return Outcome(case, held, _misprint(renderer, case) if held else None)
    problem = _why(condition, case) if case.match else "wants the rule not to hold for its event, but it does"
    return Outcome(case, held, problem)


def _misprint(renderer: output.Renderer | None, case: Case) -> str | None:
    """What is wrong with the message, if the case says what it must be."""
    if renderer is None or case.output is None:
        return None
    printed, _ = renderer.render(case.event, int(case.event.get("evt.rawtime", 0)))
    return None if printed == case.output else f"wants the message {case.output!r}, but the rule prints {printed!r}"


def _impossible(case: Case, key: str) -> Outcome | None:
    """What is wrong with one field of the event, whether the rule looks at it or not."""
    try:
        field = types.check(parser.parse(f"{key} exists"))
        if not isinstance(field, typed.Comparison) or not isinstance(field.left, typed.FieldRef):
            return Outcome(case, None, f"has an event with {key!r}, which is no field", key)
        mapping.resolver(field.left)(case.event)
    except errors.ConditionSyntaxError:
        return Outcome(case, None, f"has an event with {key!r}, which is no field", key, table.suggest(key))
    except operands.CheckError as error:
        return Outcome(case, None, f"has an event with {key!r}: {error.message}", key, error.suggestion)
    except mapping.BadValue as error:
        return Outcome(case, None, f"has an event with a wrong value: {error}", key)
    kind = case.event[key]
    if key == "evt.type" and isinstance(kind, str) and not events.is_known(kind):
        return Outcome(case, None, f"has an event of unknown type {kind!r}", key, events.suggest(kind))
    return None


def _why(condition: typed.Condition, case: Case) -> str:
    """Names the fields of the first part that should hold and does not."""
    message = "wants the rule to hold for its event, but it does not"
    for part in _conjuncts(condition):
        if not evaluate.compile_condition(part, mapping.resolver)(case.event):
            shown = [_shown(name, case.event) for name in dict.fromkeys(_fields(part))]
            return f"{message}: look at the part about {', '.join(shown[:_SHOWN])}" if shown else message
    return message


def _conjuncts(condition: typed.Condition) -> Iterator[typed.Condition]:
    """The parts that must all hold, also those within parts (exceptions and macros make such)."""
    pending = [condition]
    while pending:
        part = pending.pop()
        if isinstance(part, typed.All):
            pending += reversed(part.children)
        else:
            yield part


def _shown(name: str, event: Mapping[str, Any]) -> str:
    return f"{name} (here {event[name]!r})" if name in event else f"{name} (which the event lacks)"


def _fields(condition: typed.Condition) -> Iterable[str]:
    for part in typed.postorder(condition):
        if isinstance(part, typed.Comparison) and isinstance(part.left, typed.FieldRef):
            yield table.written(part.left.name, part.left.argument)
