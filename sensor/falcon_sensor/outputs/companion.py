"""A process of its own beside the sensor, at the other end of a socket pair: what has an event loop runs there.

The agent of a cluster's node and the gRPC server are such.
"""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from typing import Final

_READ_BYTES: Final = 1 << 16


class Companion:
    """One process. Its end closes the connection. OSError when it cannot be started.

    module: what it runs, with the number of its descriptor as argument. send_seconds: a companion always reads, so one
    that takes nothing for so long is broken; without a bound it would make us hang. env: variables besides ours.
    """

    def __init__(self, module: str, send_seconds: int, env: Mapping[str, str] | None = None) -> None:
        self._socket, theirs = socket.socketpair()
        # A struct timeval.
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", send_seconds, 0))
        self._writing = threading.Lock()
        with theirs:
            # -P: a module that lies in the current directory must not run as root. A process group of its own:
            # Ctrl-C in the terminal is for us.
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", module, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                env=None if env is None else {**os.environ, **env},
                process_group=0,
            )

    def write(self, data: bytes) -> bool:
        """False: it has ended, or takes nothing any more and will be ended."""
        try:
            with self._writing:
                self._socket.sendall(data)
        except OSError:
            self._shut()
            return False
        return True

    def received(self) -> Iterator[bytes]:
        """What it sends, as it comes, until it ends."""
        with contextlib.suppress(OSError):
            while data := self._socket.recv(_READ_BYTES):
                yield data

    def end(self) -> int:
        """Returns its exit code."""
        self._shut()
        try:
            return self._process.wait(1.0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()
        finally:
            self._socket.close()

    def kill(self) -> None:
        self._process.kill()

    def _shut(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
