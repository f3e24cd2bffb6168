"""The first user space of a test's virtual machine: finds the host's root file system and goes on there.

    kernel -> /init here (busybox) -> 9p: the host's /, read-only -> the test's script, in it

9p and virtio are modules in Debian's kernels, so the archive holds a few of them, and busybox to load them.
"""

from __future__ import annotations

import lzma
import shutil
from collections.abc import Iterator
from pathlib import Path

from tests.kernel.vm import packages

_MODULES = ("virtio_pci", "9p", "9pnet_virtio", "af_packet", "overlay")
"""The latter two are for the tests: nothing in the machine can load modules later."""

# Nobody changes the files meanwhile, so they may be kept (cache=loose): without that, Python's start takes minutes.
_INIT = """#!/bin/busybox sh
busybox mount -t proc proc /proc
while read module; do busybox insmod /modules/$module; done < /modules/order
busybox mount -t 9p -o ro,trans=virtio,version=9p2000.L,msize=512000,cache=loose host /host
cd /host
for each in tmp run var/tmp; do busybox mount -t tmpfs tmpfs $each; done
busybox mkdir -p run/lock
busybox mount -t proc proc proc
busybox mount -t sysfs sysfs sys
busybox mount -t devtmpfs devtmpfs dev
busybox mkdir -p dev/pts dev/shm
busybox mount -t devpts devpts dev/pts
busybox mount -t tmpfs tmpfs dev/shm
busybox mount -t cgroup2 cgroup2 sys/fs/cgroup
busybox mount -t tracefs tracefs sys/kernel/tracing
busybox mount -t securityfs securityfs sys/kernel/security
busybox umount /proc
busybox ip link set lo up
busybox cp /script run/script
exec busybox switch_root /host /bin/sh -c '
PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin; export PATH
sh /run/script > /dev/ttyS1 2>&1
echo o > /proc/sysrq-trigger
sleep 60'
"""
_TRAILER = "TRAILER!!!"


def build(kernel: packages.Kernel, script: str) -> bytes:
    """A cpio archive. script: for a shell, run as root in the host's root file system."""
    busybox = shutil.which("busybox")
    if busybox is None:
        raise FileNotFoundError("busybox: install busybox-static")
    modules = list(_needed(kernel))
    entries = [_entry(name, 0o040755) for name in ("bin", "proc", "host", "modules", "dev")]
    entries.append(_entry("bin/busybox", 0o100755, Path(busybox).read_bytes()))
    entries.append(_entry("init", 0o100755, _INIT.encode()))
    entries.append(_entry("script", 0o100644, script.encode()))
    order = "".join(f"{_plain(path)}\n" for path in modules)
    entries.append(_entry("modules/order", 0o100644, order.encode()))
    entries += [_entry(f"modules/{_plain(path)}", 0o100644, _content(path)) for path in modules]
    return b"".join((*entries, _entry(_TRAILER, 0)))


def _needed(kernel: packages.Kernel) -> Iterator[Path]:
    """Files of the modules, in an order in which they can be loaded."""
    lines = [line.split(":") for line in (kernel.modules / "modules.dep").read_text().splitlines()]
    needs = {_name(path): [path, *rest.split()] for path, rest in lines}
    seen = set()
    for module in _MODULES:
        for path in reversed(needs.get(module, ())):  # none: it is built in
            if path not in seen:
                seen.add(path)
                yield kernel.modules / path


def _name(path: str) -> str:
    return Path(path).name.partition(".")[0].replace("-", "_")


def _plain(path: Path) -> str:
    return path.name.removesuffix(".xz")


def _content(path: Path) -> bytes:
    content = path.read_bytes()
    return lzma.decompress(content) if path.suffix == ".xz" else content


def _entry(name: str, mode: int, content: bytes = b"") -> bytes:
    """In cpio's "newc" form: thirteen numbers in hexadecimal, the name, the content, both padded to four bytes."""
    encoded = name.encode() + b"\0"
    numbers = (0, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(encoded), 0)
    head = b"070701" + b"".join(b"%08X" % number for number in numbers) + encoded
    return head + bytes(-len(head) % 4) + content + bytes(-len(content) % 4)
