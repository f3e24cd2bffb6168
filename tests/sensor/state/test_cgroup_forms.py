"""Cgroup paths as runtimes make them, and who they say the container is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from falcon_sensor.state import cgroups

ID = b"3ad7b26ded6d8e7b23da7d48fe889434573036c27ae5a74837233de441c3601e"
OTHER = b"b5a2ff2a1b1e1e3b9c1e9d4b2c9e7a6d5f4e3d2c1b0a99887766554433221100"
UID = b"8c2f1b7e-0b1d-4b59-a6c5-2d3f8e9a7b61"
SYSTEMD_UID = UID.replace(b"-", b"_")
STATIC_UID = b"0f7b1f1a4f9e4d0c8b7a6f5e4d3c2b1a"


def paths(*forms):
    return [pytest.param(path, match, id=name) for name, path, match in forms]


@pytest.mark.parametrize(
    ("path", "expected"),
    paths(
        ("docker, cgroupfs", b"/docker/" + ID, (ID, b"docker", None)),
        ("docker, systemd", b"/system.slice/docker-" + ID + b".scope", (ID, b"docker", None)),
        ("docker, systemd inside", b"/system.slice/docker-" + ID + b".scope/init.scope", (ID, b"docker", None)),
        ("docker, own parent", b"/build.slice/docker-" + ID + b".scope", (ID, b"docker", None)),
        ("docker in docker", b"/docker/" + OTHER + b"/docker/" + ID, (ID, b"docker", None)),
        ("rootless docker", b"/user.slice/user-1000.slice/user@1000.service/user.slice/docker-" + ID + b".scope",
         (ID, b"docker", None)),
        ("moby namespace", b"/moby/" + ID, (ID, b"docker", None)),
        ("nerdctl, systemd", b"/system.slice/nerdctl-" + ID + b".scope", (ID, b"containerd", None)),
        ("nerdctl, cgroupfs", b"/default/" + ID, (ID, b"containerd", None)),
        ("containerd k8s.io", b"/k8s.io/" + ID, (ID, b"containerd", None)),
        ("podman", b"/machine.slice/libpod-" + ID + b".scope", (ID, b"podman", None)),
        ("podman, inner cgroup", b"/machine.slice/libpod-" + ID + b".scope/container", (ID, b"podman", None)),
        ("podman, cgroupfs", b"/libpod_parent/libpod-" + ID, (ID, b"podman", None)),
        ("podman, split", b"/system.slice/web.service/libpod-payload-" + ID, (ID, b"podman", None)),
        ("podman, rootless",
         b"/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" + ID + b".scope/container",
         (ID, b"podman", None)),
        ("podman pod", b"/machine.slice/machine-libpod_pod_" + OTHER + b".slice/libpod-" + ID + b".scope",
         (ID, b"podman", None)),
        ("cri-o, systemd", b"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" + SYSTEMD_UID
         + b".slice/crio-" + ID + b".scope", (ID, b"cri-o", UID)),
        ("cri-o, cgroupfs", b"/kubepods/besteffort/pod" + UID + b"/crio-" + ID, (ID, b"cri-o", UID)),
        ("cri-o, inner cgroup", b"/kubepods.slice/kubepods-pod" + SYSTEMD_UID + b".slice/crio-" + ID
         + b".scope/container", (ID, b"cri-o", UID)),
        ("containerd cri, burstable, systemd", b"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod"
         + SYSTEMD_UID + b".slice/cri-containerd-" + ID + b".scope", (ID, b"containerd", UID)),
        ("containerd cri, besteffort, systemd", b"/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod"
         + SYSTEMD_UID + b".slice/cri-containerd-" + ID + b".scope", (ID, b"containerd", UID)),
        ("containerd cri, guaranteed, systemd", b"/kubepods.slice/kubepods-pod" + SYSTEMD_UID
         + b".slice/cri-containerd-" + ID + b".scope", (ID, b"containerd", UID)),
        ("kubernetes, burstable, cgroupfs", b"/kubepods/burstable/pod" + UID + b"/" + ID, (ID, None, UID)),
        ("kubernetes, besteffort, cgroupfs", b"/kubepods/besteffort/pod" + UID + b"/" + ID, (ID, None, UID)),
        ("kubernetes, guaranteed, cgroupfs", b"/kubepods/pod" + UID + b"/" + ID, (ID, None, UID)),
        ("static pod", b"/kubepods/burstable/pod" + STATIC_UID + b"/" + ID, (ID, None, STATIC_UID)),
        ("static pod, systemd", b"/kubepods.slice/kubepods-pod" + STATIC_UID + b".slice/cri-containerd-" + ID
         + b".scope", (ID, b"containerd", STATIC_UID)),
        ("mixed drivers", b"/system.slice/containerd.service/kubepods-burstable-pod" + SYSTEMD_UID
         + b".slice:cri-containerd:" + ID, (ID, b"containerd", UID)),
        ("extra prefix", b"/k8s-node1/kubepods/burstable/pod" + UID + b"/" + ID, (ID, None, UID)),
        ("kind", b"/docker/" + OTHER + b"/kubelet/kubepods/burstable/pod" + UID + b"/" + ID, (ID, None, UID)),
        ("kind, systemd", b"/system.slice/docker-" + OTHER + b".scope/kubelet.slice/kubelet-kubepods.slice/"
         b"kubelet-kubepods-besteffort.slice/kubelet-kubepods-besteffort-pod" + SYSTEMD_UID
         + b".slice/cri-containerd-" + ID + b".scope", (ID, b"containerd", UID)),
        ("kind's own services", b"/docker/" + ID + b"/system.slice/kubelet.service", (ID, b"docker", None)),
        ("systemd in a pod", b"/kubepods/pod" + UID + b"/" + ID + b"/system.slice/cron.service", (ID, None, UID)),
        ("k3d, escaped dashes", b"/system.slice/docker\\x2d" + ID + b".scope", (ID, b"docker", None)),
        ("garden, hex", b"/garden/" + ID, (ID, b"garden", None)),
        ("garden, name", b"/garden/af0ba3b0-6b31-4d36-7f4c-0d3c", (b"af0ba3b0-6b31-4d36-7f4c-0d3c", b"garden", None)),
        ("ecs", b"/ecs/55091c13-b8cf-4801-b527-f4601742204d/" + ID, (ID, None, None)),
        ("ecs fargate", b"/ecs/34dc0b5e626f2c5c4c5170e34b10e765/34dc0b5e626f2c5c4c5170e34b10e765-1234567890",
         (b"34dc0b5e626f2c5c4c5170e34b10e765-1234567890", b"ecs", None)),
        ("lxc", b"/lxc/web/init.scope", (b"web", b"lxc", None)),
        ("lxc 4", b"/lxc.payload.web/system.slice/ssh.service", (b"web", b"lxc", None)),
        ("lxc payload folder", b"/lxc.payload/web", (b"web", b"lxc", None)),
        ("libvirt", b"/machine.slice/machine-lxc\\x2d345\\x2dweb.scope/libvirt", (b"web", b"libvirt-lxc", None)),
        ("unknown runtime", b"/somewhere/sandboxer_" + ID, (ID, None, None)),
    ),
)  # fmt: skip
def test_a_runtimes_path_names_its_container(path, expected):
    assert cgroups.parse(path) == cgroups.Match(*expected)


@pytest.mark.parametrize(
    "path",
    [
        b"",
        b"/",
        b"/user.slice/user-1000.slice/session-3.scope",
        b"/system.slice/ssh.service",
        b"/init.scope",
        b"/kubepods/burstable/pod" + UID,  # the pod's own cgroup holds no process of a container
        b"/process_api/b6f29db247747a254c55410f0d2d8849",
        b"/system.slice/" + ID[:-1],
        b"/system.slice/f" + ID,
        b"/mynginx",
        b"/machine.slice/libpod-conmon-" + ID + b".scope",
        b"/kubepods.slice/kubepods-pod" + SYSTEMD_UID + b".slice/crio-conmon-" + ID + b".scope",
        b"/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-conmon-" + ID + b".scope",
        b"/lxc.monitor.web",
        b"/lxc",
        b"/garden",
    ],
)
def test_host_paths_and_monitors_name_none(path):
    assert cgroups.parse(path) is None


def test_a_process_in_a_pod_cannot_take_another_id_by_naming_a_cgroup():
    path = b"/kubepods/burstable/pod" + UID + b"/" + ID + b"/docker-" + OTHER + b".scope"
    assert cgroups.parse(path) == cgroups.Match(ID, None, UID)


def test_hexadecimal_ids_are_shortened_to_12_characters_and_names_are_not():
    assert cgroups.Match(ID).short_id == b"3ad7b26ded6d"
    assert cgroups.Match(b"frontend-of-the-shop").short_id == b"frontend-of-the-shop"


WORDS = [b"kubepods", b"docker", b"lxc", b"garden", b"ecs", b"lxc.payload.", b":", b".scope", b"\\x2d", b"\n"]
WORDS += [ID, b"pod" + UID, b"docker-" + ID + b".scope", b"crio-conmon-" + ID, b"machine-lxc-1-"]

component = st.one_of(
    st.binary(max_size=40).map(lambda text: text.replace(b"/", b"")),
    st.sampled_from(WORDS),
)


@given(st.one_of(st.binary(max_size=600), st.lists(component, max_size=12).map(lambda parts: b"/" + b"/".join(parts))))
def test_any_bytes_are_taken(path):
    match = cgroups.parse(path)
    assert match is None or match.id in path.replace(b"\\x2d", b"-")


def test_answers_are_remembered_and_the_memory_is_bounded(monkeypatch):
    monkeypatch.setattr(cgroups, "BOUND", 10)
    known = cgroups.Cgroups()
    for number in range(100):
        assert known.match(b"/docker/%064x" % number) == cgroups.Match(b"%064x" % number, b"docker")
        assert known.match(b"/user.slice/%d" % number) is None
    assert len(known._seen) <= 10
