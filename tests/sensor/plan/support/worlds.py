"""Rules and events to try filters with: drawn by hypothesis from small pools, so that they meet often."""

from __future__ import annotations

from hypothesis import strategies as st

from falcon_rules import bundle, operands, typed
from falcon_rules.fields import table
from falcon_sensor.kernel.plan import interpret
from falcon_sensor.records import calls, layout

K = typed.Kind

NAMES = [
    *(b"/etc/shadow", b"/etc/passwd", b"/etc/pam.d/su", b"/etc", b"/", b"/root/.ssh/id_rsa", b"/tmp/a", b"/tmp/a.log"),
    *(b"/etcetera", b"/var/log/auth.log", b"pipe:[7]", b"memfd:x", b"/tmp/a (deleted)"),
]
ODD_NAMES = [
    *(
        b"etc/shadow",
        b"shadow",
        b"./shadow",
        b"../shadow",
        b"/etc/../etc/shadow",
        b"/etc//shadow",
        b"/tmp/./a",
        b"/tmp/",
    ),
    *(b"", b".", b"..", b"a", b"pam.d/su", b"./a", b"/tmp/../../etc/passwd", b"a//b", b"/" + b"x/" * 600 + b"shadow"),
    b"/etc/",
    b"etc/",
]
PIECES = [
    *(
        b"/etc/",
        b"/etc",
        b"etc",
        b"shadow",
        b"a",
        b"/",
        b".log",
        b"id_rsa",
        b"/a",
        b"pam.d",
        b"../",
        b"/tmp",
        b"x",
        b"",
    ),
    *(b"/etc/pam.d", b"/root", b"/var/log", b"(deleted)", b"pipe:"),
]
GLOBS = [
    *(
        b"/etc/*",
        b"*.log",
        b"*shadow*",
        b"/root/*/id_*",
        b"*",
        b"/tmp/?",
        b"[/]etc/*",
        b"/etc/shadow",
        b"/e*w",
        b"a*",
        b"",
    ),
    *(b"*..*", b"*d"),
]
COMMS = [b"sh", b"bash", b"nginx", b"sshd", b"systemd", b"", b"a-name-of-15-by", b"kworker/0:1"]
COMM_LITERALS = [*COMMS, b"a-name-of-15-bytes", b"s", b"sh", b"d", b"ngin"]
NUMBERS = [-13, -2, -1, 0, 1, 3, 22, 443, 1000, 65535, 2**32 - 1]
ADDRESSES = [bytes((10, 0, 0, 1)), bytes((10, 1, 0, 9)), bytes((192, 168, 0, 9)), bytes(15) + b"\x01"]
MAPPED = bytes(10) + b"\xff\xff" + ADDRESSES[0]
NETWORKS = [
    typed.Network(bytes((10, 0, 0, 0)), 8),
    typed.Network(bytes((10, 1, 0, 0)), 16),
    typed.Network(bytes(4), 0),
    typed.Network(bytes(16), 0),
    typed.Network(bytes(16), 64),
]

PATH_FIELDS = ["fd.name", "fd.nameraw", "fd.directory", "fd.filename", "fs.path.name", "proc.exepath"]
COMM_FIELDS = ["proc.name", "proc.pname", "proc.aname", "proc.aname[0]", "proc.aname[2]", "proc.aname[9]", "proc.sname"]
WORD_FIELDS = {
    "evt.type": [b"openat", b"creat", b"execve", b"connect", b"dup2", b"symlink", b"sendto", b"linkat", b"ptrace"],
    "evt.res": [b"SUCCESS", b"ENOENT", b"EACCES", b"E", b"EINPROGRESS"],
    "evt.dir": [b"<", b">"],
    "fd.typechar": [b"f", b"d", b"4", b"6", b"u"],
    "fd.type": [b"file", b"directory", b"ipv4", b"ipv6", b"unix"],
    "fd.l4proto": [b"tcp", b"udp", b"icmp", b"raw", b"<NA>"],
    "fd.sockfamily": [b"ip", b"unix"],
    "container.id": [b"host", b"0123456789ab"],
    "container.image.repository": [b"", b"nginx"],
    "container.name": [b"host", b"web"],
    "k8s.ns.name": [b"default", b""],
    "evt.arg.flags": [b"O_TRUNC", b"O_CREAT", b"O_RDWR", b"O_DIRECT", b"TRUNC", b"O_PATH"],
    "thread.cap_effective": [b"CAP_SYS_ADMIN", b"sys_", b"CAP_NET_RAW", b"CAP_SYS_ADMIN CAP_SYS_BOOT"],
    "evt.arg.request": [b"PTRACE_ATTACH", b"PTRACE_", b"16", b"PTRACE_TRACEME"],
    "evt.arg.domain": [b"AF_PACKET", b"AF_INET", b"17", b"AF_"],
    "evt.arg.target": [*NAMES, *PIECES],
    "evt.arg.oldpath": [*NAMES, *PIECES],
    "evt.arg.newpath": [*NAMES, *PIECES],
    "evt.arg.name": [*NAMES, *PIECES],
    "evt.arg.path": [*NAMES, *PIECES],
    "evt.arg.mode": [b"S_IXUSR", b"S_I", b"0644"],
    "evt.arg.nstype": [b"CLONE_NEWNS", b"NEW", b"0"],
    "user.name": [b"root", b"<NA>"],
    "proc.cmdline": [b"sh", b"bash -c"],
}
NUMBER_FIELDS = [
    *("fd.num", "evt.rawres", "evt.count.error", "user.uid", "group.gid", "proc.pid", "proc.vpid", "proc.tty"),
    *("fd.sport", "fd.cport", "fd.rport", "fd.lport", "fd.port", "evt.num", "proc.ppid"),
    *("evt.rawarg.domain", "evt.rawarg.request", "evt.rawarg.uid", "evt.rawarg.oldfd"),
]
BOOL_FIELDS = [
    *("evt.failed", "evt.is_open_read", "evt.is_open_write", "evt.is_open_exec", "evt.is_open_create"),
    *("proc.is_exe_upper_layer", "proc.is_exe_from_memfd", "fd.connected", "fd.name_changed"),
]
ADDRESS_FIELDS = ["fd.sip", "fd.cip", "fd.ip", "fd.rip", "fd.lip"]
NETWORK_FIELDS = ["fd.snet", "fd.cnet", "fd.net"]

