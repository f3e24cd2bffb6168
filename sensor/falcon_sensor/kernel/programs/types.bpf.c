/* What all programs share: reading kernel memory, scratch memory, counters.
 *
 * Kernel pointers are plain u64 here. Nothing is dereferenced, everything is read with an offset
 * that came from BTF, and bcc's rewriter leaves integers alone.
 */
#define FALCON_HAS(offset) ((offset) >= 0)

/* Helpers under names of our own. bcc knows those that it declares itself: it looks for each call in all of the
 * kernel's symbols (60 ms), and where it may not read these, it takes helpers that do not tell the kernel's memory
 * from the caller's. */
static long (*ev_read_kernel)(void *to, u32 size, const void *from) = (void *)BPF_FUNC_probe_read_kernel;
static long (*ev_read_kernel_str)(void *to, u32 size, const void *from) = (void *)BPF_FUNC_probe_read_kernel_str;
static long (*ev_read_user)(void *to, u32 size, const void *from) = (void *)BPF_FUNC_probe_read_user;
static long (*ev_read_user_str)(void *to, u32 size, const void *from) = (void *)BPF_FUNC_probe_read_user_str;

#define READ(type, base, offset)                                                   \
    ({                                                                             \
        type value_ = 0;                                                           \
        ev_read_kernel(&value_, sizeof(value_), (void *)((u64)(base) + (offset))); \
        value_;                                                                    \
    })

#define FIELD_ADDRESS(base, offset) ((u64)(base) + (offset))

/* Clang 14 forgets a bound between the test and the use; the empty asm makes it test what it uses. */
#define BOUND(value, most)              \
    do {                                \
        asm volatile("" : "+r"(value)); \
        if ((value) > (most))           \
            (value) = (most);           \
    } while (0)

/* The contract with the generated filters: kernel/plan/contract.py describes every member. */
struct falcon_facts {
    u64 task;
    s64 result;
    u32 event;
    u32 flags;
    u32 result_known;
    u32 open_flags;
    u32 mode;
    s32 dirfd;
    s32 fd;
    u16 family;
    u16 sock_type;
    u16 protocol;
    u16 source_port;
    u16 dest_port;
    u16 reserved;
    u8 source[16];
    u8 destination[16];
    u32 file_mode;
    u32 padding;
    s64 arguments[6];
};

struct falcon_names {
    u64 name_length;
    u64 path_length;
    char name[FALCON_PATH_CAP];
    char path[FALCON_PATH_CAP];
};

#define FALCON_NAME_MAX 256
#define FALCON_SCRATCH_WORDS 64

/* Where a blob of the record is to be read from; unset when length is 0. */
struct ev_blob {
    u64 address;
    u64 length;
    u32 cap;
    u32 user; /* the address is in user memory */
};

/* Everything about the event at hand, handed on from stage to stage. */
struct ev_workspace {
    struct falcon_facts facts;
    u64 arguments[8]; /* the two behind the registers' are what absent ones stand for: see syscalls.py */
    u64 at;      /* where the record's next blob goes */
    u64 first;   /* where its first one went */
    u64 walked;  /* where the last walked path begins in `walk`; it ends at FALCON_PATH_CAP */
    u64 written; /* bytes of it so far */
    u64 whole;   /* the walk came to its end */
    u64 file;    /* the struct file the event is about, 0: none */
    u64 bases[2]; /* each a struct path to be walked for slot FALCON_BASE_SLOT and the next, 0: none */
    u64 argv;    /* failed exec: user memory's array of arguments */
    u32 kind;
    u32 lengths; /* offset of the record's table of lengths */
    u32 unsure;  /* a name the filter reads was cut or unreadable: ship without asking it */
    u32 reserved;
    u64 scratch[FALCON_SCRATCH_WORDS];
    struct ev_blob blobs[FALCON_SLOTS];
    struct falcon_names names;
    /* Paths are put together from their end; a component may be written at any place in front of it. */
    char walk[FALCON_PATH_CAP + FALCON_NAME_MAX];
    char component[FALCON_NAME_MAX];
    char text[FALCON_TEXT_CAP]; /* a short string of the caller's */
};

/* The filters' own memory; the facts they are given are always a workspace's. */
static __always_inline u64 *falcon_scratch(const struct falcon_facts *f)
{
    return ((struct ev_workspace *)f)->scratch;
}

struct ev_buffer {
    char bytes[FALCON_BUFFER];
};

/* A place is a hook's own scratch: a hook may be interrupted on its CPU by another one, never by itself. */
enum { EV_AT_SYSCALL, EV_AT_EXEC, EV_AT_SUBMIT, EV_AT_COMPLETE, EV_AT_OVERFLOW, EV_PLACES };

/* What several hooks do is a stage of its own, compiled once and reached by a tail call:
 *
 *     sys_exit  ->  EV_STAGE_*_CALL (arguments)  ->  EV_STAGE_OPEN, _CONNECT (file, filter)  ->  EV_STAGE_FINISH
 *     io_uring  ------------------------------------^                                            ^
 *     exec      ---------------------------------------------------------------------------------'
 *
 * The loader loads a stage once for each place, and puts the place's number where this value stands. */
#define EV_STAGES FALCON_STAGES
#define EV_PLACE(place) asm volatile("%0 = " FALCON_PLACE_MARK : "=r"(place))

/* Where the second filter is asked. What io_uring does is shipped unasked when its completion could not be
 * waited for (little is known of it then) or came by overflow: too rare to be worth another half million
 * instructions for the verifier. */
static __always_inline int ev_asks(u32 place)
{
    return place == EV_AT_SYSCALL || place == EV_AT_COMPLETE;
}

BPF_PROG_ARRAY(ev_tails, EV_STAGES * EV_PLACES);
/* Stands where the code says `ev_tails` in programs of EV_AT_SYSCALL, which may be of another type. */
BPF_PROG_ARRAY(ev_call_tails, EV_STAGES);

BPF_PERCPU_ARRAY(ev_workspaces, struct ev_workspace, EV_PLACES);
BPF_PERCPU_ARRAY(ev_buffers, struct ev_buffer, EV_PLACES);
BPF_RINGBUF_OUTPUT(ev_ring, FALCON_RING_PAGES);

/* By kind and FALCON_COUNTER_*; read by probes.py. */
BPF_PERCPU_ARRAY(ev_counters, u64, FALCON_COUNTERS);

static __always_inline void count(u32 kind, u32 what, u64 amount)
{
    u32 key = kind * FALCON_COUNTERS_PER_KIND + what;
    u64 *value = ev_counters.lookup(&key);
    if (value)
        *value += amount;
}

static __always_inline struct ev_workspace *ev_workspace_of(u32 place)
{
    return ev_workspaces.lookup(&place);
}

static __always_inline char *ev_buffer_of(u32 place)
{
    struct ev_buffer *buffer = ev_buffers.lookup(&place);
    return buffer ? buffer->bytes : 0;
}
