"""Fields of containers and pods: on the host, in a container that is described, in one that is not (yet)."""

from __future__ import annotations

import pytest

from falcon_sensor.state import description, pods

SECOND = 1_000_000_000
MOUNTS = (
    description.Mount(b"/var/run/docker.sock", b"/run/docker.sock", b"rw", True, b"rprivate"),
    description.Mount(b"/proc/sys", b"/host", b"ro", False, b"rslave"),
)


def test_on_the_host(build, read):
    record = build.open(b"/x", b"/x")
    assert read(record, "container.id", "container.name") == (b"host", b"host")
    assert read(record, "container.image.repository", "container.image.tag") == (b"", b"")
    unavailable = ("container.image", "k8s.pod.name", "k8s.ns.name", "k8s.pod.uid", "container.privileged")
    assert read(record, *unavailable) == (None,) * 5
    assert read(record, "container.start_ts", "container.duration") == (None, None)
    assert read(record, "fd.containername") == b"host:/x"


def test_in_a_container_that_no_runtime_has_described(build, read, contain):
    contain(None)
    record = build.open(b"/x", b"/x")
    assert read(record, "container.id", "container.full_id") == (b"0123456789ab", b"0123456789ab" + b"c" * 52)
    unavailable = ("container.name", "container.image", "container.image.repository", "container.image.tag")
    assert read(record, *unavailable) == (None,) * 4
    assert read(record, "container.type", "k8s.pod.uid", "k8s.pod.name") == (
        b"containerd",
        b"8c2f1e70-0000-4000-8000-000000000001",
        None,
    )
    assert read(record, "fd.containername", "fd.containerdirectory") == (b"0123456789ab:/x", b"0123456789ab:/")


def test_a_described_container(build, read, contain):
    contain(
        name=b"web",
        image=b"docker.io/library/nginx:1.25",
        repository=b"docker.io/library/nginx",
        tag=b"1.25",
        digest=b"sha256:12",
        image_id=b"sha256:ab",
        privileged=True,
        host_pid=False,
        ip=b"10.1.2.3",
        labels={b"b": b"2", b"a": b"1"},
    )
    record = build.open(b"/x", b"/x")
    assert read(record, "container.name", "container.image", "container.image.tag") == (
        b"web",
        b"docker.io/library/nginx:1.25",
        b"1.25",
    )
    assert read(record, "container.image.digest", "container.image.id") == (b"sha256:12", b"sha256:ab")
    assert read(record, "container.privileged", "container.host_pid", "container.host_ipc") == (True, False, None)
    assert read(record, "container.labels", "container.label[b]", "container.label[c]") == (b"a:1, b:2", b"2", None)
    assert read(record, "container.ip", "k8s.pod.ip") == (b"10.1.2.3", b"10.1.2.3")


def test_a_pod(build, read, contain):
    contain(pod_name=b"web-0", pod_namespace=b"shop", pod_labels={b"app": b"web"}, sandbox_id=b"fedcba9876543210")
    record = build.open(b"/x", b"/x")
    assert read(record, "k8s.pod.name", "k8s.ns.name") == (b"web-0", b"shop")
    assert read(record, "k8s.pod.label[app]", "k8s.pod.labels", "k8s.pod.label[x]") == (b"web", b"app:web", None)
    assert read(record, "k8s.pod.sandbox_id", "k8s.pod.full_sandbox_id") == (b"fedcba987654", b"fedcba9876543210")
    assert read(record, "k8s.pod.id", "k8s.pod.uid") == (b"8c2f1e70-0000-4000-8000-000000000001",) * 2


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("container.mounts", b"/var/run/docker.sock:/run/docker.sock:rw:true:rprivate,/proc/sys:/host:ro:false:rslave"),
        ("container.mount[1]", b"/proc/sys:/host:ro:false:rslave"),
        ("container.mount[2]", None),
        ("container.mount.dest[/proc*]", b"/host"),
        ("container.mount.dest[/var/run/docker.sock]", b"/run/docker.sock"),
        ("container.mount.dest[/etc]", None),
        ("container.mount.source[/host]", b"/proc/sys"),
        ("container.mount.mode[/host]", b"ro"),
        ("container.mount.rdwr[/host]", b"false"),
        ("container.mount.propagation[0]", b"rprivate"),
    ],
)
def test_mounts(build, read, contain, field, expected):
    contain(mounts=MOUNTS)
    assert read(build.open(b"/x", b"/x"), field) == expected


