"""A BPF hash map with keys of any bytes, from user space: what `bpf` does for arrays, for the one map that needs it."""

from __future__ import annotations

import ctypes
import errno
import struct

from falcon_sensor.kernel import bpf

_LOOKUP, _UPDATE, _DELETE, _NEXT_KEY = 1, 2, 3, 4
_NO_EXIST = 1  # BPF_NOEXIST


class HashMap:
    """fd: the map's, not taken over. Raises OSError for what is not about a missing or present key."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        _, _, self.key_size, self.value_size, self.entries = struct.unpack_from("<IIIII", bpf.info(fd))

    def keys(self) -> set[bytes]:
        """Those there are now. One that comes or goes meanwhile is there or not."""
        found: set[bytes] = set()
        following = ctypes.create_string_buffer(self.key_size)
        current: bytes | None = None
        # A key that is deleted under our feet has the kernel begin anew.
        for _ in range(4 * self.entries):
            key = None if current is None else ctypes.create_string_buffer(current, self.key_size)
            if not self._call(_NEXT_KEY, key, following, errno.ENOENT):
                break
            current = following.raw
            found.add(current)
        return found

    def get(self, key: bytes) -> bytes | None:
        value = ctypes.create_string_buffer(self.value_size)
        return value.raw if self._call(_LOOKUP, self._key(key), value, errno.ENOENT) else None

    def insert(self, key: bytes, value: bytes) -> bool:
        """False: the key is there already, or the map is full."""
        content = ctypes.create_string_buffer(value, self.value_size)
        return self._call(_UPDATE, self._key(key), content, errno.EEXIST, errno.E2BIG, flags=_NO_EXIST)

    def delete(self, key: bytes) -> bool:
        """False: it was not there."""
        return self._call(_DELETE, self._key(key), None, errno.ENOENT)

    def _key(self, key: bytes) -> ctypes.Array[ctypes.c_char]:
        return ctypes.create_string_buffer(key, self.key_size)

    def _call(
        self,
        command: int,
        key: ctypes.Array[ctypes.c_char] | None,
        other: ctypes.Array[ctypes.c_char] | None,
        *harmless: int,
        flags: int = 0,
    ) -> bool:
        addresses = (0 if each is None else ctypes.addressof(each) for each in (key, other))
        try:
            bpf.call(command, struct.pack("<IxxxxQQQ", self._fd, *addresses, flags))
        except OSError as error:
            if error.errno in harmless:
                return False
            raise
        return True
