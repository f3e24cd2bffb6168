"""The short-lived child that compiles, loads and attaches, and hands the descriptors over.

bcc brings LLVM, more than 100 MB that would never leave the sensor's memory again: so the sensor
starts this module as a process of its own (`probes.load`), gives it a job over a socket, receives
descriptors of maps, programs and links, and the child exits. Programs stay attached as long as
somebody holds their link's descriptor; nothing is pinned.

A job is one JSON object, ended by the closing of that direction; the answer is one JSON object
with the descriptors attached to it. Compiler and verifier write their complaints to standard error,
which the parent keeps.
"""

from __future__ import annotations

import base64
import contextlib
import ctypes
import dataclasses
import errno
import functools
import importlib.resources
import json
import os
import socket
import sys
from concurrent import futures
from typing import Any

from falcon_sensor.kernel import bpf, btf, csource, offsets, tracepoints
from falcon_sensor.kernel.plan import contract


class LoadError(Exception):
    """Why the programs could not be loaded, for people."""


@dataclasses.dataclass(frozen=True, slots=True)
class Job:
    plan: contract.Plan
    host: csource.Host
    ring_bytes: int

    def to_json(self) -> bytes:
        tables = {name: base64.b64encode(content).decode() for name, content in self.plan.tables.items()}
        return json.dumps(
            {
                "events": sorted(self.plan.events),
                "filters": self.plan.filters,
                "failed_execs": self.plan.failed_execs,
                "tables": tables,
                "host": dataclasses.asdict(self.host),
                "ring_bytes": self.ring_bytes,
            }
        ).encode()

    @classmethod
    def from_json(cls, data: bytes) -> Job:
        job = json.loads(data)
        tables = {name: base64.b64decode(content) for name, content in job["tables"].items()}
        plan = contract.Plan(frozenset(job["events"]), job["filters"], job["failed_execs"], tables)
        host = job["host"] | {"v1_subsystems": tuple(job["host"]["v1_subsystems"])}
        return cls(plan, csource.Host(**host), job["ring_bytes"])


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


_types = functools.cache(btf.Btf.load)


def warm_up() -> None:
    """Does ahead of the job what every job needs; what goes wrong is the job's to say."""
    with contextlib.suppress(btf.BtfError, LoadError):
        _types()
        _bcc()


def source_for(job: Job) -> csource.Source:
    """The C text of a job on this kernel."""
    types = _types()
    found = offsets.macros(types, job.host.machine)
    return csource.generate(job.plan, job.host, found, tracepoints.find(types), job.ring_bytes)


def load(job: Job) -> Loaded:
    """Compiles, loads, fills the tables, attaches. Raises LoadError or BtfError."""
    source = source_for(job)
    module, bcc = _compile(source.text)
    maps = _maps(module, bcc)
    programs = _load_functions(module, bcc, source)
    for tail in source.tails:
        bpf.update(maps["ev_tails"], tail.slot, programs[tail.name].to_bytes(4, "little"))
    _find_host(_load_function(module, bcc, "ev_find_host"))
    for name, content in job.plan.tables.items():
        _fill(maps, name, content)
    links = {}
    for tracepoint, function in source.attach.items():
        links[tracepoint] = bcc.lib.bpf_attach_raw_tracepoint(programs[function], tracepoint.encode())
        if links[tracepoint] < 0:
            raise LoadError(f"the kernel has no usable tracepoint {tracepoint}")
    return Loaded(maps, programs, links)


def _bcc() -> Any:
    headers = importlib.resources.files(__package__) / "headers"
    os.environ["BCC_KERNEL_SOURCE"] = str(headers)
    try:
        import bcc
    except ImportError as error:
        raise LoadError(
            f"bcc cannot be imported ({error}): install python3-bpfcc, and use the distribution's own python3"
        ) from None
    return bcc


def _compile(text: str) -> tuple[Any, Any]:
    bcc = _bcc()
    try:
        # Debug information would only put source lines into the verifier's log, and takes a tenth of the time.
        return bcc.BPF(text=text.encode(), cflags=["-g0"]), bcc
    except Exception as error:  # bcc raises plain Exception
        raise LoadError(f"the compiler refused the generated programs: {error}") from None


