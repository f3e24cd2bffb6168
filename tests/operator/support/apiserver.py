"""A kube-apiserver with its etcd on loopback, of envtest's binaries: real, empty, and our own to restart."""

from __future__ import annotations

import json
import os
import shutil
import socket
import ssl
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import yaml

NEEDED = ("etcd", "kube-apiserver")
TOKEN = "the-tests-own-administrator"
_READY_SECONDS = 90


def assets() -> Path | None:
    """The folder of envtest's binaries, if the environment names one that has them."""
    folder = os.environ.get("KUBEBUILDER_ASSETS")
    if folder and all((Path(folder) / name).exists() for name in NEEDED):
        return Path(folder)
    return None


class ApiServer:
    """Started by `start`; `stop` keeps the data, so that `start` brings the same cluster back; `remove` ends it."""

    def __init__(self, binaries: Path) -> None:
        self._binaries = binaries
        self._folder = Path(tempfile.mkdtemp(prefix="falcon-apiserver-"))
        self._etcd_port, self._peer_port, self.port = _free_ports(3)
        self._running: list[subprocess.Popen[bytes]] = []
        self.kubeconfig = self._folder / "kubeconfig"
        key = self._folder / "accounts.key"
        subprocess.run(["openssl", "genrsa", "-out", key, "2048"], check=True, capture_output=True)
        (self._folder / "tokens.csv").write_text(f"{TOKEN},admin,admin,system:masters\n")

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    def start(self) -> None:
        self._spawn(
            "etcd",
            f"--data-dir={self._folder}/etcd",
            f"--listen-client-urls=http://127.0.0.1:{self._etcd_port}",
            f"--advertise-client-urls=http://127.0.0.1:{self._etcd_port}",
            f"--listen-peer-urls=http://127.0.0.1:{self._peer_port}",
            "--unsafe-no-fsync",
        )
        self._serve()

    def restart(self, down: float = 0.0) -> None:
        """Kills the API server (not etcd), as a crash does, and starts it again after `down` seconds."""
        process = self._running.pop()
        process.kill()
        process.wait()
        time.sleep(down)
        self._serve()

    def compact(self) -> None:
        """Makes etcd forget all versions before the newest: whoever goes on from one of those is told 410 Gone."""
        header = self._etcd("maintenance/status", {})["header"]
        self._etcd("kv/compaction", {"revision": header["revision"], "physical": True})

    def _etcd(self, call: str, body: dict[str, Any]) -> dict[str, Any]:
        url = f"http://127.0.0.1:{self._etcd_port}/v3/{call}"
        with urllib.request.urlopen(url, json.dumps(body).encode(), timeout=30) as answer:
            found: dict[str, Any] = json.load(answer)
        return found

    def stop(self) -> None:
        """Ends both; nothing listens any more."""
        while self._running:
            _end(self._running.pop())

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _serve(self) -> None:
        self._spawn(
            "kube-apiserver",
            f"--etcd-servers=http://127.0.0.1:{self._etcd_port}",
            "--bind-address=127.0.0.1",
            f"--secure-port={self.port}",
            f"--cert-dir={self._folder}/certs",
            f"--token-auth-file={self._folder}/tokens.csv",
            f"--service-account-key-file={self._folder}/accounts.key",
            f"--service-account-signing-key-file={self._folder}/accounts.key",
            "--service-account-issuer=https://kubernetes.default.svc",
            "--service-cluster-ip-range=10.0.0.0/24",
            "--authorization-mode=RBAC",
            # Watches of these go to etcd itself, and meet what `compact` makes it forget.
            "--watch-cache-sizes=configmaps#0",
            # As every cluster that sensors run in.
            "--allow-privileged=true",
            # No controllers run here that would make the accounts.
            "--disable-admission-plugins=ServiceAccount",
        )
        self._wait()
        self._write_kubeconfig()

    def _spawn(self, name: str, *arguments: str) -> None:
        with open(self._folder / f"{name}.log", "ab") as log:
            command = [str(self._binaries / name), *arguments]
            self._running.append(subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL))

    def _wait(self) -> None:
        deadline = time.monotonic() + _READY_SECONDS
        context = ssl._create_unverified_context()
        request = urllib.request.Request(f"{self.url}/readyz", headers={"Authorization": f"Bearer {TOKEN}"})
        while time.monotonic() < deadline:
            if self._running[-1].poll() is not None:
                raise RuntimeError(f"kube-apiserver ended:\n{self._tail()}")
            try:
                with urllib.request.urlopen(request, timeout=2, context=context):
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.1)
        raise RuntimeError(f"kube-apiserver was not ready after {_READY_SECONDS} s:\n{self._tail()}")

    def _tail(self) -> str:
        return (self._folder / "kube-apiserver.log").read_text(errors="replace")[-3000:]

    def _write_kubeconfig(self) -> None:
        cluster = {"server": self.url, "certificate-authority": str(self._folder / "certs" / "apiserver.crt")}
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "test",
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "admin"}}],
            "clusters": [{"name": "test", "cluster": cluster}],
            "users": [{"name": "admin", "user": {"token": TOKEN}}],
        }
        self.kubeconfig.write_text(yaml.safe_dump(config))


def _free_ports(count: int) -> list[int]:
    held = [socket.socket() for _ in range(count)]
    try:
        for each in held:
            each.bind(("127.0.0.1", 0))
        return [int(each.getsockname()[1]) for each in held]
    finally:
        for each in held:
            each.close()


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
