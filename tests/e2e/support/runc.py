"""Real containers: runc on an overlay of a small image, with nothing left behind.

An image is a directory with busybox, bash and copies of our own programs (the lower layer). Every
container gets a writable layer of its own above it, namespaces of its own, a 64-digit id as every
runtime gives, and annotations as containerd's. Whatever happens, `Container` deletes it by id,
unmounts its root and removes its directories and cgroups.
"""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import pty
import re
import secrets
import shutil
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.e2e.support.programs import Programs

NAMESPACES = ("pid", "network", "ipc", "uts", "mount", "cgroup")
CAPABILITIES = (
    *("CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_MKNOD", "CAP_NET_BIND_SERVICE"),
    *("CAP_NET_RAW", "CAP_SETGID", "CAP_SETUID", "CAP_SYS_CHROOT", "CAP_AUDIT_WRITE"),
)
"""What runtimes give by default."""

# Long enough for a scenario that waits some seconds on a busy machine; after it the container is killed.
TIMEOUT = 60.0

CGROUPS = pathlib.Path("/sys/fs/cgroup")

# Names under which our two programs lie in the image.
SERVERS = ("nginx", "httpd", "php-fpm8.2", "vsftpd")
ACTORS = ("act", "curl", "ssh", "sshd", "myapp", "python3", "debugger", "ebs-csi", "buildkitd", "kubectl", "dhclient")
IDLERS = ("debugfs", "ncat", "socat", "nmap", "xmrig", "find-it", "apt-get", "curl-idle", "mkfs.ext4", "pip")

FILES = {
    "etc/passwd": "root:x:0:0:root:/root:/bin/sh\nwww-data:x:33:33::/var/www:/bin/sh\nanna:x:1000:1000::/:/bin/sh\n",
    "etc/group": "root:x:0:\nwww-data:x:33:\nanna:x:1000:\n",
    "etc/shadow": "root:*:19000:0:99999:7:::\n",
    "etc/hostname": "scenario\n",
    "etc/sudoers": "root ALL=(ALL) ALL\n",
    "etc/ssh/sshd_config": "PermitRootLogin no\n",
    "etc/cron.d/placeholder": "",
    "etc/pam.d/login": "",
    "etc/profile.d/placeholder.sh": "",
    "etc/systemd/system/placeholder": "",
    "etc/sudoers.d/placeholder": "",
    "etc/modules-load.d/placeholder": "",
    "lib/modules/6.1.0/placeholder": "",
    "root/.ssh/id_ed25519": "not a key\n",
    "root/.ssh/id_ed25519.pub": "not a key\n",
    "root/.aws/credentials": "[default]\n",
    "root/.aws/config": "[default]\n",
    "run/secrets/kubernetes.io/serviceaccount/token": "not a token\n",
    "run/secrets/kubernetes.io/serviceaccount/namespace": "default\n",
    "var/log/syslog": "",
    "var/log/app/app.log": "",
    "var/lib/dpkg/status": "",
    "var/spool/cron/crontabs/placeholder": "",
    "tmp/placeholder": "",
    "var/tmp/placeholder": "",
    "usr/local/bin/placeholder": "",
    "host/placeholder": "",
}


def build_image(directory: pathlib.Path, programs: Programs) -> pathlib.Path:
    """A root file system with the programs and files that scenarios need; returns `directory`."""
    for name in ("bin", "sbin", "usr/bin", "usr/sbin", "proc", "dev", "sys"):
        (directory / name).mkdir(parents=True, exist_ok=True)
    busybox = shutil.which("busybox")
    assert busybox
    shutil.copy(busybox, directory / "bin/busybox")
    for applet in subprocess.run([busybox, "--list"], check=True, capture_output=True, text=True).stdout.split():
        if applet != "busybox":
            (directory / "bin" / applet).symlink_to("busybox")
    for program in ("/bin/bash",):
        _copy_with_libraries(program, directory)
    for name in (*SERVERS, *ACTORS):
        shutil.copy(programs.act, directory / "usr/sbin" / name)
    for name in IDLERS:
        shutil.copy(programs.nothing, directory / "usr/bin" / name)
    for path, text in FILES.items():
        target = directory / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
    return directory


def _copy_with_libraries(program: str, directory: pathlib.Path) -> None:
    found = subprocess.run(["ldd", program], check=True, capture_output=True, text=True).stdout
    for path in [program, *re.findall(r"(/\S+) \(0x", found)]:
        target = directory / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(os.path.realpath(path), target)


@dataclass(kw_only=True)
class Spec:
    """What a container is to be; the defaults are those of an ordinary, unprivileged one.

    mounts: host path to container path, bound. extra: files of the writable layer, made before the start.
    cgroups_path: None puts it at the root, as plain runc does. host_pid: shares the host's processes.
    """

    args: Sequence[str]
    terminal: bool = False
    user: int = 0
    env: Mapping[str, str] = field(default_factory=dict)
    capabilities: Sequence[str] = ()
    annotations: Mapping[str, str] = field(default_factory=dict)
    cgroups_path: str | None = None
    mounts: Mapping[str, str] = field(default_factory=dict)
    writable_proc: bool = False
    pid_namespace: bool = True


@dataclass
class Result:
    id: str
    code: int
    output: str


