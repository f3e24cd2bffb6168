"""The table of events: system calls and Falco's other event types, and their arguments.

Conditions may only name event types that exist (a misspelt one would silence a rule for good),
and `evt.arg.X` only arguments that some event has.
"""

from __future__ import annotations

import collections
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

    Where events differ, the most frequent type counts; a definite one goes before an opaque one.
    """
    return _argument_types().get(name)


@functools.cache
def _argument_types() -> Mapping[str, str]:
    uses: dict[str, collections.Counter[str]] = {}
    for event in sorted(arguments()):
        for name, kind in arguments()[event]:
            uses.setdefault(name, collections.Counter())[kind] += 1
    return {name: _prevailing(kinds) for name, kinds in uses.items()}


def _prevailing(kinds: collections.Counter[str]) -> str:
    opaque = ("DYNAMIC", "SOCKADDR")
    return max(kinds, key=lambda kind: (kind not in opaque, kinds[kind]))
