"""The table of events: system calls and Falco's other event types, and their arguments.

Conditions may only name event types that exist (a misspelt one would silence a rule for good),
and `evt.arg.X` only arguments that some event has.
"""

from __future__ import annotations

import difflib
import functools
import json
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import Any


@functools.cache
def _data() -> dict[str, Any]:
    text = resources.files("falcon_rules.fields").joinpath("events.json").read_text("utf-8")
    data: dict[str, Any] = json.loads(text)
    return data


@functools.cache
def names() -> frozenset[str]:
    """Every name a literal of `evt.type` may have: Linux system calls and Falco's other events."""
    return frozenset(_data()["syscalls"]) | frozenset(_data()["others"])


@functools.cache
def syscalls() -> frozenset[str]:
    """The system calls among them (x86-64 with its 32-bit table, arm64)."""
    return frozenset(_data()["syscalls"])


def is_known(name: str) -> bool:
    return name in names()


def suggest(name: str) -> str | None:
    """The known event name most like `name`, if any is close."""
    close = difflib.get_close_matches(name, names(), n=1, cutoff=0.7)
    return close[0] if close else None


@functools.cache
def arguments() -> Mapping[str, Sequence[tuple[str, str]]]:
    """For events whose arguments are known: (name, type) by position; `evt.arg[n]` counts these."""
    return {event: tuple((n, t) for n, t in pairs) for event, pairs in _data()["arguments"].items()}


def argument_names() -> list[str]:
    return sorted(_argument_types())


def argument_type(name: str) -> str | None:
    """The type of `evt.rawarg.NAME`, or None when no event has such an argument.

    An argument that is opaque for one event and typed for another has the type of the other.
    """
    return _argument_types().get(name)


@functools.cache
def _argument_types() -> Mapping[str, str]:
    found: dict[str, str] = {}
    for event in sorted(arguments()):
        for name, kind in arguments()[event]:
            if found.get(name, "DYNAMIC") in ("DYNAMIC", "SOCKADDR"):
                found[name] = kind
    return found
