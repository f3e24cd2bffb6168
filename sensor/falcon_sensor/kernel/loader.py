"""The short-lived child that compiles, loads and attaches, and hands the descriptors over.

bcc brings LLVM, more than 100 MB that would never leave the sensor's memory again: so the sensor
starts this module as a process of its own (`probes.load`), gives it a job over a socket, receives
descriptors of maps, programs and links, and the child exits. Programs stay attached as long as
somebody holds their link's descriptor; nothing is pinned.

A job is one JSON object, ended by the closing of that direction; the answer is one JSON object with
the descriptors attached to it, those that one message does not hold to messages of a byte each. Compiler
and verifier write their complaints to standard error, which the parent keeps.
"""

from __future__ import annotations

import base64
import contextlib
import ctypes
import dataclasses
import functools
import importlib.resources
import json
import os
import platform
import socket
import sys
from collections.abc import Sequence
from typing import Any

from falcon_sensor.kernel import (
    backends,
    bpf,
    btf,
    choosing,
    csource,
    forked,
    install,
    objectcache,
    objects,
    offsets,
    syscalls,
    tracepoints,
)
from falcon_sensor.kernel.plan import contract


@dataclasses.dataclass(frozen=True, slots=True)
class Job:
    """cache: directory of compiled programs, empty for none. backend: the one wished for."""

    plan: contract.Plan
    host: csource.Host
    ring_bytes: int
    cache: str = ""
    backend: choosing.Wish = "auto"

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
                "cache": self.cache,
                "backend": self.backend,
            }
        ).encode()

    @classmethod
    def from_json(cls, data: bytes) -> Job:
        job = json.loads(data)
        tables = {name: base64.b64decode(content) for name, content in job["tables"].items()}
        plan = contract.Plan(frozenset(job["events"]), job["filters"], job["failed_execs"], tables)
        host = job["host"] | {"v1_subsystems": tuple(job["host"]["v1_subsystems"])}
        return cls(plan, csource.Host(**host), job["ring_bytes"], job["cache"], job["backend"])


MOST_DESCRIPTORS = 253
"""What one message can carry (SCM_MAX_FD). All kinds of events and their tables take about 50, and with backend A about
260 more."""

_types = functools.cache(btf.Btf.load)


@functools.cache
def _members(machine: str) -> dict[str, int]:
    return offsets.macros(_types(), machine)


@functools.cache
def _hooks() -> tracepoints.Hooks:
    return tracepoints.find(_types())


def warm_up() -> None:
    """Does ahead of the job what every job needs (0.2 s); what goes wrong is the job's to say."""
    with contextlib.suppress(btf.BtfError, OSError):
        _hooks()
        if platform.machine() in syscalls.NUMBERS:
            _members(platform.machine())
        choosing.foreign_callers()


def source_for(job: Job, calls: backends.Calls | None = None) -> csource.Source:
    """The C text of a job on this kernel."""
    return csource.generate(job.plan, job.host, _members(job.host.machine), _hooks(), job.ring_bytes, calls)


def load(job: Job) -> tuple[install.Loaded, choosing.Choice]:
    """Compiles unless that has been done before, loads, fills the tables, attaches. Raises LoadError or BtfError."""
    try:
        *others, last = choosing.candidates(job.backend, _types(), csource.wanted_calls(job.plan))
    except backends.NotOffered as reason:
        raise install.LoadError(f"backend {job.backend.upper()} cannot be had here: {reason}") from None
    for choice in others:
        with contextlib.suppress(install.LoadError):
            return _load(job, choice), choice
    return _load(job, last), last


def _load(job: Job, choice: choosing.Choice) -> install.Loaded:
    source = source_for(job, choice.calls)
    return install.install(_compiled(source.parts(), job.cache), source, job.plan.tables, job.host)


def _compiled(parts: Sequence[str], cache: str) -> objects.Object:
    """Those parts that are not in the cache are compiled side by side, in processes of their own."""
    keys = list(map(objectcache.key, parts))
    found = {key: objectcache.read(cache, key) if cache else None for key in keys}
    missing = [number for number, key in enumerate(keys) if found[key] is None]
    if missing:
        _bcc()  # once, for all of them
        try:
            made = forked.each(_compile_to_bytes, [parts[number] for number in missing])
        except forked.Failed as error:
            raise install.LoadError(str(error)) from None
        for number, content in zip(missing, made, strict=True):
            found[keys[number]] = compiled = objects.Object.from_bytes(content)
            if cache:
                objectcache.write(cache, keys[number], compiled)
    return objects.joined(part for part in found.values() if part is not None)