def test_a_containers_age_counts_from_its_first_process(build, read, contain, session):
    contain(created=session.state.clock.wall(0))
    record = build.open(b"/x", b"/x", vpid=1, start=90 * SECOND)
    assert read(record, "container.start_ts") == pytest.approx(session.state.clock.wall(90 * SECOND), abs=SECOND / 10)
    assert read(record, "container.duration") == pytest.approx(10 * SECOND, abs=SECOND / 10)


def test_entered_from_outside_a_containers_age_is_what_the_runtime_says(build, read, contain, session):
    contain(created=session.state.clock.wall(50 * SECOND))
    record = build.open(b"/x", b"/x", vpid=77)
    assert read(record, "container.duration") == pytest.approx(50 * SECOND, abs=SECOND / 10)


POD_UID = b"8c2f1e70-0000-4000-8000-000000000001"


@pytest.fixture
def tell(state):
    """`tell(name=b"web-1", ...)`: the API server tells of the container's pod."""

    def put(**members):
        pod = pods.Pod(POD_UID, POD_UID, **{"namespace": b"team", "name": b"web-1", **members})
        state.pods.put(pod)
        return pod

    state.pods = pods.Pods()
    return put


def test_a_pod_that_the_api_server_knows_and_no_runtime_has_described(build, read, contain, tell):
    contain(None)
    tell(labels={b"app": b"web"}, ip=b"10.0.0.7")
    record = build.open(b"/x", b"/x")
    assert read(record, "k8s.ns.name", "k8s.pod.name", "k8s.pod.uid") == (b"team", b"web-1", POD_UID)
    assert read(record, "k8s.pod.label[app]", "k8s.pod.label[other]", "k8s.pod.labels") == (b"web", None, b"app:web")
    assert read(record, "k8s.pod.ip", "container.name", "container.image") == (b"10.0.0.7", None, None)


def test_the_status_names_a_container_that_no_runtime_has_described(build, read, contain, tell):
    contain(None)
    container_id = b"0123456789ab" + b"c" * 52
    named = description.Description(b"containerd", name=b"main", image=b"nginx:1", repository=b"nginx", tag=b"1")
    tell(containers={container_id: named})
    record = build.open(b"/x", b"/x")
    fields = ("container.name", "container.image", "container.image.repository", "container.image.tag")
    assert read(record, *fields) == (b"main", b"nginx:1", b"nginx", b"1")


def test_the_only_container_of_a_pod_is_named_before_any_status_is_written(build, read, contain, tell):
    contain(None)
    only = description.Description(b"containerd", name=b"main", image=b"nginx:1", repository=b"nginx", tag=b"1")
    tell(sole=only)
    record = build.open(b"/x", b"/x")
    assert read(record, "container.name", "container.image") == (b"main", b"nginx:1")
    # With the first status it is known which one it is, and that this one is another (the pod's sandbox).
    tell(sole=only, containers={b"f" * 64: only})
    assert read(record, "container.name", "container.image") == (None, None)


def test_a_runtime_that_knows_neither_name_nor_image_is_helped_by_the_status(build, read, contain, tell):
    container_id = b"0123456789ab" + b"c" * 52
    contain(name=container_id, privileged=True)
    tell(containers={container_id: description.Description(b"containerd", name=b"main", image=b"nginx:1")})
    record = build.open(b"/x", b"/x")
    assert read(record, "container.name", "container.image", "container.privileged") == (b"main", b"nginx:1", True)


def test_what_the_api_server_says_now_goes_before_what_the_runtime_wrote_at_the_start(build, read, contain, tell):
    contain(name=b"web", pod_name=b"old", pod_namespace=b"old", pod_labels={b"app": b"old", b"gone": b"x"})
    tell(labels={b"app": b"new"})
    record = build.open(b"/x", b"/x")
    assert read(record, "k8s.ns.name", "k8s.pod.label[app]", "k8s.pod.label[gone]") == (b"team", b"new", None)
    assert read(record, "container.name") == b"web"
