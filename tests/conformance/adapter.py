"""Falcon behind the interface that the conformance cases call (see their ADAPTER.md).

A thin layer: it turns Falcon's results into the shapes that the cases compare, nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from falcon_rules import evaluate as evaluation
from falcon_rules import tree
from falcon_rules.compiler import types as types_
from falcon_rules.evaluate import mapping
from falcon_rules.fields import table
from falcon_rules.syntax import errors, parser


class ConditionError(Exception):
    """Syntax or compile error of a condition or template."""


@dataclass
class Rule:
    ast: Any
    output: str
    priority: str
    tags: list[str]
    enabled: bool
    source: str
    desc: str
    capture: bool
    capture_duration: int
    exception_names: list[str]
    exception_fields: list[str]
    event_types: set[str] | None


@dataclass
class LoadResult:
    ok: bool
    errors: list[dict[str, Any]]
    warnings: list[dict[str, Any]]
    rules: dict[str, Rule]
    active_rules: int


@dataclass
class Formatted:
    message: str
    line: str
    json: dict[str, Any]


def parse(text: str) -> list[Any]:
    try:
        return nested(parser.parse(text))
    except errors.ConditionSyntaxError as error:
        raise ConditionError(str(error)) from error


def nested(node: tree.Node | tree.Operand) -> list[Any]:
    """A syntax tree as nested lists."""
    match node:
        case tree.And(children):
            return ["and", *map(nested, children)]
        case tree.Or(children):
            return ["or", *map(nested, children)]
        case tree.Not(child):
            return ["not", nested(child)]
        case tree.MacroRef(name):
            return ["id", name]
        case tree.Check("exists", left):
            return ["exists", nested(left)]
        case tree.Check(op, left, right):
            return [op, nested(left), nested(right)] if right else [op, nested(left)]
        case tree.Field(name, argument):
            return ["field", name] if argument is None else ["field", name, argument]
        case tree.Call(name, arguments, argument):
            call = ["xf", name, [nested(each) for each in arguments]]
            return call if argument is None else [*call, argument]
        case tree.Literal(text):
            return ["val", text]
        case tree.LiteralList(items):
            return ["list", *(item.text for item in items)]
        case tree.CallList(items):
            return ["tlist", *map(nested, items)]


def evaluate(condition: str, event: dict[str, Any], types: dict[str, Any] | None = None) -> bool:
    """One condition on one event; `types` declares synthetic fields."""
    extra = {
        name: table.Field(name, table.Type(entry["type"]), entry.get("list", False))
        for name, entry in (types or {}).items()
    }
    try:
        checked = types_.check(parser.parse(condition), extra=extra)
    except (errors.ConditionSyntaxError, types_.CheckError) as error:
        raise ConditionError(str(error)) from error
    return evaluation.compile_condition(checked, mapping.resolver)(event)
