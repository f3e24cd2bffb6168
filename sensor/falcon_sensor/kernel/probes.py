"""Attached programs, seen from the sensor: started by the loader's child, held by descriptors here.

Everything belongs to one `Probes` object: two of them can be attached side by side, each with a
ring of its own, while rules change. Closing one closes its descriptors, and the kernel detaches
and frees what nobody holds any more; so does the sensor's death, however it comes.
"""

from __future__ import annotations

import contextlib
import json
import mmap
import os
import platform
import resource
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from falcon_sensor.kernel import backends, bpf, choosing, csource, inheritance, install, loader, presence, ring
from falcon_sensor.kernel.plan import contract
from falcon_sensor.records import layout

_LOG_LINES = 12
"""How much of the compiler's or verifier's complaints goes into a message."""
_DESCRIPTORS = 4096
"""Backend A holds up to 330 for all kinds of events."""
CHILD_SECONDS = 60
"""A child that takes longer hangs. On a small loaded machine loading takes about 2 s."""


class ProbeError(Exception):
    """The programs could not be loaded; one message for people, with what to do where we know it."""


@dataclass(frozen=True, slots=True)
class Counters:
    """What happened to events of one kind since the programs were attached.

    seen: reached the filter. records and bytes: written to the ring. dropped: wanted, but the ring
    was full. pending_full: io_uring calls whose results could not be waited for.
    """

    seen: int
    records: int
    bytes: int
    dropped: int
    pending_full: int


@dataclass(frozen=True, slots=True)
class Runs:
    """Of the program at one hook: how often, and nanoseconds in all. Counted while statistics are on, see `bpf`."""

    count: int
    nanoseconds: int


class Probes:
    """The attached programs of one plan. `ring` is read by whoever owns this object."""

    def __init__(self, loaded: install.Loaded, ring_bytes: int, backend: backends.Backend, why: str) -> None:
        """why: this backend was chosen, for people; may be empty."""
        self.backend, self.why = backend, why
        self._loaded = loaded
        self._cpus = bpf.cpus()
        self._closed = False
        self._links = presence.Presence(loaded.links)
        self._entries = self._programs_at_hooks()
        self.ring = ring.Ring(self.ring_fd, ring_bytes)

    @property
    def ring_fd(self) -> int:
        return self._loaded.maps["ev_ring"]

    @property
    def hooks(self) -> tuple[str, ...]:
        """Names of the tracepoints and functions attached to."""
        return tuple(self._loaded.links)

    def lost(self) -> tuple[str, ...]:
        """Those of `hooks` whose program is no longer attached, whoever took it off."""
        found = self._links.lost()
        return found if self._loaded.links else ()  # asked last: another thread may be detaching

    @property
    def maps(self) -> dict[str, int]:
        """Descriptors by the maps' names."""
        return self._loaded.maps

    def counters(self) -> dict[layout.Kind, Counters]:
        """Sums over all CPUs, by kind."""
        return {
            kind: Counters(*(self._count(kind, number) for number in range(len(csource.COUNTERS))))
            for kind in layout.Kind
        }

    def host_net_ns(self) -> int:
        """Inode of init's network namespace: /proc would not say it to every root."""
        return int.from_bytes(bpf.lookup(self._loaded.maps["ev_host"], 1, 8), "little")

    def inherit(self, old: Probes, events: Collection[str]) -> int:
        """Takes over io_uring's calls under way that `old`, still attached, waits for. events: of this plan.

        Returns how many."""
        theirs, ours = old.maps.get(inheritance.TABLE), self.maps.get(inheritance.TABLE)
        return 0 if theirs is None or ours is None else inheritance.take_over(theirs, ours, events)

    def runs(self) -> dict[str, Runs]:
        """By hook, for those that ran while statistics were on."""
        found = {}
        for hook, program in self._entries.items():
            taken, count = bpf.runs(program)
            if count:
                found[hook] = Runs(count, taken)
        return found

    def _programs_at_hooks(self) -> dict[str, int]:
        """Of links that tell which program they attached."""
        programs = {bpf.object_id(descriptor): descriptor for descriptor in self._loaded.programs.values()}
        found = {}
        for hook, link in self._loaded.links.items():
            with contextlib.suppress(OSError, KeyError):
                found[hook] = programs[bpf.program_of_link(link)]
        return found

    def missed(self) -> int:
        """Runs of programs the kernel left out because the program was running on that CPU already: blindness."""
        return sum(map(bpf.recursion_misses, self._loaded.programs.values()))

    def _count(self, kind: layout.Kind, number: int) -> int:
        key = kind * csource.COUNTERS_PER_KIND + number
        value = bpf.lookup(self._loaded.maps["ev_counters"], key, 8 * self._cpus)
        return sum(struct.unpack(f"<{self._cpus}Q", value))

    def detach(self) -> None:
        """No more events; those in the ring can still be read, and counters too."""
        links = tuple(self._loaded.links)
        self._loaded.links.clear()
        self._links.close(links)

    def close(self) -> None:
        """Detaches and frees everything. Further calls do nothing."""
        if self._closed:
            return
        self._closed = True
        self.detach()
        self.ring.close()
        for descriptor in self._loaded.descriptors():
            os.close(descriptor)

    def __enter__(self) -> Probes:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def this_host() -> csource.Host:
    """What the programs need to know about this machine and this process."""
    return csource.Host(
        machine=platform.machine(),
        sensor_pid=os.getpid(),
        sensor_pidns=Path("/proc/self/ns/pid").stat().st_ino,
        v1_subsystems=_v1_subsystems(Path("/proc/cgroups").read_text()),
    )


