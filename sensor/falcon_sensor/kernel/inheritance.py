"""io_uring's calls that are under way when programs change hands.

The old programs saw such a call's submission and hold what they know of it; its completion may come
when only the new ones run. So these are given what is held, while both run::

    submitted         new attached     copied      T, old taken off    completed
    old holds it ----------------------------------|
                                       new holds it ----------------------> record

Completed before T both ship it, which the handover tells apart as always. If it was completed
between reading and writing the copy, the old programs no longer hold it, and the copy is taken
back: it would be mistaken for a later call of the same name.
"""

from __future__ import annotations

import struct
from collections.abc import Collection
from typing import Final

from falcon_sensor.kernel import hashmap
from falcon_sensor.records import layout

TABLE: Final = "ev_pending_calls"
_EVENT: Final = struct.Struct("<16xI")
"""`facts.event`: a pending call begins with `struct falcon_facts`, that with `task` and `result`."""


def take_over(old: int, new: int, events: Collection[str]) -> int:
    """How many calls were copied. old, new: descriptors of both tables. events: what the new programs watch.

    The values of the two may differ in length: a second name stands at the end, where calls with two are watched.
    """
    source, target = hashmap.HashMap(old), hashmap.HashMap(new)
    wanted = {layout.EVENTS.index(event) for event in events}
    copied = 0
    for key in sorted(source.keys()):
        value = source.get(key)
        if value is None or _EVENT.unpack_from(value)[0] not in wanted:
            continue
        fitted = value[: target.value_size].ljust(target.value_size, b"\0")
        if not target.insert(key, fitted):
            continue  # submitted since the new programs are attached
        copied += 1
        if source.get(key) is None and target.get(key) == fitted:
            target.delete(key)
            copied -= 1
    return copied
