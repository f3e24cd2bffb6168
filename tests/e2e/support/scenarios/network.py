"""Scenarios of 50-network.yaml. Nothing leaves the machine: containers have a network of their own."""

from __future__ import annotations

from tests.e2e.support import runc
from tests.e2e.support.stage import Stage, fires, silent

API = "Contact K8S API Server From Container"
METADATA = "Contact cloud metadata service from container"
SSH = "Disallowed SSH Connection Non Standard Port"
SOCKET = "Container runtime socket contacted from container"

POD = {"KUBERNETES_SERVICE_HOST": "198.51.100.7", "KUBERNETES_SERVICE_PORT": "6443"}
METADATA_ADDRESS = "169.254.169.254"


def ssh_to(stage: Stage, address: str, port: int, program: str = "ssh") -> runc.Result:
    """A connection under way: packets go out through the loopback device, and nobody answers."""
    network = f"ip link set lo up; ip route add {address}/32 dev lo; "
    return stage.shell(f"{network} /usr/sbin/{program} tcp {address} {port}", capabilities=["CAP_NET_ADMIN"])


SCENARIOS = [
    fires(API, "curl in a pod", lambda s: s.container(["/usr/sbin/curl", "tcp", "198.51.100.7", "6443"], env=POD)),
    fires(API, "a usual service address", lambda s: s.container(["/usr/sbin/kubectl", "tcp", "10.96.0.1", "443"])),
    silent(API, "another port", lambda s: s.container(["/usr/sbin/curl", "tcp", "198.51.100.7", "644"], env=POD)),
    silent(API, "another address", lambda s: s.container(["/usr/sbin/curl", "tcp", "198.51.100.8", "6443"], env=POD)),
    silent(API, "a controller", lambda s: s.container(["/usr/sbin/myapp", "tcp", "198.51.100.7", "6443"], env=POD)),
    silent(API, "on the host", lambda s: s.host(["ip", "netns", "list"])),
    fires(METADATA, "curl", lambda s: s.container(["/usr/sbin/curl", "tcp", METADATA_ADDRESS, "80"])),
    silent(METADATA, "a cloud library", lambda s: s.container(["/usr/sbin/myapp", "tcp", METADATA_ADDRESS, "80"])),
    silent(METADATA, "another address", lambda s: s.container(["/usr/sbin/curl", "tcp", "169.254.169.253", "80"])),
    fires(SSH, "port 443", lambda s: ssh_to(s, "198.51.100.7", 443)),
    silent(SSH, "port 22", lambda s: ssh_to(s, "198.51.100.7", 22)),
    silent(SSH, "a private address", lambda s: ssh_to(s, "10.255.255.1", 443)),
    silent(SSH, "another program", lambda s: ssh_to(s, "198.51.100.7", 443, "myapp")),
    silent(SSH, "the name service", lambda s: s.container(["/usr/sbin/ssh", "udp", "198.51.100.7", "53"])),
    fires(SOCKET, "docker's", lambda s: s.container(["/usr/sbin/curl", "unix", "/var/run/docker.sock"])),
    silent(SOCKET, "another socket", lambda s: s.container(["/usr/sbin/curl", "unix", "/var/run/app.sock"])),
    silent(SOCKET, "on the host", lambda s: s.act("unix", f"{s.directory}/docker.sock")),
]
