"""Parents and ancestors: `proc.p*` and `proc.a*`.

With an index one level is meant (0 the process, 1 its parent); without, any ancestor may hold,
so the value is a tuple, nearest first, and None for a process without ancestors.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from falcon_sensor.engine import event
from falcon_sensor.engine.fields import kinds, proc
from falcon_sensor.state import process

ENVIRONMENT_LEVELS = 20
"""How far up `proc.aenv[NAME]` looks: the reference's number."""

Read = Callable[[process.Process], Any]


def _parent(read: Read) -> kinds.Extractor:
    return _level(1, read)


def _level(level: int, read: Read) -> kinds.Extractor:
    def extract(e: event.Event) -> Any:
        found = e.ancestor(level)
        return None if found is None else read(found)

    return extract


def _any(read: Read) -> kinds.Extractor:
    def extract(e: event.Event) -> tuple[Any, ...] | None:
        values = tuple(value for each in e.ancestors if (value := read(each)) is not None)
        return values or None

    return extract


def _maker(read: Read) -> kinds.Maker:
    return lambda argument: _any(read) if argument is None else _level(int(argument), read)


def _args(argument: str | None) -> kinds.Extractor:
    """Unlike its siblings one text without index: all ancestors' arguments joined."""
    if argument is not None:
        return _level(int(argument), lambda p: proc.joined(p.args))

    def extract(e: event.Event) -> bytes | None:
        texts = [text for each in e.ancestors if (text := proc.joined(each.args))]
        return b" ".join(texts) if e.ancestors else None

    return extract


def _env(argument: str | None) -> kinds.Extractor:
    if argument is None or argument.isdigit():
        return _maker(lambda p: proc.joined(p.env))(argument)
    name = argument.encode()

    def extract(e: event.Event) -> bytes | None:
        values = (each.variable(name) for each in e.ancestors[:ENVIRONMENT_LEVELS])
        return next((value for value in values if value), b"") if e.ancestors else None

    return extract


def _parent_duration(e: event.Event) -> int | None:
    parent = e.ancestor(1)
    return None if parent is None else max(0, e.head.time - parent.start)


def _parent_start(e: event.Event) -> int | None:
    parent = e.ancestor(1)
    return None if parent is None else e.session.state.clock.wall(parent.start)


PLAIN: kinds.Plain = {
    "proc.pname": _parent(lambda p: p.comm),
    "proc.pexe": _parent(lambda p: p.exe),
    "proc.pexepath": _parent(lambda p: p.exepath),
    "proc.pcmdline": _parent(lambda p: p.cmdline),
    "proc.ppid": _parent(lambda p: p.pid),
    "proc.pvpid": _parent(lambda p: p.vpid),
    "proc.ppid.duration": _parent_duration,
    "proc.ppid.ts": _parent_start,
}

WITH_ARGUMENT: kinds.WithArgument = {
    "proc.aname": _maker(lambda p: p.comm),
    "proc.aexe": _maker(lambda p: p.exe),
    "proc.aexepath": _maker(lambda p: p.exepath),
    "proc.acmdline": _maker(lambda p: p.cmdline),
    "proc.apid": _maker(lambda p: p.pid),
    "proc.aargs": _args,
    "proc.aenv": _env,
}

MISSING: kinds.Missing = {}
