"""The serving certificate, from files that somebody else fills and renews.

The Secret may be empty when the sensor starts, and is replaced as a whole (a symbolic link of the
kubelet turns) when the operator renews it. Whoever is being served keeps the old certificate.

The kubelet takes up to a minute and a half to bring a Secret's first content into a mounted directory.
Until then whoever has read it from the API server may `give` it; once there are files, they decide.
"""

from __future__ import annotations

import base64
import os
import ssl
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

LOOK_SECONDS: Final = 2.0
"""So long files are not looked at again; the kubelet itself takes up to a minute to bring a change."""


class Certificate:
    """directory: has `tls.crt` and `tls.key`, sooner or later. tell: gets a line for people."""

    def __init__(self, directory: Path, tell: Callable[[str], None]) -> None:
        self._files = (directory / "tls.crt", directory / "tls.key")
        self._tell = tell
        self._seen: tuple[object, ...] | None = None
        self._looked = float("-inf")
        self._context: ssl.SSLContext | None = None

    def context(self) -> ssl.SSLContext | None:
        """For the next connection; None while there is no usable certificate."""
        now = time.monotonic()
        if now - self._looked >= LOOK_SECONDS:
            self._looked = now
            signature = self._signature()
            if signature is not None and signature != self._seen:
                self._seen = signature
                self._load()
        return self._context

    def give(self, certificate: str, key: str) -> bool:
        """Takes this pair (PEM) until there are files; whether it can be used."""
        if self._seen is not None:
            return True
        context = _server()
        try:
            # Python's ssl takes files alone; this one never has a name.
            with tempfile.TemporaryFile("w") as file:
                file.write(f"{certificate}\n{key}\n")
                file.flush()
                context.load_cert_chain(f"/proc/self/fd/{file.fileno()}")
        except (OSError, ssl.SSLError) as error:
            self._tell(f"the API's certificate in the Secret cannot be used: {error}")
            return False
        self._context = context
        return True

    def _signature(self) -> tuple[object, ...] | None:
        try:
            return tuple((s.st_ino, s.st_dev, s.st_mtime_ns, s.st_size) for s in map(os.stat, self._files))
        except OSError:
            return None

    def _load(self) -> None:
        context = _server()
        try:
            context.load_cert_chain(*self._files)
        except (OSError, ssl.SSLError) as error:
            # Half of a renewal, or rubbish. The one before serves on, and the next look tries again.
            self._seen = None
            if self._context is None:
                self._tell(f"the API's certificate in {self._files[0].parent} cannot be used: {error}")
            return
        self._context = context


def pair(secret: Mapping[str, Any]) -> tuple[str, str] | None:
    """Certificate and key of a Secret as the API server shows it, None while it does not have both."""
    data = secret.get("data") or {}
    try:
        found = [base64.b64decode(data[name]).decode("ascii") for name in ("tls.crt", "tls.key")]
    except (KeyError, TypeError, ValueError):
        return None
    return found[0], found[1]


def _server() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
