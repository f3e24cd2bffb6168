"""`syslog_output.address`, taken apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal
from urllib import parse

_PORTS = {"udp": 514, "tcp": 601, "tls": 6514}
"""As registered; for plain TCP that is RFC 3195's, the closest to a registered one."""
Kind = Literal["unix", "udp", "tcp", "tls"]


@dataclass(frozen=True, slots=True)
class Address:
    """path: with unix; host, port: with everything else."""

    kind: Kind
    path: str = ""
    host: str = ""
    port: int = 0


def read(text: str) -> Address:
    """Raises ValueError, its text says what is wrong."""
    parts = parse.urlsplit(text)
    if parts.scheme == "unix":
        if parts.netloc or not parts.path.startswith("/"):
            raise ValueError("must be unix:// and an absolute path, such as unix:///dev/log")
        return Address("unix", path=parts.path)
    if parts.scheme not in _PORTS:
        raise ValueError("must begin with unix://, udp://, tcp:// or tls://")
    if not parts.hostname:
        raise ValueError("has no host")
    if parts.path not in ("", "/") or parts.query or parts.username is not None:
        raise ValueError("must be no more than host and port")
    kind: Kind = "udp" if parts.scheme == "udp" else "tcp" if parts.scheme == "tcp" else "tls"
    return Address(kind, host=parts.hostname, port=parts.port or _PORTS[kind])
