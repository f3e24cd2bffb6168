"""Falcon behind the interface that the conformance cases call (see their ADAPTER.md).

A thin layer: it turns Falcon's results into the shapes that the cases compare, nothing else.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from falcon_rules import bundle, output, tree
from falcon_rules import evaluate as evaluation
from falcon_rules.compiler import compiled, exceptions, options
from falcon_rules.compiler import types as types_
from falcon_rules.evaluate import mapping
from falcon_rules.fields import table
from falcon_rules.loading import compilation, loader
from falcon_rules.model import documents
from falcon_rules.output import parsing
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
    with _utc():
        return evaluation.compile_condition(checked, mapping.resolver)(event)


def load(docs: list[str], extra_output: Any = (), min_priority: str = "debug") -> LoadResult:
    """Each file compiles with those before it, and the first error ends the load, as in Falco."""
    wanted = options.Options(
        min_priority=bundle.Priority[{"INFO": "INFORMATIONAL"}.get(min_priority.upper(), min_priority.upper())],
        extra_outputs=tuple(
            options.ExtraOutput(each["format"], each.get("source"), frozenset(each.get("tags", ())), each.get("rule"))
            for each in extra_output
        ),
    )
    files = [documents.Document(f"{index}.yaml", text) for index, text in enumerate(docs)]
    warnings: list[dict[str, Any]] = []
    result = compilation.compile_loaded(loader.load(()), wanted)
    for index, file in enumerate(files):
        loaded = loader.load(files[: index + 1])
        result = compilation.compile_loaded(loaded, wanted)
        of_loading = [each for each in loaded.diagnostics if each.place.file == file.name]
        for each in [*of_loading, *result.diagnostics[len(loaded.diagnostics) :]]:
            if not each.code.startswith("LOAD_"):
                continue
            entry = {"code": str(each.code), "message": each.message}
            if each.is_error:
                return LoadResult(False, [entry], warnings, {}, 0)
            warnings.append({**entry, "doc": index})
    rules = {rule.definition.name: rule_of(rule) for rule in result.rules}
    return LoadResult(True, [], warnings, rules, len(result.bundle.rules))


def rule_of(rule: compiled.CompiledRule) -> Rule:
    definition = rule.definition
    return Rule(
        ast=nested(rule.tree),
        output=rule.output_text,
        priority=definition.priority.label,
        tags=sorted(definition.tags),
        enabled=definition.enabled,
        source=definition.source,
        desc=definition.description,
        capture=definition.capture,
        capture_duration=definition.capture_duration,
        exception_names=[each.name for each in definition.exceptions],
        exception_fields=exceptions.field_names(definition),
        event_types=None if rule.written_event_types is None else set(rule.written_event_types),
    )


def format(template: str, event: dict[str, Any], **options: Any) -> Formatted:
    """One output text on one event, as message, text line and JSON."""
    priority = bundle.Priority[options.get("priority", "Warning").upper()]
    shown = output.Options(
        iso=options.get("iso", False),
        include_output=options.get("include_output", True),
        include_message=options.get("include_message", False),
        include_output_fields=options.get("include_output_fields", True),
        include_tags=options.get("include_tags", True),
    )
    try:
        extras = [_extra(name, entry) for name, entry in options.get("extra_fields", {}).items()]
        renderer = output.compile_output(parsing.parse(template), mapping.resolver, extras)
    except types_.CheckError as error:
        raise ConditionError(str(error)) from error
    time_ns = event["evt.rawtime"]
    with _utc():
        message, fields = renderer.render(event, time_ns)
        line = output.line(time_ns, priority, message, shown)
        alert = output.json_object(
            time_ns=time_ns,
            priority=priority,
            rule=options.get("rule", "r"),
            source="syscall",
            hostname=options.get("hostname", "host"),
            tags=options.get("tags", []),
            message=message,
            output_fields=fields,
            options=shown,
        )
    return Formatted(message, output.escaped(line), json.loads(json.dumps(alert)))


def _extra(name: str, entry: dict[str, Any]) -> output.Extra:
    text = entry["format"]
    if entry.get("raw") and not text.startswith("%"):
        text = f"%{text}"
    return output.Extra(name, parsing.parse(text), entry.get("raw", False))


@contextlib.contextmanager
def _utc() -> Iterator[None]:
    """The zone of the cases; the process's own comes back afterwards."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = "UTC"
    time.tzset()
    try:
        yield
    finally:
        if before is None:
            del os.environ["TZ"]
        else:
            os.environ["TZ"] = before
        time.tzset()


def evaluate_rule(rules_file_text: str, event: dict[str, Any]) -> list[str]:
    """Names of all enabled rules of the file that match the event, in definition order."""
    names, matcher = _matcher(rules_file_text)
    return [names[index] for index in matcher(event)]


@functools.cache
def _matcher(text: str) -> tuple[list[str], evaluation.Rules]:
    result = compilation.compile_loaded(loader.load([documents.Document("rules.yaml", text)]), options.Options())
    rules = result.bundle.rules
    compiled_rules = [(index, rule.condition) for index, rule in enumerate(rules)]
    return [rule.name for rule in rules], evaluation.compile_rules(compiled_rules, mapping.resolver, first=False)
