"""The OCI runtime configuration (`config.json` of a bundle), which every runtime here writes for runc or crun."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

from falcon_sensor.state import description, references
from falcon_sensor.state.runtimes import files

PROPAGATIONS = frozenset(("private", "rprivate", "shared", "rshared", "slave", "rslave", "unbindable", "runbindable"))


def describe(config: dict[str, Any], kind: bytes, image: bytes | None, bundle: str = "") -> description.Description:
    """What the configuration itself tells.

    image: the reference that the runtime's annotations hold. bundle: the configuration's folder.
    """
    found = description.Description(
        type=kind,
        privileged=is_privileged(config),
        mounts=mounts(config),
        host_pid=shares(config, "pid"),
        host_network=shares(config, "network"),
        host_ipc=shares(config, "ipc"),
        rootfs=rootfs(config, bundle),
    )
    return with_image(found, image)


def with_image(found: description.Description, image: bytes | None) -> description.Description:
    if image is None:
        return found
    repository, tag, digest = references.parse(image)
    return replace(found, image=image, repository=repository, tag=tag, digest=digest)


def rootfs(config: dict[str, Any], bundle: str) -> bytes | None:
    """The container's root directory as the host names it; the configuration may give it relative to the bundle."""
    path = files.table(config, "root").get("path")
    if not isinstance(path, str) or not path or "\0" in path:
        return None
    return os.path.join("/", bundle, path).encode("utf-8", "surrogateescape")


def mounts(config: dict[str, Any]) -> tuple[description.Mount, ...]:
    """Bind mounts only: the others (proc, sysfs, tmpfs) are the container's own."""
    found = []
    for each in files.rows(config.get("mounts")):
        if not isinstance(each, dict):
            continue
        options = [option for option in files.rows(each.get("options")) if isinstance(option, str)]
        if each.get("type") != "bind" and not {"bind", "rbind"} & set(options):
            continue
        source, destination = files.text(each.get("source")), files.text(each.get("destination"))
        if source is None or destination is None:
            continue
        propagation = next((option for option in options if option in PROPAGATIONS), "")
        mode = ",".join(option for option in options if option not in PROPAGATIONS)
        found.append(description.Mount(source, destination, mode.encode(), "ro" not in options, propagation.encode()))
    return tuple(found)


def is_privileged(config: dict[str, Any]) -> bool:
    """All devices allowed and nothing of /proc masked: what `--privileged` means to every runtime."""
    rules = files.rows(files.table(config, "linux", "resources").get("devices"))
    last = rules[-1] if rules else None
    all_devices = (
        isinstance(last, dict)
        and last.get("allow") is True
        and last.get("type", "a") in ("a", "", None)
        and last.get("major") is None
        and last.get("minor") is None
    )
    return all_devices and not files.table(config, "linux").get("maskedPaths")


def shares(config: dict[str, Any], namespace: str) -> bool:
    """Whether the container shares one namespace with the host: it has none of that kind."""
    own = files.rows(files.table(config, "linux").get("namespaces"))
    return not any(isinstance(each, dict) and each.get("type") == namespace for each in own)
