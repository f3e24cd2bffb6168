"""A process as the engine asks about it: who it is at the time of a record, and what it runs.

`Process` is made per question and is cheap: identity comes from the record (head or ancestor
entry), everything else from the image (`images.Image`) that the cache finds on first use. Text is
bytes as the kernel had it; None means unavailable.
"""

from __future__ import annotations

from collections.abc import Callable

from falcon_sensor.state import images

LOGINUID_UNSET = 0xFFFFFFFF


class Process:
    """One process at one instant.

    pid, vpid: thread group ids in the initial and in its own pid namespace. start:
    start_boottime, ns (CLOCK_BOOTTIME). comm: bytes without padding, as at the record's time.
    """

    __slots__ = ("_cwd", "_find", "_image", "_searched", "comm", "pid", "start", "vpid")

    def __init__(
        self,
        pid: int,
        start: int,
        vpid: int,
        comm: bytes,
        find: Callable[[Process], images.Image | None],
        cwd: Callable[[Process], bytes | None],
    ) -> None:
        self.pid = pid
        self.start = start
        self.vpid = vpid
        self.comm = comm
        self._find = find
        self._cwd = cwd
        self._image: images.Image | None = None
        self._searched = False

    @property
    def image(self) -> images.Image | None:
        """What the last exec before now (its own, or a forebear's that it was forked with) started."""
        if not self._searched:
            self._searched = True
            self._image = self._find(self)
        return self._image

    @property
    def exe(self) -> bytes | None:
        """argv[0], `proc.exe`."""
        image = self.image
        if image is None:
            return None
        return image.argv[0] if image.argv else b""

    @property
    def exepath(self) -> bytes | None:
        """Canonical path of the executable, within the process's own root, ` (deleted)` removed."""
        image = self.image
        return image.exepath if image is not None else None

    @property
    def args(self) -> tuple[bytes, ...] | None:
        """Arguments after argv[0]."""
        image = self.image
        return image.argv[1:] if image is not None else None

    @property
    def cmdline(self) -> bytes | None:
        """comm and the arguments joined by blanks; comm alone when the arguments are unknown."""
        args = self.args
        return b" ".join((self.comm, *args)) if args else self.comm

    @property
    def exeline(self) -> bytes | None:
        """argv[0] and the arguments joined by blanks."""
        image = self.image
        return b" ".join(image.argv) if image is not None else None

    @property
    def env(self) -> tuple[bytes, ...] | None:
        """Environment as handed to exec: `NAME=value` entries, at most `layout.ENV_CAP` bytes of them."""
        image = self.image
        return image.env if image is not None else None

    def variable(self, name: bytes) -> bytes | None:
        """One environment variable; empty when unset, None when the environment is unknown."""
        env = self.env
        if env is None:
            return None
        prefix = name + b"="
        return next((entry[len(prefix) :] for entry in env if entry.startswith(prefix)), b"")

    @property
    def cwd(self) -> bytes | None:
        """Working directory with a trailing slash: now if the process still lives, else at exec."""
        path = self._cwd(self)
        if path is None:
            return None
        return path if path.endswith(b"/") else path + b"/"

    @property
    def is_shell(self) -> bool:
        """Falco's meaning for `proc.loginshellid`: the name ends in `sh`."""
        return self.comm.endswith(b"sh")
