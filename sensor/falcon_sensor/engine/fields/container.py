"""`container.*` and `k8s.*`: where the process runs.

On the host id and name are `host` and the image's repository and tag are empty texts. In a
container whose runtime has not told (yet) the id is known and the rest unavailable. What the API
server says of a pod goes before what the runtime's files say: those were written when it started.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Mapping
from typing import Any

from falcon_sensor.engine import event
from falcon_sensor.engine.fields import kinds, proc
from falcon_sensor.state import description, pods

SHORT_ID = 12
"""Characters of an id that people read."""

Read = Callable[[description.Description], Any]


def _described(read: Read) -> kinds.Extractor:
    def extract(e: event.Event) -> Any:
        found = e.description
        return None if found is None else read(found)

    return extract


def _of_pod(from_pod: Callable[[pods.Pod], Any], otherwise: Read) -> kinds.Extractor:
    described = _described(otherwise)

    def extract(e: event.Event) -> Any:
        pod = e.pod
        return described(e) if pod is None else from_pod(pod)

    return extract


def labels(found: Mapping[bytes, bytes]) -> bytes:
    """`k:v, k:v`, by name."""
    return b", ".join(key + b":" + found[key] for key in sorted(found))


def _start(e: event.Event) -> int | None:
    """Of its pid namespace; what the runtime says where the chain of ancestors does not lead there."""
    if e.container.is_host:
        return None
    started = proc.namespace_start(e)
    return started if started is not None else _described(lambda d: d.created)(e)  # type: ignore[return-value]


def _duration(e: event.Event) -> int | None:
    start = _start(e)
    return None if start is None else max(0, e.wall - start)


def _mount(key: Callable[[description.Mount], bytes], read: Callable[[description.Mount], bytes]) -> kinds.Maker:
    """One mount by its index, or the first whose `key` the glob fits."""

    def make(argument: str | None) -> kinds.Extractor:
        wanted = argument or ""
        if wanted.isdigit():
            index = int(wanted)
            return _described(lambda d: read(d.mounts[index]) if index < len(d.mounts) else None)
        fits = re.compile(fnmatch.translate(wanted).encode(), re.DOTALL).match
        return _described(lambda d: next((read(mount) for mount in d.mounts if fits(key(mount))), None))

    return make


def _by_source(read: Callable[[description.Mount], bytes]) -> kinds.Maker:
    return _mount(lambda mount: mount.source, read)


def _by_destination(read: Callable[[description.Mount], bytes]) -> kinds.Maker:
    return _mount(lambda mount: mount.destination, read)


def _label(argument: str | None) -> kinds.Extractor:
    key = (argument or "").encode()
    return _described(lambda d: d.labels.get(key))


def _pod_label(argument: str | None) -> kinds.Extractor:
    key = (argument or "").encode()
    return _of_pod(lambda pod: pod.labels.get(key), lambda d: d.pod_labels.get(key))


def _mounts(found: description.Description) -> bytes:
    return b",".join(mount.text() for mount in found.mounts)


def _pod_uid(e: event.Event) -> bytes | None:
    return e.container.pod_uid if e.pod is None else e.pod.uid


def _short(text: bytes | None) -> bytes | None:
    return None if text is None else text[:SHORT_ID]


_OBJECTS = ("rc", "svc", "rs", "deployment")

PLAIN: kinds.Plain = {
    "container.id": lambda e: e.container.id,
    "container.full_id": lambda e: e.container.full_id,
    "container.name": _described(lambda d: d.name),
    "container.type": lambda e: e.container.type,
    "container.image": _described(lambda d: d.image),
    "container.image.id": _described(lambda d: d.image_id),
    "container.image.repository": _described(lambda d: d.repository),
    "container.image.tag": _described(lambda d: d.tag),
    "container.image.digest": _described(lambda d: d.digest),
    "container.privileged": _described(lambda d: d.privileged),
    "container.mounts": _described(_mounts),
    "container.start_ts": _start,
    "container.duration": _duration,
    "container.ip": _described(lambda d: d.ip),
    "container.host_pid": _described(lambda d: d.host_pid),
    "container.host_network": _described(lambda d: d.host_network),
    "container.host_ipc": _described(lambda d: d.host_ipc),
    "container.labels": _described(lambda d: labels(d.labels)),
    "k8s.pod.name": _of_pod(lambda pod: pod.name, lambda d: d.pod_name),
    "k8s.ns.name": _of_pod(lambda pod: pod.namespace, lambda d: d.pod_namespace),
    "k8s.pod.id": _pod_uid,
    "k8s.pod.uid": _pod_uid,
    "k8s.pod.sandbox_id": _described(lambda d: _short(d.sandbox_id)),
    "k8s.pod.full_sandbox_id": _described(lambda d: d.sandbox_id),
    "k8s.pod.labels": _of_pod(lambda pod: labels(pod.labels), lambda d: labels(d.pod_labels)),
    "k8s.pod.ip": _of_pod(lambda pod: pod.ip, lambda d: d.ip),
    # These have no value in the reference any more; rules that still mention them must load.
    **{f"container.{what}": kinds.never for what in ("healthcheck", "liveness_probe", "readiness_probe")},
    **{f"k8s.{kind}.{what}": kinds.never for kind in _OBJECTS for what in ("name", "id", "labels")},
    "k8s.ns.id": kinds.never,
    "k8s.ns.labels": kinds.never,
}

WITH_ARGUMENT: kinds.WithArgument = {
    "container.label": _label,
    "k8s.pod.label": _pod_label,
    "container.mount": _by_destination(lambda mount: mount.text()),
    "container.mount.source": _by_destination(lambda mount: mount.source),
    "container.mount.dest": _by_source(lambda mount: mount.destination),
    "container.mount.mode": _by_destination(lambda mount: mount.mode),
    "container.mount.rdwr": _by_destination(lambda mount: b"true" if mount.writable else b"false"),
    "container.mount.propagation": _by_destination(lambda mount: mount.propagation),
    **{f"k8s.{kind}.label": lambda _: kinds.never for kind in (*_OBJECTS, "ns")},
}

MISSING: kinds.Missing = {
    "container.cni.json": "the runtimes' files that the sensor reads do not have it",
    "k8s.pod.cni.json": "the runtimes' files that the sensor reads do not have it",
}
