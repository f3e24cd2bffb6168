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
from collections.abc import Mapping
from concurrent import futures

from falcon_sensor.kernel import bpf, csource, objects

_LOG_BYTES = 64 << 20
"""Room for what the verifier says about a program it refuses; the reason stands at the end. Only touched when used."""


class LoadError(Exception):
    """Why the programs could not be loaded, for people."""


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
    programs = _load_functions(compiled, maps, source)
    for tail in source.tails:
        bpf.update(maps["ev_tails"], tail.slot, programs[tail.name].to_bytes(4, "little"))
    _tell_host(maps["ev_host"], _load_function(compiled, maps, "ev_find_host"), host)
    for name, content in tables.items():
        _fill(maps, name, content)
    # Whoever may call bpf() could otherwise blind us by a single write that nothing else shows.
    for name in ("ev_tails", "ev_host", *tables):
        bpf.freeze(maps[name])
    return Loaded(
        maps, programs, {tracepoint: _attach(programs[to], tracepoint) for tracepoint, to in source.attach.items()}
    )


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


def _load_functions(compiled: objects.Object, maps: Mapping[str, int], source: csource.Source) -> dict[str, int]:
    """All programs by name. Side by side, because verifying takes the kernel up to a quarter of a second each."""
    wanted: dict[str, tuple[str, csource.Place | None]] = {name: (name, None) for name in source.attach.values()}
    wanted |= {tail.name: (tail.function, tail.place) for tail in source.tails}
    with futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        loaded = pool.map(lambda each: _load_function(compiled, maps, *each), wanted.values())
        return dict(zip(wanted, loaded, strict=True))


def _load_function(
    compiled: objects.Object, maps: Mapping[str, int], function: str, place: csource.Place | None = None
) -> int:
    """Loads a function's code; with a place, a copy in which the mark is replaced by the place's number."""
    code = compiled.functions[function].linked(maps)
    if place is not None:
        code = _replace_mark(code, place)
    try:
        return bpf.load_program(code, function)
    except OSError as error:
        _complain(code, function)
        reason = "too complex to verify" if error.errno == errno.E2BIG else error.strerror
        raise LoadError(f"the kernel refused the program {function}: {reason}") from None


def _complain(code: bytes, function: str) -> None:
    """Has the verifier say why; only now, because a log takes it several times as long."""
    log = ctypes.create_string_buffer(_LOG_BYTES)
    try:
        os.close(bpf.load_program(code, function, log))
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
