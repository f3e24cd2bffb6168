"""`falcon-rules fields` and `falcon-rules events`: what rules may speak of, and what an installed sensor can supply."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TextIO

from falcon_rules import operands, sensors, typed
from falcon_rules.cli import failures, prose
from falcon_rules.diagnostics import suggest
from falcon_rules.fields import events, table

_ARGUMENTS = {
    table.ArgumentForm.NONE: "",
    table.ArgumentForm.OPTIONAL_NUMBER: "[N], optional",
    table.ArgumentForm.NUMBER: "[N]",
    table.ArgumentForm.OPTIONAL_KEY: "[KEY], optional",
    table.ArgumentForm.KEY: "[KEY]",
    table.ArgumentForm.EVENT_ARGUMENT: ".NAME or [N]",
    table.ArgumentForm.RAW_EVENT_ARGUMENT: ".NAME",
    table.ArgumentForm.EVENT_NAME: ".EVENT",
    table.ArgumentForm.PATH_END: ".src or .dst, optional",
    table.ArgumentForm.DOTTED: ".NAME",
}
"""How a field takes its argument, as one writes it behind the name."""


def fields(name: str | None, category: str | None, as_json: bool, out: TextIO) -> int:
    """One field, those of a class, or all. Raises Failure for an unknown name or class."""
    chosen = _chosen(name, category)
    sensor = sensors.installed()
    found = [_field(field, sensor) for field in chosen]
    if as_json:
        json.dump({"sensor": sensor.version() if sensor else None, "fields": found}, out, indent=2)
        out.write("\n")
    elif name is not None:
        out.write(_field_text(found[0], sensor))
    else:
        out.writelines(_field_table(found))
        out.write(_legend(sensor, "field", sum(each["missing"] is not None for each in found)))
    return 0


def _chosen(name: str | None, category: str | None) -> Sequence[table.Field]:
    known = table.fields()
    if name is not None:
        try:
            # As a rule would write it: `proc.aname[2]`, `evt.arg.flags`.
            base, _, rest = name.partition("[")
            return [known[name] if name in known else table.lookup(base, rest.removesuffix("]") or None).field]
        except table.UnknownField as error:
            raise failures.Failure(_unknown(f"field {name!r}", error.suggestion)) from None
    if category is None:
        return list(known.values())
    found = [field for field in known.values() if field.category == category]
    if not found:
        categories = sorted({field.category for field in known.values()})
        close = suggest(category, categories)
        raise failures.Failure(f"{_unknown(f'class {category!r}', close)} (there are {', '.join(categories)})")
    return found


def _field(field: table.Field, sensor: sensors.Sensor | None) -> dict[str, Any]:
    return {
        "name": field.name,
        "class": field.category,
        "type": str(field.type),
        "list": field.many,
        "argument": _ARGUMENTS[field.argument] or None,
        "flags": sorted(field.flags),
        "description": field.description,
        "missing": None if sensor is None else _missing(field, sensor),
    }


def _missing(field: table.Field, sensor: sensors.Sensor) -> str | None:
    """Why the sensor cannot fill the field; of one with arguments, whether it fills none of them."""
    if field.argument in (table.ArgumentForm.EVENT_ARGUMENT, table.ArgumentForm.RAW_EVENT_ARGUMENT):
        arguments = events.argument_names()
    else:
        arguments = [_example(field)] if field.argument is not table.ArgumentForm.NONE else []
    reasons = [sensor.reason(reference) for reference in _references(field, arguments)]
    return reasons[0] if reasons and None not in reasons else None


def _example(field: table.Field) -> str:
    numbers = (table.ArgumentForm.NUMBER, table.ArgumentForm.OPTIONAL_NUMBER)
    if field.argument in numbers:
        return "1"
    return {table.ArgumentForm.PATH_END: "src", table.ArgumentForm.EVENT_NAME: "open"}.get(field.argument, "x")


def _references(field: table.Field, arguments: Iterable[str]) -> Iterator[typed.FieldRef]:
    listed = list(arguments)
    for argument in listed:
        written = f"{field.name}.{argument}" if field.argument in table.DOT_FORMS else field.name
        yield operands.reference(table.lookup(written, None if written != field.name else argument))
    if not listed:
        yield operands.reference(table.lookup(field.name))


def _field_table(found: Sequence[dict[str, Any]]) -> Iterator[str]:
    category = None
    rows: list[tuple[str, ...]] = []
    for each in found:
        if each["class"] != category:
            yield prose.columns(rows, 2)
            category, rows = each["class"], []
            yield f"{category}\n"
        kind = each["type"] + (", list" if each["list"] else "")
        sentence = each["description"].split(". ")[0].rstrip(".")
        rows.append(("-" if each["missing"] else " ", each["name"], kind, prose.shortened(sentence, 78)))
    yield prose.columns(rows, 2)


def _field_text(found: dict[str, Any], sensor: sensors.Sensor | None) -> str:
    rows = [
        ("class", found["class"]),
        ("type", found["type"] + (", a list" if found["list"] else "")),
        *([("argument", found["argument"])] if found["argument"] else []),
        *([("flags", ", ".join(found["flags"]))] if found["flags"] else []),
    ]
    if sensor is not None:
        supplied = f"no: {found['missing']}" if found["missing"] else "yes"
        rows.append((sensor.version(), supplied))
    return f"{found['name']}\n{prose.columns(rows, 2)}\n{prose.paragraph(found['description'], 2)}\n"


def event_types(name: str | None, as_json: bool, out: TextIO) -> int:
    """One event type with its arguments, or all. Raises Failure for an unknown one."""
    sensor = sensors.installed()
    if name is not None and not events.is_known(name):
        raise failures.Failure(_unknown(f"event type {name!r}", events.suggest(name)))
    found = [_event(each, sensor) for each in ([name] if name is not None else sorted(events.names()))]
    if as_json:
        json.dump({"sensor": sensor.version() if sensor else None, "events": found}, out, indent=2)
        out.write("\n")
    elif name is not None:
        out.write(_event_text(found[0], sensor))
    else:
        out.writelines(_event_table(found, sensor))
    return 0


def _event(name: str, sensor: sensors.Sensor | None) -> dict[str, Any]:
    return {
        "name": name,
        "syscall": name in events.syscalls(),
        "arguments": [{"name": each, "type": kind} for each, kind in events.arguments().get(name, ())],
        "watched": None if sensor is None else name in sensor.events(),
    }


def _event_text(found: dict[str, Any], sensor: sensors.Sensor | None) -> str:
    kind = "a system call" if found["syscall"] else "no system call"
    lines = [f"{found['name']}, {kind}\n"]
    if sensor is not None:
        lines.append(f"  {sensor.version()} {'watches it' if found['watched'] else 'does not watch it'}\n")
    rows = [(f"evt.arg.{each['name']}", each["type"]) for each in found["arguments"]]
    lines.append(prose.columns(rows, 2) if rows else "  its arguments are not known by name\n")
    return "".join(lines)


def _event_table(found: Sequence[dict[str, Any]], sensor: sensors.Sensor | None) -> Iterator[str]:
    """Those whose arguments are known (or that are watched) in full; of the others the names."""
    full = [each for each in found if each["arguments"] or each["watched"]]
    rows = [
        (
            "-" if each["watched"] is False else " ",
            each["name"],
            prose.shortened(", ".join(argument["name"] for argument in each["arguments"]), 90),
        )
        for each in full
    ]
    yield prose.columns(rows)
    rest = [each["name"] for each in found if each not in full]
    yield f"\nsystem calls and events whose arguments are not known by name:\n{prose.paragraph(', '.join(rest), 2)}\n"
    yield _legend(sensor, "event", sum(each["watched"] is False for each in found))


def _legend(sensor: sensors.Sensor | None, what: str, missing: int) -> str:
    if sensor is None:
        return f"\nno sensor is installed here, so there is no telling which {what}s one would supply\n"
    verb = "cannot fill" if what == "field" else "does not watch"
    return f"\n-  {sensor.version()} {verb} it ({missing} {what}s); `falcon-rules {what}s NAME` says more\n"


def _unknown(what: str, close: str | None) -> str:
    return f"there is no {what}" + (f"; did you mean {close!r}?" if close else "")
