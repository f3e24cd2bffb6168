"""Names, images and the rest from each runtime's own files."""

from __future__ import annotations

import json
import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from falcon_sensor.state import containers, description
from falcon_sensor.state.runtimes import files

ID = b"3ad7b26ded6d8e7b23da7d48fe889434573036c27ae5a74837233de441c3601e"
NAME = ID.decode()
SANDBOX = "b5a2ff2a1b1e1e3b9c1e9d4b2c9e7a6d5f4e3d2c1b0a99887766554433221100"
UID = "8c2f1b7e-0b1d-4b59-a6c5-2d3f8e9a7b61"
IMAGE_ID = "6b8f34c7d2a1e0f9c8b7a6d5e4f3021122334455667788990011223344556677"
DIGEST = "sha256:0011223344556677889900112233445566778899001122334455667788990011"
POD_CGROUP = b"/kubepods/burstable/pod" + UID.encode() + b"/" + ID


def write(host, path, content):
    file = host / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content if isinstance(content, str) else json.dumps(content))


def find(host, cgroup):
    return containers.Containers(str(host), ()).find(cgroup, b"", False)


def oci_config(annotations=None, privileged=False, share=()):
    kinds = [kind for kind in ("pid", "network", "ipc", "uts", "mount", "cgroup") if kind not in share]
    return {
        "annotations": annotations or {},
        "mounts": [
            {"destination": "/proc", "type": "proc", "source": "proc", "options": ["nosuid"]},
            {"destination": "/data", "type": "bind", "source": "/srv/data", "options": ["rbind", "rprivate", "ro"]},
            {"destination": "/run/docker.sock", "source": "/run/docker.sock", "options": ["rbind", "rslave", "rw"]},
        ],
        "linux": {
            "namespaces": [{"type": kind} for kind in kinds],
            "resources": {"devices": [{"allow": privileged, "access": "rwm"}]},
            "maskedPaths": [] if privileged else ["/proc/kcore"],
        },
    }


def test_the_host_is_a_container_called_host(host):
    found = find(host, b"/user.slice")
    assert found is containers.HOST
    assert found.is_host
    assert (found.id, found.full_id, found.name, found.type) == (b"host", b"host", b"host", b"host")
    assert (found.repository, found.tag) == (b"", b"")
    assert found.image is None


def test_a_container_nobody_describes_has_its_id_only(host):
    found = find(host, POD_CGROUP)
    assert (found.id, found.full_id, found.pod_uid) == (b"3ad7b26ded6d", ID, UID.encode())
    assert not found.is_host
    assert (found.name, found.image, found.repository, found.tag, found.digest, found.description) == (None,) * 6
    assert found.label(b"app") is None
    assert found.type is None
    assert find(host, b"/docker/" + ID).type == b"docker"


def cri(container_type="container", **more):
    return {
        "io.kubernetes.cri.container-type": container_type,
        "io.kubernetes.cri.container-name": "web",
        "io.kubernetes.cri.image-name": "docker.io/library/nginx:1.25",
        "io.kubernetes.cri.sandbox-id": SANDBOX,
        "io.kubernetes.cri.sandbox-name": "shop-7d4b",
        "io.kubernetes.cri.sandbox-namespace": "team-a",
        "io.kubernetes.cri.sandbox-uid": UID,
        **more,
    }


@pytest.mark.parametrize("tasks", ["run/containerd", "run/k3s/containerd"])
def test_kubernetes_on_containerd(host, tasks):
    bundle = f"{tasks}/io.containerd.runtime.v2.task/k8s.io/{NAME}"
    write(host, f"{bundle}/config.json", oci_config(cri(), share=("ipc",)))
    write(host, f"{bundle}/init.pid", "4711")
    found = find(host, POD_CGROUP)
    assert (found.type, found.name, found.image) == (b"containerd", b"web", b"docker.io/library/nginx:1.25")
    assert (found.repository, found.tag) == (b"docker.io/library/nginx", b"1.25")
    told = found.description
    assert (told.pod_name, told.pod_namespace, told.pod_uid) == (b"shop-7d4b", b"team-a", UID.encode())
    assert (told.sandbox_id, told.is_sandbox, told.init_pid) == (SANDBOX.encode(), False, 4711)
    assert (told.privileged, told.host_pid, told.host_ipc) == (False, False, True)
    assert found.label(b"io.kubernetes.pod.name") == b"shop-7d4b"
    assert [mount.text() for mount in told.mounts] == [
        b"/srv/data:/data:rbind,ro:false:rprivate",
        b"/run/docker.sock:/run/docker.sock:rbind,rw:true:rslave",
    ]