ORDER = ["<", "<=", ">", ">="]
TEXT_OPS = ["=", "!=", "contains", "icontains", "startswith", "endswith", "regex", *ORDER]


def field(written: str) -> typed.FieldRef:
    """`proc.aname[2]`, `evt.arg.flags` as the compiler refers to them."""
    name, _, rest = written.partition("[")
    found = operands.reference(table.lookup(name, rest[:-1] if rest else None))
    assert isinstance(found, typed.FieldRef)
    return found


@st.composite
def texts(draw: st.DrawFn, fields: list[str], literals: list[bytes], *, paths: bool = False) -> typed.Condition:
    left = field(draw(st.sampled_from(fields)))
    kind = draw(
        st.sampled_from(["single", "single", "in", "modified", "exists", *(["glob", "pmatch"] if paths else [])])
    )
    several = st.lists(st.sampled_from(literals), min_size=1, max_size=3).map(tuple)
    if kind == "exists":
        return typed.Comparison("exists", left)
    if kind == "in":
        return typed.Comparison("in", left, draw(several))
    if kind == "glob":
        return typed.Comparison("glob", left, (draw(st.sampled_from(GLOBS)),))
    if kind == "pmatch":
        return typed.Comparison(
            "pmatch", left, draw(st.lists(st.sampled_from([*literals, *GLOBS]), min_size=1).map(tuple))
        )
    op = draw(st.sampled_from(TEXT_OPS))
    if op == "regex":
        return typed.Comparison("regex", left, (draw(st.sampled_from([b".*a.*", b"s[ah].*", b"/etc/.*"])),))
    if kind == "modified" and op not in ORDER:
        return typed.Comparison(op, left, draw(several), draw(st.sampled_from(["anyof", "allof", "oneof"])))
    return typed.Comparison(op, left, (draw(st.sampled_from(literals)),))


@st.composite
def words(draw: st.DrawFn) -> typed.Condition:
    name = draw(st.sampled_from(list(WORD_FIELDS)))
    return draw(texts([name], WORD_FIELDS[name]))


@st.composite
def others(draw: st.DrawFn, fields: list[str], literals: list[typed.Value], ops: list[str]) -> typed.Condition:
    left = field(draw(st.sampled_from(fields)))
    op = draw(st.sampled_from([*ops, "in", "exists"]))
    if op == "exists":
        return typed.Comparison(op, left)
    count = 3 if op == "in" else 1
    values = draw(st.lists(st.sampled_from(literals), min_size=1, max_size=count))
    return typed.Comparison(op, left, tuple(values))


COMPARISONS = st.one_of(
    texts(PATH_FIELDS, [*NAMES, *ODD_NAMES, *PIECES], paths=True),
    texts(COMM_FIELDS, COMM_LITERALS),
    words(),
    others(NUMBER_FIELDS, list(NUMBERS), ["=", "!=", *ORDER]),
    others(BOOL_FIELDS, [True, False], ["=", "!="]),
    others(ADDRESS_FIELDS, list(ADDRESSES), ["=", "!="]),
    others(NETWORK_FIELDS, list(NETWORKS), ["=", "!="]),
)

CONDITIONS: st.SearchStrategy[typed.Condition] = st.recursive(
    COMPARISONS,
    lambda inner: st.one_of(
        inner.map(typed.Negation),
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: typed.All(tuple(parts))),
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: typed.Some(tuple(parts))),
    ),
    max_leaves=6,
)


def rule(
    condition: typed.Condition,
    name: str = "r",
    event_types: tuple[str, ...] | None = None,
    scope: bundle.Scope | None = None,
) -> bundle.Rule:
    return bundle.Rule(
        name, name, bundle.Priority.NOTICE, condition, bundle.Output(()), event_types, scope=scope or bundle.Scope()
    )


