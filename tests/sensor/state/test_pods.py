"""Pods from the API server's objects, and what rules' fields make of them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from falcon_sensor.state import pods

ID = "ab" * 32
OBJECT: dict[str, Any] = {
    "metadata": {
        "uid": "8c2f1e70-0000-4000-8000-000000000001",
        "namespace": "team",
        "name": "web-1",
        "labels": {"app": "web", "tier": "café"},
        "annotations": {"much": "text"},
        "managedFields": [{"manager": "kubelet"}],
    },
    "spec": {
        "serviceAccountName": "runner",
        "initContainers": [{"name": "init", "image": "busybox"}],
        "containers": [{"name": "main", "image": "registry:5000/shop/nginx:1.25"}],
    },
    "status": {
        "podIP": "10.1.2.3",
        "containerStatuses": [
            {"name": "main", "containerID": f"containerd://{ID}", "imageID": f"registry/nginx@sha256:{'c' * 64}"}
        ],
        "initContainerStatuses": [{"name": "init", "containerID": ""}],
    },
}


def read(found):
    """Through JSON, as it travels between the two processes."""
    return pods.read(json.loads(json.dumps(pods.slim(found))))


def test_a_pod():
    pod = read(OBJECT)
    assert (pod.namespace, pod.name, pod.ip, pod.service_account) == (b"team", b"web-1", b"10.1.2.3", b"runner")
    assert pod.uid == pod.cgroup_uid == b"8c2f1e70-0000-4000-8000-000000000001"
    assert pod.labels == {b"app": b"web", b"tier": "café".encode()}
    assert pod.names == (b"init", b"main")
    container = pod.containers[ID.encode()]
    assert (container.type, container.name) == (b"containerd", b"main")
    assert (container.image, container.repository, container.tag) == (
        b"registry:5000/shop/nginx:1.25",
        b"registry:5000/shop/nginx",
        b"1.25",
    )


def test_the_only_container_of_a_pod():
    assert read(OBJECT).sole is None
    spec = {"containers": OBJECT["spec"]["containers"]}
    alone = read({**OBJECT, "spec": spec, "status": {}})
    assert alone.sole is not None
    assert alone.container(b"0" * 64) == alone.sole
    assert (alone.sole.name, alone.sole.tag) == (b"main", b"1.25")
    started = read({**OBJECT, "spec": spec})
    assert started.container(b"0" * 64) is None
    assert started.container(ID.encode()) == started.containers[ID.encode()]


def test_only_what_is_needed_travels():
    text = json.dumps(pods.slim(OBJECT))
    assert "managedFields" not in text
    assert "annotations" not in text


def test_a_pod_without_any_status_yet():
    bare = {"metadata": {**OBJECT["metadata"], "labels": None, "annotations": None}, "spec": {}, "status": None}
    pod = read(bare)
    assert (pod.name, pod.ip, pod.service_account, pod.labels, dict(pod.containers)) == (b"web-1", None, None, {}, {})


def test_a_static_pod_is_found_by_the_uid_the_kubelet_gave_it():
    hashed = "f" * 32
    mirror = {**OBJECT, "metadata": {**OBJECT["metadata"], "annotations": {"kubernetes.io/config.hash": hashed}}}
    mine = pods.Pods()
    mine.put(read(mirror))
    found = mine.get(hashed.encode())
    assert found is not None
    assert found.uid == b"8c2f1e70-0000-4000-8000-000000000001"
    assert mine.get(b"8c2f1e70-0000-4000-8000-000000000001") is None


def test_a_list_replaces_everything_and_what_went_is_remembered_for_a_while():
    mine, changes = pods.Pods(), []
    mine.on_change(lambda: changes.append(len(mine)))
    mine.put(read(OBJECT))
    assert not mine.synced
    mine.replace([])
    assert (mine.synced, len(mine), changes) == (True, 0, [1, 0])
    assert mine.get(b"8c2f1e70-0000-4000-8000-000000000001") == read(OBJECT)
    assert mine.get(b"other") is None


def test_what_is_remembered_is_bounded():
    mine = pods.Pods()
    for number in range(2 * pods.DEPARTED):
        uid = str(number).encode()
        mine.put(pods.Pod(uid, uid, b"n", b"p"))
        mine.remove(uid)
    assert mine.get(b"0") is None
    assert mine.get(str(2 * pods.DEPARTED - 1).encode()) is not None


@pytest.mark.parametrize("rubbish", [{}, {"metadata": {}}, {"metadata": {"uid": "x"}}])
def test_what_is_no_pod_is_refused(rubbish):
    with pytest.raises(KeyError):
        pods.slim(rubbish)