def test_a_pods_sandbox_on_containerd(host):
    annotations = cri("sandbox", **{"io.kubernetes.cri.podsandbox.image-name": "registry.k8s.io/pause:3.9"})
    del annotations["io.kubernetes.cri.image-name"]
    write(host, f"run/containerd/io.containerd.runtime.v2.task/k8s.io/{NAME}/config.json", oci_config(annotations))
    found = find(host, POD_CGROUP)
    assert (found.name, found.repository, found.description.is_sandbox) == (
        b"shop-7d4b",
        b"registry.k8s.io/pause",
        True,
    )


def test_nerdctl_and_ctr(host):
    tasks = "run/containerd/io.containerd.runtime.v2.task/default"
    write(host, f"{tasks}/{NAME}/config.json", oci_config({"nerdctl/name": "web", "team": "a"}, privileged=True))
    found = find(host, b"/default/" + ID)
    assert (found.name, found.description.privileged, found.description.labels) == (b"web", True, {b"team": b"a"})
    write(host, f"{tasks}/redis/config.json", oci_config())
    write(host, "run/containerd/runc/default/redis/state.json", {"cgroup_paths": {"": "/sys/fs/cgroup/default/redis"}})
    found = containers.Containers(str(host), ()).find(b"/default/redis", b"", True)
    assert (found.id, found.name, found.type) == (b"redis", b"redis", b"containerd")


def test_crio(host):
    labels = {"io.kubernetes.container.name": "web", "io.kubernetes.pod.name": "shop-7d4b", "app": "shop"}
    annotations = {
        "io.kubernetes.cri-o.ContainerType": "container",
        "io.kubernetes.cri-o.Labels": json.dumps(labels),
        "io.kubernetes.cri-o.Image": IMAGE_ID,
        "io.kubernetes.cri-o.ImageName": "quay.io/shop/web:v3",
        "io.kubernetes.cri-o.SandboxID": SANDBOX,
        "io.kubernetes.cri-o.Created": "2026-01-02T03:04:05.123456789Z",
        "io.kubernetes.pod.namespace": "team-a",
        "io.kubernetes.pod.uid": UID,
        "io.kubernetes.pod.name": "what the pod's author claims",
    }
    userdata = f"run/containers/storage/overlay-containers/{NAME}/userdata"
    write(host, f"{userdata}/config.json", oci_config(annotations))
    write(host, f"{userdata}/pidfile", "77\n")
    found = find(
        host, b"/kubepods.slice/kubepods-pod" + UID.replace("-", "_").encode() + b".slice/crio-" + ID + b".scope"
    )
    assert (found.type, found.name, found.repository, found.tag) == (b"cri-o", b"web", b"quay.io/shop/web", b"v3")
    told = found.description
    assert (told.pod_name, told.pod_namespace, told.pod_uid) == (b"shop-7d4b", b"team-a", UID.encode())
    assert (told.image_id, told.init_pid, told.sandbox_id) == (IMAGE_ID.encode(), 77, SANDBOX.encode())
    assert told.created == 1767323045123456789
    assert found.label(b"app") == b"shop"


@pytest.mark.parametrize("listed", ["containers.json", "volatile-containers.json"])
@pytest.mark.parametrize("storage", ["var/lib/containers/storage", "home/ann/.local/share/containers/storage"])
def test_podman(host, storage, listed):
    metadata = {"image-name": "docker.io/library/redis:7", "image-id": IMAGE_ID, "name": "cache"}
    row = {
        "id": NAME,
        "names": ["cache"],
        "image": IMAGE_ID,
        "metadata": json.dumps(metadata),
        "created": "2026-01-02T03:04:05Z",
    }
    write(host, f"{storage}/overlay-containers/{listed}", [{"id": SANDBOX, "names": ["other"]}, row])
    write(host, f"{storage}/overlay-containers/{NAME}/userdata/config.json", oci_config(share=("network",)))
    write(host, f"{storage}/overlay-images/images.json", [{"id": IMAGE_ID, "digest": DIGEST, "names": []}])
    found = find(host, b"/machine.slice/libpod-" + ID + b".scope/container")
    assert (found.type, found.name, found.repository, found.tag) == (
        b"podman",
        b"cache",
        b"docker.io/library/redis",
        b"7",
    )
    assert found.digest == DIGEST.encode()
    assert (found.description.host_network, found.description.created) == (True, 1767323045000000000)


