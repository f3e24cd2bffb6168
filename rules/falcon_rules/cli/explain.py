"""`falcon-rules explain`: what a rule has become: expanded, in the kernel, and as Python.

What the kernel does with it is told by an installed sensor (`falcon_rules.sensors`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TextIO

from falcon_rules import bundle, evaluate, explaining, sensors, typed
from falcon_rules.cli import failures, prose, reading, resources
from falcon_rules.compiler import compiled
from falcon_rules.diagnostics import suggest
from falcon_rules.evaluate import mapping
from falcon_rules.syntax import printing, typed_text

_NO_SENSOR = "no sensor is installed here, which could tell (pip install 'falcon-k8s[sensor]')"


@dataclass(frozen=True, slots=True)
class Request:
    """rule: its name. c, python: print these texts alone."""

    rule: str
    paths: tuple[str, ...]
    c: bool = False
    python: bool = False
    as_json: bool = False


def explain(request: Request, out: TextIO) -> int:
    """The exit code is 1 if there is no such rule, or it does not compile."""
    rule = _find(request)
    sensor = sensors.installed()
    if request.as_json:
        json.dump(_json(request, rule, sensor), out, indent=2)
        out.write("\n")
    elif request.c or request.python:
        if request.python:
            out.write(python_of(rule.condition))
        if request.c:
            if sensor is None:
                raise failures.Failure(f"the generated C: {_NO_SENSOR}")
            out.write(sensor.c(rule.to_bundle()))
    else:
        out.write("\n".join(_text(rule, sensor)) + "\n")
    return 0


def python_of(condition: typed.Condition) -> str:
    """The evaluator's source, below a comment line for each of its names that stands for data."""
    return evaluate.compile_condition(condition, mapping.resolver).source


def _find(request: Request) -> compiled.CompiledRule:
    files, problems = reading.read(request.paths)
    result = resources.compile_files(files)
    for rule in result.rules:
        if rule.definition.name == request.rule:
            return rule
    errors = [
        each
        for each in (*problems, *result.diagnostics)
        if each.item_name == request.rule and each.item_kind == "rule" and each.severity != "warning"
    ]
    errors = errors or [each for each in (*problems, *result.diagnostics) if each.is_error]
    names = [rule.definition.name for rule in result.rules]
    close = suggest(request.rule, names)
    hint = f"; did you mean {close!r}?" if close else ""
    detail = "".join("\n" + each.render() for each in errors)
    raise failures.Failure(f"there is no rule {request.rule!r} that compiles in these files{hint}{detail}")


def _text(rule: compiled.CompiledRule, sensor: sensors.Sensor | None) -> Iterator[str]:
    definition = rule.definition
    place = definition.place()
    state = "" if rule.active else ", disabled"
    yield f"{definition.name}  ({definition.priority.label}{state}; {place.file}:{place.line})"
    if definition.description:
        yield prose.paragraph(definition.description, 2)
    yield ""
    yield "condition, with macros, lists and exceptions put in:"
    yield prose.condition(rule.tree)
    if isinstance(rule.condition, typed.Truth):
        yield f"  which {'always' if rule.condition.value else 'never'} holds"
    yield ""
    yield "output:"
    yield f"  {rule.output_text}"
    yield ""
    yield "events:"
    yield prose.paragraph(_events(rule.event_types), 2)
    yield ""
    yield from _kernel_text(rule.to_bundle(), sensor)


def _events(types: tuple[str, ...] | None) -> str:
    return "any" if types is None else ", ".join(types) or "none: it can never hold"


def _kernel_text(rule: bundle.Rule, sensor: sensors.Sensor | None) -> Iterator[str]:
    if sensor is None:
        yield f"kernel: {_NO_SENSOR}"
        return
    yield f"in the kernel ({sensor.version()}):"
    unseen = _unwatched(rule, sensor)
    if unseen:
        yield prose.paragraph(f"not watched by this sensor: {', '.join(unseen)}", 2)
    for field, reason in _unfillable(rule, sensor):
        yield prose.paragraph(f"cannot be filled by this sensor: {field}: {reason}", 2)
    for events, found in _grouped(sensor.explain(rule)):
        yield f"  {', '.join(events)}:"
        if found.everything:
            yield "    nothing is decided: every such event is sent to user space"
        yield from (f"    decided  {prose.shortened(literal)}" for literal in explaining.literals(found.decided))
        yield from (f"    left     {prose.shortened(literal)}" for literal in explaining.literals(found.left))
    yield "  Decided in the kernel means that an event can be refused there; what is left, user space tests."


def _grouped(found: Sequence[sensors.InKernel]) -> list[tuple[list[str], sensors.InKernel]]:
    """Event types with the same answer, together."""
    groups: dict[tuple[object, ...], tuple[list[str], sensors.InKernel]] = {}
    for each in found:
        key = (each.decided, each.left, each.everything)
        groups.setdefault(key, ([], each))[0].append(each.event)
    return list(groups.values())


def _unwatched(rule: bundle.Rule, sensor: sensors.Sensor) -> list[str]:
    return [] if rule.event_types is None else [each for each in rule.event_types if each not in sensor.events()]


def _unfillable(rule: bundle.Rule, sensor: sensors.Sensor) -> list[tuple[str, str]]:
    return [
        (typed_text.operand(field), reason)
        for field in dict.fromkeys(typed.fields_of(rule.condition))
        if (reason := sensor.reason(field)) is not None
    ]


def _json(request: Request, rule: compiled.CompiledRule, sensor: sensors.Sensor | None) -> dict[str, Any]:
    definition = rule.definition
    place = definition.place()
    found: dict[str, Any] = {
        "rule": definition.name,
        "file": place.file,
        "line": place.line,
        "priority": definition.priority.label,
        "enabled": rule.active,
        "condition": printing.text(rule.tree),
        "output": rule.output_text,
        "event_types": None if rule.event_types is None else list(rule.event_types),
        "kernel": None if sensor is None else _kernel_json(rule.to_bundle(), sensor),
    }
    if request.python:
        found["python"] = python_of(rule.condition)
    if request.c:
        found["c"] = None if sensor is None else sensor.c(rule.to_bundle())
    return found


def _kernel_json(rule: bundle.Rule, sensor: sensors.Sensor) -> dict[str, Any]:
    return {
        "sensor": sensor.version(),
        "not_watched": _unwatched(rule, sensor),
        "cannot_fill": [{"field": field, "reason": reason} for field, reason in _unfillable(rule, sensor)],
        "events": [
            {
                "event": each.event,
                "everything": each.everything,
                "decided": explaining.literals(each.decided),
                "left": explaining.literals(each.left),
            }
            for each in sensor.explain(rule)
        ],
    }
