"""From compiled programs to programs at work: makes the maps, loads a copy of each function for each place, fills the
tables, attaches. Runs in the loader's process, without the compiler.
"""

from __future__ import annotations

import contextlib
import ctypes
import dataclasses
import errno
import os
import resource
import sys
from collections.abc import Collection, Iterator, Mapping
from concurrent import futures
from typing import NamedTuple

from falcon_sensor.kernel import backends, bpf, csource, objects

_LOG_BYTES = 64 << 20
"""Room for what the verifier says about a program it refuses; the reason stands at the end. Only touched when used."""


class LoadError(Exception):
    """Why the programs could not be loaded, for people."""


_SYSCALL = csource.Place.SYSCALL


class _Family(NamedTuple):
    """Programs that may call one another: of one type, at functions' ends also of functions with the same prototype.

    table: of their tail calls. function_id: of a function at whose end they could be attached.
    """

    table: str
    way: backends.Way
    function_id: int = 0


_TRACEPOINTS = _Family(csource.TAILS, backends.Way.RAW_TRACEPOINT)


class _Copy(NamedTuple):
    """One program: a function's code, for a place."""

    function: str
    family: _Family = _TRACEPOINTS
    place: csource.Place | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Loaded:
    """Descriptors by name; in the answer the names travel as JSON, in this order."""

    maps: dict[str, int]
    programs: dict[str, int]
    links: dict[str, int]

    def descriptors(self) -> list[int]:
        return [*self.maps.values(), *self.programs.values(), *self.links.values()]

    def names(self) -> dict[str, list[str]]:
        return {"maps": list(self.maps), "programs": list(self.programs), "links": list(self.links)}


