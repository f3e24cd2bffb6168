"""The number of each recorded call, by architecture and calling convention.

One row a call, one column a convention; `-` where the convention lacks the call. Several numbers
mean the same event (16- and 32-bit ids of i386, `fchmodat2` beside `fchmodat`).
"""

from __future__ import annotations

from typing import NamedTuple

SOCKETCALL = "socketcall"
"""32-bit x86 has one call for all socket functions; its first argument tells which."""

_X32 = 1 << 30


class Numbers(NamedTuple):
    """Call numbers by event; an event may have several. `native` and `compat` are told apart per call."""

    native: dict[str, tuple[int, ...]]
    compat: dict[str, tuple[int, ...]]


_TABLE = """
event              x86_64    i386         aarch64   arm
execve             59        11           221       11
execveat           322       358          281       387
open               2         5            -         5
openat             257       295          56        322
openat2            437       437          437       437
creat              85        8            -         8
connect            42        362          203       283
link               86        9            -         9
linkat             265       303          37        330
symlink            88        83           -         83
symlinkat          266       304          36        331
ptrace             101       26           117       26
dup                32        41           23        41
dup2               33        63           -         63
dup3               292       330          24        358
socket             41        359          198       281
sendto             44        369          206       290
sendmsg            46        370          211       296
init_module        175       128          105       128
finit_module       313       350          273       379
accept             43        -            202       285
accept4            288       364          242       366
bpf                321       357          280       386
chmod              90        15           -         15
fchmod             91        94           52        94
fchmodat           268,452   306,452      53,452    333,452
listen             50        363          201       284
bind               49        361          200       282
rename             82        38           -         38
renameat           264       302          38        329
renameat2          316       353          276       382
rmdir              84        40           -         40
setns              308       346          268       375
setuid             105       23,213       146       23,213
unlink             87        10           -         10
unlinkat           263       301          35        328
unshare            272       310          97        337
mkdir              83        39           -         39
mkdirat            258       296          34        323
recvfrom           45        371          207       292
recvmsg            47        372          212       297
userfaultfd        323       374          282       388
memfd_create       319       356          279       385
kill               62        37           129       37
tkill              200       238          130       238
tgkill             234       270          131       268
prctl              157       172          167       172
mount              165       21           40        21
umount2            166       52           39        52
chown              92        182,212      -         182,212
lchown             94        16,198       -         16,198
fchown             93        95,207       55        95,207
fchownat           260       298          54        325
setgid             106       46,214       144       46,214
setresuid          117       164,208      147       164,208
setresgid          119       170,210      149       170,210
open_by_handle_at  304       342          265       371
socketcall         -         102          -         -
"""

_X32_OWN = {"execve": 520, "execveat": 545, "ptrace": 521, "recvfrom": 517, "sendmsg": 518, "recvmsg": 519}
"""x32's numbers are those of x86-64 with a bit set, but for calls that pass pointers within memory."""

SOCKETCALLS = {
    1: "socket",
    2: "bind",
    3: "connect",
    4: "listen",
    5: "accept",
    9: "sendto",
    11: "sendto",
    12: "recvfrom",
    10: "recvfrom",
    16: "sendmsg",
    17: "recvmsg",
    18: "accept4",
}
"""What socketcall's first argument stands for; `send` (9) and `recv` (10) are the others without an address."""


URING = {
    9: "sendmsg",
    10: "recvmsg",
    13: "accept4",
    16: "connect",
    18: "openat",
    26: "sendto",
    27: "recvfrom",
    28: "openat2",
    35: "renameat2",
    36: "unlinkat",
    37: "mkdirat",
    38: "symlinkat",
    39: "linkat",
    45: "socket",
    47: "sendto",
    48: "sendmsg",
    56: "bind",
    57: "listen",
}
"""io_uring's operations, by the event that the same system call gives; 47 and 48 are those that send without a copy."""


def _read() -> dict[str, Numbers]:
    header, *rows = (line.split() for line in _TABLE.strip().splitlines())
    columns: dict[str, dict[str, tuple[int, ...]]] = {name: {} for name in header[1:]}
    for event, *cells in rows:
        for name, cell in zip(header[1:], cells, strict=True):
            if cell != "-":
                columns[name][event] = tuple(map(int, cell.split(",")))
    for event, numbers in columns["x86_64"].items():
        own = _X32_OWN.get(event)
        columns["x86_64"][event] = (*numbers, *(_X32 | (own or number) for number in numbers))
    return {
        "x86_64": Numbers(columns["x86_64"], columns["i386"]),
        "aarch64": Numbers(columns["aarch64"], columns["arm"]),
    }


NUMBERS = _read()
"""By machine, as `platform.machine()` names it."""
