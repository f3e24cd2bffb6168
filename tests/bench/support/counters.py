"""Falcon's own counters, read from outside through the maps its process holds: records shipped and lost."""

from __future__ import annotations

import os
import re
import struct
from dataclasses import dataclass
from pathlib import Path

from falcon_sensor.kernel import bpf, csource
from falcon_sensor.records import layout

_MAP_BY_ID = 14  # BPF_MAP_GET_FD_BY_ID
_NAME_AT = 24  # of struct bpf_map_info


@dataclass(frozen=True, slots=True)
class Counts:
    """events: reached a filter. shipped: records in the ring; lost: had no room there."""

    events: int = 0
    shipped: int = 0
    lost: int = 0

    def since(self, before: Counts) -> Counts:
        return Counts(self.events - before.events, self.shipped - before.shipped, self.lost - before.lost)


def read(pid: int) -> Counts:
    """Of a falcon-sensor's process. After a change of rules they start anew."""
    for number in _maps(pid):
        descriptor, _ = bpf.call(_MAP_BY_ID, struct.pack("<I", number))
        try:
            if bpf.info(descriptor)[_NAME_AT:].startswith(b"ev_counters\0"):
                return _sum(descriptor)
        finally:
            os.close(descriptor)
    return Counts()


def _maps(pid: int) -> set[int]:
    found = set()
    for entry in Path(f"/proc/{pid}/fdinfo").iterdir():
        try:
            found |= {int(number) for number in re.findall(r"^map_id:\s+(\d+)", entry.read_text(), re.MULTILINE)}
        except FileNotFoundError:
            continue
    return found


def _sum(descriptor: int) -> Counts:
    cpus = bpf.cpus()

    def total(name: str) -> int:
        at = csource.COUNTERS.index(name)
        values = (bpf.lookup(descriptor, kind * csource.COUNTERS_PER_KIND + at, 8 * cpus) for kind in layout.Kind)
        return sum(sum(struct.unpack(f"<{cpus}Q", value)) for value in values)

    return Counts(total("seen"), total("records"), total("dropped"))
