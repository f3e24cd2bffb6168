"""The door to everything in `state`: the engine asks here, lazily, field by field.

    record of the ring -> observe (exec records only) -> process, ancestor, container, user

Nothing here raises on account of what processes, runtimes or images wrote, and nothing blocks for
longer than a few bounded reads of files. One thread uses a `State`.
"""

from __future__ import annotations

from collections.abc import Sequence

from falcon_sensor.records import decode
from falcon_sensor.state import clock, containers, process, processes, users


class State:
    """Processes, containers and users of this machine.

    host_root: where the host's root directory is seen (`/host` in a pod). proc: a procfs of the
    initial pid namespace. max_processes, max_bytes: bounds of the process cache. runc_roots:
    directories beyond the usual ones where runc keeps its state (`runc --root`).
    """

    def __init__(
        self,
        *,
        host_root: str = "/",
        proc: str = "/proc",
        max_processes: int = 16384,
        max_bytes: int = 16 << 20,
        runc_roots: Sequence[str] = (),
    ) -> None:
        self.clock = clock.Clock()

    def scan(self) -> int:
        """Learn the processes that are there already; returns how many. Call once the probes are attached."""

    def observe(self, record: decode.Record) -> None:
        """Take note of a successful exec. Call for every exec record, in order, before asking about it."""

    def process(self, record: decode.Record) -> process.Process:
        """The process that did it, as of the record's time."""

    def ancestor(self, record: decode.Record, level: int) -> process.Process | None:
        """The ancestor `level` steps up (0: the process itself, 1: its parent); None when the chain is shorter."""

    def ancestors(self, record: decode.Record) -> list[process.Process]:
        """All ancestors, parent first, without the process itself."""

    def session_leader(self, record: decode.Record) -> process.Process | None:
        """Leader of the session, or the eldest ancestor in it when the leader is gone."""

    def group_leader(self, record: decode.Record) -> process.Process | None:
        """Leader of the process group, or the eldest ancestor in it when the leader is gone."""

    def container(self, record: decode.Record) -> containers.Container:
        """The container the process is in, or `containers.HOST`."""

    def user(self, record: decode.Record) -> users.User:
        """The effective user, by the passwd file of the process's own container or of the host."""

    def login_user(self, record: decode.Record) -> users.User | None:
        """The user that logged in (audit's loginuid, host's passwd); None when not set."""

    def group(self, record: decode.Record) -> users.Group:
        """The effective group."""
