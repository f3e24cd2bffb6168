"""Random acts by many processes below a root of their own; run by test_soundness_on_the_kernel.

    python soundness_driver.py ROOT SEED ACTS

Everything happens below ROOT, where whatever is opened, cut or removed harms nobody. Names are few and odd, so that
rules made of the same names meet them.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import random
import socket
import sys

NAME = b"soundness-main"
_NEW_MOUNTS = 0x20000
_SET_NAME = 15
_PTRACE_ATTACH = 16

NAMES = """/etc/shadow /etc/passwd /etc/pam.d/su /etc / /root/.ssh/id_rsa /tmp/a /tmp/a.log /etcetera /var/log/auth.log
    etc/shadow shadow ./shadow ../shadow /etc/../etc/shadow /etc//shadow /tmp/./a /tmp/ . .. a pam.d/su ./a
    /tmp/../../etc/passwd a//b /etc/ etc/ /tmp/link /tmp/absent""".split()
MOVED = ["/tmp/a", "/tmp/a.log", "/tmp/link", "a", "./a", "/etcetera", "/tmp/../etcetera"]
"""What may be made, moved and removed without taking the tree apart."""
COMMS = ["sh", "bash", "nginx", "sshd", "systemd", "a-name-of-15-by", "kworker/0:1"]
FLAGS = [
    *(os.O_RDONLY, os.O_WRONLY, os.O_RDWR, os.O_RDWR | os.O_CREAT, os.O_WRONLY | os.O_TRUNC, os.O_PATH),
    *(os.O_RDONLY | os.O_DIRECTORY, os.O_WRONLY | os.O_CREAT | os.O_EXCL, os.O_RDONLY | os.O_NOFOLLOW),
]
PEERS: list[tuple[int, int, object]] = [
    *(
        (socket.AF_INET, socket.SOCK_DGRAM, (address, port))
        for address in ("10.0.0.1", "10.1.0.9")
        for port in (22, 443)
    ),
    *((socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", port)) for port in (1, 443)),
    (socket.AF_INET6, socket.SOCK_DGRAM, ("::1", 22)),
    (socket.AF_INET6, socket.SOCK_DGRAM, ("::ffff:10.0.0.1", 443)),
    (socket.AF_UNIX, socket.SOCK_STREAM, "/tmp/a"),
]

libc = ctypes.CDLL(None, use_errno=True)


def act(chance: random.Random) -> None:
    name, other = chance.choice(NAMES), chance.choice(MOVED)
    match chance.randrange(12):
        case 0 | 1 | 2 | 3 | 4:
            os.close(os.open(name, chance.choice(FLAGS), chance.choice([0o644, 0o755])))
        case 5 | 6:
            family, kind, address = chance.choice(PEERS)
            with socket.socket(family, kind) as made:
                made.connect(address)  # type: ignore[arg-type]
        case 7:
            os.symlink(name, other)
        case 8:
            chance.choice([os.link, os.rename])(chance.choice(MOVED), other)
        case 9:
            os.unlink(other)
        case 10:
            os.dup2(0, chance.choice([3, 22]))
        case 11:
            with socket.socket(
                *chance.choice([(socket.AF_PACKET, socket.SOCK_RAW), (socket.AF_INET, socket.SOCK_RAW)])
            ):
                libc.ptrace(chance.choice([_PTRACE_ATTACH, 0x4206]), 0x7FFFFFFF, None, None)


def live(chance: random.Random, acts: int) -> None:
    """A process: a name, perhaps another user or other mounts, acts, and at its end perhaps a program."""
    if chance.random() < 0.3:
        libc.unshare(_NEW_MOUNTS)
    libc.prctl(_SET_NAME, chance.choice(COMMS).encode(), 0, 0, 0)
    if chance.random() < 0.3:
        os.setegid(chance.choice([22, 1000]))
        os.seteuid(chance.choice([1, 1000]))
    os.chdir(chance.choice(["/", "/etc", "/tmp"]))
    for _ in range(acts):
        with contextlib.suppress(OSError):
            act(chance)
    if chance.random() < 0.5:
        with contextlib.suppress(OSError):
            program = chance.choice(["/bin/sh", "/bin/nginx", "/tmp/bash", "/bin/absent", "/etc/shadow"])
            os.execve(program, [program, "open", "0"], {})


def main(root: str, seed: int, acts: int) -> None:
    libc.prctl(_SET_NAME, NAME, 0, 0, 0)
    os.chroot(root)
    os.chdir("/")
    chance = random.Random(seed)
    each = 25
    for number in range(acts // each):
        child = os.fork()
        if not child:
            try:
                live(random.Random(chance.random() + number), each)
            finally:
                os._exit(0)
        os.waitpid(child, 0)
        chance.random()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