def _v1_subsystems(table: str) -> tuple[int, ...]:
    """Numbers of the controllers in version-1 hierarchies: /proc/cgroups lists them in the kernel's order."""
    rows = [line.split() for line in table.splitlines() if not line.startswith("#")]
    return tuple(number for number, row in enumerate(rows) if row[1] != "0")


class Child:
    """A loader's process, started ahead of its job: while the plan is still being made it imports bcc and
    reads the kernel's types. As a context manager it is gone at the end, whatever happened.

    command: how to start it, for tests.
    """

    def __init__(self, command: Sequence[str] | None = None) -> None:
        # -P: the working directory, which may be anybody's, must not come before the installed packages.
        command = command or (sys.executable, "-P", "-m", loader.__name__)
        self._ours, theirs = socket.socketpair()
        self._log = os.memfd_create("falcon-loader-log")
        with theirs:
            self._process = subprocess.Popen(
                [*command, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=self._log,
                stderr=self._log,
                # Ctrl-C in a terminal is for the sensor, which ends its children itself.
                process_group=0,
            )

    def run(self, job: loader.Job) -> tuple[dict[str, object], list[int], int]:
        """One job, once: the answer (empty when it died without one), descriptors, exit code."""
        self._ours.settimeout(CHILD_SECONDS)
        message, descriptors = b"", list[int]()
        try:
            self._ours.sendall(job.to_json())
            self._ours.shutdown(socket.SHUT_WR)
            message, descriptors, _, _ = socket.recv_fds(self._ours, 1 << 16, loader.MOST_DESCRIPTORS)
            while True:
                more, further, _, _ = socket.recv_fds(self._ours, 1, loader.MOST_DESCRIPTORS)
                if not more:
                    break
                descriptors += further
        except OSError:
            self._end()
        code = self._process.wait()
        return json.loads(message) if message else {}, descriptors, code

    def complaints(self) -> str:
        """What compiler and verifier wrote."""
        return os.pread(self._log, 1 << 24, 0).decode(errors="replace")

    def __enter__(self) -> Child:
        return self

    def _end(self) -> None:
        """With what it has forked in order to compile: all of its group."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)

    def __exit__(self, *_: object) -> None:
        self._end()
        self._process.wait()
        self._ours.close()
        if self._log >= 0:  # whoever started it and `load` may both see to its end
            os.close(self._log)
            self._log = -1


def load(
    plan: contract.Plan,
    ring_bytes: int,
    host: csource.Host | None = None,
    command: Sequence[str] | None = None,
    child: Child | None = None,
    cache: str = "",
    backend: choosing.Wish = "auto",
) -> Probes:
    """Compiles and attaches the programs of `plan`; returns when they are at work.

    ring_bytes: size of the ring, a power of two of at least a page. command: how to start the
    loader, for tests. child: one that was started before; it is used up. cache: directory where
    compiled programs are kept. backend: the one wished for. Raises ProbeError.
    """
    if ring_bytes < mmap.PAGESIZE or ring_bytes & (ring_bytes - 1):
        raise ProbeError(f"a ring of {ring_bytes} bytes: it must be a power of two and at least {mmap.PAGESIZE}")
    _allow_descriptors()
    job = loader.Job(plan, host or this_host(), ring_bytes, cache, backend)
    with child or Child(command) as working:
        answer, descriptors, code = working.run(job)
        complaints = working.complaints()
    if "error" in answer or not answer:
        for descriptor in descriptors:
            os.close(descriptor)
        raise ProbeError(_message(answer.get("error"), code, complaints))
    chosen = backends.Backend(str(answer["backend"]))
    return Probes(_named(answer, descriptors), ring_bytes, chosen, str(answer["why"]))


def _allow_descriptors() -> None:
    """The usual soft limit of 1,024 is near what two sets of backend A hold while rules change."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _DESCRIPTORS if hard == resource.RLIM_INFINITY else min(_DESCRIPTORS, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _named(answer: dict[str, object], descriptors: list[int]) -> install.Loaded:
    remaining = iter(descriptors)

    def take(sort: str) -> dict[str, int]:
        names = answer[sort]
        assert isinstance(names, list)
        return {name: next(remaining) for name in names}

    return install.Loaded(take("maps"), take("programs"), take("links"))


def _message(reason: object, code: int, complaints: str) -> str:
    lines = [line for line in complaints.splitlines() if line.strip()]
    text = str(reason) if reason else f"the loader ended without an answer (exit code {code})"
    if os.geteuid() != 0:
        text += "; loading eBPF programs needs root (or CAP_BPF, CAP_PERFMON and CAP_SYS_RESOURCE)"
    # A compiler's first error explains the others; a verifier's log ends with the refused instruction.
    errors = [number for number, line in enumerate(lines) if " error: " in line]
    shown = lines[errors[0] :][:_LOG_LINES] if errors else lines[-_LOG_LINES:]
    return "\n    ".join([text, *shown])
