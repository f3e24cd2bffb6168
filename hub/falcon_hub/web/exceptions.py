"""An exception made from an alert: YAML for the rules, proved to keep the rule silent about this alert, with a word on
what an intruder could choose. Pure; nothing is changed by it.

An alert does not tell where its rule was written, so both forms are given."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from falcon_hub import alerts
from falcon_hub.web import asking, fragments
from falcon_rules.fields import table
from falcon_rules.lint import bypasses

_USUAL: Final = (
    *("container.image.repository", "k8s.ns.name", "proc.exepath", "proc.name", "proc.pname", "proc.cmdline"),
    *("fd.name", "user.name"),
)
"""Chosen unless somebody chooses: together narrow, and the same when it happens again."""
_PLACES: Final = ("container.image.repository", "container.name", "k8s.ns.name", "k8s.pod.name")
_PASSING = re.compile(
    r"evt\.(?:time|rawtime|datetime|num|cpu|latency|reltime|deltatime|count|arg|args|info|buffer|res|rawres)\b.*"
    r"|(?:proc|thread)\.(?:(?:\w*pid|\w*tid|sid|vpgid|pgid|pid\.ts|ppid\.ts|ino|tty)|.*duration.*|\w*\.ts|vmsize|vmrss|cpu)"
    r"|fd\.(?:num|cport|lport|ino|uid|types?num|containername|containerdirectory)|thread\..*"
    r"|container\.(?:id|full_id|start_ts|ip|duration)|k8s\.pod\.(?:uid|ip|id|sandbox_id|full_sandbox_id)"
)
"""Different each time: an exception that asks for one of these never holds again."""
_T = table.Type
_TEXTS: Final = frozenset({_T.CHARBUF, _T.FSPATH, _T.FSRELPATH, _T.IPADDR})
_NUMBERS: Final = frozenset(kind for kind in _T if kind.name.startswith(("INT", "UINT"))) | {_T.PORT, _T.UID, _T.GID}
_REMARKS: Final = {
    "k8s.pod.name": "differs from pod to pod of a Deployment; the namespace and the image last longer",
    "proc.cmdline": "exactly this command line, with all of its arguments",
    "container.name": "a pod's author chooses it",
}


@dataclass(frozen=True, slots=True)
class Candidate:
    """A field that can be asked for. chosen: it is. note: what to think of before it is."""

    name: str
    value: str
    chosen: bool
    note: str | None


@dataclass(frozen=True, slots=True)
class Suggestion:
    """yaml: to append to rule files, of Falco's form. manifest: the part of a FalconRule's or ClusterFalconRule's."""

    yaml: str
    manifest: str
    fields: list[Candidate]
    warnings: list[str]


def suggest(alert: alerts.Alert, wanted: Sequence[str] | None = None) -> Suggestion:
    """wanted: the fields that must be as in the alert; None: the usual ones. Raises asking.BadQuestion."""
    values = dict(_candidates(alert.fields))
    if not values:
        raise asking.BadQuestion("this alert came with no field that an exception could ask for")
    if wanted is not None and (unknown := [name for name in wanted if name not in values]):
        raise asking.BadQuestion(f"an exception cannot ask for {unknown[0][:80]!r} of this alert")
    chosen = _usual(values) if wanted is None else list(dict.fromkeys(wanted))
    if not chosen:
        raise asking.BadQuestion("an exception needs at least one field")
    wanted_values = {name: values[name] for name in chosen}
    offered = sorted(values, key=lambda name: (name not in _USUAL, _USUAL.index(name) if name in _USUAL else 0, name))
    fields = [Candidate(name, str(values[name]), name in chosen, _note(name, values[name])) for name in offered]
    return Suggestion(
        yaml=fragments.rule_file(alert, wanted_values),
        manifest=fragments.manifest(alert, wanted_values),
        fields=fields,
        warnings=list(_warnings(alert, wanted_values)),
    )


def _candidates(fields: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Names and plain values of what the language can compare."""
    for name, value in fields.items():
        if value in (None, "", "<NA>") or isinstance(value, dict | list) or _PASSING.fullmatch(name):
            continue
        try:
            found = table.lookup(*_parted(name))
        except table.UnknownField:
            continue
        converted = _converted(found.type, value)
        # What cannot be printed is no text to compare with: somewhere on its way it was replaced.
        # A connection's name has the client's port in it, which is another one each time.
        if converted is not None and "\ufffd" not in str(converted) and not (name == "fd.name" and "->" in value):
            yield name, converted


def _parted(name: str) -> tuple[str, str | None]:
    found = re.fullmatch(r"([a-z0-9_.]+)\[(.+)\]", name)
    return (found[1], found[2]) if found else (name, None)


def _converted(kind: table.Type, value: Any) -> str | int | bool | None:
    numbers = isinstance(value, int | float) and not isinstance(value, bool)
    if kind is table.Type.BOOL:
        return {"true": True, "false": False}.get(str(value).lower())
    if kind in _NUMBERS:
        if numbers:
            return int(value) if float(value).is_integer() else None
        return int(value) if isinstance(value, str) and re.fullmatch(r"-?\d{1,18}", value) else None
    return str(value) if kind in _TEXTS and isinstance(value, str) else None


def _usual(values: Mapping[str, Any]) -> list[str]:
    found = [name for name in _USUAL if name in values]
    # Where the program lies says more than what it calls itself.
    if "proc.exepath" in found and "proc.name" in found:
        found.remove("proc.name")
    return found or list(values)[:3]


def _note(name: str, value: Any) -> str | None:
    if reason := bypasses.chosen(name, "=", [str(value)]):
        return f"an intruder can choose it: {reason}"
    return _REMARKS.get(name)


def _warnings(alert: alerts.Alert, chosen: Mapping[str, Any]) -> Iterator[str]:
    reasons = [bypasses.chosen(name, "=", [str(value)]) for name, value in chosen.items()]
    if all(reasons):
        yield f"Anybody can step into this exception: {'; '.join(filter(None, reasons))}. Better {bypasses.ADVICE}."
    if not any(name in chosen for name in _PLACES):
        yield "It holds on every machine and in every container, not only in this one."
    elif (image := alert.image) and "container.image.repository" in chosen:
        yield f"Whoever takes over a container of {image} can do the same without this rule telling."