def _load_functions(module: Any, bcc: Any, source: csource.Source) -> dict[str, int]:
    """All programs by name. Side by side, because verifying takes the kernel up to a quarter of a second each."""
    wanted: dict[str, tuple[str, csource.Place | None]] = {name: (name, None) for name in source.attach.values()}
    wanted |= {tail.name: (tail.function, tail.place) for tail in source.tails}
    with futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        loaded = pool.map(lambda each: _load_function(module, bcc, *each), wanted.values())
        return dict(zip(wanted, loaded, strict=True))


def _load_function(module: Any, bcc: Any, function: str, place: csource.Place | None = None) -> int:
    """Loads a function's code; with a place, a copy in which the mark is replaced by the place's number."""
    lib, name = bcc.lib, function.encode()
    size = lib.bpf_function_size(module.module, name)
    code = ctypes.string_at(lib.bpf_function_start(module.module, name), size)
    if place is not None:
        code = _replace_mark(code, place)
    descriptor = lib.bcc_func_load(
        module.module,
        bcc.BPF.RAW_TRACEPOINT,
        name,
        ctypes.create_string_buffer(code, size),
        size,
        lib.bpf_module_license(module.module),
        lib.bpf_module_kern_version(module.module),
        0,  # log level: the log is asked for when loading fails
        None,
        0,
        None,  # device
        -1,  # attach type: the program type's own
    )
    if descriptor < 0:
        code_number = ctypes.get_errno()
        reason = "too complex to verify" if code_number == errno.E2BIG else os.strerror(code_number)
        raise LoadError(f"the kernel refused the program {function}: {reason}")
    return int(descriptor)


def _replace_mark(code: bytes, place: csource.Place) -> bytes:
    """An instruction has 8 bytes, its immediate operand the last four."""
    mark, number = (value.to_bytes(4, "little") for value in (csource.PLACE_MARK, place))
    instructions = [code[i : i + 8] for i in range(0, len(code), 8)]
    return b"".join(code[:4] + number if code[4:] == mark else code for code in instructions)


def _find_host(program: int) -> None:
    try:
        bpf.run(program)
    except OSError as error:
        raise LoadError(
            f"this kernel cannot run a raw tracepoint program on demand (5.10 and later can): {error}"
        ) from None
    finally:
        os.close(program)


def _maps(module: Any, bcc: Any) -> dict[str, int]:
    bcc.lib.bpf_table_name.restype = ctypes.c_char_p  # not declared by bcc itself
    maps = {}
    for number in range(bcc.lib.bpf_num_tables(module.module)):
        name = bcc.lib.bpf_table_name(module.module, number).decode()
        maps[name] = bcc.lib.bpf_table_fd_id(module.module, number)
    return maps


def _fill(maps: dict[str, int], name: str, content: bytes) -> None:
    if name not in maps:
        raise LoadError(f"the plan gives content for a table {name} that its filters do not declare")
    size, entries = bpf.map_shape(maps[name])
    if len(content) % size or len(content) > size * entries:
        raise LoadError(
            f"the plan's content for {name} has {len(content)} bytes; values have {size}, entries {entries}"
        )
    for key in range(len(content) // size):
        bpf.update(maps[name], key, content[key * size : (key + 1) * size])


def _receive(connection: socket.socket) -> Job | None:
    """The job, or None when there is none after all (rules that do not compile)."""
    parts = []
    while part := connection.recv(1 << 16):
        parts.append(part)
    return Job.from_json(b"".join(parts)) if parts else None


def main(descriptor: int) -> None:
    """Serves one job on this socket and exits."""
    connection = socket.socket(fileno=descriptor)
    warm_up()
    job = _receive(connection)
    if job is None:
        return
    try:
        loaded = load(job)
    except (LoadError, btf.BtfError) as error:
        connection.sendall(json.dumps({"error": str(error)}).encode())
        os._exit(1)
    socket.send_fds(connection, [json.dumps(loaded.names()).encode()], loaded.descriptors())
    # Not through bcc's exit handlers and LLVM's destructors: they would only give back what the kernel takes anyway.
    os._exit(0)


if __name__ == "__main__":
    main(int(sys.argv[1]))
