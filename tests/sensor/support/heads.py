"""Records' heads for tests: a process of the host that is its own group and session, unless told otherwise."""

from __future__ import annotations

from typing import Any

from falcon_sensor.records import decode, layout

NUMBERS = ("pid", "tid", "vpid", "vtid", "pgid", "vpgid", "sid", "vsid")
NO_LOGIN = 0xFFFFFFFF


def head(event: str = "openat", *, pid: int = 1, **members: Any) -> decode.Head:
    """pid: also all other numbers that processes have, at the host and inside. members: of `decode.Head`."""
    given: dict[str, Any] = dict.fromkeys(decode.Head._fields, 0)
    given |= {"kind": layout.KIND_OF[event], "event": layout.EVENTS.index(event), "loginuid": NO_LOGIN, "comm": b"x"}
    given |= dict.fromkeys(NUMBERS, pid) | members
    return decode.Head(**given)
