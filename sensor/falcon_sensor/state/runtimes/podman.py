"""podman: the lists of containers and images of containers/storage, of root and of users.

    <storage>/overlay-containers/{containers,volatile-containers}.json     id, names, image, metadata (JSON in JSON)
    <storage>/overlay-containers/<id>/userdata/config.json                 the OCI configuration
    <storage>/overlay-images/images.json                                   id, digest, names

`--rm` containers are in the volatile list.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from falcon_sensor.state import description, references
from falcon_sensor.state.runtimes import files, oci

SYSTEM_STORAGE = ("var/lib/containers/storage",)
USER_STORAGE = ".local/share/containers/storage"
MOST_HOMES = 256
LISTS = (
    "overlay-containers/containers.json",
    "overlay-containers/volatile-containers.json",
    "vfs-containers/containers.json",
)
IMAGES = ("overlay-images/images.json", "vfs-images/images.json")


class Podman:
    def __init__(self, host: files.Files) -> None:
        self._host = host

    def describe(self, container_id: bytes) -> description.Description | None:
        if files.safe_name(container_id) is None:
            return None
        wanted = container_id.decode("ascii", "replace")
        for storage in self._storages():
            for name in LISTS:
                for row in files.rows(self._host.json(f"{storage}/{name}")):
                    if isinstance(row, dict) and row.get("id") == wanted:
                        return self._describe(storage, name.partition("/")[0], row)
        return None

    def _storages(self) -> Iterator[str]:
        yield from SYSTEM_STORAGE
        yield f"root/{USER_STORAGE}"
        for home in self._host.names("home")[:MOST_HOMES]:
            yield f"home/{home}/{USER_STORAGE}"

    def _describe(self, storage: str, folder: str, row: dict[str, Any]) -> description.Description:
        metadata = files.table(files.parse_json(files.text(row.get("metadata"))))
        config = self._host.table(f"{storage}/{folder}/{row['id']}/userdata/config.json")
        names = [name for name in map(files.text, files.rows(row.get("names"))) if name is not None]
        image_id = files.text(metadata.get("image-id")) or files.text(row.get("image"))
        found = oci.describe(config, b"podman", files.text(metadata.get("image-name")))
        return replace(
            found,
            name=files.text(metadata.get("name")) or (names[0] if names else None),
            image_id=image_id,
            digest=found.digest or self._digest(storage, image_id),
            privileged=found.privileged if config else None,
            host_pid=found.host_pid if config else None,
            host_network=found.host_network if config else None,
            host_ipc=found.host_ipc if config else None,
            labels=files.texts(config.get("annotations")),
            created=files.time(row.get("created")),
        )

    def _digest(self, storage: str, image_id: bytes | None) -> bytes | None:
        wanted = os.fsdecode(image_id) if image_id is not None else None
        for name in IMAGES:
            for row in files.rows(self._host.json(f"{storage}/{name}")):
                if isinstance(row, dict) and wanted is not None and row.get("id") == wanted:
                    digest = files.text(row.get("digest"))
                    return digest if digest is not None and references.DIGEST.fullmatch(digest) else None
        return None
