"""Scenarios of the rules that are off by default."""

from __future__ import annotations

from tests.e2e.support.scenarios.network import METADATA_ADDRESS, POD, ssh_to
from tests.e2e.support.stage import fires, silent

PROFILE = "Shell start-up file of a user written"
INSTALL = "Package manager started in container"
API = "Any program contacts the Kubernetes API from a container"
METADATA = "Any program contacts cloud metadata service from container"
POOL = "Connection to a mining pool port"

SCENARIOS = [
    fires(PROFILE, ".bashrc", lambda s: s.act("open", "wc", f"{s.directory}/.bashrc")),
    silent(PROFILE, "only read", lambda s: s.host(["cat", "/etc/skel/.bashrc"])),
    fires(INSTALL, "apt-get", lambda s: s.container(["/usr/bin/apt-get", "install", "nmap"])),
    silent(INSTALL, "on the host", lambda s: s.idle("apt-get", "install", "nmap")),
    fires(API, "any program", lambda s: s.container(["/usr/sbin/myapp", "tcp", "198.51.100.7", "6443"], env=POD)),
    silent(API, "another address", lambda s: s.container(["/usr/sbin/myapp", "tcp", "198.51.100.8", "6443"], env=POD)),
    fires(METADATA, "any program", lambda s: s.container(["/usr/sbin/myapp", "tcp", METADATA_ADDRESS, "80"])),
    silent(METADATA, "another address", lambda s: s.container(["/usr/sbin/myapp", "tcp", "169.254.1.1", "80"])),
    fires(POOL, "port 3333", lambda s: ssh_to(s, "198.51.100.7", 3333, "myapp")),
    silent(POOL, "a private address", lambda s: ssh_to(s, "10.255.255.1", 3333, "myapp")),
]
