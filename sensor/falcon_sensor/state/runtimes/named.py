"""Containers that are their name: LXC, libvirt's and Garden's have no image, and their id is what people call them."""

from __future__ import annotations

from falcon_sensor.state import description

TYPES = frozenset((b"lxc", b"libvirt-lxc", b"garden"))


class Named:
    def __init__(self, kind: bytes) -> None:
        self._kind = kind

    def describe(self, container_id: bytes) -> description.Description | None:
        return description.Description(type=self._kind, name=container_id)
