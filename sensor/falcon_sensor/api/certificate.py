"""The serving certificate, from files that somebody else fills and renews.

The Secret may be empty when the sensor starts, and is replaced as a whole (a symbolic link of the
kubelet turns) when the operator renews it. Whoever is being served keeps the old certificate.
"""

from __future__ import annotations

import os
import ssl
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

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

    def _signature(self) -> tuple[object, ...] | None:
        try:
            return tuple((s.st_ino, s.st_dev, s.st_mtime_ns, s.st_size) for s in map(os.stat, self._files))
        except OSError:
            return None

    def _load(self) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        try:
            context.load_cert_chain(*self._files)
        except (OSError, ssl.SSLError) as error:
            # Half of a renewal, or rubbish. The one before serves on, and the next look tries again.
            self._seen = None
            if self._context is None:
                self._tell(f"the API's certificate in {self._files[0].parent} cannot be used: {error}")
            return
        self._context = context
