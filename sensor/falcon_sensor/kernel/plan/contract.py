"""What the plan hands to the C side: which events, which filter, which tables.

`csource` puts `Plan.filters` behind its own declarations and in front of the programs, so the
text may use everything described here.

The text defines these six functions; a kind that no rule wants has them too (`return 0`)::

    static __always_inline int falcon_want_exec_early(const struct falcon_facts *f);
    static __always_inline int falcon_want_exec(const struct falcon_facts *f, const struct falcon_names *n);
    static __always_inline int falcon_want_open_early(const struct falcon_facts *f);
    static __always_inline int falcon_want_open(const struct falcon_facts *f, const struct falcon_names *n);
    static __always_inline int falcon_want_connect_early(const struct falcon_facts *f);
    static __always_inline int falcon_want_connect(const struct falcon_facts *f, const struct falcon_names *n);

``*_early`` runs before any name is read or path walked, the other one after. Both must be true
for a record to be shipped. A successful exec is shipped whatever they say (the process cache
needs it); `layout.Flag.WANTED` tells that both said yes. A record whose `TRUNCATED` or
`UNREADABLE` concerns a name that the filter reads is shipped without asking the second function; so is a
call that succeeded but whose file or socket is not known, and one of io_uring whose completion could
not be waited for.

``struct falcon_facts`` lives in map memory; all members may be read by both functions::

    u64 task;          current's struct task_struct, for the accessors below
    s64 result;        what the call returned: a descriptor, 0, or -errno; 0 at io_uring's submission when not
                       known yet (`result_known` is 0 then: treat tests of the result as possibly true)
    u32 event;         index into layout.EVENTS
    u32 flags;         layout.Flag bits: IA32 and IO_URING; for exec in the second function EXE_* too, for
                       open in the second function FD_UPPER_LAYER and FD_LOWER_LAYER too. CONTAINER: falcon_container().
    u32 result_known;
    u32 open_flags;    open: O_* as the machine's own architecture numbers them; creat has O_CREAT|O_WRONLY|O_TRUNC
    u32 mode;          open
    s32 dirfd;         open; AT_FDCWD is -100
    s32 fd;            connect
    u16 family;        connect, second function: AF_* of the address given, else of the socket
    u16 sock_type;     connect, second function
    u16 protocol;      connect, second function
    u16 source_port;   connect, second function; host order, 0 when none
    u16 dest_port;     connect, second function; host order, 0 when none
    u8 source[16];       connect, second function; network order, 4 bytes used for AF_INET, 16 for AF_INET6
    u8 destination[16];

``struct falcon_names`` (map memory too). A length is at most its buffer's size; bytes beyond it are
what an earlier event left, never out of bounds::

    u64 name_length;   bytes of `name`, no NUL counted
    u64 path_length;
    char name[4096];   open: the name as given (may be relative, with `..` or a symlink in it);
                       exec: the file name passed; connect: sun_path (a leading NUL: abstract)
    char path[4096];   open: the opened file as the process sees it, from a dentry walk; empty when the call
                       failed or the file is not known; exec: the executable

Accessors, each a read or two, so call them late and at most once a path of the filter::

    u64 falcon_container(f)                      1: the task's mount namespace is not init's, or its control group
                                                 may be a container's: so for every process in a container, for one
                                                 that left it by entering the host's mounts, and for some services
    u64 falcon_uid(f), falcon_gid(f)             effective
    u64 falcon_caps_effective(f), falcon_caps_permitted(f), falcon_caps_inheritable(f)
    u64 falcon_has_tty(f)                        1: there is a controlling terminal
    u64 falcon_pid(f), falcon_vpid(f)            thread group id in the initial namespace, in the task's own
    void falcon_comm(f, u64 words[2])            comm of the thread group's leader (what `proc.name` is made from) as
                                                 two words: `int.from_bytes(comm.ljust(16, b"\\0")[:8], "little")`,
                                                 then the same of [8:]
    u64 falcon_parent(task)                      leader of the parent process of `task` (start with f->task), 0: none
    void falcon_task_comm(task, u64 words[2])    comm of any task, zeros for task 0

    u64 *falcon_scratch(f)                       64 words of map memory for the filter's own use; what an earlier event
                                                 left is in it. The verifier does not follow what memory holds: paths
                                                 through the code that differ by it only are walked once.

In exec events comm is the new program's. Maps: declare them in the text with bcc's macros
(`BPF_ARRAY(falcon_states, u32, 4096);`, read with `falcon_states.lookup(&key)`), names not beginning
with ``ev_`` (those are the programs' own), and give their content in `Plan.tables`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from falcon_sensor.records import layout

_KINDS = tuple(kind.name.lower() for kind in layout.Kind)


@dataclass(frozen=True, slots=True)
class Plan:
    """What the kernel shall ship.

    events: names of `layout.EVENTS` that some rule wants; hooks and system calls of others are not
        attached. Successful execs are shipped whether or not `execve` is among them.
    filters: the C text described above.
    failed_execs: some rule could be true of an exec that failed.
    tables: content of the array maps the text declares: map name to all values one behind the
        other, from key 0 on. The length must be a multiple of the map's value size.
    """

    events: frozenset[str]
    filters: str
    failed_execs: bool = False
    tables: Mapping[str, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        unknown = self.events - set(layout.EVENTS)
        if unknown:
            raise ValueError(f"no such event: {', '.join(sorted(unknown))}")

    @classmethod
    def everything(cls, events: Collection[str] = layout.EVENTS, *, failed_execs: bool = False) -> Plan:
        """A plan that ships every event of these names and filters nothing."""
        return cls(frozenset(events), constant_filters(True), failed_execs)

    @classmethod
    def nothing(cls, events: Collection[str] = layout.EVENTS) -> Plan:
        """A plan whose probes are attached for these names but whose filter refuses everything."""
        return cls(frozenset(events), constant_filters(False))


def constant_filters(answer: bool) -> str:
    """The six functions, all giving the same answer."""
    return "".join(
        f"static __always_inline int falcon_want_{kind}_early(const struct falcon_facts *f) "
        f"{{ return {int(answer)}; }}\n"
        f"static __always_inline int falcon_want_{kind}(const struct falcon_facts *f, "
        f"const struct falcon_names *n) {{ return {int(answer)}; }}\n"
        for kind in _KINDS
    )
