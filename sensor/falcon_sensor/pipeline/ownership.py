"""Whose event it is, where a cluster is watched: between the consumer and the engine.

Nodes that share one kernel (kind's, and some test clusters) see each other's events, and each
alert must come once, from the node whose pod or process it is:

    pod known by its UID          -> evaluate
    UID not (yet) in the list     -> wait, up to `HOLD_NS`, for the watch to deliver it; then
                                       a node with a kernel of its own: evaluate without metadata
                                       a shared kernel: another node's pod, dropped and counted
    outside pods                  -> a kernel of its own: evaluate
                                       a shared kernel: only what is in this node's network namespace

It stands in front of the evaluation, not behind it. A record of a pod that is not known yet would
fail every test of a namespace or label, so a match could not be waited for: there would be none.
And what is evaluated once is counted and rate-limited once. It costs a look into two dictionaries
for each record that the kernel's filter let through; in a pod that is known nothing else happens.

Records of one pod keep their order: while one waits, those behind it wait too. Times are
CLOCK_BOOTTIME in ns. Used by the consumer's thread alone.
"""

from __future__ import annotations

import collections
from collections.abc import Iterator
from typing import Final, NamedTuple, Protocol

from falcon_sensor.pipeline import generation
from falcon_sensor.records import decode
from falcon_sensor.state import cache, containers, pods

HOLD_NS: Final = 2_000_000_000
"""The watch is usually ahead of the kubelet's first process by a second, and behind it by less than this."""

UNSYNCED_HOLD_NS: Final = 60_000_000_000
"""The same on a shared kernel before the first list has arrived, when nothing tells own pods from others."""

MOST_BYTES: Final = 4 << 20
"""Of records that wait: some 3,000 usual ones. Beyond it the pod that waits longest is decided at once."""

_DECIDED: Final = 4096
"""UIDs remembered that were waited for in vain: pods of the other nodes."""


class State(Protocol):
    """What is needed of `state.view`."""

    def container(self, record: decode.Record) -> containers.Container: ...


class Held(NamedTuple):
    """A record, and the engine that was in force when it came."""

    engine: generation.Engine
    record: decode.Record


class _Waiting:
    """Records of one pod, oldest first. since: when the first of them came."""

    def __init__(self, since: int) -> None:
        self.since = since
        self.bytes = 0
        self.records: list[Held] = []


class Owner:
    """node_net_ns: inode of this node's network namespace if it shares its kernel with other nodes, else None; may be
    set before the first event.

    Counters: `foreign` records of other nodes; `unknown` ones evaluated although their pod never became known;
    `held` ones that had to wait.
    """

    def __init__(self, state: State, node_pods: pods.Pods, node_net_ns: int | None) -> None:
        self.foreign = 0
        self.unknown = 0
        self.held = 0
        self._state = state
        self._pods = node_pods
        self.node_net_ns = node_net_ns
        self._waiting: collections.OrderedDict[bytes, _Waiting] = collections.OrderedDict()
        self._bytes = 0
        self._decided: cache.Generations[bytes, bool] = cache.Generations(_DECIDED)

    def admit(self, engine: generation.Engine, record: decode.Record, now: int) -> bool:
        """Whether the record is to be evaluated now. If not, it is kept for `due`, or is not ours."""
        uid = self._state.container(record).cgroup_pod_uid
        if uid is None:
            own = self.node_net_ns is None or record.head.net_ns == self.node_net_ns
            self.foreign += not own
            return own
        waiting = self._waiting.get(uid)
        if waiting is None:
            if self._pods.get(uid) is not None:
                return True
            if self._decided.get(uid):
                return self._is_reported(1)
            waiting = self._waiting[uid] = _Waiting(now)
        waiting.records.append(Held(engine, record))
        waiting.bytes += len(record.data)
        self._bytes += len(record.data)
        self.held += 1
        return False

    @property
    def full(self) -> bool:
        """More waits than may: `due` must be asked now."""
        return self._bytes > MOST_BYTES

    def due(self, now: int) -> Iterator[Held]:
        """Records whose pod is known by now or never will be; those to be evaluated, in order."""
        for uid in list(self._waiting):
            waiting = self._waiting[uid]
            if self._pods.get(uid) is not None:
                yield from self._released(uid)
            elif now >= waiting.since + self._patience() or self.full:
                self._decided.put(uid, True)
                records = self._released(uid)
                if self._is_reported(len(records)):
                    yield from records

    def last(self) -> Iterator[Held]:
        """At the end nothing waits any longer."""
        return self.due(1 << 63)

    def next_time(self) -> int | None:
        """When `due` has something to decide even if no pod becomes known; None when nothing waits."""
        if not self._waiting:
            return None
        return next(iter(self._waiting.values())).since + self._patience()

    def _patience(self) -> int:
        return HOLD_NS if self._pods.synced or self.node_net_ns is None else UNSYNCED_HOLD_NS

    def _released(self, uid: bytes) -> list[Held]:
        waiting = self._waiting.pop(uid)
        self._bytes -= waiting.bytes
        return waiting.records

    def _is_reported(self, count: int) -> bool:
        """What becomes of records of a pod that is not in this node's list."""
        if self.node_net_ns is None:
            self.unknown += count
            return True
        self.foreign += count
        return False
