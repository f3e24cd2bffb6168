"""No rules: nothing is attached, and whoever reads probes finds that nothing happens."""

from __future__ import annotations

import os
from collections.abc import Iterator

from falcon_sensor.kernel import probes
from falcon_sensor.records import layout


class Ring:
    """Always empty."""

    backlog = 0

    def records(self) -> Iterator[bytes]:
        return iter(())


class Idle:
    """In the place of `kernel.probes.Probes`."""

    backend, why = "", ""

    def __init__(self) -> None:
        self.ring = Ring()
        # Something that can be waited for and never comes.
        self.ring_fd = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)

    def counters(self) -> dict[layout.Kind, probes.Counters]:
        return {kind: probes.Counters(0, 0, 0, 0, 0) for kind in layout.Kind}

    def host_net_ns(self) -> int | None:
        """Not known, and nobody's to ask for while there are no events."""
        return None

    def runs(self) -> dict[str, probes.Runs]:
        return {}

    def missed(self) -> int:
        return 0

    def detach(self) -> None:
        """Nothing is attached."""

    def close(self) -> None:
        if self.ring_fd >= 0:
            os.close(self.ring_fd)
            self.ring_fd = -1
