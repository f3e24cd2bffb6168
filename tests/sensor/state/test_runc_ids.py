"""Containers of runc and crun, whose cgroups have any name."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from falcon_sensor.records import layout
from falcon_sensor.state import cgroups, containers, procfs, view
from falcon_sensor.state.runtimes import files, runc

V2 = {"": "/sys/fs/cgroup/mynginx"}
V1 = {
    "": "/sys/fs/cgroup/unified/mynginx",
    "cpu": "/sys/fs/cgroup/cpu,cpuacct/mynginx",
    "memory": "/sys/fs/cgroup/memory/outer/mynginx",
    "name=systemd": "/sys/fs/cgroup/systemd/mynginx",
}


def run(host, container_id, paths=None, root="run/runc", **more):
    """What `runc run` leaves."""
    folder = host / root / container_id
    folder.mkdir(parents=True)
    state = {
        "id": container_id,
        "init_process_pid": 4711,
        "created": "2026-01-02T03:04:05Z",
        "cgroup_paths": paths or {},
    }
    (folder / "state.json").write_text(json.dumps({**state, **more}))


def find(host, cgroup, cgroup_v1=b"", other_mounts=True, known=None):
    return (known or containers.Containers(str(host), ())).find(cgroup, cgroup_v1, other_mounts)


def test_a_name_chosen_by_people_is_the_id(host):
    run(host, "mynginx", V2)
    found = find(host, b"/mynginx")
    assert (found.id, found.full_id, found.name, found.type) == (b"mynginx", b"mynginx", b"mynginx", b"runc")
    assert (found.description.init_pid, found.description.created) == (4711, 1767323045000000000)
    assert found.image is None


@pytest.mark.parametrize(("cgroup", "cgroup_v1"), [(b"/mynginx", b""), (b"/", b"/outer/mynginx"), (b"/", b"/mynginx")])
def test_version_1_hierarchies(host, cgroup, cgroup_v1):
    run(host, "mynginx", V1)
    assert find(host, cgroup, cgroup_v1).id == b"mynginx"


def test_cgroups_below_belong_to_it_and_others_do_not(host):
    run(host, "mynginx", V2)
    assert find(host, b"/mynginx/init.scope").id == b"mynginx"
    for other in (b"/mynginx2", b"/my", b"/a/mynginx", b"/", b""):
        assert find(host, other) is containers.HOST


def test_a_process_in_inits_mounts_is_of_the_host(host):
    run(host, "mynginx", V2)
    assert find(host, b"/mynginx", other_mounts=False) is containers.HOST


def test_another_mount_namespace_alone_is_no_container(host):
    assert find(host, b"/system.slice/private-tmp.service") is containers.HOST


@pytest.mark.parametrize("root", ["run/containerd/runc/default", "run/user/1000/runc", "run/docker/runtime-runc/moby"])
def test_roots_of_other_runtimes_and_users(host, root):
    run(host, "mynginx", V2, root)
    assert find(host, b"/mynginx").id == b"mynginx"


def test_a_users_claim_does_not_override_roots(host):
    run(host, "fake", V2, "run/user/1000/runc")
    run(host, "mynginx", V2)
    assert find(host, b"/mynginx").id == b"mynginx"


def test_containers_that_come_and_go_are_noticed(host):
    known = containers.Containers(str(host), ())
    assert find(host, b"/mynginx", known=known) is containers.HOST
    run(host, "mynginx", V2)
    assert find(host, b"/mynginx", known=known).id == b"mynginx"
    shutil.rmtree(host / "run/runc/mynginx")
    assert find(host, b"/mynginx", known=known) is containers.HOST


def test_a_state_file_that_comes_after_its_folder_is_noticed(host):
    known = containers.Containers(str(host), ())
    (host / "run/runc/mynginx").mkdir(parents=True)
    assert find(host, b"/mynginx", known=known) is containers.HOST
    (host / "run/runc/mynginx/state.json").write_text('{"cgroup_paths": ')
    assert find(host, b"/mynginx", known=known) is containers.HOST
    (host / "run/runc/mynginx/state.json").write_text(json.dumps({"cgroup_paths": V2}))
    assert find(host, b"/mynginx", known=known).id == b"mynginx"


def test_nothing_is_read_while_nothing_changes(host, monkeypatch):
    run(host, "mynginx", V2)
    known = containers.Containers(str(host), ())
    find(host, b"/mynginx", known=known)
    monkeypatch.setattr(files.Files, "read", lambda *_: pytest.fail("read"))
    assert find(host, b"/mynginx", known=known).id == b"mynginx"
    assert find(host, b"/other", known=known) is containers.HOST


def test_crun(host):
    folder = host / "run/crun/box"
    folder.mkdir(parents=True)
    (folder / "status").write_text(
        json.dumps({"pid": 12, "cgroup-path": "/box", "bundle": "/b", "created": "2026-01-02T03:04:05Z"})
    )
    found = find(host, b"/box/container")
    assert (found.id, found.description.init_pid) == (b"box", 12)


@pytest.mark.parametrize("runtime", ["runc", "crun"])
def test_the_bundle_tells_the_image(host, runtime):
    (host / "bundle").mkdir()
    annotations = {"org.opencontainers.image.ref.name": "quay.io/x/web:3"}
    (host / "bundle/config.json").write_text(json.dumps({"annotations": annotations, "linux": {"namespaces": []}}))
    if runtime == "runc":
        run(host, "mynginx", V2, config={"labels": ["a=b", "bundle=/bundle"]})
    else:
        (host / "run/crun/mynginx").mkdir(parents=True)
        (host / "run/crun/mynginx/status").write_text(json.dumps({"cgroup-path": "mynginx", "bundle": "/bundle"}))
    found = find(host, b"/mynginx")
    assert (found.repository, found.tag, found.description.host_pid) == (b"quay.io/x/web", b"3", True)


def test_only_new_containers_are_read(host, monkeypatch):
    known = containers.Containers(str(host), ())
    for number in range(5):
        run(host, f"c{number}", {"": f"/sys/fs/cgroup/c{number}"})
        find(host, b"/c0", known=known)
    read = []
    plain = files.Files.read

    def counted(self, path, *cap):
        read.append(path)
        return plain(self, path, *cap)

    monkeypatch.setattr(files.Files, "read", counted)
    run(host, "c9", {"": "/sys/fs/cgroup/c9"})
    assert find(host, b"/c9", known=known).id == b"c9"
    assert read == ["run/runc/c9/state.json"]


def test_a_recreated_container_is_read_again(host):
    known = containers.Containers(str(host), ())
    run(host, "web", {"": "/sys/fs/cgroup/one"})
    assert find(host, b"/one", known=known).id == b"web"
    shutil.rmtree(host / "run/runc/web")
    run(host, "web", {"": "/sys/fs/cgroup/two"})
    assert find(host, b"/two", known=known).id == b"web"
    assert find(host, b"/one", known=known) is containers.HOST


def test_learnt_roots_are_bounded(host):
    source = runc.Runc(files.Files(str(host)))
    for number in range(100):
        source.add_root(f"/tmp/r{number}")
    run(host, "old", {"": "/sys/fs/cgroup/old"}, "tmp/r0")
    run(host, "new", {"": "/sys/fs/cgroup/new"}, "tmp/r99")
    assert source.find(b"/old") is None
    assert source.find(b"/new") == cgroups.Match(b"new", b"runc")


@pytest.mark.parametrize(
    ("args", "root"),
    [
        ((b"runc", b"--root", b"/tmp/r", b"run", b"x"), b"/tmp/r"),
        ((b"runc", b"--debug", b"--root=/tmp/r", b"run", b"x"), b"/tmp/r"),
        ((b"runc", b"run", b"x"), None),
        ((b"runc", b"--root"), None),
        ((), None),
    ],
)
def test_the_root_argument(args, root):
    assert runc.root_argument(args) == root


def test_a_root_given_to_runc_on_the_host_is_learnt(host, records, proc_tree):
    run(host, "mynginx", V2, "tmp/r")
    args = (b"--root", b"r", b"run", b"mynginx")
    opened = {"cgroup": b"/mynginx", "flags": layout.Flag.CONTAINER}
    for learnt, head in ((False, {"uid": 1000}), (False, {"flags": layout.Flag.CONTAINER}), (True, {})):
        state = view.State(proc=str(proc_tree.root), host_root=str(host))
        state.observe(records.exec(50, 20.0, 21.0, b"/usr/sbin/runc", args, blobs={"cwd": b"/tmp"}, **head))
        found = state.container(records.open(60, 22.0, 23.0, b"nginx", **opened))
        assert found.id == (b"mynginx" if learnt else b"host")


def test_roots_given_by_settings(host, records, proc_tree):
    run(host, "mynginx", V2, "opt/runc")
    state = view.State(proc=str(proc_tree.root), host_root=str(host), runc_roots=("/opt/runc",))
    opened = records.open(60, 22.0, 23.0, b"nginx", cgroup=b"/mynginx", flags=layout.Flag.CONTAINER)
    assert state.container(opened).id == b"mynginx"


BUSYBOX = Path("/bin/busybox")


@pytest.mark.containers
@pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("runc") or not BUSYBOX.exists(), reason="needs root, runc, busybox"
)
def test_a_real_runc_container(tmp_path, records):
    bundle, root = tmp_path / "bundle", tmp_path / "state"
    (bundle / "rootfs/bin").mkdir(parents=True)
    (bundle / "rootfs/etc").mkdir()
    (bundle / "rootfs/etc/passwd").write_text("app:x:0:0::/app:/bin/sh\n")
    shutil.copy(BUSYBOX, bundle / "rootfs/bin/busybox")
    subprocess.run(["runc", "spec"], cwd=bundle, check=True)
    config = json.loads((bundle / "config.json").read_text())
    config["process"].update(terminal=False, args=["/bin/busybox", "sleep", "300"])
    (bundle / "config.json").write_text(json.dumps(config))
    container_id = f"web{os.getpid()}"
    runc_command = ["runc", "--root", str(root)]
    subprocess.run(
        [*runc_command, "run", "-d", "-b", str(bundle), "--pid-file", str(tmp_path / "pid"), container_id],
        check=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        pid = int((tmp_path / "pid").read_text())
        proc = procfs.Procfs()
        # runc returns once its init was told to go on, which may not have exec'd yet. An exec changes the name before
        # the arguments can be read.
        cmdline = Path("/proc") / str(pid) / "cmdline"
        while (stat := proc.stat(pid)) is not None and not (stat.comm == b"busybox" and cmdline.read_bytes()):
            time.sleep(0.01)
        assert stat is not None
        seen = (Path("/proc") / str(pid) / "cgroup").read_text().splitlines()
        unified = next(line.partition("::")[2] for line in seen if line.startswith("0::"))
        state = view.State(runc_roots=(str(root),))
        record = records.open(
            pid,
            stat.start / 100,
            stat.start / 100 + 1,
            stat.comm,
            cgroup=unified.encode(),
            flags=layout.Flag.CONTAINER,
            mnt_ns=proc.namespace(pid, "mnt"),
        )
        found = state.container(record)
        assert (found.id, found.name) == (container_id.encode(), container_id.encode())
        assert found.description is not None
        assert found.description.init_pid == pid
        assert state.process(record).cmdline == b"busybox sleep 300"
        assert state.process(record).exepath == b"/bin/busybox"
        assert state.user(record).name == b"app"
    finally:
        subprocess.run([*runc_command, "delete", "-f", container_id], check=True)