SCOPES = st.sampled_from([bundle.Scope(), bundle.Scope(), bundle.Scope(host=False), bundle.Scope(images=("nginx*",))])
RULES = st.builds(rule, CONDITIONS, scope=SCOPES)


def facts(event: str) -> st.SearchStrategy[interpret.Facts]:
    kind = layout.KIND_OF[event]
    common = {
        "event": st.just(event),
        "container": st.booleans(),
        "has_tty": st.booleans(),
        "uid": st.sampled_from([0, 1, 1000, 2**32 - 1]),
        "gid": st.sampled_from([0, 22, 1000]),
        "pid": st.sampled_from([1, 22, 443]),
        "vpid": st.sampled_from([1, 3]),
        "caps_effective": st.sampled_from([0, 1 << 21, 1 << 13, (1 << 41) - 1]),
        "comm": st.sampled_from(COMMS),
        "ancestors": st.lists(st.sampled_from(COMMS), max_size=10).map(tuple),
    }
    if kind is layout.Kind.EXEC:
        flags = layout.Flag.EXE_UPPER_LAYER | layout.Flag.EXE_MEMFD
        return st.builds(
            interpret.Facts,
            **common,
            result=st.sampled_from([0, 0, -2, -13]),
            flags=st.sampled_from([0, int(layout.Flag.EXE_UPPER_LAYER), int(layout.Flag.EXE_MEMFD), int(flags)]),
            name=st.sampled_from([*NAMES, *ODD_NAMES]),
            path=st.sampled_from(NAMES),
        )
    arguments = st.tuples(*[st.sampled_from([0, 1, 2, 16, 17, 22, 0x200, 0x20000, 0x4206])] * calls.ARGUMENTS)
    if kind is layout.Kind.NAMES:
        names = st.sampled_from([*NAMES, *ODD_NAMES])
        results = st.sampled_from([0, 0, -2, -13])
        return st.builds(interpret.Facts, **common, result=results, arguments=arguments, name=names, path=names)
    if kind is layout.Kind.PLAIN:
        results = st.sampled_from([0, 3, -1])
        return st.builds(interpret.Facts, **common, result=results, arguments=arguments)
    if kind is layout.Kind.CONNECT:
        return _connects(common)
    if kind is layout.Kind.DESCRIPTOR:
        known = [0, layout.Flag.FD_CONNECTED, layout.Flag.FD_SERVER, layout.Flag.FD_ADDRESSED]
        states = st.sampled_from([*known, known[1] | known[2], known[2] | known[3]]).map(int)
        extra: dict[str, st.SearchStrategy[object]] = {"flags": states, "arguments": arguments}
        return _connects({**common, **extra}, (0, 1, 2, 10, 16), (0, 1, 2, 3, -9))
    return _opens(common)


@st.composite
def _opens(draw: st.DrawFn, common: dict[str, st.SearchStrategy[object]]) -> interpret.Facts:
    result = draw(st.sampled_from([3, 0, 1000, -2, -13]))
    name = draw(st.sampled_from([*NAMES, *ODD_NAMES]))
    # Often the file that was opened is the one that was named.
    same = [path for path in NAMES if path.endswith(b"/" + name.removeprefix(b"./"))] or NAMES
    path = draw(st.sampled_from(same) | st.sampled_from(NAMES)) if result >= 0 else b""
    return draw(
        st.builds(
            interpret.Facts,
            **common,
            result=st.just(result),
            name=st.just(name),
            path=st.just(path),
            # creat has no flags of its own: the kernel side fills in what it means.
            open_flags=common["event"].flatmap(
                lambda event: st.just(0o1101) if event == "creat" else st.integers(0, 0o37777777)
            ),
            mode=st.sampled_from([0, 0o644, 0o755]),
        )
    )


@st.composite
def _connects(
    draw: st.DrawFn,
    common: dict[str, st.SearchStrategy[object]],
    families: tuple[int, ...] = (1, 2, 10, 16),
    results: tuple[int, ...] = (0, -115, -111),
) -> interpret.Facts:
    family = draw(st.sampled_from(families))
    pool = {2: ADDRESSES[:3], 10: [ADDRESSES[3], MAPPED]}.get(family, [b""])
    address = st.sampled_from([each.ljust(16, b"\0") for each in pool])
    port = st.sampled_from([0, 22, 443, 65535]) if family in (2, 10) else st.just(0)
    return draw(
        st.builds(
            interpret.Facts,
            **common,
            result=st.sampled_from(results),
            fd=st.sampled_from([-1, 0, 3, 22]),
            family=st.just(family),
            sock_type=st.sampled_from([1, 2, 3]),
            protocol=st.sampled_from([0, 1, 6, 17, 58, 255]),
            source_port=port,
            dest_port=port,
            source=address,
            destination=address,
        )
    )


EVENTS: st.SearchStrategy[interpret.Facts] = st.sampled_from(layout.EVENTS).flatmap(facts)