def install(
    compiled: objects.Object, source: csource.Source, tables: Mapping[str, bytes], host: csource.Host
) -> Loaded:
    """Raises LoadError."""
    # Before 5.11 the kernel counts maps and programs as locked memory; later no limit is asked for.
    with contextlib.suppress(ValueError):
        resource.setrlimit(resource.RLIMIT_MEMLOCK, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    maps = {name: _create(name, shape) for name, shape in compiled.maps.items()}
    families = _families(source.calls)
    for family in families.values():
        if family.table not in maps:
            maps[family.table] = _create(family.table, compiled.maps[csource.CALL_TAILS])
    programs = _load_all(compiled, maps, dict(_copies(source, families)))
    for tail in source.tails:
        for family in _of_place(tail.place, families):
            bpf.update(maps[family.table], tail.slot, programs[_name(tail, family)].to_bytes(4, "little"))
    _tell_host(maps["ev_host"], _load(compiled, maps, _Copy("ev_find_host")), host)
    for name, content in tables.items():
        _fill(maps, name, content)
    # Whoever may call bpf() could otherwise blind us by a single write that nothing else shows.
    for name in {csource.TAILS, "ev_host", *tables, *(family.table for family in families.values())}:
        bpf.freeze(maps[name])
    links = {tracepoint: _attach(programs[tracepoint], tracepoint) for tracepoint in source.attach}
    return Loaded(maps, programs, links | _attach_to_calls(programs, source.calls))


def _families(calls: backends.Calls | None) -> dict[int, _Family]:
    """Of the programs about system calls, by the prototype they are for."""
    found: dict[int, _Family] = {}
    if calls is not None:
        for hook in calls.hooks.values():
            table = f"{csource.CALL_TAILS}{len(found) or ''}"
            found.setdefault(hook.prototype, _Family(table, calls.way, _function_id(calls, hook)))
    return found


def _function_id(calls: backends.Calls, hook: backends.Hook) -> int:
    return hook.id if calls.way is backends.Way.FUNCTION_END else 0


def _of_place(place: csource.Place, families: Mapping[int, _Family]) -> Collection[_Family]:
    return families.values() if place is _SYSCALL else (_TRACEPOINTS,)


def _name(tail: csource.Tail, family: _Family) -> str:
    return f"{tail.name}/{family.table}"


def _copies(source: csource.Source, families: Mapping[int, _Family]) -> Iterator[tuple[str, _Copy]]:
    """What is to be loaded, by name. At the ends of functions a program is attached to one only, so the dispatcher is
    loaded for each, by the function's name."""
    for tracepoint, entry in source.attach.items():
        yield tracepoint, _Copy(entry.function, place=entry.place)
    for tail in source.tails:
        for family in _of_place(tail.place, families):
            yield _name(tail, family), _Copy(tail.function, family, tail.place)
    if source.calls is not None:
        for name, hook in source.calls.hooks.items():
            function_id = _function_id(source.calls, hook)
            copy = _Copy(csource.CALL_RETURNED, families[hook.prototype]._replace(function_id=function_id), _SYSCALL)
            yield name if function_id else csource.CALL_RETURNED, copy


def _create(name: str, shape: objects.MapShape) -> int:
    try:
        return bpf.create_map(shape.type, shape.key_size, shape.value_size, shape.entries, shape.flags, name)
    except OSError as error:
        raise LoadError(f"the kernel refused the map {name}: {error.strerror}") from None


def _attach(program: int, tracepoint: str) -> int:
    try:
        return bpf.attach_raw_tracepoint(program, tracepoint)
    except OSError:
        raise LoadError(f"the kernel has no usable tracepoint {tracepoint}") from None


def _attach_to_calls(programs: Mapping[str, int], calls: backends.Calls | None) -> dict[str, int]:
    links: dict[str, int] = {}
    if calls is None:
        return links
    for name, hook in calls.hooks.items():
        try:
            match calls.way:
                case backends.Way.RAW_TRACEPOINT:
                    links[name] = bpf.attach_raw_tracepoint(programs[csource.CALL_RETURNED], name)
                case backends.Way.TRACEPOINT:
                    links[name] = bpf.attach_tracepoint(programs[csource.CALL_RETURNED], hook.id)
                case backends.Way.FUNCTION_END:
                    links[name] = bpf.attach_tracing(programs[name])
        except OSError as error:
            raise LoadError(f"the kernel refused to attach to {name}: {error.strerror}") from None
    return links


def _load_all(compiled: objects.Object, maps: Mapping[str, int], wanted: Mapping[str, _Copy]) -> dict[str, int]:
    """Side by side, because verifying takes the kernel up to a quarter of a second each."""
    with futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        loaded = pool.map(lambda copy: _load(compiled, maps, copy), wanted.values())
        return dict(zip(wanted, loaded, strict=True))


_TYPES = {
    backends.Way.RAW_TRACEPOINT: (bpf.Program.RAW_TRACEPOINT, 0),
    backends.Way.TRACEPOINT: (bpf.Program.TRACEPOINT, 0),
    backends.Way.FUNCTION_END: (bpf.Program.TRACING, bpf.FUNCTION_END),
}


def _load(compiled: objects.Object, maps: Mapping[str, int], copy: _Copy) -> int:
    """Loads a function's code with its family's table; for a place, with the mark replaced by the place's number."""
    code = compiled.functions[copy.function].linked({**maps, csource.TAILS: maps[copy.family.table]})
    if copy.place is not None:
        code = _replace_mark(code, copy.place)
    try:
        return _verified(code, copy)
    except OSError as error:
        _complain(code, copy)
        reason = "too complex to verify" if error.errno == errno.E2BIG else error.strerror
        raise LoadError(f"the kernel refused the program {copy.function}: {reason}") from None


def _verified(code: bytes, copy: _Copy, log: ctypes.Array[ctypes.c_char] | None = None) -> int:
    type, attach_type = _TYPES[copy.family.way]
    return bpf.load_program(code, copy.function, log, type, attach_type, copy.family.function_id)


def _complain(code: bytes, copy: _Copy) -> None:
    """Has the verifier say why; only now, because a log takes it several times as long."""
    log = ctypes.create_string_buffer(_LOG_BYTES)
    try:
        os.close(_verified(code, copy, log))
    except OSError:
        sys.stderr.write(log.value.decode(errors="replace"))


def _replace_mark(code: bytes, place: csource.Place) -> bytes:
    """An instruction has 8 bytes, its immediate operand the last four."""
    mark, number = (value.to_bytes(4, "little") for value in (csource.PLACE_MARK, place))
    instructions = [code[i : i + 8] for i in range(0, len(code), 8)]
    return b"".join(code[:4] + number if code[4:] == mark else code for code in instructions)


def _tell_host(table: int, finder: int, host: csource.Host) -> None:
    """What the programs need to know about this machine and the sensor; see task.bpf.c."""
    try:
        bpf.run(finder)
    except OSError as error:
        raise LoadError(
            f"this kernel cannot run a raw tracepoint program on demand (5.10 and later can): {error}"
        ) from None
    finally:
        os.close(finder)
    for slot, value in ((csource.HOST_SENSOR_PID, host.sensor_pid), (csource.HOST_SENSOR_PIDNS, host.sensor_pidns)):
        bpf.update(table, slot, value.to_bytes(8, "little"))


def _fill(maps: Mapping[str, int], name: str, content: bytes) -> None:
    if name not in maps:
        raise LoadError(f"the plan gives content for a table {name} that its filters do not declare")
    size, entries = bpf.map_shape(maps[name])
    if len(content) % size or len(content) > size * entries:
        raise LoadError(
            f"the plan's content for {name} has {len(content)} bytes; values have {size}, entries {entries}"
        )
    for key in range(len(content) // size):
        bpf.update(maps[name], key, content[key * size : (key + 1) * size])
