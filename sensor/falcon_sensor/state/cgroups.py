"""From a cgroup path to the container it belongs to, by the forms the runtimes give their paths."""

from __future__ import annotations

from typing import NamedTuple


class Match(NamedTuple):
    """id: full container id. type: runtime as far as the form tells, else None. pod_uid: canonical, with dashes."""

    id: bytes
    type: bytes | None = None
    pod_uid: bytes | None = None

    @property
    def short_id(self) -> bytes:
        """First 12 characters: what `container.id` shows."""
        return self.id[:12]
