"""Constants and flags of system calls' arguments, by the names rules know them by.

Numbers are those of the kernel's interface, the same on every architecture we run on, except for
O_* flags. What the kernel knows and these tables do not is shown as its number.
"""

from __future__ import annotations

import signal
from collections.abc import Mapping
from typing import NamedTuple


class Table(NamedTuple):
    """values: names of whole values. bits: names of single bits; a table has one or the other."""

    values: Mapping[int, bytes] = {}
    bits: Mapping[int, bytes] = {}

    def text(self, value: int) -> bytes | None:
        """`PTRACE_ATTACH`, `CLONE_NEWNS|CLONE_NEWPID`; None where no name is known."""
        if self.values:
            return self.values.get(value)
        return b"|".join(name for bit, name in self.bits.items() if value & bit) or None


def _enumerated(prefix: str, names: str, start: int = 0) -> dict[int, bytes]:
    """Names for ascending numbers."""
    return {number: (prefix + name).encode() for number, name in enumerate(names.split(), start)}


def _listed(prefix: str, pairs: str) -> dict[int, bytes]:
    """`NAME=number` pairs."""
    split = (pair.split("=") for pair in pairs.split())
    return {int(number, 0): (prefix + name).encode() for name, number in split}


PTRACE = Table(
    _enumerated("PTRACE_", "TRACEME PEEKTEXT PEEKDATA PEEKUSR POKETEXT POKEDATA POKEUSR CONT KILL SINGLESTEP")
    | _listed(
        "PTRACE_",
        """GETREGS=12 SETREGS=13 GETFPREGS=14 SETFPREGS=15 ATTACH=16 DETACH=17 GETFPXREGS=18 SETFPXREGS=19
        SYSCALL=24 GET_THREAD_AREA=25 SET_THREAD_AREA=26 ARCH_PRCTL=30 SYSEMU=31 SYSEMU_SINGLESTEP=32
        SINGLEBLOCK=33 SETOPTIONS=0x4200 GETEVENTMSG=0x4201 GETSIGINFO=0x4202 SETSIGINFO=0x4203 GETREGSET=0x4204
        SETREGSET=0x4205 SEIZE=0x4206 INTERRUPT=0x4207 LISTEN=0x4208 PEEKSIGINFO=0x4209 GETSIGMASK=0x420a
        SETSIGMASK=0x420b SECCOMP_GET_FILTER=0x420c SECCOMP_GET_METADATA=0x420d GET_SYSCALL_INFO=0x420e""",
    )
)
_FAMILIES = """
UNSPEC UNIX INET AX25 IPX APPLETALK NETROM BRIDGE ATMPVC X25 INET6 ROSE DECnet NETBEUI SECURITY KEY NETLINK PACKET
ASH ECONET ATMSVC RDS SNA IRDA PPPOX WANPIPE LLC IB MPLS CAN TIPC BLUETOOTH IUCV RXRPC ISDN PHONET IEEE802154 CAIF
ALG NFC VSOCK KCM QIPCRTR SMC XDP MCTP
"""
FAMILIES = Table(_enumerated("AF_", _FAMILIES))
_BPF_COMMANDS = """
MAP_CREATE MAP_LOOKUP_ELEM MAP_UPDATE_ELEM MAP_DELETE_ELEM MAP_GET_NEXT_KEY PROG_LOAD OBJ_PIN OBJ_GET PROG_ATTACH
PROG_DETACH PROG_TEST_RUN PROG_GET_NEXT_ID MAP_GET_NEXT_ID PROG_GET_FD_BY_ID MAP_GET_FD_BY_ID OBJ_GET_INFO_BY_FD
PROG_QUERY RAW_TRACEPOINT_OPEN BTF_LOAD BTF_GET_FD_BY_ID TASK_FD_QUERY MAP_LOOKUP_AND_DELETE_ELEM MAP_FREEZE
BTF_GET_NEXT_ID MAP_LOOKUP_BATCH MAP_LOOKUP_AND_DELETE_BATCH MAP_UPDATE_BATCH MAP_DELETE_BATCH LINK_CREATE
LINK_UPDATE LINK_GET_FD_BY_ID LINK_GET_NEXT_ID ENABLE_STATS ITER_CREATE LINK_DETACH PROG_BIND_MAP
"""
BPF = Table(_enumerated("BPF_", _BPF_COMMANDS))
CLONE = Table(
    bits=_listed(
        "CLONE_",
        """NEWTIME=0x80 VM=0x100 FS=0x200 FILES=0x400 SIGHAND=0x800 THREAD=0x10000 NEWNS=0x20000 SYSVSEM=0x40000
        NEWCGROUP=0x02000000 NEWUTS=0x04000000 NEWIPC=0x08000000 NEWUSER=0x10000000 NEWPID=0x20000000
        NEWNET=0x40000000""",
    )
)
RENAME = Table(bits=_listed("RENAME_", "NOREPLACE=1 EXCHANGE=2 WHITEOUT=4"))
UNLINK = Table(bits=_listed("AT_", "REMOVEDIR=0x200"))
LINK = Table(bits=_listed("AT_", "SYMLINK_FOLLOW=0x400 EMPTY_PATH=0x1000"))
OWNER = Table(bits=_listed("AT_", "SYMLINK_NOFOLLOW=0x100 EMPTY_PATH=0x1000"))
CLOSE_ON_EXEC = Table(bits=_listed("O_", "CLOEXEC=0x80000"))
MODULE = Table(bits=_listed("MODULE_INIT_", "IGNORE_MODVERSIONS=1 IGNORE_VERMAGIC=2 COMPRESSED_FILE=4"))
USERFAULT = Table(bits=_listed("", "UFFD_USER_MODE_ONLY=1 O_NONBLOCK=0x800 O_CLOEXEC=0x80000"))
MEMFD = Table(bits=_listed("MFD_", "CLOEXEC=1 ALLOW_SEALING=2 HUGETLB=4 NOEXEC_SEAL=8 EXEC=16"))
MOUNT = Table(
    bits=_listed(
        "",
        """RDONLY=1 NOSUID=2 NODEV=4 NOEXEC=8 SYNCHRONOUS=16 REMOUNT=32 MANDLOCK=64 DIRSYNC=128 NOATIME=1024
        NODIRATIME=2048 BIND=4096 MOVE=8192 REC=16384 SILENT=32768 POSIXACL=0x10000 UNBINDABLE=0x20000
        PRIVATE=0x40000 SLAVE=0x80000 SHARED=0x100000 RELATIME=0x200000 KERNMOUNT=0x400000 I_VERSION=0x800000
        STRICTATIME=0x1000000 LAZYTIME=0x2000000""",
    )
)
UNMOUNT = Table(bits=_listed("", "FORCE=1 DETACH=2 EXPIRE=4 NOFOLLOW=8"))
SIGNALS = Table({int(each): each.name.encode() for each in signal.Signals})
_PRCTL = """
SET_PDEATHSIG GET_PDEATHSIG GET_DUMPABLE SET_DUMPABLE GET_UNALIGN SET_UNALIGN GET_KEEPCAPS SET_KEEPCAPS GET_FPEMU
SET_FPEMU GET_FPEXC SET_FPEXC GET_TIMING SET_TIMING SET_NAME GET_NAME
"""
PRCTL = Table(
    _enumerated("PR_", _PRCTL, 1)
    | _listed(
        "PR_",
        """GET_ENDIAN=19 SET_ENDIAN=20 GET_SECCOMP=21 SET_SECCOMP=22 CAPBSET_READ=23 CAPBSET_DROP=24 GET_TSC=25
        SET_TSC=26 GET_SECUREBITS=27 SET_SECUREBITS=28 SET_TIMERSLACK=29 GET_TIMERSLACK=30 MCE_KILL=33
        MCE_KILL_GET=34 SET_MM=35 SET_CHILD_SUBREAPER=36 GET_CHILD_SUBREAPER=37 SET_NO_NEW_PRIVS=38
        GET_NO_NEW_PRIVS=39 GET_TID_ADDRESS=40 SET_THP_DISABLE=41 GET_THP_DISABLE=42 CAP_AMBIENT=47
        SET_PTRACER=0x59616d61""",
    )
)
MODE = Table(
    bits=_listed(
        "S_",
        """IXOTH=1 IWOTH=2 IROTH=4 IXGRP=8 IWGRP=16 IRGRP=32 IXUSR=64 IWUSR=128 IRUSR=256 ISVTX=512 ISGID=1024
        ISUID=2048""",
    )
)

_TABLES: Mapping[tuple[str, str], Table] = {
    ("ptrace", "request"): PTRACE,
    ("socket", "domain"): FAMILIES,
    ("bpf", "cmd"): BPF,
    ("unshare", "flags"): CLONE,
    ("setns", "nstype"): CLONE,
    ("renameat2", "flags"): RENAME,
    ("unlinkat", "flags"): UNLINK,
    ("linkat", "flags"): LINK,
    ("fchownat", "flags"): OWNER,
    ("dup3", "flags"): CLOSE_ON_EXEC,
    ("finit_module", "flags"): MODULE,
    ("userfaultfd", "flags"): USERFAULT,
    ("memfd_create", "flags"): MEMFD,
    ("mount", "flags"): MOUNT,
    ("umount2", "flags"): UNMOUNT,
    ("prctl", "option"): PRCTL,
    **{(event, "sig"): SIGNALS for event in ("kill", "tkill", "tgkill")},
    **{(event, "mode"): MODE for event in ("chmod", "fchmod", "fchmodat")},
}


def of(event: str, argument: str) -> Table | None:
    """The names of this argument's values; None when it has none (it is shown as a number)."""
    return _TABLES.get((event, argument))