def docker_files(host, image="nginx", data="var/lib/docker"):
    config = {
        "Name": "/web",
        "Image": f"sha256:{IMAGE_ID}",
        "Created": "2026-01-02T03:04:05.5+01:00",
        "Config": {"Image": image, "Labels": {"com.example": "x", "io.kubernetes.pod.namespace": "team-a"}},
        "State": {"Pid": 99, "Running": True},
        "MountPoints": {
            "/d": {"Source": "/srv", "Destination": "/d", "RW": True, "Propagation": "rprivate", "Relabel": "z"}
        },
        "NetworkSettings": {"Networks": {"bridge": {"IPAddress": "172.17.0.2"}}},
    }
    write(host, f"{data}/containers/{NAME}/config.v2.json", config)
    write(
        host,
        f"{data}/containers/{NAME}/hostconfig.json",
        {"Privileged": True, "PidMode": "host", "NetworkMode": "default"},
    )
    names = {"nginx:latest": f"sha256:{IMAGE_ID}", f"nginx@{DIGEST}": f"sha256:{IMAGE_ID}", "old:1": "sha256:00"}
    write(host, f"{data}/image/overlay2/repositories.json", {"Repositories": {"nginx": names}})


@pytest.mark.parametrize("cgroup", [b"/docker/" + ID, b"/system.slice/docker-" + ID + b".scope"])
def test_docker(host, cgroup):
    docker_files(host)
    found = find(host, cgroup)
    assert (found.type, found.name, found.image) == (b"docker", b"web", b"nginx")
    assert (found.repository, found.tag, found.digest) == (b"nginx", b"latest", DIGEST.encode())
    told = found.description
    assert (told.privileged, told.host_pid, told.host_network, told.init_pid) == (True, True, False, 99)
    assert (told.ip, told.pod_namespace, told.created) == (b"172.17.0.2", b"team-a", 1767319445500000000)
    assert [mount.text() for mount in told.mounts] == [b"/srv:/d:z:true:rprivate"]


def test_docker_started_by_image_id(host):
    docker_files(host, image=f"sha256:{IMAGE_ID}", data="var/snap/docker/common/var-lib-docker")
    found = find(host, b"/docker/" + ID)
    assert (found.repository, found.tag, found.digest) == (b"nginx", b"latest", DIGEST.encode())


def test_docker_is_found_for_kubernetes_paths_too(host):
    docker_files(host)
    assert find(host, POD_CGROUP).type == b"docker"


def test_lxc_containers_are_called_by_their_id(host):
    found = find(host, b"/lxc.payload.web/init.scope")
    assert (found.id, found.name, found.type, found.image, found.repository) == (b"web", b"web", b"lxc", None, None)


class Time:
    def __init__(self, monkeypatch):
        self.now = 1000.0
        monkeypatch.setattr("falcon_sensor.state.containers.time.monotonic", lambda: self.now)


def test_files_written_a_moment_later_are_found(host, monkeypatch):
    clock = Time(monkeypatch)
    known = containers.Containers(str(host), ())
    found = known.find(b"/docker/" + ID, b"", True)
    assert found.name is None
    docker_files(host)
    assert found.name is None  # not asked again at once
    clock.now += containers.PAUSES_S[0]
    assert found.name == b"web"
    assert known.find(b"/docker/" + ID, b"", True).name == b"web"


def test_half_written_files_are_asked_for_again(host, monkeypatch):
    clock = Time(monkeypatch)
    docker_files(host)
    path = host / f"var/lib/docker/containers/{NAME}/config.v2.json"
    whole = path.read_text()
    path.write_text(whole[:100])
    hostconfig = host / f"var/lib/docker/containers/{NAME}/hostconfig.json"
    later = hostconfig.read_text()
    hostconfig.unlink()
    found = find(host, b"/docker/" + ID)
    assert found.name is None
    path.write_text(whole)
    clock.now += 1
    assert found.name == b"web"
    assert found.description.privileged is None
    hostconfig.write_text(later)
    clock.now += 1
    assert found.description.privileged is True