class Runtime:
    """Runs containers of one image below one directory."""

    def __init__(self, directory: pathlib.Path, image: pathlib.Path) -> None:
        self._directory = directory
        self._image = image

    def run(self, spec: Spec, timeout: float = TIMEOUT) -> Result:
        """Runs it to its end. The container is gone when this returns or raises."""
        container = _Container(self._directory, self._image, spec)
        try:
            container.prepare()
            return container.run(timeout)
        finally:
            container.remove()


class _Container:
    def __init__(self, directory: pathlib.Path, image: pathlib.Path, spec: Spec) -> None:
        self.id = secrets.token_hex(32)
        self._image = image
        self._spec = spec
        self._bundle = directory / self.id
        self._root = self._bundle / "rootfs"
        # The layers lie in memory: an overlay can't have its upper layer on another overlay, which is
        # what the tests' own directory may be on.
        self._layers = pathlib.Path("/dev/shm") / f"falcon-e2e-{self.id}"
        self._cgroups_path = (spec.cgroups_path or "/{id}").format(id=self.id)

    def prepare(self) -> None:
        for path in (self._root, self._layers / "upper", self._layers / "work"):
            path.mkdir(parents=True)
        layers = f"lowerdir={self._image},upperdir={self._layers}/upper,workdir={self._layers}/work"
        subprocess.run(["mount", "-t", "overlay", "overlay", "-o", layers, str(self._root)], check=True)
        (self._bundle / "config.json").write_text(json.dumps(self._config()))

    def run(self, timeout: float) -> Result:
        command = ["runc", "run", "--bundle", str(self._bundle), self.id]
        if self._spec.terminal:
            return self._run_on_terminal(command, timeout)
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=timeout
        )
        return Result(self.id, done.returncode, done.stdout.decode(errors="replace"))

    def _run_on_terminal(self, command: Sequence[str], timeout: float) -> Result:
        ours, theirs = pty.openpty()
        chunks: list[bytes] = []
        process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs)
        os.close(theirs)
        reader = threading.Thread(target=_drain, args=(ours, chunks), daemon=True)
        reader.start()
        try:
            code = process.wait(timeout)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
            reader.join(timeout=5)
            os.close(ours)
        return Result(self.id, code, b"".join(chunks).decode(errors="replace"))

    def remove(self) -> None:
        """By id, and again until nothing is left: a failed start leaves some of this behind."""
        subprocess.run(["runc", "delete", "--force", self.id], capture_output=True)
        if os.path.ismount(self._root):
            subprocess.run(["umount", "--lazy", str(self._root)], check=True)
        shutil.rmtree(self._bundle, ignore_errors=True)
        shutil.rmtree(self._layers, ignore_errors=True)
        self._remove_cgroups()

    def _remove_cgroups(self) -> None:
        """The container's own and the parents that came with it; those that others use are not empty."""
        for base in _cgroup_bases():
            path = base.joinpath(self._cgroups_path.strip("/"))
            while path != base:
                with contextlib.suppress(OSError):
                    path.rmdir()
                path = path.parent

    def _config(self) -> dict[str, Any]:
        spec = self._spec
        env = {"PATH": "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM": "xterm", **spec.env}
        capabilities = sorted({*CAPABILITIES, *spec.capabilities}) if spec.user == 0 else []
        namespaces = [name for name in NAMESPACES if name != "pid" or spec.pid_namespace]
        return {
            "ociVersion": "1.0.2",
            "hostname": "scenario",
            "root": {"path": "rootfs", "readonly": False},
            "annotations": dict(spec.annotations),
            "process": {
                "terminal": spec.terminal,
                "user": {"uid": spec.user, "gid": spec.user},
                "args": list(spec.args),
                "env": [f"{key}={value}" for key, value in env.items()],
                "cwd": "/",
                "capabilities": dict.fromkeys(("bounding", "effective", "permitted"), capabilities),
                "noNewPrivileges": False,
            },
            "mounts": [*_mounts(), *(_bind(source, target) for source, target in spec.mounts.items())],
            "linux": {
                "cgroupsPath": self._cgroups_path,
                "namespaces": [{"type": name} for name in namespaces],
                "readonlyPaths": [] if spec.writable_proc else ["/proc/sys", "/proc/sysrq-trigger"],
                "resources": {"devices": [{"allow": True, "access": "rwm"}]},
            },
        }


def _cgroup_bases() -> Iterator[pathlib.Path]:
    """Where runc may have put a container: below each hierarchy's root, or below our own cgroup in it."""
    yield CGROUPS
    for line in pathlib.Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, own = line.split(":", 2)
        for name in (controllers.removeprefix("name=") or "unified", controllers or "."):
            yield CGROUPS / name
            yield CGROUPS / name / own.strip("/")


def _mounts() -> list[dict[str, Any]]:
    safe = ["nosuid", "noexec", "nodev"]
    return [
        {"destination": "/proc", "type": "proc", "source": "proc"},
        {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755", "size=65536k"]},
        {
            "destination": "/dev/pts",
            "type": "devpts",
            "source": "devpts",
            "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"],
        },
        {"destination": "/dev/shm", "type": "tmpfs", "source": "shm", "options": ["nosuid", "nodev", "mode=1777"]},
        {"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": [*safe, "ro"]},
    ]


def _bind(source: str, target: str) -> dict[str, Any]:
    return {"destination": target, "type": "bind", "source": source, "options": ["rbind", "rw"]}


def _drain(descriptor: int, chunks: list[bytes]) -> None:
    while True:
        try:
            chunk = os.read(descriptor, 4096)
        except OSError:
            return
        if not chunk:
            return
        chunks.append(chunk)
