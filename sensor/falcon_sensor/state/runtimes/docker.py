"""Docker: the files its daemon keeps of each container and of its images' names.

    /var/lib/docker/containers/<id>/config.v2.json, hostconfig.json
    /var/lib/docker/image/<driver>/repositories.json     names and digests by image id

They tell what its API would, are there before the container's first process runs, and need
neither the daemon nor its socket.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from falcon_sensor.state import description
from falcon_sensor.state.runtimes import files, oci

DATA = ("var/lib/docker", "var/snap/docker/common/var-lib-docker")
"""The second: Docker from the snap store."""


class Docker:
    def __init__(self, host: files.Files) -> None:
        self._host = host

    def describe(self, container_id: bytes) -> description.Description | None:
        name = files.safe_name(container_id)
        for data in DATA if name is not None else ():
            folder = f"{data}/containers/{name}"
            config = self._host.table(f"{folder}/config.v2.json")
            if config:
                found = _describe(config, self._host.table(f"{folder}/hostconfig.json"))
                return self._with_digest(data, found)
        return None

    def _with_digest(self, data: str, found: description.Description) -> description.Description:
        if found.digest is not None or found.image_id is None:
            return found
        for driver in self._host.names(f"{data}/image"):
            repositories = files.table(self._host.table(f"{data}/image/{driver}/repositories.json"), "Repositories")
            tagged = {name: image for each in repositories.values() for name, image in files.texts(each).items()}
            own = [name for name, image in tagged.items() if image == found.image_id]
            digest = next((name.partition(b"@")[2] for name in own if b"@" in name), None)
            if found.repository is None:  # the container was started by the image's id
                name = next((name for name in own if b"@" not in name), None)
                found = oci.with_image(found, name)
            if digest is not None:
                return replace(found, digest=digest)
        return found


def _describe(config: dict[str, Any], host_config: dict[str, Any]) -> description.Description:
    image = files.text(files.table(config, "Config").get("Image"))
    name = files.text(config.get("Name"))
    labels = files.texts(files.table(config, "Config").get("Labels"))
    networks = files.table(config, "NetworkSettings", "Networks").values()
    found = description.Description(
        type=b"docker",
        name=name.removeprefix(b"/") if name is not None else None,
        image_id=files.text(config.get("Image")),
        privileged=host_config.get("Privileged") is True if host_config else None,
        mounts=tuple(_mounts(files.table(config, "MountPoints").values())),
        labels=labels,
        pod_name=labels.get(description.POD_NAME),
        pod_namespace=labels.get(description.POD_NAMESPACE),
        pod_uid=labels.get(description.POD_UID),
        sandbox_id=labels.get(b"io.kubernetes.sandbox.id"),
        ip=next(filter(None, (files.text(files.table(each).get("IPAddress")) for each in networks)), None),
        host_pid=host_config.get("PidMode") == "host" if host_config else None,
        host_network=host_config.get("NetworkMode") == "host" if host_config else None,
        host_ipc=host_config.get("IpcMode") == "host" if host_config else None,
        created=files.time(config.get("Created")),
        init_pid=files.number(files.table(config, "State").get("Pid")),
        # Written once when created, and again with the pid and the address once it runs.
        complete=bool(host_config) and files.table(config, "State").get("Running") is True,
    )
    found = oci.with_image(found, image)
    # `docker run nginx` is `nginx:latest` to Docker, and so to Falco.
    if found.repository is not None and found.tag is None and found.digest is None:
        found = replace(found, tag=b"latest")
    return found


def _mounts(points: Iterable[Any]) -> Iterable[description.Mount]:
    for each in points:
        source, destination = (files.text(files.table(each).get(key)) for key in ("Source", "Destination"))
        if source is not None and destination is not None:
            mode, propagation = (files.text(each.get(key)) or b"" for key in ("Relabel", "Propagation"))
            yield description.Mount(source, destination, mode, each.get("RW") is True, propagation)