def _compile_to_bytes(text: str) -> bytes:
    _hide_symbols()
    return compile(text).to_bytes()


_SET_SECUREBITS, _NO_SETUID_FIXUP = 28, 1 << 2
_NOBODY = 65534


def _hide_symbols() -> None:
    """bcc reads all of the kernel's symbols, 0.2 s a part, to see which helpers there are. As another user than root it
    does not, and our text does not ask. Capabilities stay. For processes that do nothing but compile."""
    with contextlib.suppress(OSError):  # no such user in this user namespace
        if not ctypes.CDLL(None).prctl(_SET_SECUREBITS, _NO_SETUID_FIXUP, 0, 0, 0):
            os.seteuid(_NOBODY)


_FLAGS = ("-g0", "-Xclang", "-disable-llvm-passes")
"""Debug information would only put source lines into the verifier's log, and takes a tenth of the time. bcc optimises
what clang gives it, whether or not clang has done that before: twice gives no better code, and takes a third."""


def compile(text: str) -> objects.Object:
    """bcc makes the maps, too, in order to write their descriptors into the code; ours are made from their shapes."""
    bcc = _bcc()
    try:
        module = bcc.BPF(text=text.encode(), cflags=list(_FLAGS)).module
    except Exception as error:  # bcc raises plain Exception
        raise install.LoadError(f"the compiler refused the generated programs: {error}") from None
    lib = bcc.lib
    lib.bpf_table_name.restype = ctypes.c_char_p  # not declared by bcc itself
    names = {
        lib.bpf_table_fd_id(module, number): lib.bpf_table_name(module, number).decode()
        for number in range(lib.bpf_num_tables(module))
    }
    functions = {}
    for number in range(lib.bpf_num_functions(module)):
        name = lib.bpf_function_name(module, number)
        code = ctypes.string_at(lib.bpf_function_start(module, name), lib.bpf_function_size(module, name))
        functions[name.decode()] = objects.unlinked(code, names)
    shapes = {name: objects.MapShape(*bpf.map_info(descriptor)) for descriptor, name in names.items()}
    for descriptor in names:
        os.close(descriptor)
    return objects.Object(shapes, functions)


def _bcc() -> Any:
    headers = importlib.resources.files(__package__) / "headers"
    os.environ["BCC_KERNEL_SOURCE"] = str(headers)
    try:
        import bcc
    except ImportError as error:
        raise install.LoadError(
            f"bcc cannot be imported ({error}): install python3-bpfcc, and use the distribution's own python3"
        ) from None
    return bcc


def _receive(connection: socket.socket) -> Job | None:
    """The job, or None when there is none after all (rules that do not compile)."""
    parts = []
    while part := connection.recv(1 << 16):
        parts.append(part)
    return Job.from_json(b"".join(parts)) if parts else None


def _answer(connection: socket.socket, loaded: install.Loaded, choice: choosing.Choice) -> None:
    message = json.dumps({**loaded.names(), "backend": choice.calls.backend, "why": choice.why}).encode()
    descriptors = loaded.descriptors()
    for start in range(0, len(descriptors), MOST_DESCRIPTORS):
        socket.send_fds(connection, [message], descriptors[start : start + MOST_DESCRIPTORS])
        message = b"."


def main(descriptor: int) -> None:
    """Serves one job on this socket and exits."""
    connection = socket.socket(fileno=descriptor)
    warm_up()
    job = _receive(connection)
    if job is None:
        return
    try:
        loaded, choice = load(job)
    except (install.LoadError, btf.BtfError) as error:
        connection.sendall(json.dumps({"error": str(error)}).encode())
        os._exit(1)
    _answer(connection, loaded, choice)
    # Not through bcc's exit handlers and LLVM's destructors: they would only give back what the kernel takes anyway.
    os._exit(0)


if __name__ == "__main__":
    main(int(sys.argv[1]))
