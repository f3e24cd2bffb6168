"""The process that reads settings and rules, see `prepare`. Run as `python -m falcon_sensor.app.compile`.

Gets a request on standard input, gives an answer on standard output, and nothing else: what is
wrong with settings or rules is part of the answer.
"""

from __future__ import annotations

import gc
import json
import os
import pickle
import shlex
import sys
import traceback
from collections.abc import Iterator, Sequence
from typing import Any

from falcon_rules import bundle
from falcon_rules.cli import reading
from falcon_rules.compiler import compiled, options
from falcon_rules.diagnostics import Code, Severity
from falcon_rules.loading import compilation
from falcon_sensor.app import lastgood, prepare, unpack, unpacking
from falcon_sensor.engine.fields import registry
from falcon_sensor.kernel.plan import build
from falcon_sensor.records import layout
from falcon_sensor.settings import load, model

_EVENTS = frozenset(layout.EVENTS)

_MOST_ERRORS = 20
"""Printed of many: the first ones are usually what the others come from."""


def answer(request: dict[str, Any]) -> prepare.Answer:
    """request: what `prepare.Process` sends."""
    overrides = [*request["options"], *(["json_output=true"] if request["json"] else [])]
    try:
        settings, warnings = load.load(request["config"], overrides, os.environ)
    except load.SettingsError as error:
        return prepare.Answer(None, error.messages)
    if settings.cluster.enabled:
        return _of_node(settings, request["rules"] or settings.rules_files, warnings)
    paths = request["rules"] or settings.rules_files
    if not paths:
        return prepare.Answer(None, ("no rules: give files or directories with -r, or set rules_files",))
    files, problems = reading.read(paths)
    if problems:
        return prepare.Answer(None, tuple(each.render() for each in problems))
    result = compilation.compile(files, wanted(settings))
    errors = [each.render() for each in result.errors] or list(impossible(result))
    if errors:
        return prepare.Answer(None, _shortened(errors))
    if not result.bundle.rules:
        return prepare.Answer(None, (f"no rule is active in {', '.join(map(str, paths))}",))
    plan = build.build(result.bundle)
    if not plan.events:
        return prepare.Answer(None, (*unseen(result.bundle), "no rule can hold for any event this sensor watches"))
    warnings += [each.render() for each in result.diagnostics if not each.is_error]
    warnings += unseen(result.bundle)
    return prepare.Answer(prepare.Prepared(settings, result.bundle, plan, tuple(warnings)))


def _of_node(settings: model.Settings, paths: Sequence[str], warnings: list[str]) -> prepare.Answer:
    """A node's sensor starts with the last good bundle, or with no rules until the operator brings some."""
    if paths:
        return prepare.Answer(None, ("cluster.enabled: rules come from the operator; leave out -r and rules_files",))
    prefix = "falcon-sensor: the last good rules are not used"
    found, digest = unpacking.Unpacked(bundle.Bundle(()), None), ""
    try:
        kept = lastgood.read(settings.cluster.state_dir)
    except lastgood.Unusable as error:
        kept = None
        warnings.append(f"{prefix}: {error}")
    if kept is not None:
        try:
            unpacked = unpack.answer(kept.digest, kept.packed, bundle.Priority[settings.lowest], ())
        except Exception as error:  # of ours; but a sensor without rules can still be given others
            unpacked = unpacking.Answer(None, f"internal error, please report: {type(error).__name__}: {error}")
        if unpacked.unpacked is None:
            warnings.append(f"{prefix}: {unpacked.error}")
        else:
            found, digest = unpacked.unpacked, kept.digest
    return prepare.Answer(prepare.Prepared(settings, found.bundle, found.plan, tuple(warnings), digest, found.errors))


def wanted(settings: model.Settings) -> options.Options:
    """What the settings ask of the compiler."""
    selections = []
    for entry in settings.rules:
        for enable, selector in ((True, entry.enable), (False, entry.disable)):
            if selector is not None:
                selections.append(options.Selection(enable, selector.rule, selector.tag))
    return options.Options(tuple(selections), bundle.Priority[settings.lowest])


def impossible(result: compiled.Result) -> Iterator[str]:
    """Conditions on fields that this sensor cannot fill: such a rule would be silent, and nobody would know why."""
    for rule in result.rules:
        if not rule.active or not _watched(rule.event_types):
            continue
        for field in dict.fromkeys(registry.fields_of(rule.condition)):
            if reason := registry.reason(field):
                entry = rule.definition.entry
                leave_out = shlex.quote(f"rules[].disable.rule={entry.name}")
                message = (
                    f"this sensor cannot fill {registry.written(field)}: {reason}. "
                    f"Leave the rule out with -o {leave_out}"
                )
                place = entry.place("condition")
                yield entry.finding(Severity.ERROR, Code.ERR_COMPILE_CONDITION, message, place).render()


def unseen(rules: bundle.Bundle) -> list[str]:
    """Rules for events that this sensor does not watch; they stay, but somebody should know."""
    return [
        f"warning: rule {rule.name!r} never holds here: this sensor does not watch {', '.join(rule.event_types[:5])}"
        for rule in rules.rules
        if rule.event_types and not _watched(rule.event_types)
    ]


def _watched(event_types: tuple[str, ...] | None) -> bool:
    return event_types is None or not _EVENTS.isdisjoint(event_types)


def _shortened(errors: Sequence[str]) -> tuple[str, ...]:
    if len(errors) <= _MOST_ERRORS:
        return tuple(errors)
    return (*errors[:_MOST_ERRORS], f"... and {len(errors) - _MOST_ERRORS} more errors")


def main() -> None:
    """One request, one answer."""
    gc.disable()  # nothing is dropped here that would not live until the end
    request = json.load(sys.stdin)
    try:
        found = answer(request)
    except Exception as error:
        # Whatever is in the files, this is a fault of ours; a user is served with one line that can be reported.
        place = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{os.path.basename(place.filename)}:{place.lineno}"
        found = prepare.Answer(
            None, (f"falcon-sensor: internal error, please report: {type(error).__name__}: {error} ({where})",)
        )
    result = pickle.dumps(found, pickle.HIGHEST_PROTOCOL)
    sys.stdout.buffer.write(result)
    sys.stdout.buffer.flush()
    # Freeing a compiler's worth of objects one by one takes a while and helps nobody.
    os._exit(0)


if __name__ == "__main__":
    main()