def test_an_unknown_container_is_asked_for_a_bounded_number_of_times(host, monkeypatch):
    clock = Time(monkeypatch)
    known = containers.Containers(str(host), ())
    asked = []
    for source in known._sources[b"docker"]:
        monkeypatch.setattr(source, "describe", lambda container_id: asked.append(container_id))
    found = known.find(b"/docker/" + ID, b"", True)
    for _ in range(1000):
        assert found.name is None
        clock.now += 10
    assert len(asked) == 2 * (len(containers.PAUSES_S) + 1)


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "null", '"x"', "[" * 100_000, '{"Name": 3, "Config": [], "State": "x"}', "\0"]
)
def test_odd_files_give_no_exception(host, content):
    for path in (
        f"var/lib/docker/containers/{NAME}/config.v2.json",
        f"run/containerd/io.containerd.runtime.v2.task/k8s.io/{NAME}/config.json",
        f"run/containers/storage/overlay-containers/{NAME}/userdata/config.json",
        "var/lib/containers/storage/overlay-containers/containers.json",
        "run/runc/x/state.json",
    ):
        write(host, path, content)
    for cgroup in (b"/docker/" + ID, POD_CGROUP, b"/crio-" + ID + b".scope", b"/libpod-" + ID, b"/x"):
        assert find(host, cgroup).repository in (None, b"")


# fmt: off
KEYS = [
    "annotations", "mounts", "linux", "namespaces", "resources", "devices", "type", "options", "source",
    "destination", "allow", "maskedPaths", "id", "names", "metadata", "created", "Name", "Image", "Config", "Labels",
    "State", "Pid", "MountPoints", "NetworkSettings", "Networks", "cgroup_paths", "config", "labels", "Repositories",
    "io.kubernetes.cri.container-type", "io.kubernetes.cri-o.ContainerType", "io.kubernetes.cri-o.Labels",
]
# fmt: on

shapes = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=6),
    max_leaves=20,
)


@settings(max_examples=60, deadline=None)
@given(shapes, shapes)
def test_any_shape_of_json_gives_no_exception(tmp_path_factory, first, second):
    host = tmp_path_factory.mktemp("host")
    for path in (
        f"var/lib/docker/containers/{NAME}/config.v2.json",
        f"run/containerd/io.containerd.runtime.v2.task/k8s.io/{NAME}/config.json",
        f"run/containers/storage/overlay-containers/{NAME}/userdata/config.json",
        "run/runc/x/state.json",
    ):
        write(host, path, first)
    write(host, f"var/lib/docker/containers/{NAME}/hostconfig.json", second)
    write(host, "var/lib/docker/image/overlay2/repositories.json", second)
    known = containers.Containers(str(host), ())
    rows = [{"id": NAME, "metadata": json.dumps(first), "names": first, "image": second, "created": second}, second]
    write(host, "var/lib/containers/storage/overlay-containers/containers.json", rows)
    for source in (known._docker, known._containerd, known._crio, known._podman):
        told = source.describe(ID)
        assert told is None or isinstance(told, description.Description)
    known.find(b"/x", b"", True).description  # noqa: B018


def test_hostile_files_are_not_waited_for_or_swallowed(host):
    folder = host / f"var/lib/docker/containers/{NAME}"
    folder.mkdir(parents=True)
    os.mkfifo(folder / "config.v2.json")
    assert find(host, b"/docker/" + ID).name is None
    (folder / "config.v2.json").unlink()
    with open(folder / "config.v2.json", "wb") as file:
        file.truncate(1 << 30)
    assert find(host, b"/docker/" + ID).name is None


def test_links_on_the_host_resolve_inside_its_root(host):
    docker_files(host, data="srv/docker")
    (host / "var/lib").mkdir(parents=True)
    (host / "var/lib/docker").symlink_to("/srv/docker")
    assert find(host, b"/docker/" + ID).name == b"web"


@pytest.mark.parametrize("name", [b"", b".", b"..", b"a/b", b"a\0b", b"x" * 256])
def test_ids_that_are_no_file_names_are_not_looked_up(name):
    assert files.safe_name(name) is None


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("1970-01-01T00:00:01Z", 1_000_000_000),
        ("1970-01-01T00:00:01.5Z", 1_500_000_000),
        ("1970-01-01T01:00:01.000000001+01:00", 1_000_000_001),
        ("2026-11-24T05:42:18.251937045Z", 1795498938251937045),
        ("0001-01-01T00:00:00Z", None),
        ("yesterday", None),
        ("", None),
        (7, None),
    ],
)
def test_times_keep_their_nanoseconds(written, expected):
    assert files.time(written) == expected
